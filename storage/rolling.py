"""Bringing rollups up to date: from the windows that were touched to the rows that replace theirs."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from plant.fields import fields
from storage.keyed import Ints, codes_of, distinct, instants
from storage.rollup import LONGEST_STEP, Readings, Windows, first_without_predecessor, roll_up
from storage.windows import HOUR, days, hours

ROWS_AT_ONCE = 1_000_000  # readings in memory at a time


class RawReadings(Protocol):
    """What rolling needs of a store."""

    async def readings(self, line_ids: Sequence[str], start: int) -> pa.Table:
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


async def roll(source: RawReadings, touched: pa.Table, zone: ZoneInfo) -> AsyncIterator[Rolled]:
    """Recompute what `touched` (line_id, time: any instant of a touched UTC hour) reopens, a part at a time."""
    if touched.num_rows == 0:
        return
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
        yield await _part(source, names, lines[chosen], hour[chosen], ids, start, zone)


async def _part(
    source: RawReadings, names: pa.Array, lines: Ints, hour: Ints, ids: pa.Array, start: int, zone: ZoneInfo
) -> Rolled:
    table = await source.readings(names.to_pylist(), start - LONGEST_STEP)
    if table.num_rows == 0:
        empty = pa.table({"line_id": pa.array([], pa.string()), "time": pa.array([], pa.timestamp("us", "UTC"))})
        return Rolled(empty, empty)
    readings = await asyncio.to_thread(Readings.of, table)
    before: dict[str, dict[str, str]] = {}
    for name in readings.field_names():
        if fields()[name].kind in ("state", "text"):
            wanting = first_without_predecessor(readings, name, start)
            if len(wanting):
                before[name] = await source.last_words(wanting.to_pylist(), name, start - LONGEST_STEP)
    return await asyncio.to_thread(_compute, readings, lines, hour, ids, before, zone)


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
