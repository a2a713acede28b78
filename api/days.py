"""The overview's figures of days that are over: lines from the daily rollups, tickets from the ledger's log.

Nothing is kept for it: what store and ledger hold is counted anew now and then, so it is there from the first day on
and after every restart. A day's lines are judged by its medians, its last state and its own lost codewords.
"""

import asyncio
import time
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from analyzer.coverage import judge
from api.judging import GAUGES, LOST, Judged, Judging, budgets
from api.parts import Parts
from api.roster import Mask, Roster
from api.sight import Sight
from api.snapshot import Snapshot
from maintenance.ledger import Unfinished
from plant.fields import fields
from plant.matrix import ALL, Matrix
from storage.protocol import TelemetryStore

LONGEST = 14  # days
EVERY_S = 3600.0  # readings of the day before may still arrive


@dataclass(frozen=True)
class LinesOfDay:
    """Per row of the roster: whether the line was up, and Judged.GOOD, NOT_GOOD or NO_READING."""

    up: Mask
    good: npt.NDArray[np.int8]


@dataclass(frozen=True)
class Past:
    """Days that are over, oldest first; `lines` None where nothing was read that day."""

    days: tuple[date, ...]
    roster: Roster
    lines: tuple[LinesOfDay | None, ...]
    tickets: tuple[tuple[Unfinished, ...], ...]


@dataclass(frozen=True)
class DayFigures:
    """What one caller is told of a day. None where nothing was read, or nobody knows."""

    total: int
    up: int | None
    good: int | None
    not_good: int | None
    at_risk: int
    unfinished: int
    late: int
    devices: int
    devices_read: int | None


class Days:
    """Counts the days again every hour and when a day has ended; those who ask meanwhile wait for the same count."""

    def __init__(self, parts: Parts, judging: Judging) -> None:
        self._parts, self._judging = parts, judging
        self._past: Past | None = None
        self._made = float("-inf")
        self._counting = asyncio.Lock()

    async def before(self, today: date, snapshot: Snapshot) -> Past:
        """The LONGEST days before today. Raises StoreUnavailableError."""
        async with self._counting:
            old = self._past is None or self._past.days[-1] != today - timedelta(days=1)
            if self._past is None or old or time.monotonic() - self._made >= EVERY_S:
                began = time.monotonic()
                self._past = await self._count(today, snapshot.roster)
                self._made = began
            return self._past

    async def _count(self, today: date, roster: Roster) -> Past:
        days = [today - timedelta(days=n) for n in range(LONGEST, 0, -1)]
        zone = ZoneInfo(roster.inventory.calendar.zone)
        ends = [datetime(d.year, d.month, d.day, tzinfo=zone) + timedelta(days=1) for d in days]
        tickets = await asyncio.to_thread(self._parts.ledger.unfinished_at, ends)
        lines = await self._lines(roster, days)
        return Past(tuple(days), roster, tuple(lines), tuple(tuple(t) for t in tickets))

    async def _lines(self, roster: Roster, days: list[date]) -> list[LinesOfDay | None]:
        told = await _told(self._parts.store, days)
        return await asyncio.to_thread(self._judged, roster, told, len(days))

    def _judged(self, roster: Roster, told: dict[str, Matrix], days: int) -> list[LinesOfDay | None]:
        classes, codes = budgets(roster)
        technology = roster.table["technology"].to_numpy()
        sold = np.asarray(roster.table["sold_mbps"].combine_chunks().cast(pa.float64()).to_numpy(zero_copy_only=False))
        at = {name: pc.index_in(roster.ids, pa.array(m.line_ids, pa.string())) for name, m in told.items()}
        words = np.array([*fields()["state"].words, None], object)
        out: list[LinesOfDay | None] = []
        for day in range(days):
            of_day: dict[str, npt.NDArray[Any]] = {}
            for name, matrix in told.items():
                values = pa.array(matrix.values[:, day], from_pandas=True).take(at[name])
                of_day[name] = np.asarray(values.to_numpy(zero_copy_only=False), np.float64)
            state = np.nan_to_num(of_day.get("state", np.full(len(roster), np.nan)), nan=len(words) - 1)
            verdict = judge({**of_day, "state": words[state.astype(np.int64)]}, technology, classes, codes, sold,
                            self._judging.settings)  # fmt: skip
            good = Judged.of(verdict, None).good
            out.append(LinesOfDay(verdict.up & (good != Judged.NO_READING), good) if verdict.read.any() else None)
        return out


async def _told(store: TelemetryStore, days: list[date]) -> dict[str, Matrix]:
    """What the days are judged by, of fields that were read at all."""
    asked = dict.fromkeys(GAUGES, "median") | dict.fromkeys(LOST, "increase") | {"state": "last"}
    found = {n: await store.matrix(ALL, n, statistic, days[0], days[-1]) for n, statistic in asked.items()}
    return {name: matrix for name, matrix in found.items() if len(matrix.line_ids)}


def figures_of(past: Past, day: int, sight: Sight) -> DayFigures:
    """A day of the past as who sees this much may see it."""
    roster = past.roster
    seen = roster.within(sight)
    lines, tickets = past.lines[day], [t for t in past.tickets[day] if sight.sees(t.area, t.grid)]
    known = _devices(roster, sight)
    return DayFigures(
        total=int(seen.sum()),
        up=None if lines is None else int((seen & lines.up).sum()),
        good=None if lines is None else int((seen & (lines.good == Judged.GOOD)).sum()),
        not_good=None if lines is None else int((seen & (lines.good == Judged.NOT_GOOD)).sum()),
        at_risk=len({line for t in tickets for line in t.lines}),
        unfinished=len(tickets),
        late=sum(t.late for t in tickets),
        devices=len(known),
        devices_read=None if lines is None else _read(roster, lines.good != Judged.NO_READING, known),
    )


def devices_read_today(snapshot: Snapshot, sight: Sight, since: datetime) -> tuple[int, int]:
    """Devices of which anything was read since the moment, of all that may be seen."""
    roster = snapshot.roster
    known = _devices(roster, sight)
    later = pc.fill_null(pc.greater_equal(snapshot.last_reading, pa.scalar(since, snapshot.last_reading.type)), False)
    return _read(roster, np.asarray(later.to_numpy(zero_copy_only=False), bool), known), len(known)


def _devices(roster: Roster, sight: Sight) -> frozenset[str]:
    return frozenset(d.id for d in roster.inventory.devices.values() if sight.sees_area(d.area))


def _read(roster: Roster, rows: Mask, known: frozenset[str]) -> int:
    level = roster.tree.device
    return sum(level.names[code] in known for code in np.unique(level.codes[rows]) if code >= 0)
