"""What happened to one line: tickets and visits, swaps and moves, works, storms; and how warm it was."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from api.parts import Parts
from api.roster import Roster
from api.schemas.line_past import LineEvent, LineEventKind, OutdoorProxy
from maintenance.ledger import Entry
from plant.matrix import Scope
from plant.place import Place

MOST_ONTS = 200  # whose temperatures make the proxy
LEAST_ONTS = 10
_OF_TICKET: dict[str, LineEventKind] = {
    "open": "found", "start": "visit", "resolve": "repaired", "hold": "verified", "fail": "failed"
}  # fmt: skip
_OF_PLANT: dict[str, LineEventKind] = {"swap": "swap", "move": "move", "removal": "removal"}


def events_of(parts: Parts, roster: Roster, row: int, since: datetime, tickets: list[int]) -> list[LineEvent]:
    """Oldest first. `tickets`: those of the line that the caller may see."""
    line_id = roster.tree.line_ids[row]
    out = [
        *(e for ticket in tickets for entry in parts.ledger.log(ticket) for e in _of_ticket(entry)),
        *(
            _event(_OF_PLANT[e.kind], e.time, was=e.was, now=e.now)
            for e in parts.plant_log.of_line(line_id)
            if e.kind in _OF_PLANT
        ),
        *_works(roster, row),
        *_modes(parts, roster, row, since),
    ]
    return sorted((e for e in out if (e.ends or e.begins) >= since), key=lambda e: e.begins)


def _event(
    kind: LineEventKind, begins: datetime, *, ends: datetime | None = None, ticket: int | None = None,
    who: str | None = None, was: str | None = None, now: str | None = None, why: str = "",
) -> LineEvent:  # fmt: skip
    return LineEvent(kind=kind, begins=begins, ends=ends, ticket=ticket, who=who, was=was, now=now, why=why)


def _of_ticket(entry: Entry) -> Iterator[LineEvent]:
    kind = _OF_TICKET.get(entry.action)
    if kind is not None:
        by_hand = kind in ("visit", "repaired")
        yield _event(
            kind, entry.at, ticket=entry.ticket, who=entry.actor if by_hand else None,
            why=str(entry.after.get("action_code") or ""),
        )  # fmt: skip


def _works(roster: Roster, row: int) -> Iterator[LineEvent]:
    zone = ZoneInfo(roster.inventory.calendar.zone)
    above = _places_of(roster, row)
    for work in roster.inventory.works:
        if work.place in above:
            ends = datetime.combine(work.last, time(), zone) + timedelta(days=1)
            yield _event("works", datetime.combine(work.first, time(), zone), ends=ends, why=work.why)


def _places_of(roster: Roster, row: int) -> set[Place]:
    kinds = {"device": "olt", "splitter1": "splitter", "splitter2": "splitter"}
    crumbs = roster.tree.breadcrumb(roster.tree.line_ids[row])
    return {Place(kinds.get(level, level), ident) for level, ident in crumbs if level != "grid"}  # type: ignore[arg-type]


def _modes(parts: Parts, roster: Roster, row: int, since: datetime) -> Iterator[LineEvent]:
    area = roster.tree.area
    name = area.names[area.codes[row]] if area.codes[row] >= 0 else None
    for mode in parts.ledger.modes_since(since):
        if mode.covers(name) and mode.mode in ("storm", "holiday"):
            yield _event(mode.mode, mode.begins_at, ends=mode.ended_at or mode.ends_at, why=mode.why)


async def outdoor(parts: Parts, roster: Roster, row: int, first: date, last: date) -> OutdoorProxy | None:
    """The analyzer's proxy of outdoor temperature, from some of the device's ONTs. Raises StoreUnavailableError."""
    tree = roster.tree
    code = tree.device.codes[row]
    if code < 0:
        return None
    rows = np.flatnonzero(tree.device.codes == code)
    some = rows[np.linspace(0, len(rows) - 1, min(MOST_ONTS, len(rows))).astype(np.int64)]
    told = await parts.store.matrix(Scope(tuple(tree.line_ids[r] for r in some)), "temp_c", "median", first, last)
    read = told.values[np.isfinite(told.values).any(axis=1)] if told.values.size else told.values
    if len(read) < LEAST_ONTS:
        return None
    relative = read - np.nanmedian(read, axis=1, keepdims=True)
    enough = np.isfinite(relative).sum(axis=0) >= LEAST_ONTS
    degrees = [round(float(np.nanmedian(relative[:, day])), 1) if enough[day] else None for day in range(len(enough))]
    days = [str(day) for day in told.dates]
    return OutdoorProxy(device=tree.device.names[code], onts=len(read), days=days, degrees=degrees)


def day_of(moment: datetime, zone: str) -> date:
    return moment.astimezone(UTC).astimezone(ZoneInfo(zone)).date()
