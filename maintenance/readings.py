"""Readings of a table, line by line, as arrays in time order."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from maintenance.errors import InputError
from plant.batch import TIME
from plant.fields import fields


@dataclass(frozen=True)
class LineReadings:
    """One line: `seconds` (n,) UTC seconds in order, and columns of the same length.

    Gauges and counters are float64 with NaN for no reading, states are str objects with None.
    """

    seconds: npt.NDArray[np.float64]
    columns: dict[str, npt.NDArray[Any]]

    def numbers(self, column: str) -> npt.NDArray[np.float64]:
        """The readings there are, in time order."""
        values = self.columns.get(column)
        return np.empty(0) if values is None else values[~np.isnan(values)]

    def words(self, column: str) -> npt.NDArray[np.object_]:
        """The words there are; "unknown" is none."""
        values = self.columns.get(column)
        if values is None:
            return np.empty(0, dtype=object)
        there: npt.NDArray[np.bool_] = np.array([v is not None and v != "unknown" for v in values], dtype=bool)
        return np.asarray(values[there], dtype=object)

    def per_hour(self, column: str) -> float:
        """A counter's increase per hour; falls (resets, wraps) count as no increase. NaN under two readings."""
        values = self.columns.get(column)
        if values is None:
            return float("nan")
        there = ~np.isnan(values)
        seconds, values = self.seconds[there], values[there]
        if len(values) < 2 or seconds[-1] <= seconds[0]:
            return float("nan")
        return float(np.maximum(np.diff(values), 0).sum() / (seconds[-1] - seconds[0]) * 3600)

    def hours_read(self) -> int:
        """Distinct hours of the clock with a reading."""
        return len(np.unique(self.seconds // 3600))


def by_line(table: pa.Table, wanted: Sequence[str], start: datetime, end: datetime) -> dict[str, LineReadings]:
    """The table's rows in (start, end], by line ("" where the table has no line_id). Rows without any reading are left
    out. InputError on a table without times."""
    if "time" not in table.column_names:
        raise InputError("a table of readings needs the column time")
    try:
        times = table["time"].cast(TIME)
    except pa.ArrowInvalid as e:
        raise InputError(f"the column time of a table of readings is {table['time'].type}, not a time") from e
    if not getattr(table["time"].type, "tz", "UTC"):
        raise InputError("the times of a table of readings need a zone")
    inside = pc.and_(pc.greater(times, pa.scalar(start, TIME)), pc.less_equal(times, pa.scalar(end, TIME)))
    names = [name for name in wanted if name in table.column_names]
    if not names:
        return {}
    read = pc.is_valid(table[names[0]])
    for name in names[1:]:
        read = pc.or_(read, pc.is_valid(table[name]))
    mask = pc.fill_null(pc.and_(inside, read), False)
    ids = table["line_id"].cast(pa.string()) if "line_id" in table.column_names else pa.repeat("", table.num_rows)
    data = pa.table({"line_id": ids, "time": times, **{n: table[n] for n in names}}).filter(mask)
    data = data.sort_by([("line_id", "ascending"), ("time", "ascending")])
    if data.num_rows == 0:
        return {}
    lines = data["line_id"].to_numpy(zero_copy_only=False)
    seconds = data["time"].cast(pa.int64()).to_numpy() / 1e6
    columns = {name: _array(data[name], name) for name in names}
    starts = np.flatnonzero(np.concatenate([[True], lines[1:] != lines[:-1]]))
    ends = np.append(starts[1:], len(lines))
    return {
        str(lines[a]): LineReadings(seconds[a:b], {n: c[a:b] for n, c in columns.items()})
        for a, b in zip(starts, ends, strict=True)
    }


def _array(column: pa.ChunkedArray, name: str) -> npt.NDArray[Any]:
    if fields()[name].kind in ("gauge", "counter"):
        return np.asarray(column.cast(pa.float64()).fill_null(np.nan).to_numpy(), dtype=np.float64)
    return np.asarray(column.to_pylist(), dtype=object)
