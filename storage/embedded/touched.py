"""What rollups need of the raw table: the windows that fresh files touch, and the readings to compute them from."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from plant.fields import fields
from storage.embedded.duck import derived, rows_of
from storage.embedded.files import DataFile
from storage.embedded.keyed_table import KeyedTable
from storage.embedded.latest import newest_of
from storage.embedded.table import Snapshot
from storage.keyed import instants

ROWS_AT_ONCE = 2_000_000  # new rows whose windows are in memory at a time
UP_TO = "rolled-up"  # the mark on the daily table: the raw seq up to which windows are computed
GONE = "gone"  # the mark on a table: rows before this time (µs) may have left by their age
RAW_MARKS, HOURLY_MARKS, DAILY_MARKS = (GONE,), (GONE,), (UP_TO, GONE)
Ask = Callable[[Callable[[duckdb.DuckDBPyConnection], Any]], Awaitable[Any]]


class PendingReadings:
    """One state of the raw table, and the files in it that are not rolled up yet."""

    def __init__(self, raw: KeyedTable, state: Snapshot, pending: Sequence[DataFile], ask: Ask) -> None:
        self._raw, self._state, self._pending, self._ask = raw, state, pending, ask
        self._newest: list[pa.Table] = []

    def newest(self) -> pa.Table:
        """The newest value of each field of the lines read so far, among what was read of them, sorted by line."""
        together = pa.concat_tables(self._newest, promote_options="default").combine_chunks()
        return together.take(pc.sort_indices(together["line_id"]))

    async def ranges(self) -> list[tuple[str, str]]:
        """Consecutive ranges of lines (first, last) with about ROWS_AT_ONCE new rows each: one unless much is new."""
        if not self._pending:
            return []
        if sum(f.rows for f in self._pending) <= ROWS_AT_ONCE:
            return [(min(f.first_line for f in self._pending), max(f.last_line for f in self._pending))]

        def work(cursor: duckdb.DuckDBPyConnection) -> pa.Table:
            rows = rows_of(cursor, self._raw.log, self._pending, ["line_id"])
            counted = "SELECT line_id, count(*) AS rows FROM source GROUP BY line_id ORDER BY line_id"
            return derived(rows, counted).to_arrow_table().combine_chunks()

        lines: pa.Table = await self._ask(work)
        part = (np.cumsum(lines["rows"].to_numpy()) - 1) // ROWS_AT_ONCE
        firsts = np.flatnonzero(np.append(True, part[1:] != part[:-1]))
        lasts = np.append(firsts[1:] - 1, len(part) - 1)
        ids = lines["line_id"]
        return [(ids[int(a)].as_py(), ids[int(b)].as_py()) for a, b in zip(firsts, lasts, strict=True)]

    async def touched(self, first: str, last: str) -> pa.Table:
        """(line_id, time) of the hours with new rows of lines from `first` to `last`, each once."""

        def work(cursor: duckdb.DuckDBPyConnection) -> pa.Table:
            files = [f for f in self._pending if f.first_line <= last and f.last_line >= first]
            rows = rows_of(cursor, self._raw.log, files, ["line_id", "time"], between=(first, last))
            hour = "make_timestamptz(epoch_us(time) // 3600000000 * 3600000000) AS time"
            return derived(rows, f"SELECT DISTINCT line_id, {hour} FROM source").to_arrow_table()

        table: pa.Table = await self._ask(work)
        return table

    async def readings(self, line_ids: Sequence[str], start: int) -> pa.Table:
        """All fields of these lines at and after `start`, in key order."""
        files = self._state.holding(start, None, (min(line_ids), max(line_ids)))

        def work(cursor: duckdb.DuckDBPyConnection) -> pa.Table:
            there = self._raw.log.verifier.columns(files)
            names = [n for n in fields() if n in there]
            rows = self._raw.read(cursor, files, names, start=start, lines=line_ids)
            self._newest.append(newest_of(rows, names))
            return rows

        table: pa.Table = await self._ask(work)
        return table

    async def last_words(self, line_ids: Sequence[str], field: str, before: int) -> dict[str, str]:
        """The last word of `field` of each line before `before`."""
        files = self._state.holding(None, before, (min(line_ids), max(line_ids)))

        def work(cursor: duckdb.DuckDBPyConnection) -> dict[str, str]:
            told = f'"{field}" IS NOT NULL' if field in self._raw.log.verifier.columns(files) else "false"
            rows = rows_of(
                cursor,
                self._raw.log,
                files,
                ["line_id", "time", "seq", field],
                end=before,
                lines=line_ids,
                condition=told,
            )
            last = derived(rows, f'SELECT line_id, arg_max("{field}", (time, seq)) FROM source GROUP BY line_id')
            return dict(last.fetchall())

        words: dict[str, str] = await self._ask(work)
        return words

    async def rows_per_line(self, start: int, touched: pa.Array) -> float:
        """Rows at and after `start`, by what the files say of themselves, over the lines that are touched."""
        total = 0.0
        for file in self._state.holding(start):
            inside = (file.last - max(file.first, start) + 1) / (file.last - file.first + 1)
            total += file.rows * inside
        return total / max(len(touched), 1)


def without_settled(
    cursor: duckdb.DuckDBPyConnection, table: KeyedTable, rows: pa.Table, before: int
) -> tuple[pa.Table, int]:
    """Rollup rows without those of windows before `before` (µs) that `table` has already, and how many those are.

    Of such windows not all readings are there any more: a row computed from all of them must not give way to one
    computed from the rest.
    """
    old = instants(rows["time"]) < before
    if not old.any():
        return rows, 0
    asked = rows.filter(pa.array(old)).select(["line_id", "time"])
    lines = asked["line_id"]
    files = table.log.snapshot().holding(
        int(instants(asked["time"]).min()), before, (lines[0].as_py(), lines[-1].as_py())
    )
    there = rows_of(
        cursor, table.log, files, ["line_id", "time"], end=before, between=(lines[0].as_py(), lines[-1].as_py())
    )
    settled = derived(there, "SELECT DISTINCT line_id, time FROM source").to_arrow_table()
    known = rows.append_column("place", pa.array(np.arange(rows.num_rows))).join(
        settled, ["line_id", "time"], join_type="left semi"
    )
    stays = np.ones(rows.num_rows, np.bool_)
    stays[known["place"].to_numpy()] = False
    return rows.filter(pa.array(stays)), int(known.num_rows)
