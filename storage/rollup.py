"""Rollups: readings become one row a line and window. Pure functions over arrays, the same for every store.

What the statistics mean (storage/schema.py has their names):
- gauge: count, min, max, mean, median, q10, q90 (quantiles interpolated linearly, as pandas does by default).
- counter: count, and increase: the sum of the steps between successive readings, a step belonging to the window of its
  later reading. A step down is a reset and counts the new value, or a wrap when the old value stood in the last tenth
  below 2^32 or 2^63 (a batch carries 64-bit counters as signed numbers) and the new one stands in the first tenth.
  Steps over more than LONGEST_STEP are not counted; null where no step was counted.
- state: count, shares of readings that are "up" and "los", changes between successive readings (the first of a window
  against the last before it, however old), last.
- text: count, last, changes.
A statistic is null where the field has no reading in the window.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from plant.batch import TIME
from plant.fields import Field, fields
from storage.keyed import Flags, Ints, codes_of, distinct, instants
from storage.schema import column_type, rollup_schema
from storage.windows import DAY

LONGEST_STEP = DAY  # a counter unseen for longer may have been reset and have passed its old value again
WRAPS_AT = (2**32, 2**63)


@dataclass(frozen=True)
class Readings:
    """Raw rows in key order, taken apart. `lines` (rows,) ranks into `line_ids`; `times` (rows,) microseconds."""

    table: pa.Table
    lines: Ints
    line_ids: pa.Array
    times: Ints

    @classmethod
    def of(cls, table: pa.Table) -> "Readings":
        """`table` must be in key order with one row a key (storage/keyed.py)."""
        lines, ids = codes_of(table["line_id"])
        return cls(table.combine_chunks(), lines, ids, instants(table["time"]))

    def field_names(self) -> list[str]:
        return [n for n in self.table.column_names if n in fields()]


@dataclass(frozen=True)
class Windows:
    """The windows of one length over some readings: which there are, and which are wanted.

    `key` (rows,) ascending: line rank × number of distinct starts + rank of the start.
    """

    key: Ints
    starts: Ints
    wanted: Ints

    @classmethod
    def of(cls, readings: Readings, start_of_row: Ints, touched_lines: Ints, touched_starts: Ints) -> "Windows":
        """Windows touched (line rank, start), and those that follow a touched one and compare with its last reading.

        The reading after a touched window measures its step, or its change of word, from inside it: so for every
        counter, state and text field the window of the next reading is wanted too.
        """
        starts = distinct(np.concatenate([start_of_row, touched_starts]))
        key = readings.lines * len(starts) + np.searchsorted(starts, start_of_row)
        touched = distinct(touched_lines * len(starts) + np.searchsorted(starts, touched_starts))
        wanted = [touched]
        for name in readings.field_names():
            if fields()[name].kind == "gauge":
                continue
            with_reading = key[readings.table[name].is_valid().to_numpy()]
            place = np.searchsorted(with_reading, touched, side="right")
            inside = place < len(with_reading)
            following = with_reading[place[inside]]
            wanted.append(following[following // len(starts) == touched[inside] // len(starts)])
        every = distinct(np.concatenate(wanted))
        return cls(key, starts, every[_found(every, key)])


def roll_up(readings: Readings, windows: Windows, before: Mapping[str, Mapping[str, str]]) -> pa.Table:
    """One row for each wanted window, of storage.schema.rollup_schema without `seq` and the columns that are all null.

    `before` gives, for state and text fields, the last word of a line before its first row here (field → line id →
    word), where it is needed and there is one.
    """
    slot_of_row = np.searchsorted(windows.wanted, windows.key)
    kept = _found(windows.key, windows.wanted)
    of_line = windows.wanted // len(windows.starts)
    columns: dict[str, pa.Array] = {
        "line_id": readings.line_ids.take(pa.array(of_line)),
        "time": pa.array(windows.starts[windows.wanted % len(windows.starts)]).cast(TIME),
    }
    slots = len(windows.wanted)
    for name in readings.field_names():
        field = fields()[name]
        column = readings.table[name].combine_chunks()
        if isinstance(column, pa.ChunkedArray):
            column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], field.arrow)
        valid = column.is_valid().to_numpy(zero_copy_only=False)
        if not (valid & kept).any():
            continue
        rows = np.flatnonzero(valid)
        values = column.drop_null()
        series = _Series(field, slot_of_row[rows], kept[rows], readings.lines[rows], readings.times[rows], slots)
        if field.kind == "gauge":
            made = _gauge(series, values.to_numpy(zero_copy_only=False))
        elif field.kind == "counter":
            made = _counter(series, values.to_numpy(zero_copy_only=False))
        else:
            made = _words(series, values, readings.line_ids, before.get(name, {}))
        columns.update({f"{name}_{statistic}": array for statistic, array in made.items()})
    order = [n for n in rollup_schema().names if n in columns]
    return pa.table({n: columns[n] for n in order})


def _found(values: Ints, ascending: Ints) -> Flags:
    """True where a value is among `ascending`."""
    place = np.searchsorted(ascending, values)
    found = place < len(ascending)
    found[found] = ascending[place[found]] == values[found]
    return found


def first_without_predecessor(readings: Readings, field: str, since: int) -> pa.Array:
    """Lines whose first reading of `field` here is at or after `since`: what came before must be looked up."""
    rows = np.flatnonzero(readings.table[field].is_valid().to_numpy())
    lines = readings.lines[rows]
    first = np.ones(len(rows), np.bool_)
    first[1:] = lines[1:] != lines[:-1]
    return readings.line_ids.take(pa.array(lines[first & (readings.times[rows] >= since)]))


@dataclass(frozen=True)
class _Series:
    """One field's readings (rows without null): the slot of their window, whether it is wanted, line rank, time."""

    field: Field
    slot: Ints
    kept: Flags
    lines: Ints
    times: Ints
    slots: int

    def counts(self) -> Ints:
        return np.bincount(self.slot[self.kept], minlength=self.slots)

    def follows(self) -> Flags:
        """True where the row before is of the same line."""
        flags = np.zeros(len(self.lines), np.bool_)
        flags[1:] = self.lines[1:] == self.lines[:-1]
        return flags

    def of(self, statistic: str, at: Ints, values: npt.NDArray[np.generic] | pa.Array) -> pa.Array:
        """A column over all slots: `values` at the slots `at`, null elsewhere."""
        array = pa.array(values).cast(column_type(self.field, statistic))
        if len(at) == self.slots:
            return array
        place = np.full(self.slots, -1, np.int64)
        place[at] = np.arange(len(at))
        return array.take(pa.array(place, mask=place < 0))


