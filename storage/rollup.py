"""Rollups: what an hour or a day of readings amounts to. Computed here once, the same for every store.

gauge    count, min, max, mean, median, q10, q90 (linear interpolation, as pandas)
counter  count, increase: the sum of the steps between successive readings. A fall is a reset, counted from the new
         value, unless the old value stood within a tenth of 2^32 or 2^64 and the new one is small: then it wrapped.
         A step belongs to the later reading's window; a step across more than 24 hours is not counted
state    count, up_share, los_share (shares of the readings), changes (also against the reading before the window)
text     count, last, changes

Hours are UTC hours; days are days of the operator's zone. Steps and changes look back at most LOOK_BACK.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from plant.batch import TIME
from plant.fields import Field, fields
from storage.schema import column_type, rollup_schema, statistics

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
LOOK_BACK_DAYS = 7
LONGEST_STEP_US = DAY_US

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Readings:
    """Raw readings sorted by line and time, one row each (line, time): codes, times in µs UTC, and the fields."""

    line_ids: npt.NDArray[np.object_]  # (lines,)
    line: Int64s  # (rows,) index into line_ids
    time: Int64s  # (rows,)
    columns: dict[str, pa.Array]

    @classmethod
    def of(cls, table: pa.Table) -> "Readings":
        """From raw rows with `seq`, in any order, with repetitions: the later value wins, null never erases."""
        order = pc.sort_indices(table, [("line_id", "ascending"), ("time", "ascending"), ("seq", "ascending")])
        table = table.take(order).combine_chunks()
        encoded = _flat(table["line_id"]).dictionary_encode()
        line = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        time = _flat(table["time"]).cast(pa.int64()).to_numpy(zero_copy_only=False)
        columns = {n: _flat(table[n]) for n in table.column_names if n in fields()}
        ids = np.array(encoded.dictionary.to_pylist(), dtype=object)
        starts = _starts(line, time)
        if len(starts) < len(line):
            columns = {name: _last_valid(values, starts) for name, values in columns.items()}
            line, time = line[starts], time[starts]
        return cls(ids, line, time, columns)


def roll_up(readings: Readings, level: str, zone: str, first_us: int, last_us: int) -> pa.Table:
    """Windows starting in [first_us, last_us) as a table of the rollup schema without `seq`.

    `readings` should reach LOOK_BACK_DAYS before `first_us`, so that steps and changes have something to start from.
    """
    window = window_starts(readings.time, level, zone)
    starts = _starts(readings.line, window)
    keep = (window[starts] >= first_us) & (window[starts] < last_us)
    segment = np.zeros(len(window), np.int64)
    segment[starts[1:]] = 1
    segment = np.cumsum(segment)
    out: dict[str, pa.Array] = {
        "line_id": pa.array(readings.line_ids[readings.line[starts][keep]], pa.string()),
        "time": pa.array(window[starts][keep]).cast(TIME),
    }
    kept = np.flatnonzero(keep)
    for name, field in fields().items():
        values = readings.columns.get(name)
        if values is None or values.null_count == len(values):
            continue
        valid = np.flatnonzero(pc.is_valid(values).to_numpy(zero_copy_only=False))
        computed = _by_kind(field, values, valid, segment[valid], readings, len(starts))
        for statistic, (figures, missing) in computed.items():
            type_ = column_type(field, statistic)
            out[f"{name}_{statistic}"] = pa.array(figures[kept], type_, mask=missing[kept], from_pandas=False)
    rows = len(kept)
    schema = pa.schema([f for f in rollup_schema() if f.name != "seq"])
    return pa.table([out.get(f.name, pa.nulls(rows, f.type)) for f in schema], schema=schema)


def window_starts(time_us: Int64s, level: str, zone: str) -> Int64s:
    """The start of each time's window, µs UTC."""
    if level == "hour":
        return time_us - time_us % HOUR_US
    stamps = pa.array(time_us).cast(TIME).cast(pa.timestamp("us", tz=zone))
    local = pc.local_timestamp(stamps).cast(pa.int64()).to_numpy(zero_copy_only=False)
    midnights, inverse = np.unique(local - local % DAY_US, return_inverse=True)
    naive = pa.array(midnights).cast(pa.timestamp("us"))
    utc = pc.assume_timezone(naive, zone, ambiguous="earliest", nonexistent="latest").cast(pa.int64())
    return np.asarray(utc.to_numpy(zero_copy_only=False)[inverse], np.int64)


Computed = dict[str, tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]]


