"""The newest value of each field of many lines, while files of readings come in one after the other.

Ids are what costs: to sort a million of them takes longer than all the rest. But every file is in the order of its
lines, and mostly holds long runs of lines that also follow each other here, as a device's lines are polled together. So
a file's lines are found run by run, comparing bytes.
"""

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from plant.batch import TIME
from storage.keyed import Ints, instants

NEVER = np.iinfo(np.int64).min + 1
STRETCH = 8192  # ids that are compared at once
RAGGED = 64  # ids a run, below which a file's lines are looked up one by one


class Newest:
    """Begins with `base`: `line_id`, sorted, and for each of `names` a column and its `name_time`."""

    def __init__(self, base: pa.Table, names: Sequence[str]) -> None:
        self._ids = one_array(base["line_id"])
        self._times = {n: filled_instants(base[f"{n}_time"]) for n in names}
        self._values = {n: [base[n]] for n in names}
        # Of the newest value, in all of _values[n]; None where that is still the base's own.
        self._row: dict[str, npt.NDArray[np.int32] | None] = dict.fromkeys(names)

    def take(self, tables: Sequence[pa.Table]) -> None:
        """Take in `tables` of the same form with some of the names, the later ones count as read later: of two values
        of one moment theirs stands."""
        found = [places(self._ids, one_array(t["line_id"])) for t in tables]
        missing = [t["line_id"].filter(pa.array(at < 0)) for t, at in zip(tables, found, strict=True) if (at < 0).any()]
        if missing:
            self._make_room(pc.unique(pa.chunked_array([c for m in missing for c in m.chunks], pa.string())))
            found = [places(self._ids, one_array(t["line_id"])) for t in tables]
        for table, at in zip(tables, found, strict=True):
            for name in self._times:
                if name in table.column_names:
                    self._take_field(name, table, at)

    def _take_field(self, name: str, table: pa.Table, at: Ints) -> None:
        times = filled_instants(table[f"{name}_time"])
        newer = (times >= self._times[name][at]) & (times != NEVER)
        rows = np.arange(len(times), dtype=np.int32)
        if not newer.all():
            rows, at, times = rows[newer], at[newer], times[newer]
        row = self._rows_of(name)
        row[at] = rows + np.int32(sum(len(v) for v in self._values[name]))
        self._times[name][at] = times
        self._values[name].append(table[name])

    def _rows_of(self, name: str) -> npt.NDArray[np.int32]:
        """To be changed; the times too from here on."""
        row = self._row[name]
        if row is None:
            self._row[name] = row = np.arange(len(self._times[name]), dtype=np.int32)
            self._times[name] = self._times[name].copy()
        return row

    def _make_room(self, ids: pa.Array) -> None:
        """For lines that were not there yet."""
        together = pa.concat_arrays([self._ids, ids])
        order = pc.sort_indices(together).to_numpy(zero_copy_only=False).astype(np.int64)
        self._ids = together.take(pa.array(order))
        for name in self._times:
            row, times = self._rows_of(name), self._times[name]
            self._row[name] = np.append(row, np.full(len(ids), -1, np.int32))[order]
            self._times[name] = np.append(times, np.full(len(ids), NEVER))[order]

    def table(self) -> pa.Table:
        """As of `base`, with what was taken in."""
        columns: dict[str, pa.Array] = {"line_id": self._ids}
        for name, times in self._times.items():
            row = self._row[name]
            if row is None:
                columns[name], columns[f"{name}_time"] = self._values[name][0], _or_null(times)
                continue
            kind = self._values[name][0].type
            chunks = [c for column in self._values[name] for c in column.chunks]
            values = one_array(pa.chunked_array([*chunks, pa.nulls(1, kind)], kind))  # -1, the last, is nothing
            columns[name] = values.take(pa.array(np.where(row < 0, len(values) - 1, row)))
            columns[f"{name}_time"] = _or_null(times)
        return pa.table(columns)


def _or_null(times: Ints) -> pa.Array:
    never = times == NEVER
    return pa.array(times, mask=never if never.any() else None).cast(TIME)


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


def filled_instants(times: pa.ChunkedArray) -> Ints:
    """µs (rows,), NEVER for null."""
    return instants(pc.fill_null(times, pa.scalar(NEVER, pa.int64()).cast(TIME)) if times.null_count else times)
