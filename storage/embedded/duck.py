"""DuckDB over data files: one database in memory, a cursor a question, stopped when who asked has gone away."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import duckdb
import pyarrow as pa

from storage.embedded.files import DataFile
from storage.embedded.levels import expression, whole
from storage.embedded.table import LogTable
from storage.errors import StoreUnavailableError

T = TypeVar("T")
INTERRUPT_AGAIN_S = 0.02
FEW_LINES = 32  # up to so many are named in the statement; more are joined


class Duck:
    """Questions to the files of a store.

    The folder `spill` takes what does not fit into `memory`; no other process may use it, as DuckDB gives its files
    there the same names in every process.
    """

    def __init__(self, spill: Path, threads: int = 2, memory: str = "1GB") -> None:
        self._database = duckdb.connect(
            ":memory:", config={"threads": threads, "memory_limit": memory, "temp_directory": str(spill)}
        )
        self._database.execute("SET parquet_metadata_cache = true")  # files never change
        # DuckDB refuses a second call on a connection, and to close under a question, instead of waiting
        self._change = threading.Condition()
        self._running: set[duckdb.DuckDBPyConnection] = set()
        self._reading: set[threading.Event] = set()
        self._closed = False

    @contextlib.contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._change:
            if self._closed:
                raise StoreUnavailableError("the store has been closed")
            cursor = self._database.cursor()
            self._running.add(cursor)
        try:
            cursor.execute("SET TimeZone = 'UTC'")
            yield cursor
        except duckdb.InterruptException:
            if self._closed:
                raise StoreUnavailableError("the store has been closed") from None
            raise
        except duckdb.Error as error:
            raise StoreUnavailableError(f"the store's files cannot be read: {error}") from error
        finally:
            cursor.close()
            with self._change:
                self._running.discard(cursor)
                self._change.notify_all()

    async def ask(self, work: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        """Run `work` in a thread. A cancelled caller ends it: the statement that runs, or the next one it begins."""
        running: list[duckdb.DuckDBPyConnection] = []
        given_up = threading.Event()

        def run() -> T:
            with self.cursor() as cursor:
                running.append(cursor)
                if given_up.is_set():  # while it waited for a thread
                    raise StoreUnavailableError("the question was given up")
                return work(cursor)

        task = asyncio.ensure_future(asyncio.to_thread(run))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            given_up.set()
            while not task.done():  # an interrupt between two statements would be forgotten
                for cursor in running:
                    with contextlib.suppress(duckdb.Error):
                        cursor.interrupt()
                await asyncio.wait([task], timeout=INTERRUPT_AGAIN_S)
            with contextlib.suppress(Exception):
                task.result()
            raise

    async def read(self, work: Callable[[threading.Event], T]) -> T:
        """Run `work`, which needs no database, in a thread. Its event is set when the caller is cancelled, or at the
        closing: then it ends as soon as it can, with an error."""
        stop = threading.Event()
        with self._change:
            if self._closed:
                raise StoreUnavailableError("the store has been closed")
            self._reading.add(stop)

        def run() -> T:
            try:
                return work(stop)
            finally:
                with self._change:
                    self._reading.discard(stop)
                    self._change.notify_all()

        task = asyncio.ensure_future(asyncio.to_thread(run))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            stop.set()
            with contextlib.suppress(Exception):
                await task
            raise

    def close(self) -> None:
        """End the questions under way, then the database."""
        with self._change:
            self._closed = True
            for stop in self._reading:
                stop.set()
            for cursor in self._running:
                with contextlib.suppress(duckdb.Error):
                    cursor.interrupt()
            self._change.wait_for(lambda: not self._running and not self._reading)
            self._database.close()


def instant(us: int) -> str:
    """A time as DuckDB writes it."""
    return f"make_timestamptz({us}::BIGINT)"


def rows_of(
    cursor: duckdb.DuckDBPyConnection,
    table: LogTable,
    files: Sequence[DataFile],
    columns: Sequence[str],
    *,
    start: int | None = None,
    end: int | None = None,
    lines: Sequence[str] | None = None,
    between: tuple[str, str] | None = None,
    condition: str = "",
) -> duckdb.DuckDBPyRelation:
    """`columns` of the files' rows in [start, end) (µs) and of `lines`, in any order.

    Columns that no file has are null. `lines` None: all of them, or those from `between[0]` to `between[1]`.
    """
    stored = table.verifier.stored(files)
    there = whole(stored)
    picked = ", ".join(
        expression(n, stored) if n in there else f'CAST(NULL AS {_sql_type(table.schema.field(n).type)}) AS "{n}"'
        for n in columns
    )
    if not files:
        empty = pa.schema([table.schema.field(n) for n in columns]).empty_table()
        cursor.register("no_rows", empty)
        return cursor.sql("SELECT * FROM no_rows")
    listed = ", ".join("'" + str(table.folder / f.name).replace("'", "''") + "'" for f in files)
    conditions = [condition] if condition else []
    parameters: list[str] = []
    if start is not None:
        conditions.append(f"time >= {instant(start)}")
    if end is not None:
        conditions.append(f"time < {instant(end)}")
    if lines is not None and len(lines) > 1:
        between = min(lines), max(lines)
    if between is not None:
        conditions.append("line_id BETWEEN ? AND ?")
        parameters += between
    if lines is not None:
        if len(lines) <= FEW_LINES:
            conditions.append(f"line_id IN ({', '.join('?' * len(lines)) or 'NULL'})")
            parameters += lines
        else:
            cursor.register("wanted", pa.table({"line_id": pa.array(lines, pa.string())}))
            conditions.append("line_id IN (SELECT line_id FROM wanted)")
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return cursor.sql(
        f"SELECT {picked} FROM read_parquet([{listed}], union_by_name = true, hive_partitioning = false){where}",
        params=parameters or None,
    )


def derived(rows: duckdb.DuckDBPyRelation, sql: str) -> duckdb.DuckDBPyRelation:
    """A question to `rows`, which `sql` calls "source"."""
    answer = rows.query("source", sql)
    assert answer is not None, "a SELECT has an answer"  # noqa: S101 - for the type checker
    return answer


def _sql_type(kind: pa.DataType) -> str:
    names = {pa.float32(): "FLOAT", pa.int32(): "INTEGER", pa.int64(): "BIGINT", pa.string(): "VARCHAR"}
    return names.get(kind, "TIMESTAMP WITH TIME ZONE")
