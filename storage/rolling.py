"""Bringing rollups up to date: from the windows that were touched to the rows that replace theirs."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from plant.batch import StoreUnavailableError
from plant.fields import fields
from storage.keyed import Ints, codes_of, distinct, instants
from storage.rollup import LONGEST_STEP, Readings, Windows, first_without_predecessor, roll_up
from storage.windows import HOUR, days, hours

ROWS_AT_ONCE = 1_000_000  # readings in memory at a time


class RawReadings(Protocol):
    """What rolling needs of a store."""

    def readings(self, line_ids: Sequence[str], start: int) -> Coroutine[Any, Any, pa.Table]:
        """All fields of these lines at and after `start` (microseconds), in key order, one row a key."""

    async def last_words(self, line_ids: Sequence[str], field: str, before: int) -> dict[str, str]:
        """The last word of `field` of each line before `before`, for lines that have one."""

    async def rows_per_line(self, start: int, touched: pa.Array) -> float:
        """About how many readings each of the touched lines has at and after `start`."""


@dataclass(frozen=True)
class Rolled:
    """Rows that replace those of the same line and window start."""

    hourly: pa.Table
    daily: pa.Table


@dataclass(frozen=True)
class _Part:
    """Lines that are read and computed together: their ids, and what is touched: (line's place in ids, hour)."""

    line_ids: list[str]
    lines: Ints
    hour: Ints
    start: int  # the earliest touched day's


async def roll(source: RawReadings, touched: pa.Table, zone: ZoneInfo) -> AsyncGenerator[Rolled]:
    """Recompute what `touched` (line_id, time: any instant of a touched UTC hour) reopens, a part at a time.

    The next part is read while one is computed: two parts of readings are in memory.
    """
    if touched.num_rows == 0:
        return
    ids = codes_of(touched["line_id"])[1]
    waiting: tuple[_Part, asyncio.Task[pa.Table]] | None = None
    try:
        async for part in _parts(source, touched, zone):
            before = waiting
            waiting = part, asyncio.create_task(source.readings(part.line_ids, part.start - LONGEST_STEP))
            if before is not None:
                yield await _rolled(source, before[0], await before[1], ids, zone)
        if waiting is not None:
            yield await _rolled(source, waiting[0], await waiting[1], ids, zone)
    finally:
        if waiting is not None and not waiting[1].done():
            waiting[1].cancel()
            with contextlib.suppress(asyncio.CancelledError, StoreUnavailableError):
                await waiting[1]


async def _parts(source: RawReadings, touched: pa.Table, zone: ZoneInfo) -> AsyncGenerator[_Part]:
    lines, ids = codes_of(touched["line_id"])
    hour = hours(instants(touched["time"]))
    order = np.lexsort((hour, lines))
    lines, hour = lines[order], hour[order]
    first_of_line = np.flatnonzero(np.append(True, lines[1:] != lines[:-1]))
    start_of_line = days(hour[first_of_line], zone)
    # Lines touched long ago apart from those touched today: a part reads from its earliest day to the end.
    by_start = np.lexsort((np.arange(len(start_of_line)), start_of_line))
    place = 0
    while place < len(by_start):
        start = int(start_of_line[by_start[place]])
        rows = max(1.0, await source.rows_per_line(start - LONGEST_STEP, ids))
        most = max(1, int(ROWS_AT_ONCE / rows))
        part = by_start[place : place + most]
        part = part[start_of_line[part] - start <= 2 * LONGEST_STEP]
        place += len(part)
        chosen = np.isin(lines, lines[first_of_line[part]])
        names = ids.take(pa.array(distinct(lines[chosen])))
        yield _Part(names.to_pylist(), lines[chosen], hour[chosen], start)


async def _rolled(source: RawReadings, part: _Part, table: pa.Table, ids: pa.Array, zone: ZoneInfo) -> Rolled:
    if table.num_rows == 0:
        empty = pa.table({"line_id": pa.array([], pa.string()), "time": pa.array([], pa.timestamp("us", "UTC"))})
        return Rolled(empty, empty)
    readings = await asyncio.to_thread(Readings.of, table)
    before: dict[str, dict[str, str]] = {}
    for name in readings.field_names():
        if fields()[name].kind in ("state", "text"):
            wanting = first_without_predecessor(readings, name, part.start)
            if len(wanting):
                before[name] = await source.last_words(wanting.to_pylist(), name, part.start - LONGEST_STEP)
    return await asyncio.to_thread(_compute, readings, part.lines, part.hour, ids, before, zone)


def _compute(
    readings: Readings, lines: Ints, hour: Ints, ids: pa.Array, before: dict[str, dict[str, str]], zone: ZoneInfo
) -> Rolled:
    rank = pc.index_in(ids, value_set=readings.line_ids).fill_null(-1).to_numpy(zero_copy_only=False)[lines]
    rank, hour = rank[rank >= 0].astype(np.int64), hour[rank >= 0]
    by_hour = Windows.of(readings, hours(readings.times), rank, hour)
    # Where the zone is not whole hours from UTC, an hour can lie in two days.
    touched_days = np.concatenate([days(hour, zone), days(hour + HOUR - 1, zone)])
    by_day = Windows.of(readings, days(readings.times, zone), np.concatenate([rank, rank]), touched_days)
    return Rolled(roll_up(readings, by_hour, before), roll_up(readings, by_day, before))
