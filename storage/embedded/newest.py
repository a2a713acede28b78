"""The newest value of each field of many lines, while files of readings come in one after the other.

Ids are what costs: to sort a million of them takes longer than all the rest. But every file is in the order of its
lines, and mostly holds long runs of lines that also follow each other here, as a device's lines are polled together. So
a file's lines are found run by run, comparing bytes.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from plant.batch import TIME
from storage.keyed import Ints, instants

NEVER = np.iinfo(np.int64).min + 1
STRETCH = 8192  # ids that are compared at once
RAGGED = 64  # ids a run, below which a file's lines are looked up one by one


@dataclass
class _Changing:
    """One field: `row` (lines,) says where in all of `values` the newest one is, `times` (µs, or NEVER) of when."""

    row: npt.NDArray[np.int32]
    times: Ints
    values: list[pa.ChunkedArray]


class Newest:
    """Begins with `base`: `line_id`, sorted, and for each of `names` a column and its `name_time`."""

    def __init__(self, base: pa.Table, names: Sequence[str]) -> None:
        self._base, self._names = base, names
        self._ids = one_array(base["line_id"])
        self._changing: dict[str, _Changing] = {}

    def take(self, tables: Sequence[pa.Table]) -> None:
        """Take in `tables` of the same form with some of the names, the later ones count as read later: of two values
        of one moment theirs stands."""
        found = [places(self._ids, one_array(t["line_id"])) for t in tables]
        missing = [t["line_id"].filter(pa.array(at < 0)) for t, at in zip(tables, found, strict=True) if (at < 0).any()]
        if missing:
            self._make_room(pc.unique(pa.chunked_array([c for m in missing for c in m.chunks], pa.string())))
            found = [places(self._ids, one_array(t["line_id"])) for t in tables]
        for table, at in zip(tables, found, strict=True):
            for name in self._names:
                if name in table.column_names:
                    self._take_field(name, table, at)

    def _take_field(self, name: str, table: pa.Table, at: Ints) -> None:
        times = _filled(table[f"{name}_time"])
        own = self._changing.get(name)
        if own is None:
            row, base_times = np.arange(len(self._ids), dtype=np.int32), _filled(self._base[f"{name}_time"])
            own = self._changing[name] = _Changing(row, base_times.copy(), [self._base[name]])
        newer = (times >= own.times[at]) & (times != NEVER)
        rows = np.arange(len(times), dtype=np.int32)
        if not newer.all():
            rows, at, times = rows[newer], at[newer], times[newer]
        own.row[at] = rows + np.int32(sum(len(v) for v in own.values))
        own.times[at] = times
        own.values.append(table[name])

    def _make_room(self, ids: pa.Array) -> None:
        """For lines that were not there yet."""
        together = pa.concat_tables([self.table(), pa.table({"line_id": ids})], promote_options="default")
        self._base = together.take(pc.sort_indices(together["line_id"]))
        self._ids, self._changing = one_array(self._base["line_id"]), {}

    def table(self) -> pa.Table:
        """As of `base`, with what was taken in."""
        columns: dict[str, pa.Array | pa.ChunkedArray] = {"line_id": self._ids}
        for name in self._names:
            own = self._changing.get(name)
            if own is None:
                columns[name], columns[f"{name}_time"] = self._base[name], self._base[f"{name}_time"]
                continue
            chunks = [c for column in own.values for c in column.chunks]
            columns[name] = one_array(pa.chunked_array(chunks, own.values[0].type)).take(pa.array(own.row))
            never = own.times == NEVER
            columns[f"{name}_time"] = pa.array(own.times, mask=never if never.any() else None).cast(TIME)
        return pa.table(columns)


def places(ids: pa.Array, wanted: pa.Array) -> Ints:
    """Where in `ids` each of `wanted` is (len(wanted),), -1 where it is not. Both sorted, each id once."""
    found = np.full(len(wanted), -1, np.int64)
    place = at = runs = 0
    while at < len(wanted) and place < len(ids):
        if runs > RAGGED and at < runs * RAGGED:
            looked_up = pc.index_in(wanted[at:], value_set=ids[place:])
            rest = looked_up.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
            found[at:] = np.where(rest < 0, -1, rest + place)
            break
        place = _bisect(ids, wanted[at].as_py(), place)
        run = _alike(ids, place, wanted, at)
        found[at : at + run] = np.arange(place, place + run)
        at, place, runs = at + max(run, 1), place + run, runs + 1
    return found


def _bisect(ids: pa.Array, wanted: str, low: int) -> int:
    return bisect_left(_Texts(ids), wanted, low, len(ids))


class _Texts:
    """An array of strings as `bisect` wants it."""

    def __init__(self, ids: pa.Array) -> None:
        self._ids = ids

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, place: int) -> str:
        return str(self._ids[place].as_py())


def _alike(ids: pa.Array, place: int, wanted: pa.Array, at: int) -> int:
    """How many ids from `place` on are those of `wanted` from `at` on."""
    run = 0
    while True:
        length = min(STRETCH, len(ids) - place - run, len(wanted) - at - run)
        equal = pc.equal(ids.slice(place + run, length), wanted.slice(at + run, length))
        flags = equal.to_numpy(zero_copy_only=False)
        if not flags.all():
            return run + int(np.argmin(flags))
        run += length
        if length < STRETCH:
            return run


def one_array(column: pa.ChunkedArray) -> pa.Array:
    """All of a column."""
    joined = column.combine_chunks()
    return pa.concat_arrays(joined.chunks) if isinstance(joined, pa.ChunkedArray) else joined


def _filled(times: pa.ChunkedArray) -> Ints:
    """µs (rows,), NEVER for null."""
    return instants(pc.fill_null(times, pa.scalar(NEVER, pa.int64()).cast(TIME)) if times.null_count else times)
