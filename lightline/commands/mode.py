"""`lightline mode`: storm and holiday modes, by hand or from weather warnings."""

import getpass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from lightline import completing
from lightline.commands import options
from lightline.problem import UserError
from lightline.settings import Settings, load_settings
from maintenance.mode_rules import ModeKind
from plant.inventory import Inventory

mode = typer.Typer(
    help="Storm and holiday modes: order of the queue, inspections, emergency crews.", no_args_is_help=True
)

Area = Annotated[
    str | None, typer.Option(help="An area's id; all areas if not given.", autocompletion=completing.areas)
]
Until = Annotated[str, typer.Option(help="When it ends: 2026-11-03 (that day's beginning) or 2026-11-03T18:00.")]
Why = Annotated[str, typer.Option(help="The reason, for the log.")]
FETCH_S = 20.0


@mode.command("storm")
def storm(
    until: Until, area: Area = None, why: Why = "by hand", inventory_option: options.InventoryOption = None,
    data: options.Data = None, as_json: options.Json = False,
) -> None:  # fmt: skip
    """Begin a storm: urgent tickets first and to the emergency crews, inspections held back."""
    _begin("storm", until, area, why, load_settings(inventory=inventory_option, data=data), as_json)


@mode.command("holiday")
def holiday(
    until: Until, area: Area = None, why: Why = "by hand", inventory_option: options.InventoryOption = None,
    data: options.Data = None, as_json: options.Json = False,
) -> None:  # fmt: skip
    """Begin a holiday; those of the calendar begin by themselves."""
    _begin("holiday", until, area, why, load_settings(inventory=inventory_option, data=data), as_json)


@mode.command("end")
def end(
    number: Annotated[int, typer.Argument(help="The mode's number, from `lightline mode list`.")],
    inventory_option: options.InventoryOption = None, data: options.Data = None, as_json: options.Json = False,
) -> None:  # fmt: skip
    """End a mode now; what it held back or shifted is undone."""
    from lightline.opening import open_ledger
    from maintenance.errors import LedgerError

    settings = load_settings(inventory=inventory_option, data=data)
    inventory, now = _inventory(settings), datetime.now(UTC)
    with open_ledger(settings) as ledger:
        try:
            ledger.end_mode(number, actor=getpass.getuser(), role="admin", now=now)
            done = ledger.respond(inventory, now).to_json()
        except LedgerError as error:
            raise UserError(str(error)) from None
    _say({"mode": number, "ended": True, "tickets": done}, f"mode {number} has ended: {_told(done)}", as_json)


@mode.command("list")
def list_modes(data: options.Data = None, as_json: options.Json = False) -> None:
    """Modes in force and to come."""
    from lightline.opening import open_ledger
    from lightline.output import print_json, print_table

    now = datetime.now(UTC)
    with open_ledger(load_settings(data=data)) as ledger:
        found = ledger.modes(now)
    if as_json:
        print_json([m.to_json() | {"in_force": m.in_force(now)} for m in found])
        return
    print_table(
        "Modes", ("#", "mode", "area", "from", "until", "in force", "by", "why"),
        [(m.id, m.mode, m.area or "all", f"{m.begins_at:%Y-%m-%d %H:%M} UTC", f"{m.ends_at:%Y-%m-%d %H:%M} UTC",
          "yes" if m.in_force(now) else "no", m.actor, m.why) for m in found],
    )  # fmt: skip


@mode.command("feed")
def feed(
    source: Annotated[str, typer.Argument(help="A file or http(s) address of weather warnings (CAP).")],
    inventory_option: options.InventoryOption = None, data: options.Data = None, as_json: options.Json = False,
) -> None:  # fmt: skip
    """Read weather warnings and begin or end the modes they ask for; call it every few minutes."""
    from lightline.opening import open_ledger
    from maintenance.cap import parse
    from maintenance.errors import LedgerError

    settings = load_settings(inventory=inventory_option, data=data)
    inventory, now = _inventory(settings), datetime.now(UTC)
    try:
        alerts = parse(_fetch(source))
        with open_ledger(settings) as ledger:
            begun = ledger.warned(alerts, inventory, now)
            done = ledger.respond(inventory, now)
    except LedgerError as error:
        raise UserError(f"{source}: {error}") from None
    told = {"warnings": len(alerts), "modes": [m.to_json() for m in begun], "tickets": done.to_json()}
    _say(told, f"{len(alerts)} warnings, {len(begun)} modes asked for: {_told(done.to_json())}", as_json)


def _begin(kind: ModeKind, until: str, area: str | None, why: str, settings: Settings, as_json: bool) -> None:
    from lightline.opening import open_ledger
    from maintenance.errors import LedgerError

    inventory, now = _inventory(settings), datetime.now(UTC)
    with open_ledger(settings) as ledger:
        try:
            begun = ledger.begin_mode(
                kind, inventory, area=area, until=_moment(until, inventory.calendar.zone), actor=getpass.getuser(),
                role="admin", why=why, now=now,
            )  # fmt: skip
            done = ledger.respond(inventory, now)
        except LedgerError as error:
            raise UserError(str(error)) from None
    words = f"mode {begun.id}: {kind} in {area or 'all areas'} until {begun.ends_at:%Y-%m-%d %H:%M} UTC"
    _say({**begun.to_json(), "tickets": done.to_json()}, f"{words}: {_told(done.to_json())}", as_json)


def _say(told: dict[str, Any], words: str, as_json: bool) -> None:
    if as_json:
        from lightline.output import print_json

        print_json(told)
    else:
        typer.echo(words)


def _inventory(settings: Settings) -> Inventory:
    from lightline.inventory import read_inventory

    return read_inventory(settings.inventory)


def _told(done: dict[str, list[int]]) -> str:
    return ", ".join(f"{len(numbers)} {what}" for what, numbers in done.items())


def _moment(text: str, zone: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise UserError(f'--until "{text}" is no day or time; write 2026-11-03 or 2026-11-03T18:00') from None
    return at if at.tzinfo is not None else at.replace(tzinfo=ZoneInfo(zone))


def _fetch(source: str) -> bytes:
    """The document's bytes; UserError where it cannot be had. Never more than the reader takes."""
    import httpx

    from maintenance.cap import LONGEST

    try:
        if not source.startswith(("http://", "https://")):
            with Path(source).open("rb") as file:
                return file.read(LONGEST + 1)
        with httpx.stream("GET", source, timeout=FETCH_S, follow_redirects=False) as answer:
            answer.raise_for_status()
            document = b""
            for part in answer.iter_bytes():
                document += part
                if len(document) > LONGEST:
                    break
            return document
    except (OSError, httpx.HTTPError) as error:
        raise UserError(f"{source} cannot be read: {error}") from None
