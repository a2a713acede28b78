"""Check an inventory: every error of `devices.yaml` and its lines files in one run, each with file:line and remedy."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, cast, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from plant.brokers import KEYS as BROKER_KEYS
from plant.brokers import read_broker
from plant.document import Node, compose
from plant.entry import Entry
from plant.inventory import Area, Broker, Calendar, Device, DeviceKind, Grid, Inventory, TrapListener, YearTarget
from plant.lines import read_lines
from plant.pon_classes import pon_classes
from plant.problems import Problem, Report
from plant.quiet import quiet_hours
from plant.secrets import SecretError, is_reference, open_to_others, resolve
from plant.traps import DEVICE_KEYS as TRAP_KEYS
from plant.traps import LISTENER_KEYS, engine_id, read_listener, trap_addresses
from plant.works import read_works

TOP = ("areas", "devices", "mqtt", "traps", "lines", "targets", "calendar", "quiet", "works", "simulated")
SNMP_SECRETS = ("community", "auth_key", "priv_key")
CREDENTIALS = ("community", "user", "auth", "auth_key", "priv", "priv_key")
AUTH = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")
PRIV = ("des", "aes128", "aes192", "aes256")
# Shortest cadence an inventory may ask for, in seconds: never harm the network that is watched.
CADENCE_FLOOR_S = {"status": 60, "errors": 60, "optics": 900, "pon": 60, "identity": 900}


def check_inventory(path: Path, profiles: Collection[str] | None = None) -> list[Problem]:
    """Every problem of the inventory, by file and line; empty when all is well."""
    return examine(path, profiles)[1]


def examine(path: Path, profiles: Collection[str] | None = None) -> tuple[Inventory | None, list[Problem]]:
    """The inventory and its problems; no inventory where there is an error. `profiles`: names known, None for any."""
    report = Report()
    root = compose(path, report)
    if root is None:
        return None, report.problems()
    top = Entry(root, "the inventory", str(path), report, TOP)
    areas = _areas(top)
    calendar = _calendar(top)
    devices = _devices(top, areas, profiles, calendar.zone)
    brokers = _brokers(top)
    listeners = _listeners(top)
    targets = _targets(top)
    files = [(Path(path.parent, str(n.value)), n.line) for n in top.list("lines")]
    grids = {g.id for a in areas.values() for g in a.grids}
    lines, of_device = read_lines(files, str(path), set(devices), grids, report)
    works = read_works(top.list("works"), top, areas, devices, lines)
    if report.failed:
        return None, report.problems()
    flag = top.flag("simulated")
    made = Inventory(areas, devices, tuple(brokers), lines, targets, calendar, flag, listeners, works, of_device)
    return made, report.problems()


def _unique(entry: Entry, key: str, seen: dict[str, int], what: str) -> str | None:
    """The entry's id, unless it is missing or stands twice; both places are named."""
    if not entry.require(key):
        return None
    ident = entry.text(key)
    if ident is None:
        return None
    if ident in seen:
        entry.problem(entry.at(key), f'{what} "{ident}" is also in line {seen[ident]}', "give each its own id")
        return None
    seen[ident] = entry.at(key)
    return ident


def _areas(top: Entry) -> dict[str, Area]:
    areas: dict[str, Area] = {}
    seen: dict[str, int] = {}
    grids_seen: dict[str, int] = {}
    for node in top.list("areas"):
        entry = Entry(node, "an area", top.file, top.report, ("id", "name", "grids", "department", "crews"))
        ident = _unique(entry, "id", seen, "area")
        if ident is None:
            continue
        grids = []
        for child in entry.list("grids"):
            grid = Entry(child, f'a grid of area "{ident}"', top.file, top.report, ("id", "name", "engineer"))
            grid_id = _unique(grid, "id", grids_seen, "grid")
            if grid_id is not None:
                grids.append(Grid(grid_id, grid.text("name", grid_id) or grid_id, grid.text("engineer")))
        entry.require("department")
        name, department = entry.text("name", ident) or ident, entry.text("department", "") or ""
        areas[ident] = Area(ident, name, department, tuple(grids), entry.texts("crews"))
    return areas


