"""`lightline probe`: ask one device once and print what would be read; stores nothing."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import structlog
import typer

from lightline import completing
from lightline.address import parse_address
from lightline.commands import options
from lightline.problem import UserError

if TYPE_CHECKING:
    from collector.asking import Chosen
    from collector.profile import Profile
    from collector.snmp import Poll
    from collector.snmp.session import Credentials
    from plant.inventory import Device

log = structlog.get_logger(__name__)

_TRIES = 3
_NO_PROFILE = 1  # exit code: the device answers, but nothing is known of it
_INTERRUPTED = 130


def probe(
    host: Annotated[
        str,
        typer.Argument(
            metavar="HOST[:PORT]", help="The device; IPv6 as [2001:db8::1]:161.", autocompletion=completing.hosts
        ),
    ],
    community: Annotated[
        str | None, typer.Option(help="Community, or env:NAME or file:PATH; LIGHTLINE_COMMUNITY if not given.")
    ] = None,
    profile: Annotated[str, typer.Option(help="A profile's name, or auto: the one that fits what answers.")] = "auto",
    version: Annotated[str, typer.Option(help="SNMP version: 1, 2c or 3.")] = "2c",
    user: Annotated[str | None, typer.Option(help="Version 3: the user.")] = None,
    auth: Annotated[str, typer.Option(help="Version 3: md5, sha1, sha224, sha256, sha384 or sha512.")] = "sha1",
    auth_key: Annotated[str | None, typer.Option(help="Version 3: env:NAME or file:PATH of the key.")] = None,
    priv: Annotated[str, typer.Option(help="Version 3: des, aes128, aes192 or aes256.")] = "aes128",
    priv_key: Annotated[str | None, typer.Option(help="Version 3: env:NAME or file:PATH of the key.")] = None,
    timeout: Annotated[float, typer.Option(min=0.05, max=60, help="Seconds to wait for an answer.")] = 2.0,
    json: options.Json = False,
) -> None:
    """Ask one device once and print what would be read of its lines and PON ports; stores nothing.

    Exit code 1 when the device answers but no profile knows it; 2 when it does not answer.
    """
    from collector.profile import load_profiles
    from collector.snmp.session import Credentials

    address, port = parse_address(host, 161)
    if version == "3" and not user:
        raise UserError("--version 3 needs --user; keys are named by --auth-key and --priv-key (env:NAME or file:PATH)")
    device = _device(address, port, version, profile)
    credentials = Credentials(
        community=_secret(community or os.environ.get("LIGHTLINE_COMMUNITY") or "public", direct=True),
        user=user,
        auth=_among(auth, "auth", ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")),
        auth_key=None if auth_key is None else _secret(auth_key),
        priv=_among(priv, "priv", ("des", "aes128", "aes192", "aes256")),
        priv_key=None if priv_key is None else _secret(priv_key),
    )
    profiles = load_profiles()
    _among(profile, "profile", ("auto", *profiles))
    try:
        chosen, poll = asyncio.run(_ask(device, credentials, profiles, timeout))
    except KeyboardInterrupt:
        raise typer.Exit(_INTERRUPTED) from None
    known = profiles[chosen.profile] if chosen.profile is not None else None
    if json:
        _print_json(device, chosen, known, poll)
    else:
        _print_for_people(device, chosen, known, poll)
    if known is None:
        raise typer.Exit(_NO_PROFILE)


def _device(host: str, port: int, version: str, profile: str) -> "Device":
    from plant.inventory import Device

    _among(version, "version", ("1", "2c", "3"))
    return Device(host, host, "olt", "", port=port, profile=profile, version=version)  # type: ignore[arg-type]


def _among(value: str, option: str, words: Sequence[str]) -> str:
    if value not in words:
        raise UserError(f'--{option} "{value}" is not among: {", ".join(words)}')
    return value


def _secret(text: str, *, direct: bool = False) -> str:
    """The secret behind a reference; `direct`: a text that is none is the secret itself."""
    from plant.secrets import SecretError, is_reference, resolve

    if direct and not is_reference(text):
        return text
    try:
        return resolve(text)
    except SecretError as error:
        raise UserError(str(error)) from None


async def _ask(
    device: "Device", credentials: "Credentials", profiles: Mapping[str, "Profile"], timeout_s: float
) -> "tuple[Chosen, Poll | None]":
    from collector.pacing import PaceLimits
    from collector.snmp import SnmpAsker
    from collector.snmp.session import CredentialsError, GarbledError, SilentError
    from collector.snmp.walk import WalkLimits
    from collector.turnstile import Turnstile

    asker = SnmpAsker(profiles, timeout_s=timeout_s, limits=WalkLimits(tries=_TRIES), credentials=lambda _: credentials)
    turnstile = Turnstile(PaceLimits(), requests_per_hour=36_000)
    try:
        chosen = await asker.choose(device, turnstile)
        poll = None if chosen.profile is None else await asker.poll_all(device, chosen.profile, turnstile)
    except (SilentError, CredentialsError, GarbledError) as error:
        raise UserError(str(error)) from None
    return chosen, poll


def _fields(profile: "Profile", kind: str) -> list[str]:
    """Names of everything that the profile reads of a line or a port, each once."""
    told = [c.field.name for t, c in profile.columns() if t.of == kind and c.field.name != "ont_serial"]
    return list(dict.fromkeys(told))


def _rows(profile: "Profile", poll: "Poll", kind: str) -> list[dict[str, Any]]:
    """Rows as printed: every field of the profile, null where there is no reading, and the reasons."""
    from plant.batch import Reason
    from plant.fields import fields

    table = poll.lines if kind == "line" else poll.pons
    counted = [n for n in table.column_names if n not in ("pon", "ont", "ont_serial", "quality")]
    names = list(dict.fromkeys([*_fields(profile, kind), *counted]))
    decimals = {n: fields()[n].decimals for n in names}
    out = []
    for row in table.to_pylist():
        reasons = dict(pair.split(":", 1) for pair in (row["quality"] or "").split(",") if pair)
        reasons |= {n: str(Reason.NO_ANSWER) for n in names if n not in row}
        values = {n: row.get(n) for n in names}
        rounded = {n: _rounded(v, decimals[n]) for n, v in values.items()}
        place = {"pon": row["pon"]} | ({"ont": row["ont"], "ont_serial": row["ont_serial"]} if kind == "line" else {})
        out.append({"kind": kind, "profile": profile.name, **place, **rounded, "quality": reasons})
    return out


def _rounded(value: Any, decimals: int) -> Any:
    """Readings as exactly as devices tell them: whole numbers whole, others with a digit more than is shown."""
    if not isinstance(value, float):
        return value
    return round(value, decimals + 1) if decimals else round(value)


def _print_json(device: "Device", chosen: "Chosen", profile: "Profile | None", poll: "Poll | None") -> None:
    """JSON Lines: the device with the profile and why, then one object a line and a PON port. See docs/profiles.md."""
    from lightline.output import print_json_line

    print_json_line(
        {
            "kind": "device",
            "host": device.host,
            "port": device.port,
            "profile": chosen.profile,
            "reason": chosen.reason,
            "evidence": list(chosen.evidence),
            "technology": profile.technology if profile else None,
            "proved_on": profile.source if profile else None,
            "cadence_s": dict(chosen.tiers),
            "notes": list(poll.notes) if poll else [],
            "requests": poll.requests if poll else None,
            "seconds": round(poll.seconds, 3) if poll else None,
            "time": poll.time if poll else None,
            "lines": poll.lines.num_rows if poll else 0,
            "pons": poll.pons.num_rows if poll else 0,
        }
    )
    if profile is not None and poll is not None:
        for kind in ("line", "pon"):
            for row in _rows(profile, poll, kind):
                print_json_line(row)


def _print_for_people(device: "Device", chosen: "Chosen", profile: "Profile | None", poll: "Poll | None") -> None:
    from lightline.output import console, print_table

    out = console()
    out.print(f"{device.host}:{device.port}  profile: {chosen.profile or 'none fits'}", markup=False)
    out.print(chosen.reason, markup=False)
    for evidence in chosen.evidence:
        out.print(f"  {evidence}", markup=False)
    if profile is None or poll is None:
        return
    for kind, title in (("line", "lines"), ("pon", "PON ports")):
        rows = _rows(profile, poll, kind)
        shown = [n for n in (rows[0] if rows else {}) if any(r[n] not in (None, {}) for r in rows)]
        shown = [n for n in shown if n not in ("kind", "profile")]
        if rows:
            body = [[_cell(row[name]) for name in shown] for row in rows]
            print_table(f"\n{len(rows)} {title}", ["no reading" if n == "quality" else n for n in shown], body)
    for note in poll.notes:
        out.print(f"note: {note}", markup=False)
    out.print(f"{poll.requests} requests in {poll.seconds:.2f} s", markup=False)


def _cell(value: Any) -> Any:
    """Reasons folded by reason: `sentinel: tx_dbm, rx_dbm`; what the device does not answer at all is in the notes."""
    if not isinstance(value, dict):
        return value
    by_reason: dict[str, list[str]] = {}
    for name, reason in value.items():
        if reason != "no_answer":
            by_reason.setdefault(reason, []).append(name)
    return "; ".join(f"{reason}: {', '.join(names)}" for reason, names in by_reason.items())
