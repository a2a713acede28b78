"""What changed since a moment, of ledger, collector and plant, as one caller may see it."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from api.caller import Caller
from api.parts import Parts
from api.routes.tickets import sees_finding
from api.schemas.overview import ChangeKind, RecentChange
from api.snapshot import Snapshot
from collector.status import CollectorStatus
from maintenance.ledger import Recent
from plant.changes import PlantEvent

ORDER: tuple[ChangeKind, ...] = (
    "common_cause", "finding", "raised", "silent", "unknown_ont", "swap", "move", "removal", "repaired",
)  # fmt: skip
_OF_PLANT: dict[str, ChangeKind] = {"swap": "swap", "move": "move", "removal": "removal", "unknown": "unknown_ont"}
_IN_TROUBLE = ("silent", "troubled", "unknown")


def changes_since(
    parts: Parts, snapshot: Snapshot, status: CollectorStatus | None, who: Caller, since: datetime
) -> list[RecentChange]:
    """In the order of ORDER, newest first in each kind; common causes by lines hit."""
    out = [
        *_of_ledger(parts.ledger.recent(since), snapshot, who),
        *(_silent(status, who, since) if status is not None else ()),
        *_of_plant(parts.plant_log.since(since), snapshot, who),
    ]
    newest = sorted(out, key=lambda c: c.at, reverse=True)
    return sorted(newest, key=lambda c: (ORDER.index(c.kind), -(c.lines or 0) if c.kind == "common_cause" else 0))


def _of_ledger(found: Sequence[Recent], snapshot: Snapshot, who: Caller) -> Iterator[RecentChange]:
    for told in found:
        seen = who.sees(told.area, told.grid) if told.body is None else sees_finding(snapshot, who, told.body)
        if seen:
            kind: ChangeKind = "repaired" if told.kind == "repaired" else "raised"
            if told.kind == "found":
                kind = "common_cause" if told.lines > 1 else "finding"
            yield RecentChange(
                kind=kind, at=told.at, place=told.place, area=told.area, cause=told.cause, lines=told.lines,
                ticket=told.ticket, grade=told.grade, was=told.was, now=told.grade,  # type: ignore[arg-type]
            )  # fmt: skip


def _silent(status: CollectorStatus, who: Caller, since: datetime) -> Iterator[RecentChange]:
    for device in status.devices:
        stopped = device.since if device.state in _IN_TROUBLE else None
        if stopped is not None and stopped >= since and who.sees_area(device.area):
            yield RecentChange(
                kind="silent", at=stopped, place=f"{_kind(device.kind)}:{device.id}", area=device.area,
                cause=None, lines=device.lines, ticket=None, grade=None, was=None, now=device.trouble or device.state,
            )  # fmt: skip


def _kind(kind: str) -> str:
    return "node" if kind == "node" else "olt"


def _of_plant(events: Sequence[PlantEvent], snapshot: Snapshot, who: Caller) -> Iterator[RecentChange]:
    roster = snapshot.roster
    tree, devices = roster.tree, roster.inventory.devices
    for event in events:
        if event.kind not in _OF_PLANT:
            continue
        row = tree.row.get(event.line_id)
        if row is not None:
            area, grid = (lv.names[at] if (at := lv.codes[row]) >= 0 else None for lv in (tree.area, tree.grid))
        else:
            area, grid = devices[event.device].area if event.device in devices else None, None
        if who.sees(area, grid):
            place = f"line:{event.line_id}" if row is not None else f"olt:{event.device}"
            yield RecentChange(
                kind=_OF_PLANT[event.kind], at=event.time, place=place, area=area, cause=None, lines=None, ticket=None,
                grade=None, was=event.was, now=event.now,
            )  # fmt: skip