def _by_kind(
    field: Field, values: pa.Array, valid: Int64s, segment: Int64s, readings: Readings, segments: int
) -> Computed:
    """Statistic → (figures, missing) over all segments."""
    count = np.bincount(segment, minlength=segments).astype(np.int32)
    missing = count == 0
    line, time = readings.line[valid], readings.time[valid]
    if field.kind == "gauge":
        figures = values.take(pa.array(valid)).to_numpy(zero_copy_only=False).astype(np.float64)
        out = _gauge(figures, segment, count)
    elif field.kind == "counter":
        figures = values.take(pa.array(valid)).to_numpy(zero_copy_only=False).astype(np.int64)
        out = {"increase": _increase(figures, line, time, segment, segments)}
    else:
        encoded = values.take(pa.array(valid)).dictionary_encode()
        codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        words = np.array(encoded.dictionary.to_pylist(), dtype=object)
        recent = np.r_[False, (line[1:] == line[:-1]) & (np.diff(time) <= LOOK_BACK_DAYS * DAY_US)]
        changed = recent & np.r_[False, codes[1:] != codes[:-1]]
        out = {"changes": np.bincount(segment, weights=changed, minlength=segments).astype(np.int32)}
        if field.kind == "state":
            total = np.maximum(count, 1)
            for statistic, word in (("up_share", "up"), ("los_share", "los")):
                share = np.bincount(segment, weights=words[codes] == word, minlength=segments) / total
                out[statistic] = share.astype(np.float32)
        else:
            last = np.zeros(segments, np.int64)
            last[segment] = np.arange(len(segment))  # the last assignment of a segment stays
            out["last"] = words[codes[last]]
    result = {statistic: (figures, missing) for statistic, figures in out.items()}
    result["count"] = (count, np.zeros(segments, bool))
    return {s: result[s] for s in statistics(field)}


def _gauge(figures: npt.NDArray[np.float64], segment: Int64s, count: npt.NDArray[np.int32]) -> dict[str, Any]:
    """Order statistics by sorting within segments; `segment` ascends."""
    if (count > 1).any():
        figures = figures[np.lexsort((figures, segment))]
    first = np.cumsum(count) - count
    some = count > 0
    n = np.maximum(count, 1)

    def quantile(q: float) -> npt.NDArray[np.float32]:
        at = q * (n - 1)
        low = np.floor(at).astype(np.int64)
        high = np.minimum(low + 1, n - 1)
        base = np.where(some, first, 0)
        a, b = figures[base + np.where(some, low, 0)], figures[base + np.where(some, high, 0)]
        return np.asarray(a + (b - a) * (at - low), np.float32)

    total = np.bincount(segment, weights=figures, minlength=len(count))
    return {
        "min": quantile(0.0),
        "max": quantile(1.0),
        "mean": (total / n).astype(np.float32),
        "median": quantile(0.5),
        "q10": quantile(0.1),
        "q90": quantile(0.9),
    }


def _increase(figures: Int64s, line: Int64s, time: Int64s, segment: Int64s, segments: int) -> Int64s:
    step = np.diff(figures)
    old, new = figures[:-1], figures[1:]
    fell = step < 0
    for bits in (32, 63):  # 64-bit counters are kept as signed 64-bit numbers
        top = 1 << bits
        wrapped = fell & (old > top - top // 10) & (old < top) & (new < top // 10)
        step = np.where(wrapped, (top - 1 - old) + new + 1, step)
        fell &= ~wrapped
    step = np.where(fell, new, step)
    counted = (line[1:] == line[:-1]) & (np.diff(time) <= LONGEST_STEP_US)
    out = np.zeros(segments, np.int64)
    np.add.at(out, segment[1:][counted], step[counted])
    return out


def _starts(*keys: Int64s) -> Int64s:
    """Where a run of equal keys begins, in arrays sorted by them."""
    if not len(keys[0]):
        return np.zeros(0, np.int64)
    new = np.zeros(len(keys[0]), bool)
    new[0] = True
    for key in keys:
        new[1:] |= key[1:] != key[:-1]
    return np.flatnonzero(new)


def _last_valid(values: pa.Array, starts: Int64s) -> pa.Array:
    """The last value of each run that is not null."""
    valid = pc.is_valid(values).to_numpy(zero_copy_only=False)
    at = np.maximum.reduceat(np.where(valid, np.arange(len(valid)), -1), starts)
    return values.take(pa.array(at, mask=at < 0))


def _flat(column: pa.ChunkedArray) -> pa.Array:
    column = column.combine_chunks()
    return pa.concat_arrays(column.chunks) if isinstance(column, pa.ChunkedArray) else column