def _gauge(series: _Series, values: npt.NDArray[np.float32]) -> dict[str, pa.Array]:
    slot = series.slot[series.kept]
    values = values[series.kept]
    counts = series.counts()
    at = np.flatnonzero(counts)
    counts = counts[at]
    ends = np.cumsum(counts)
    starts = ends - counts
    total = np.add.reduceat(values.astype(np.float64), starts)
    if counts.max() == 1:  # hours of hourly readings: every statistic is the reading
        level = series.of("min", at, values)
        once = dict.fromkeys(("min", "max", "mean", "median", "q10", "q90"), level)
        return {"count": series.of("count", at, counts), **once}
    values = _sorted_within(slot, values)
    wide = values.astype(np.float64)
    made = {
        "count": series.of("count", at, counts),
        "min": series.of("min", at, values[starts]),
        "max": series.of("max", at, values[ends - 1]),
        "mean": series.of("mean", at, (total / counts).astype(np.float32)),
    }
    for statistic, share in (("median", 0.5), ("q10", 0.1), ("q90", 0.9)):
        position = (counts - 1) * share
        low = position.astype(np.int64)
        below = wide[starts + low]
        above = wide[np.minimum(starts + low + 1, ends - 1)]
        quantile = below + (above - below) * (position - low)
        made[statistic] = series.of(statistic, at, quantile.astype(np.float32))
    return made


def _sorted_within(slot: Ints, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Values ascending within each slot; slots are ascending already.

    Slot and value share one 64-bit key, the value's bits turned so that they order as the numbers do: sorting whole
    integers is several times faster than sorting by two columns.
    """
    bits = values.view(np.uint32)
    negative = bits >> 31 == 1
    ordered = np.where(negative, ~bits, bits | np.uint32(0x8000_0000))
    key = np.sort((slot.astype(np.uint64) << np.uint64(32)) | ordered)
    ordered = (key & np.uint64(0xFFFF_FFFF)).astype(np.uint32)
    bits = np.where(ordered >> 31 == 1, ordered & np.uint32(0x7FFF_FFFF), ~ordered)
    return bits.view(np.float32)


def _counter(series: _Series, values: Ints) -> dict[str, pa.Array]:
    counts = series.counts()
    at = np.flatnonzero(counts)
    step = np.zeros(len(values), np.int64)
    step[1:] = values[1:] - values[:-1]
    old = np.zeros(len(values), np.int64)
    old[1:] = values[:-1]
    fell = step < 0
    step = np.where(fell, values, step)
    for top in WRAPS_AT:
        wrapped = fell & (old >= top - top // 10) & (old <= top - 1) & (values <= top // 10)
        step = np.where(wrapped, values + (top - 1 - old) + 1, step)
    counted = series.follows() & series.kept
    counted[1:] &= series.times[1:] - series.times[:-1] <= LONGEST_STEP
    slot = series.slot[counted]
    made = {"count": series.of("count", at, counts[at])}
    if len(slot):
        first = np.flatnonzero(np.append(True, slot[1:] != slot[:-1]))
        made["increase"] = series.of("increase", slot[first], np.add.reduceat(step[counted], first))
    return made


def _words(series: _Series, values: pa.Array, line_ids: pa.Array, before: Mapping[str, str]) -> dict[str, pa.Array]:
    counts = series.counts()
    at = np.flatnonzero(counts)
    slot = series.slot[series.kept]
    encoded = values.dictionary_encode()
    words = encoded.indices.to_numpy(zero_copy_only=False)
    follows = series.follows()
    changed = np.zeros(len(words), np.bool_)
    changed[1:] = follows[1:] & (words[1:] != words[:-1])
    if before:
        first = np.flatnonzero(~follows)
        for row, line in zip(first, line_ids.take(pa.array(series.lines[first])).to_pylist(), strict=True):
            changed[row] = line in before and before[line] != values[int(row)].as_py()
    ends = np.cumsum(counts[at]) - 1
    last = values.filter(pa.array(series.kept)).take(pa.array(ends))
    made = {
        "count": series.of("count", at, counts[at]),
        "last": series.of("last", at, last),
        "changes": series.of("changes", at, np.bincount(slot[changed[series.kept]], minlength=series.slots)[at]),
    }
    if series.field.kind == "state":
        for statistic, word in (("up_share", "up"), ("los_share", "los")):
            is_word = pc.equal(values, word).to_numpy(zero_copy_only=False)[series.kept]
            share = np.bincount(slot[is_word], minlength=series.slots)[at] / counts[at]
            made[statistic] = series.of(statistic, at, share.astype(np.float32))
    return made
