"""The newest value of every field of every line: a table that rollups renew, and what has come since."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from plant.batch import TIME
from plant.fields import fields
from storage.embedded import files as data_files
from storage.embedded.duck import rows_of
from storage.embedded.encoding import Form
from storage.embedded.files import ROWS_PER_FILE
from storage.embedded.keyed_table import KeyedTable
from storage.embedded.table import RECENT, LogTable, Snapshot
from storage.keyed import begins_of_lines, instants

UP_TO = "raw"  # the mark: the raw table's seq up to which the table speaks for it
ROWS_AT_ONCE = 2_000_000


def latest_schema() -> pa.Schema:
    """line_id, and for every field its newest value and `field_time`."""
    columns = [(n, kind) for f in fields().values() for n, kind in ((f.name, f.arrow), (f"{f.name}_time", TIME))]
    return pa.schema([("line_id", pa.string()), *columns])


class Latest:
    """Derived from the raw table: lost, it is made again."""

    def __init__(self, folder: Path, raw: KeyedTable) -> None:
        self.log = LogTable(folder, latest_schema(), [UP_TO])
        self._raw = raw

    def read(
        self, cursor: duckdb.DuckDBPyConnection, names: Sequence[str], lines: Sequence[str] | None, condition: str = ""
    ) -> pa.Table:
        """`line_id`, and for each field `f` its newest value and `f_time`, sorted by line; lines without any: nulls."""
        kept = self.log.snapshot()
        since = self._raw.log.snapshot()
        base = self._base(cursor, kept, names, lines, condition)
        fresh = [f for f in since.files if f.seq > kept.marks[UP_TO]]
        for begin, stop in _portions([f.rows for f in fresh]):
            rows = self._raw.read(cursor, fresh[begin:stop], names, lines=lines, condition=condition)
            base = newer(base, newest_of(rows, names), names)
        return base

    def _base(
        self,
        cursor: duckdb.DuckDBPyConnection,
        kept: Snapshot,
        names: Sequence[str],
        lines: Sequence[str] | None,
        condition: str = "",
    ) -> pa.Table:
        columns = ["line_id", *(c for n in names for c in (n, f"{n}_time"))]
        between = (min(lines, default=""), max(lines, default="")) if lines is not None else None
        files = sorted(kept.holding(lines=between), key=lambda f: f.first_line)
        found = rows_of(cursor, self.log, files, columns, lines=lines, condition=condition).to_arrow_table()
        return found if lines is None else found.take(pc.sort_indices(found["line_id"]))

    def renew(self, cursor: duckdb.DuckDBPyConnection) -> int:
        """Write the table anew if there are readings it does not know; the raw seq it speaks for."""
        kept = self.log.snapshot()
        newest = self._raw.log.snapshot().newest_seq
        if newest <= kept.marks[UP_TO]:
            return kept.marks[UP_TO]
        self._replace(kept, self.read(cursor, list(fields()), None), newest)
        return newest

    def take_over(self, cursor: duckdb.DuckDBPyConnection, fresh: pa.Table, since: int, up_to: int) -> None:
        """Write the table anew with `fresh`: the newest values (as of `newest_of`) of the lines that have readings of
        a raw seq above `since` and up to `up_to`. Does nothing where the table lacks readings before those."""
        kept = self.log.snapshot()
        if since <= kept.marks[UP_TO] < up_to:
            names = list(fields())
            self._replace(kept, newer(self._base(cursor, kept, names, None), fresh, names), up_to)

    def _replace(self, kept: Snapshot, table: pa.Table, up_to: int) -> None:
        table = table.combine_chunks()
        pieces = [table.slice(at, ROWS_PER_FILE) for at in range(0, table.num_rows, ROWS_PER_FILE)]
        written = [data_files.write(self.log.folder, p, RECENT, up_to, i, Form.LASTING) for i, p in enumerate(pieces)]
        self.log.commit(written, kept.files, {UP_TO: up_to})


def newest_of(rows: pa.Table, names: Sequence[str]) -> pa.Table:
    """From readings in key order to one row a line: each field's last value and its time."""
    columns = {}
    starts = np.flatnonzero(begins_of_lines(rows["line_id"]))
    ids = rows["line_id"].take(pa.array(starts))
    for name in names:
        values, times = rows[name], rows["time"]
        valid = values.is_valid().to_numpy()
        last = np.maximum.reduceat(np.where(valid, np.arange(len(valid)), -1), starts) if len(starts) else starts
        at = pa.array(last, pa.int64(), mask=last < 0)
        columns[name], columns[f"{name}_time"] = values.take(at), times.take(at)
    return pa.table({"line_id": ids, **columns})


def newer(base: pa.Table, fresh: pa.Table, names: Sequence[str]) -> pa.Table:
    """Of each field the newer value, of two of the same moment the fresh one; sorted by line.

    `base` has all fields of `names`, `fresh` some of them.
    """
    if not fresh.num_rows:
        return base
    if base["line_id"].equals(fresh["line_id"]):  # a poll of all lines: nothing to look for
        columns = {"line_id": base["line_id"]}
        for name in names:
            columns |= (
                _newer_field(_both(base, name), _both(fresh, name), name)
                if name in fresh.column_names
                else _both(base, name)
            )
        return pa.table(columns)
    ids = pc.unique(pa.chunked_array([*base["line_id"].chunks, *fresh["line_id"].chunks], pa.string()))
    ids = ids.take(pc.sort_indices(ids))
    old, new = (pc.index_in(ids, value_set=t["line_id"].combine_chunks()) for t in (base, fresh))
    columns = {"line_id": ids}
    for name in names:
        there = _taken(base, name, old)
        columns |= _newer_field(there, _taken(fresh, name, new), name) if name in fresh.column_names else there
    return pa.table(columns)


def _both(table: pa.Table, name: str) -> dict[str, pa.ChunkedArray]:
    """A field and its time."""
    return {name: table[name], f"{name}_time": table[f"{name}_time"]}


def _taken(table: pa.Table, name: str, at: pa.Array) -> dict[str, pa.ChunkedArray]:
    return {n: column.take(at) for n, column in _both(table, name).items()}


def _newer_field(
    base: Mapping[str, pa.ChunkedArray], fresh: Mapping[str, pa.ChunkedArray], name: str
) -> dict[str, pa.ChunkedArray]:
    time = f"{name}_time"
    fresher = pa.array(_instants_or_never(fresh[time]) >= _instants_or_never(base[time]))
    return {n: pc.if_else(fresher, fresh[n], base[n]) for n in (name, time)}


def _instants_or_never(times: pa.ChunkedArray) -> np.ndarray:
    filled: np.ndarray = instants(pc.fill_null(times, pa.scalar(np.iinfo(np.int64).min + 1, pa.int64()).cast(TIME)))
    return filled


def _portions(rows: Sequence[int]) -> list[tuple[int, int]]:
    """Consecutive files in portions of about ROWS_AT_ONCE rows: (first, behind the last)."""
    cuts, total = [0], 0
    for place, count in enumerate(rows):
        if total and total + count > ROWS_AT_ONCE:
            cuts.append(place)
            total = 0
        total += count
    cuts.append(len(rows))
    return [(a, b) for a, b in pairwise(cuts) if b > a]