def _devices(top: Entry, areas: Mapping[str, Area], profiles: Collection[str] | None, zone: str) -> dict[str, Device]:
    known = ("id", "host", "port", "kind", "profile", "version", "area", "credentials", "cadence", "quiet", "pon_class",
             *TRAP_KEYS)  # fmt: skip
    quiet = quiet_hours(top, zone)
    devices: dict[str, Device] = {}
    seen: dict[str, int] = {}
    engines: dict[str, int] = {}
    for node in top.list("devices"):
        entry = Entry(node, "a device", top.file, top.report, known)
        ident = _unique(entry, "id", seen, "device")
        if ident is None:
            continue
        entry.what = f'device "{ident}"'
        if "/" in ident or ":" in ident:
            entry.problem(entry.at("id"), f'{entry.what}: the id holds "/" or ":"', "use letters, digits and dashes")
        entry.require("host", "kind", "area")
        area = entry.text("area", "") or ""
        if area and area not in areas:
            among = ", ".join(areas) or "(there are no areas)"
            entry.problem(entry.at("area"), f'{entry.what} names area "{area}"', f"which is not among: {among}")
        profile = entry.text("profile", "auto") or "auto"
        if profiles is not None and profile != "auto" and profile not in profiles:
            among = ", ".join(sorted(profiles))
            entry.problem(entry.at("profile"), f'{entry.what} names profile "{profile}"', f"known: auto, {among}")
        version = entry.choice("version", ("1", "2c", "3"), "2c") or "2c"
        devices[ident] = Device(
            id=ident,
            host=entry.text("host", "") or "",
            kind=cast(DeviceKind, entry.choice("kind", get_args(DeviceKind), "olt")),
            area=area,
            port=entry.number("port", 1, 65535, 161, whole=True),
            profile=profile,
            version=cast(Any, version),
            credentials=_credentials(entry, version),
            cadence_s=_cadence(entry),
            pon_class=entry.choice("pon_class", pon_classes()),
            trap_address=trap_addresses(entry),
            engine_id=engine_id(entry, engines),
            quiet=quiet_hours(entry, zone) if "quiet" in entry else quiet,
        )
    return devices


def _credentials(entry: Entry, version: str) -> dict[str, str]:
    node = entry.node("credentials")
    if node is None:
        entry.problem(entry.line, f"{entry.what} has no credentials", "add credentials: {community: env:NAME}")
        return {}
    return snmp_credentials(entry, node, ("user",) if version == "3" else ("community",))


def snmp_credentials(entry: Entry, node: Node, required: Collection[str]) -> dict[str, str]:
    """Community and v3 user as they stand, secrets as references; `required`: which of the keys must be there."""
    inner = Entry(node, f"credentials of {entry.what}", entry.file, entry.report, CREDENTIALS)
    inner.require(*required)
    inner.choice("auth", AUTH)
    inner.choice("priv", PRIV)
    for kind in ("auth", "priv"):
        if kind in inner:
            inner.require(f"{kind}_key")
    found = {key: text for key in CREDENTIALS if (text := inner.text(key)) is not None}
    _secrets(inner, found, SNMP_SECRETS)
    return found


def _secrets(entry: Entry, found: Mapping[str, str], names: Collection[str]) -> None:
    """Secrets must be references that lead somewhere; their text is never repeated in a message."""
    for key in names:
        if key not in found:
            continue
        if not is_reference(found[key]):
            entry.problem(entry.at(key), f'{entry.what}: "{key}" is written in clear', "write env:NAME or file:PATH")
            continue
        try:
            resolve(found[key])
        except SecretError as error:
            entry.problem(
                entry.at(key), f'{entry.what}: "{key}": {error}', "needed when the collector starts", warning=True
            )
        if open_to_others(found[key]):
            entry.problem(entry.at(key), f"{found[key]} can be read by everyone", "chmod 600 it", warning=True)


