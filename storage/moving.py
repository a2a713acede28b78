"""Moving history from one store to another: block by block, read back and compared, going on where it was cut off.

A block is some lines over some days. Its readings are appended where the other store has them not, or not alike; then
they are read from there and compared by count and checksum of each line's day. What is done is written down after each
block. The other store computes rollups itself; where the first has rollup rows of readings it no longer keeps, those
rows are handed over as they are.
"""

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from plant.batch import Batch
from plant.fields import fields
from storage.checksums import daily_sums, row_sums
from storage.errors import StoreUnavailableError
from storage.keyed import Ints, instants
from storage.protocol import MovableStore
from storage.schema import raw_schema

LINES_A_BLOCK = 1_000
ROWS_A_BLOCK = 1_000_000
SAMPLE = 20  # lines by which the days of a block are chosen
MOST_DAYS = 31
LEVELS: tuple[Literal["hour", "day"], ...] = ("hour", "day")
Progress = Callable[[int], None]


class MoveError(RuntimeError):
    """What was written is not what is read back; the message names the line and the day."""


@dataclass(frozen=True)
class Plan:
    """What is moved: ranges of lines (first, last), and [start, end) in slices of `days`."""

    source: str
    target: str
    ranges: tuple[tuple[str, str], ...]
    start: int  # seconds since 1970
    end: int
    days: int

    def blocks(self) -> Iterator[tuple[str, tuple[str, str], datetime, datetime]]:
        """Name, lines, start and end of each block."""
        for number, lines in enumerate(self.ranges):
            start = self.start
            while start < self.end:
                end = min(start + self.days * 86_400, self.end)
                yield f"{number}:{start}", lines, datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC)
                start = end

    def __len__(self) -> int:
        return len(self.ranges) * -(-(self.end - self.start) // (self.days * 86_400))


@dataclass(frozen=True)
class MoveReport:
    """What is now in the other store and was compared there; `appended` rows it had not. `checksum` of all readings."""

    lines: int
    days: int
    rows: int
    appended: int
    rollup_rows: int
    checksum: str


async def move(
    source: MovableStore, target: MovableStore, notes: "Notes", progress: Progress = lambda _: None
) -> MoveReport:
    """Move all that `source` keeps; `progress` is told blocks as they are done, of len(plan) twice.

    Raises MoveError, and StoreUnavailableError of either store; the same call goes on.
    """
    plan = notes.plan or notes.begin(await _plan(source, notes.source, notes.target))
    everyone = np.array((await source.lines_seen()).to_pylist(), dtype=object)
    for name, lines, start, end in plan.blocks():
        if f"raw:{name}" not in notes.done:
            chosen = _between(everyone, lines)
            notes.write(f"raw:{name}", await _move_readings(source, target, chosen, start, end))
        progress(1)
    if "rolled up" not in notes.done:
        await target.rollup()
        notes.write("rolled up", {})
    for name, lines, start, end in plan.blocks():
        if f"rollups:{name}" not in notes.done:
            chosen = _between(everyone, lines)
            put = 0
            for level in LEVELS:
                put += await _move_rollups(source, target, level, chosen, start, end)
            notes.write(f"rollups:{name}", {"rollup_rows": put})
        progress(1)
    return notes.report(len(everyone))


async def _plan(source: MovableStore, from_url: str, to_url: str) -> Plan:
    ids: list[str] = (await source.lines_seen()).to_pylist()
    cuts = range(0, len(ids), LINES_A_BLOCK)
    ranges = tuple((ids[a], ids[min(a + LINES_A_BLOCK, len(ids)) - 1]) for a in cuts)
    span = await source.span()
    if span is None or not ids:
        return Plan(from_url, to_url, (), 0, 0, 1)
    first = datetime(span[0].year, span[0].month, span[0].day, tzinfo=UTC) - timedelta(days=1)
    last = span[1] + timedelta(days=1)
    some = ids[:: max(1, len(ids) // SAMPLE)][:SAMPLE]
    sample = await source.rows("raw", some, last - timedelta(days=MOST_DAYS), last)
    a_day = max(sample.num_rows / MOST_DAYS / len(some), 1.0)
    days = min(max(int(ROWS_A_BLOCK / (a_day * LINES_A_BLOCK)), 1), MOST_DAYS)
    return Plan(from_url, to_url, ranges, int(first.timestamp()), int(last.timestamp()), days)


def _between(everyone: np.ndarray, lines: tuple[str, str]) -> list[str]:
    begin, stop = np.searchsorted(everyone, lines[0]), np.searchsorted(everyone, lines[1], side="right")
    chosen: list[str] = everyone[begin:stop].tolist()
    return chosen


async def _move_readings(
    source: MovableStore, target: MovableStore, lines: Sequence[str], start: datetime, end: datetime
) -> dict[str, int]:
    rows = await source.rows("raw", lines, start, end)
    if not rows.num_rows:
        return {"rows": 0, "days": 0, "sum": 0, "appended": 0}
    there = await target.rows("raw", lines, start, end)
    missing = await asyncio.to_thread(_lacking, rows, there, lines)
    if missing.num_rows:
        await target.append([_batch(missing)])
        there = await target.rows("raw", lines, start, end)
    sums = await asyncio.to_thread(_compared, rows, there, lines)
    return {
        "rows": rows.num_rows, "days": sums.num_rows, "appended": missing.num_rows,
        "sum": int(np.add.reduce(sums["sum"].to_numpy())),
    }  # fmt: skip


async def _move_rollups(
    source: MovableStore, target: MovableStore, level: Literal["hour", "day"], lines: Sequence[str],
    start: datetime, end: datetime,
) -> int:  # fmt: skip
    """Hand over the rows that tell of more readings than the other store's, as of readings that are gone."""
    rows = await source.rows(level, lines, start, end)
    if not rows.num_rows:
        return 0
    more = await _telling_more(target, level, rows, lines, start, end)
    if not len(more):
        return 0
    await target.put_rollups(level, rows.take(pa.array(more)))
    handed = len(more)
    more = await _telling_more(target, level, rows, lines, start, end)
    if not len(more):
        return handed
    first = rows.slice(int(more[0]), 1).to_pylist()[0]
    raise MoveError(
        f"the {level} {first['time']} of {first['line_id']} was handed over and is not there; move again, "
        "and look at the other store's log if it stays so"
    )


async def _telling_more(
    target: MovableStore, level: Literal["hour", "day"], rows: pa.Table, lines: Sequence[str],
    start: datetime, end: datetime,
) -> Ints:  # fmt: skip
    """Places of the rows that tell of more readings than the target's."""
    there = await target.rows(level, lines, start, end)
    at, known = _places(rows, there, lines)
    theirs = np.zeros(rows.num_rows, np.int64)
    theirs[known] = _readings_told(there)[at[known]]
    return np.flatnonzero(_readings_told(rows) > theirs)


def _lacking(rows: pa.Table, there: pa.Table, lines: Sequence[str]) -> pa.Table:
    """The rows that `there` has not, or not alike."""
    mine = _same_columns(rows)
    return rows.filter(pa.array(row_sums(mine) != row_sums(_counterparts(mine, there, lines))))


def _compared(rows: pa.Table, there: pa.Table, lines: Sequence[str]) -> pa.Table:
    """daily_sums of `rows`; MoveError where those of their counterparts differ."""
    mine = _same_columns(rows)
    sums = daily_sums(mine)
    other = daily_sums(_counterparts(mine, there, lines))
    if not sums.equals(other):
        wrong = int(np.flatnonzero(sums["sum"].to_numpy() != other["sum"].to_numpy())[0])
        told = sums.slice(wrong, 1).to_pylist()[0]
        day = datetime.fromtimestamp(told["day"] * 86_400, UTC)
        raise MoveError(
            f"of {told['line_id']} on {day:%Y-%m-%d} (UTC) the other store does not give back the {told['rows']} "
            "readings it was given; move again, and look at the other store's log if it stays so"
        )
    return sums


def _counterparts(rows: pa.Table, there: pa.Table, lines: Sequence[str]) -> pa.Table:
    """A row of `there` for each of `rows` (nulls where it has none), with values only where that row has them."""
    at, known = _places(rows, there, lines)
    taking = pa.array(at, mask=~known)
    columns = {"line_id": rows["line_id"], "time": rows["time"]}
    for name in rows.column_names[2:]:
        has = name in there.column_names
        kind = rows[name].type
        values = there[name].take(taking).cast(kind) if has else pa.nulls(rows.num_rows, kind)
        columns[name] = pc.if_else(rows[name].is_valid(), values, pa.scalar(None, kind))
    return pa.table(columns)


def _places(rows: pa.Table, there: pa.Table, lines: Sequence[str]) -> tuple[Ints, np.ndarray]:
    """Where in `there` each row's key is (rows,), and whether it is; both tables in key order."""
    base = min((int(instants(t["time"]).min()) for t in (rows, there) if t.num_rows), default=0)
    mine, theirs = (_keys(t, lines, base) for t in (rows, there))
    at = np.searchsorted(theirs, mine)
    inside = np.minimum(at, max(len(theirs) - 1, 0))
    known = theirs[inside] == mine if len(theirs) else np.zeros(len(mine), np.bool_)
    return inside.astype(np.int64), known


def _keys(table: pa.Table, lines: Sequence[str], base: int) -> Ints:
    """Line and time as one ascending number; times of a block span less than 2^43 µs."""
    line = pc.index_in(table["line_id"], value_set=pa.array(sorted(lines), pa.string()))
    keys: Ints = line.to_numpy().astype(np.int64) * 2**43 + (instants(table["time"]) - base)
    return keys


def _readings_told(rollups: pa.Table) -> Ints:
    """How many readings each row tells of (rows,)."""
    told = np.zeros(rollups.num_rows, np.int64)
    for name in rollups.column_names:
        if name.endswith("_count"):
            told += pc.fill_null(rollups[name], 0).to_numpy().astype(np.int64)
    return told


def _same_columns(rows: pa.Table) -> pa.Table:
    return rows.select(["line_id", "time", *[n for n in rows.column_names if n in (*fields(), "quality")]])


def _batch(rows: pa.Table) -> Batch:
    names = [n for n in rows.column_names if n in (*fields(), "quality")]
    table = rows.select(["line_id", "time", *names])
    if "quality" not in names:
        table = table.append_column("quality", pa.nulls(rows.num_rows, pa.string()))
    kinds = raw_schema()
    return Batch("move", "history", table.cast(pa.schema([kinds.field(n) for n in table.column_names])))


class Notes:
    """What is planned and done, in a file of JSON lines; one that was cut off in the middle of a line is read."""

    def __init__(self, path: Path, source: str, target: str) -> None:
        """Notes of a move that ended are put aside: the next one looks at everything again."""
        self.path, self.source, self.target = path, source, target
        self.plan: Plan | None = None
        self.done: dict[str, dict[str, int]] = {}
        for told in self._read():
            if "plan" in told:
                ranges = tuple((a, b) for a, b in told["plan"].pop("ranges"))
                self.plan, self.done = Plan(ranges=ranges, **told["plan"]), {}
            elif "block" in told:
                self.done[told["block"]] = told["figures"]
            elif "end" in told:
                self.plan, self.done = None, {}

    def _read(self) -> Iterator[dict[str, Any]]:
        if not self.path.exists():
            return
        content = self.path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            os.truncate(self.path, len(whole))
        try:
            for line in whole.splitlines():
                yield orjson.loads(line)
        except orjson.JSONDecodeError:
            raise StoreUnavailableError(f"{self.path} is damaged; delete it: all is then compared again") from None

    def begin(self, plan: Plan) -> Plan:
        self.plan = plan
        self._add({"plan": asdict(plan)})
        return plan

    def write(self, block: str, figures: dict[str, int]) -> None:
        self.done[block] = figures
        self._add({"block": block, "figures": figures})

    def report(self, lines: int) -> MoveReport:
        """Sums over all blocks; the move has ended."""
        self._add({"end": True})
        total = {n: sum(f.get(n, 0) for f in self.done.values()) for n in ("days", "rows", "appended", "rollup_rows")}
        checksum = sum(f.get("sum", 0) for f in self.done.values()) % 2**64
        return MoveReport(lines=lines, checksum=f"{checksum:016x}", **total)

    def _add(self, told: dict[str, Any]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            file.write(orjson.dumps(told) + b"\n")
            file.flush()
            os.fsync(file.fileno())
