"""Tables keyed by (line_id, time) over a log of files: append, read with the later winning, compaction.

Files that are fresh from an append lie in the period "recent". Compaction moves their rows into runs: files in key
order, of one month (or year), and of one day while that day is recent, so that reading the last days of all lines does
not read their month. Runs of a period are merged as they grow, each time with those not much larger, so that a row is
rewritten about log(rows) times and a line's month is a handful of row groups however many lines there are.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Literal

import duckdb
import numpy as np
import pyarrow as pa

from storage.embedded import files as data_files
from storage.embedded.duck import derived, instant, rows_of
from storage.embedded.encoding import Form
from storage.embedded.files import ROWS_PER_FILE, DataFile
from storage.embedded.levels import apart
from storage.embedded.one_line import LineReader
from storage.embedded.table import RECENT, LogTable, Snapshot
from storage.keyed import Flags, by_key, last_of_each_field, last_row, repeated
from storage.windows import microseconds

Settle = Callable[[pa.Table, Flags], pa.Table]

MANY_RECENT = 16  # fresh files that make a compaction worth while
MANY_ROWS = 5_000_000
MANY_SMALL = 16  # fresh files that are gathered into one, until there is a compaction
SMALL = 40_000  # rows; larger ones are few until the next compaction, and gathering would write each row once more
MOST_RUNS = 6  # of a period, before they are merged whatever their sizes
DAYS_APART = 3  # this many days behind the newest reading have runs of their own


@dataclass(frozen=True)
class Rules:
    """`settle` says what remains of rows with one key, `period` how long an old one is.

    `fresh` and `lasting` are the forms of files; `parts` whether those that last keep levels in parts.
    """

    settle: Settle
    period: Literal["month", "year"]
    fresh: Form = Form.DERIVED
    lasting: Form = Form.DERIVED
    parts: bool = False

    def period_of(self, at: datetime) -> str:
        return f"{at:%Y-%m}" if self.period == "month" else f"{at:%Y}"


FIELDS_WIN = Rules(
    last_of_each_field, "month", Form.FRESH, Form.READINGS, parts=True
)  # raw readings: a null erases nothing
ROWS_WIN = Rules(last_row, "month")  # rollups: the row computed last is the whole truth
ROWS_WIN_BY_YEAR = Rules(last_row, "year")


class KeyedTable:
    """`schema` has line_id, time, seq and the values."""

    def __init__(self, folder: Path, schema: pa.Schema, rules: Rules, marks: Sequence[str] = ()) -> None:
        self.log = LogTable(folder, schema, marks, parts=rules.parts)
        self._rules = rules
        self._lines = LineReader(self.log)
        self._seq = 0
        self._rearranging = threading.Lock()

    def append(self, rows: pa.Table, marks: dict[str, int] | None = None) -> None:
        """Durable on return. `rows` in key order, one a key, without `seq`. OSError when the disk refuses."""
        added: list[DataFile] = []
        if rows.num_rows:
            seq = self._next_seq()
            pieces = [rows.slice(begin, ROWS_PER_FILE) for begin in range(0, rows.num_rows, ROWS_PER_FILE)]
            if len(pieces) == 1:  # a pool's threads take longer to begin than a small file to be written
                added = [self._write(rows, RECENT, seq, 0)]
            else:
                added = self._written(((RECENT, piece) for piece in pieces), seq)
        if added or marks:
            self.log.commit(added, marks=marks)

    def _next_seq(self) -> int:
        snapshot = self.log.snapshot()
        self._seq = max(self._seq, snapshot.newest_seq) + 1
        return self._seq

    def gather(self, above: int) -> int:
        """Make one fresh file of the newest small ones of seq above `above`; the number of files gathered.

        A collector that delivers every second would leave a thousand files between two compactions. Does nothing while
        a compaction runs. Files larger than twice what is newer than they are stay, so that a row is written again
        few times.
        """
        if not self._rearranging.acquire(blocking=False):
            return 0
        try:
            fresh = [f for f in self.log.snapshot().files if f.period == RECENT and f.seq > above]
            if len(fresh) < MANY_SMALL or fresh[-MANY_SMALL].rows > SMALL:
                return 0
            gathered: list[DataFile] = []
            for file in reversed(fresh):
                if file.rows > SMALL or (len(gathered) >= MANY_SMALL and file.rows > 2 * sum(f.rows for f in gathered)):
                    break
                gathered.insert(0, file)
            if len(gathered) < MANY_SMALL:
                return 0
            self.log.verifier.columns(gathered)
            tables = [data_files.read(self.log.folder, f, self.log.schema) for f in gathered]
            rows = pa.concat_tables(tables, promote_options="default").combine_chunks()
            settled = self._rules.settle(*by_key(rows, rows["seq"].to_numpy()))
            written = self._written([(RECENT, settled)], gathered[-1].seq)
            self.log.commit(written, gathered, rearranged=True)
            return len(gathered)
        finally:
            self._rearranging.release()

    def go_on_after(self, seq: int) -> None:
        """Number what is written from now on above `seq`."""
        self._seq = max(self._seq, seq)

    def read(
        self,
        cursor: duckdb.DuckDBPyConnection,
        files: Sequence[DataFile],
        columns: Sequence[str],
        *,
        start: int | None = None,
        end: int | None = None,
        lines: Sequence[str] | None = None,
        condition: str = "",
    ) -> pa.Table:
        """line_id, time and `columns` in key order, one row a key."""
        names = ["line_id", "time", *columns, "seq"]
        rows = rows_of(cursor, self.log, files, names, start=start, end=end, lines=lines, condition=condition)
        found = rows.to_arrow_table().combine_chunks()
        # Mostly rows come in the order of their arrival; where DuckDB joined the lines wanted, in any order.
        ordered, repeats = by_key(found.drop_columns(["seq"]), found["seq"].to_numpy())
        return self._rules.settle(ordered, repeats)

    def last_told(self, cursor: duckdb.DuckDBPyConnection, column: str, start: int, end: int) -> pa.Table:
        """Every value that `column` has in [start, end) (µs), by line, and the last `time` it had it; in that order.

        Of two values with one key the later stands.
        """
        files = self.log.snapshot().holding(start, end)
        rows = rows_of(
            cursor, self.log, files, ["line_id", "time", column, "seq"], start=start, end=end,
            condition=f'"{column}" IS NOT NULL',
        )  # fmt: skip
        told = f'SELECT line_id, time, arg_max("{column}", seq) AS told FROM source GROUP BY line_id, time'
        last = f'SELECT line_id, told AS "{column}", max(time) AS time FROM ({told}) GROUP BY line_id, told'
        return derived(rows, f"{last} ORDER BY line_id, time").to_arrow_table().combine_chunks()

    def read_line(self, stop: threading.Event, line: str, columns: Sequence[str], start: int, end: int) -> pa.Table:
        """As `read`, of one line in [start, end) (µs). Ends early, with an error, when `stop` is set."""
        files = self.log.snapshot().holding(start, end, (line, line))
        found = self._lines.read(stop, files, line, ["line_id", "time", *columns, "seq"], start, end)
        ordered, repeats = by_key(found.drop_columns(["seq"]), found["seq"].to_numpy())
        return self._rules.settle(ordered, repeats)

    def compact(self, cursor: duckdb.DuckDBPyConnection, now: datetime, up_to: int | None = None) -> int:
        """Move fresh files (of seq at most `up_to`) into runs, and merge runs; the number of files rewritten.

        Readers keep the files they began with; appends may go on.
        """
        with self._rearranging:
            return self._compact(cursor, now, up_to)

    def _compact(self, cursor: duckdb.DuckDBPyConnection, now: datetime, up_to: int | None) -> int:
        rewritten = 0
        snapshot = self.log.snapshot()
        newest = max((f.last for f in snapshot.files), default=0)
        edge = min(now, datetime.fromtimestamp(newest / 1e6, UTC)).replace(hour=0, minute=0, second=0, microsecond=0)
        edge -= timedelta(days=DAYS_APART)
        chosen = self._fresh(snapshot, edge, up_to)
        if chosen:
            self._rewrite(cursor, chosen, self._period_of_row(edge))
            rewritten += len(chosen)
        for _, run in _by_period(self.log.snapshot()):
            merging = _to_merge(run)
            if merging:
                self._rewrite(cursor, merging, f"'{merging[0].period}'")
                rewritten += len(merging)
        return rewritten

    def expire(self, before: int, mark: str) -> int:
        """Let go of periods that ended before `before` (µs); the number of files. Readers keep what they began with.

        A period goes as a whole: of two files with one key the newer must not go first. `mark` remembers the first
        instant (µs) that surely has all its rows still. Fresh files stay until they are compacted.
        """
        with self._rearranging:
            snapshot = self.log.snapshot()
            periods: dict[str, list[DataFile]] = {}
            for file in snapshot.files:
                if file.period != RECENT:
                    at = datetime.fromisoformat(f"{file.period}-01-01"[: len("2026-05-04")])
                    periods.setdefault(self._rules.period_of(at), []).append(file)
            over = [f for files in periods.values() if max(f.last for f in files) < before for f in files]
            if over:
                gone = max(snapshot.marks[mark], *(f.last + 1 for f in over))
                self.log.commit(remove=over, marks={mark: gone})
            return len(over)

    def _fresh(self, snapshot: Snapshot, edge: datetime, up_to: int | None) -> list[DataFile]:
        """Recent files if there are enough of them, and the runs of days that are no longer recent."""
        recent = [f for f in snapshot.files if f.period == RECENT and (up_to is None or f.seq <= up_to)]
        if len(recent) < MANY_RECENT and sum(f.rows for f in recent) < MANY_ROWS:
            recent = []
        aged = [f for f in snapshot.files if len(f.period) == len("2026-05-04") and f.period < f"{edge:%Y-%m-%d}"]
        chosen = recent + aged
        if aged:
            # What is merged takes the place of its newest part: whatever lies in between must be merged with it.
            since = min(f.seq for f in aged)
            months = {self._rules.period_of(datetime.fromisoformat(f.period)) for f in aged}
            chosen += [f for f in snapshot.files if f.period in months and f.seq > since]
        return sorted(set(chosen), key=lambda f: (f.seq, f.name))

    def _period_of_row(self, edge: datetime) -> str:
        old = "'%Y-%m'" if self._rules.period == "month" else "'%Y'"
        limit = instant(microseconds(edge))
        return f"CASE WHEN time < {limit} THEN strftime(time, {old}) ELSE strftime(time, '%Y-%m-%d') END"

    def _rewrite(self, cursor: duckdb.DuckDBPyConnection, chosen: Sequence[DataFile], period: str) -> None:
        seq = max(f.seq for f in chosen)
        there = self.log.verifier.columns(chosen)
        names = [n for n in self.log.schema.names if n in there]
        rows = rows_of(cursor, self.log, chosen, names)
        ordered = derived(rows, f"SELECT {period} AS period, * FROM source ORDER BY period, line_id, time, seq")
        written = self._written(self._pieces(ordered), seq)
        # Where the newest rows say all that the others said, a file comes out as it went in: it stays.
        same = {f.name for f in written} & {f.name for f in chosen}
        added, removed = ([f for f in files if f.name not in same] for files in (written, chosen))
        self.log.commit(added, removed, rearranged=True)

    def _written(self, pieces: Iterable[tuple[str, pa.Table]], seq: int) -> list[DataFile]:
        """Files of these tables, each of one period, stamped with `seq`. Two are written at a time."""
        pending: list[Future[DataFile]] = []
        with ThreadPoolExecutor(2) as pool:
            for part, (period, table) in enumerate(pieces):
                if part >= 2:
                    pending[part - 2].result()
                pending.append(pool.submit(self._write, table, period, seq, part))
        return [p.result() for p in pending]

    def _write(self, table: pa.Table, period: str, seq: int, part: int) -> DataFile:
        stamps = pa.repeat(pa.scalar(seq, pa.int64()), table.num_rows)
        unstamped = table.drop_columns(["seq"]) if "seq" in table.column_names else table
        stamped = unstamped.append_column("seq", stamps)
        if period == RECENT:
            return data_files.write(self.log.folder, stamped, period, seq, part, self._rules.fresh)
        lasting = apart(stamped) if self._rules.parts else stamped
        return data_files.write(self.log.folder, lasting, period, seq, part, self._rules.lasting)

    def _pieces(self, ordered: duckdb.DuckDBPyRelation) -> Iterator[tuple[str, pa.Table]]:
        """Settled tables of one period each, about ROWS_PER_FILE rows, cut between keys."""
        held: pa.Table | None = None
        for batch in ordered.to_arrow_reader(ROWS_PER_FILE // 4):
            arrived = pa.Table.from_batches([batch])
            held = arrived if held is None else pa.concat_tables([held, arrived])
            while held.num_rows:
                period = held["period"][0].as_py()
                same = int(np.searchsorted(_codes(held["period"]), 0, side="right"))
                if same < held.num_rows:
                    yield period, self._settled(held.slice(0, same))
                    held = held.slice(same)
                    continue
                if held.num_rows < 2 * ROWS_PER_FILE:
                    break
                cut = _between_keys(held, ROWS_PER_FILE)
                yield period, self._settled(held.slice(0, cut))
                held = held.slice(cut)
        if held is not None and held.num_rows:
            yield held["period"][0].as_py(), self._settled(held)

    def _settled(self, table: pa.Table) -> pa.Table:
        table = table.drop_columns(["period"]).combine_chunks()
        return self._rules.settle(table, repeated(table))


def _codes(column: pa.ChunkedArray) -> np.ndarray:
    """Ascending codes of a column whose equal values lie together."""
    codes: np.ndarray = column.combine_chunks().dictionary_encode().indices.to_numpy(zero_copy_only=False)
    return codes


def _between_keys(table: pa.Table, about: int) -> int:
    """A row near `about`, where another key begins."""
    repeats = repeated(table.select(["line_id", "time"]))
    free = np.flatnonzero(~repeats[about:])
    return about + int(free[0]) if len(free) else table.num_rows


def _by_period(snapshot: Snapshot) -> list[tuple[str, list[list[DataFile]]]]:
    """Period → its runs from the oldest to the newest; a run is the files of one seq."""
    settled = sorted((f for f in snapshot.files if f.period != RECENT), key=lambda f: (f.period, f.seq, f.name))
    return [
        (period, [list(run) for _, run in groupby(group, key=lambda f: f.seq)])
        for period, group in groupby(settled, key=lambda f: f.period)
    ]


def _to_merge(runs: list[list[DataFile]]) -> list[DataFile]:
    """The newest runs, as far back as each older one is not more than twice as large as all that follow it."""
    sizes = [sum(f.rows for f in run) for run in runs]
    total, place = sizes[-1], len(runs) - 1
    while place > 0 and (sizes[place - 1] <= 2 * total or place >= MOST_RUNS):
        place -= 1
        total += sizes[place]
    merging = runs[place:]
    return [f for run in merging for f in run] if len(merging) > 1 else []