def _cadence(entry: Entry) -> dict[str, float]:
    out = {}
    for tier, (line, node) in entry.mapping("cadence").items():
        floor = CADENCE_FLOOR_S.get(tier)
        if floor is None:
            entry.problem(line, f'{entry.what}: there is no tier "{tier}"', f"tiers: {', '.join(CADENCE_FLOOR_S)}")
        elif isinstance(node.value, bool) or not isinstance(node.value, int | float):
            entry.problem(line, f'{entry.what}: cadence of "{tier}" should be seconds', f"write {floor} or more")
        elif not floor <= node.value <= 7 * 86400:
            remedy = f"allowed: {floor} s to 7 days (a device must never be harmed by being watched)"
            entry.problem(line, f'{entry.what}: cadence of "{tier}" is {node.value:g} s', remedy)
        else:
            out[tier] = float(node.value)
    return out


def _brokers(top: Entry) -> list[Broker]:
    brokers = []
    seen: dict[str, int] = {}
    for node in top.list("mqtt"):
        entry = Entry(node, "a broker", top.file, top.report, BROKER_KEYS)
        ident = _unique(entry, "id", seen, "broker")
        if ident is None or not entry.require("host"):
            continue
        entry.what = f'broker "{ident}"'
        brokers.append(read_broker(entry, ident, _secrets))
    return brokers


def _listeners(top: Entry) -> tuple[TrapListener, ...]:
    listeners = []
    seen: dict[str, int] = {}
    ports: dict[tuple[str, int], int] = {}
    for node in top.list("traps"):
        entry = Entry(node, "a trap listener", top.file, top.report, LISTENER_KEYS)
        ident = _unique(entry, "id", seen, "trap listener")
        if ident is not None:
            entry.what = f'trap listener "{ident}"'
            given = entry.node("credentials")
            found = {} if given is None else snmp_credentials(entry, given, ())
            listeners.append(read_listener(entry, ident, ports, found))
    return tuple(one for one in listeners if one is not None)


def _targets(top: Entry) -> dict[int, YearTarget]:
    targets: dict[int, YearTarget] = {}
    for word, (line, node) in top.mapping("targets").items():
        if not (len(word) == 4 and word.isascii() and word.isdigit()):
            top.problem(line, f'"targets" holds "{word}"', 'write a year, such as "2026:"')
            continue
        year = int(word)
        entry = Entry(node, f"target of {year}", top.file, top.report, ("covered_hosts", "retrofit_lines", "covered"))
        covered = {}
        for month, (month_line, count) in entry.mapping("covered").items():
            right = len(month) == 7 and month[:5] == f"{year}-" and month[5:].isdigit() and 1 <= int(month[5:]) <= 12
            if not right or not isinstance(count.value, int) or count.value < 0:
                entry.problem(month_line, f'"covered" holds "{month}: {count.value}"', f'write "{year}-01: 9000"')
            else:
                covered[month] = count.value
        hosts = entry.number("covered_hosts", 0, 10**9, whole=True)
        lines = entry.number("retrofit_lines", 0, 10**9, whole=True)
        targets[year] = YearTarget(year, hosts, lines, covered)
    return targets


def _calendar(top: Entry) -> Calendar:
    node = top.node("calendar") or Node({}, 1)
    entry = Entry(node, "the calendar", top.file, top.report, ("zone", "holidays", "working_days"))
    zone = entry.text("zone", Calendar.zone) or Calendar.zone
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        entry.problem(entry.at("zone"), f'there is no time zone "{zone}"', "write one such as Asia/Shanghai")
        zone = Calendar.zone
    return Calendar(zone, entry.dates("holidays"), entry.dates("working_days"))
