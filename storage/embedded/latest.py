"""The newest value of every field of every line: a table that rollups renew, and what has come since."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
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
from storage.embedded.files import ROWS_PER_FILE, DataFile
from storage.embedded.keyed_table import KeyedTable
from storage.embedded.newest import Newest
from storage.embedded.table import RECENT, LogTable, Snapshot
from storage.keyed import begins_of_lines

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

    def read(self, cursor: duckdb.DuckDBPyConnection, names: Sequence[str], lines: Sequence[str] | None) -> pa.Table:
        """`line_id`, and for each field `f` its newest value and `f_time`, sorted by line; lines without any: nulls."""
        kept = self.log.snapshot()
        since = self._raw.log.snapshot()
        base = self._base(cursor, kept, names, lines)
        fresh = [f for f in since.files if f.seq > kept.marks[UP_TO]]
        if not fresh:
            return base
        newest = Newest(base, names)
        if lines is None:
            for portion in _portions(fresh):
                newest.take(self._newest_in(portion, names))
        else:
            newest.take([newest_of(self._raw.read(cursor, fresh, names, lines=lines), names)])
        return newest.table()

    def _newest_in(self, fresh: Sequence[DataFile], names: Sequence[str]) -> list[pa.Table]:
        """What each file has newest, as of `newest_of`; two are decoded at a time."""
        self._raw.log.verifier.columns(fresh)

        def one(file: DataFile) -> pa.Table:
            rows = data_files.read(self._raw.log.folder, file, self._raw.log.schema, ["line_id", "time", *names])
            return newest_of(rows, [n for n in names if n in rows.column_names])

        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(one, fresh))

    def _base(
        self, cursor: duckdb.DuckDBPyConnection, kept: Snapshot, names: Sequence[str], lines: Sequence[str] | None
    ) -> pa.Table:
        columns = ["line_id", *(c for n in names for c in (n, f"{n}_time"))]
        between = (min(lines, default=""), max(lines, default="")) if lines is not None else None
        files = sorted(kept.holding(lines=between), key=lambda f: f.first_line)
        found = rows_of(cursor, self.log, files, columns, lines=lines).to_arrow_table()
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
            newest = Newest(self._base(cursor, kept, list(fields()), None), list(fields()))
            newest.take([fresh])
            self._replace(kept, newest.table(), up_to)

    def _replace(self, kept: Snapshot, table: pa.Table, up_to: int) -> None:
        table = table.combine_chunks()
        pieces = [table.slice(at, ROWS_PER_FILE) for at in range(0, table.num_rows, ROWS_PER_FILE)]
        written = [data_files.write(self.log.folder, p, RECENT, up_to, i, Form.DERIVED) for i, p in enumerate(pieces)]
        self.log.commit(written, kept.files, {UP_TO: up_to})


def newest_of(rows: pa.Table, names: Sequence[str]) -> pa.Table:
    """From readings in key order to one row a line: each field's last value and its time."""
    columns = {}
    begins = begins_of_lines(rows["line_id"])
    if begins.all():  # one row a line, as of a poll
        for name in names:
            columns[name], columns[f"{name}_time"] = rows[name], _where_told(rows["time"], rows[name])
        return pa.table({"line_id": rows["line_id"], **columns})
    starts = np.flatnonzero(begins)
    ids = rows["line_id"].take(pa.array(starts))
    for name in names:
        values, times = rows[name], rows["time"]
        valid = values.is_valid().to_numpy()
        last = np.maximum.reduceat(np.where(valid, np.arange(len(valid)), -1), starts) if len(starts) else starts
        at = pa.array(last, pa.int64(), mask=last < 0)
        columns[name], columns[f"{name}_time"] = values.take(at), times.take(at)
    return pa.table({"line_id": ids, **columns})


def _where_told(times: pa.ChunkedArray, values: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.if_else(values.is_valid(), times, pa.scalar(None, TIME)) if values.null_count else times


def _portions(files: Sequence[DataFile]) -> Iterator[list[DataFile]]:
    """Consecutive files in portions of about ROWS_AT_ONCE rows."""
    held: list[DataFile] = []
    for file in files:
        if held and sum(f.rows for f in held) + file.rows > ROWS_AT_ONCE:
            yield held
            held = []
        held.append(file)
    if held:
        yield held
