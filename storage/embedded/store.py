"""EmbeddedStore: the telemetry store in a folder."""

import asyncio
import contextlib
import shutil
import tempfile
import threading
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar
from uuid import uuid4

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import structlog

from plant.batch import Batch
from plant.matrix import Matrix, Scope
from storage.embedded.about import disk, locked, same_zone
from storage.embedded.duck import Duck
from storage.embedded.folding import folded, needed, telling_of, unfolded
from storage.embedded.keyed_table import FIELDS_WIN, ROWS_WIN, ROWS_WIN_BY_YEAR, KeyedTable
from storage.embedded.latest import Latest
from storage.embedded.matrices import daily_matrix
from storage.embedded.quarantine import Quarantine
from storage.embedded.touched import DAILY_MARKS, GONE, HOURLY_MARKS, RAW_MARKS, UP_TO, PendingReadings, without_settled
from storage.errors import StoreCorruptedError, StoreReadOnlyError, StoreUnavailableError
from storage.intake import take_in
from storage.keyed import by_key, instants
from storage.protocol import Level, Resolution, RollupReport, StoreStatus
from storage.reading import resolution_for
from storage.retention import FOR_EVER, Retention, edge
from storage.rolling import Rolled, roll
from storage.rollup import LONGEST_STEP
from storage.schema import check_fields, check_statistic, raw_schema, rollup_schema, statistics_of
from storage.windows import microseconds, zone_named

log = structlog.get_logger(__name__)
T = TypeVar("T")

GRACE_HOURS = 24  # a reader may go on with files that have left the tables for so long
GRACE_HOURS_LATEST = 1  # written whole at each rollup, and asked for in one short question
VACUUM_EVERY_S = 3600
WRITERS_MEMORY = "512MB"  # of DuckDB, beside a collector of a million lines within 2 GiB; what is larger is spilled
PORTS = "pon:"


class EmbeddedStore:
    """Raw, hourly, daily and latest tables as Delta Lake folders. One process writes (a lock), others read."""

    def __init__(
        self,
        folder: Path,
        *,
        zone: str,
        read_only: bool,
        retention: Retention = FOR_EVER,
        reason: str = "lightline",
    ) -> None:
        self.folder, self.zone, self.read_only = folder, zone_named(zone), read_only
        self._lock = None if read_only else locked(folder, reason)
        self.raw = KeyedTable(folder / "raw", raw_schema(), FIELDS_WIN, RAW_MARKS)
        self.hourly = KeyedTable(folder / "hourly", rollup_schema(), ROWS_WIN, HOURLY_MARKS)
        self.daily = KeyedTable(folder / "daily", rollup_schema(), ROWS_WIN_BY_YEAR, DAILY_MARKS)
        self.newest = Latest(folder / "latest", self.raw)
        spill = folder / "spill" if self._lock else Path(tempfile.gettempdir()) / f"lightline-{uuid4().hex}"
        shutil.rmtree(spill, ignore_errors=True)  # of a killed writer
        self._quarantine = Quarantine(folder)
        self._duck = Duck(spill) if read_only else Duck(spill, memory=WRITERS_MEMORY)
        self._appending = asyncio.Lock()
        self._rolling = asyncio.Lock()
        self._gathering: asyncio.Task[None] | None = None
        self._closed = False
        self._retention = retention
        self._rolling_to = 0  # fresh files to this seq belong to a rollup that runs or has been
        self._vacuumed = time.monotonic()
        try:
            same_zone(folder, zone, write=not read_only)
            if not read_only:
                for log_ in (self.raw.log, self.hourly.log, self.daily.log, self.newest.log):
                    log_.create()
                self._rolling_to = self.daily.log.snapshot().marks[UP_TO]
                self.raw.go_on_after(self._rolling_to)
                for table in (self.raw, self.hourly, self.daily):
                    self._quarantine.take_back(table)
        except BaseException:
            self._release()
            raise

    async def append(self, batches: Sequence[Batch]) -> None:
        """See TelemetryStore. ValueError for readings that cannot be kept, as of times before 2000."""
        self._writable()
        async with self._appending:
            await asyncio.to_thread(self._append, batches)
            if self._gathering is None or self._gathering.done():  # beside the next appends
                self._gathering = asyncio.create_task(asyncio.to_thread(self._gather))

    def _append(self, batches: Sequence[Batch]) -> None:
        rows = take_in(batches)
        with disk():
            self.raw.append(rows)

    def _gather(self) -> None:
        try:
            with disk():
                self.raw.gather(self._rolling_to)
        except StoreUnavailableError as error:  # the readings are kept; what is gathered is only read faster
            log.warning("fresh files could not be gathered", why=str(error))

    async def latest(self, scope: Scope, fields: Sequence[str]) -> pa.Table:
        check_fields(fields)

        def work(cursor: duckdb.DuckDBPyConnection) -> pa.Table:
            table = _with_a_value(self.newest.read(cursor, list(fields), scope.line_ids), fields)
            return _without_ports(table) if scope.line_ids is None else table

        return await self._ask(work)

    async def series(
        self, line_id: str, fields: Sequence[str], start: datetime, end: datetime, resolution: Resolution = "auto"
    ) -> pa.Table:
        check_fields(n for n in fields if n != "quality")
        level = resolution_for(resolution, start, end)
        table = {"raw": self.raw, "hour": self.hourly, "day": self.daily}[level]
        names = list(fields) if level == "raw" else statistics_of(n for n in fields if n != "quality")
        since, until = microseconds(start), microseconds(end)

        def work(stop: threading.Event) -> pa.Table:
            if level == "raw":
                rows = table.read_line(stop, line_id, names, since, until)
            else:
                rows = unfolded(table.read_line(stop, line_id, needed(names), since, until), names)
            return _with_a_value(rows, names).select(["time", *names])

        return await self._duck.read(work)

    async def matrix(self, scope: Scope, field: str, statistic: str, first: date, last: date) -> Matrix:
        check_statistic(field, statistic)
        return await self._duck.read(
            lambda stop: daily_matrix(stop, self.daily.log, scope, field, statistic, first, last, self.zone)
        )

    async def reasons(self, start: datetime, end: datetime) -> pa.Table:
        since, until = microseconds(start), microseconds(end)
        return await self._ask(lambda cursor: self.raw.last_told(cursor, "quality", since, until))

    async def rows(self, level: Level, line_ids: Sequence[str], start: datetime, end: datetime) -> pa.Table:
        """See MovableStore."""
        table = {"raw": self.raw, "hour": self.hourly, "day": self.daily}[level]
        since, until = microseconds(start), microseconds(end)
        lines = sorted(line_ids)

        def work(cursor: duckdb.DuckDBPyConnection) -> pa.Table:
            files = table.log.snapshot().holding(since, until, (lines[0], lines[-1]))
            there = table.log.verifier.columns(files)
            names = [n for n in table.log.schema.names if n in there and n not in ("line_id", "time", "seq")]
            if level != "raw":  # a column that was folded away everywhere is told by another
                names = [n for n in table.log.schema.names[3:] if n in there or telling_of(n) in there]
            needs = names if level == "raw" else needed(names)
            found = table.read(cursor, files, needs, start=since, end=until, lines=lines)
            return (found if level == "raw" else unfolded(found, names)).select(["line_id", "time", *names])

        return await self._ask(work)

    async def put_rollups(self, level: Literal["hour", "day"], rows: pa.Table) -> None:
        """See MovableStore."""
        self._writable()
        table = {"hour": self.hourly, "day": self.daily}[level]
        typed = pa.schema([table.log.schema.field(n) for n in rows.column_names])
        async with self._rolling:
            await asyncio.to_thread(self._put, table, rows.cast(typed))

    def _put(self, table: KeyedTable, rows: pa.Table) -> None:
        with disk():
            table.append(folded(by_key(rows)[0]))

    async def span(self) -> tuple[datetime, datetime] | None:
        """See MovableStore."""
        files = [f for t in (self.raw, self.hourly, self.daily) for f in t.log.snapshot().files]
        if not files:
            return None
        first, last = min(f.first for f in files), max(f.last for f in files)
        return datetime.fromtimestamp(first / 1e6, UTC), datetime.fromtimestamp(last / 1e6, UTC)

    async def rollup(self) -> RollupReport:
        """See TelemetryStore. Renews the latest table and tidies the files too; appends go on meanwhile."""
        self._writable()
        async with self._rolling:
            await asyncio.to_thread(self._set_aside)
            try:
                return await self._roll_up()
            except StoreCorruptedError:
                if not await asyncio.to_thread(self._set_aside):
                    raise
                return await self._roll_up()

    def _set_aside(self) -> int:
        """Damaged files leave their tables; the number of them."""
        with disk():
            count = self._quarantine.set_aside(self.raw.log, self.daily.log.snapshot().marks[UP_TO])
            count += sum(self._quarantine.set_aside(table.log) for table in (self.hourly, self.daily))
            if self.newest.log.verifier.damaged or self._quarantine.set_aside(self.newest.log):
                self.newest.log.forget()
                self.newest.log.verifier.damaged.clear()
                count += 1
            return count

    async def _roll_up(self) -> RollupReport:
        began = time.monotonic()
        hourly, daily = await self._roll_pending()
        # Of a million lines, hundreds of megabytes are left unused by now: given back before files are sorted anew.
        pa.default_memory_pool().release_unused()
        await self._ask(self._tidy)
        return RollupReport(hourly, daily, time.monotonic() - began)

    async def _roll_pending(self) -> tuple[int, int]:
        """Roll up what no rollup has seen; the numbers of hourly and daily rows."""
        raw = self.raw.log.snapshot()
        self._rolling_to = raw.newest_seq
        done = self.daily.log.snapshot().marks[UP_TO]
        pending = [f for f in raw.files if f.seq > done]
        hourly = daily = 0
        if pending:
            source = PendingReadings(self.raw, raw, pending, self._ask)
            for first, last in await source.ranges():
                parts = roll(source, await source.touched(first, last), self.zone)
                hourly, daily = await self._keep_all(parts, hourly, daily)
            await self._ask(lambda cursor: self._take_over(cursor, source.newest(), done, raw.newest_seq))
            # The mark comes last: a crash before it means that the same windows are computed once more.
            await asyncio.to_thread(self._mark, raw.newest_seq)
        return hourly, daily

    async def _keep_all(self, parts: AsyncGenerator[Rolled], hourly: int, daily: int) -> tuple[int, int]:
        """Write the parts, each while the next is computed; the numbers of hourly and daily rows, added up."""
        keeping: asyncio.Future[None] | None = None
        async with contextlib.aclosing(parts):
            try:
                async for part in parts:
                    if keeping is not None:
                        await keeping
                    keeping = asyncio.ensure_future(self._keep(part))
                    hourly, daily = hourly + part.hourly.num_rows, daily + part.daily.num_rows
            finally:
                if keeping is not None:
                    await keeping
        return hourly, daily

    def _take_over(self, cursor: duckdb.DuckDBPyConnection, newest: pa.Table, since: int, up_to: int) -> None:
        with disk():
            self.newest.take_over(cursor, newest, since, up_to)

    def _mark(self, seq: int) -> None:
        with disk():
            self.daily.append(pa.table({}), {UP_TO: seq})

    async def _keep(self, part: Rolled) -> None:
        for table, rows in ((self.hourly, part.hourly), (self.daily, part.daily)):
            await self._ask(partial(self._keep_rows, table, by_key(rows)[0]))

    def _keep_rows(self, table: KeyedTable, rows: pa.Table, cursor: duckdb.DuckDBPyConnection) -> None:
        own = table.log.snapshot().marks[GONE]
        if own:
            rows = rows.filter(pa.array(instants(rows["time"]) >= own))
        gone = self.raw.log.snapshot().marks[GONE]
        if gone:
            rows, kept = without_settled(cursor, table, rows, gone + LONGEST_STEP)
            if kept:
                log.warning(
                    "late readings left rollups as they were: the other readings of their hours and days are gone",
                    table=table.log.folder.name, windows=kept,
                )  # fmt: skip
        with disk():
            table.append(folded(rows))

    def _tidy(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Renew the latest table; compact what rollups and it have seen, as both find news by its being fresh."""
        with disk():
            seen = self.newest.renew(cursor)
        done = self.daily.log.snapshot().marks[UP_TO]
        now = datetime.now(UTC)
        for table, up_to in ((self.raw, min(seen, done)), (self.hourly, None), (self.daily, None)):
            began = time.monotonic()
            with disk():
                files = table.compact(cursor, now, up_to)
            if files:
                log.info(
                    "compacted", table=table.log.folder.name, files=files, ms=round(1e3 * (time.monotonic() - began))
                )
        self._expire(now)
        if time.monotonic() - self._vacuumed > VACUUM_EVERY_S:
            for log_table in (self.raw.log, self.hourly.log, self.daily.log):
                log_table.vacuum(GRACE_HOURS)
            self.newest.log.vacuum(GRACE_HOURS_LATEST)
            self._vacuumed = time.monotonic()

    def _expire(self, now: datetime) -> None:
        """Let go of what is older than it is to be kept. Files stay on the disk for the readers' grace."""
        newest = max((f.last for f in self.raw.log.snapshot().files), default=0)
        at = datetime.fromtimestamp(newest / 1e6, UTC)
        kept = self._retention
        for table, days in ((self.raw, kept.raw_days), (self.hourly, kept.hourly_days), (self.daily, kept.daily_days)):
            if days is not None and newest:
                with disk():
                    files = table.expire(edge(now, at, days), GONE)
                if files:
                    log.info("too old to be kept", table=table.log.folder.name, files=files, days=days)

    async def lines_seen(self) -> pa.Array:
        """Every id with a reading, `pon:` ports included, sorted."""
        table: pa.Table = await self._ask(lambda cursor: self.newest.read(cursor, [], None))
        return table["line_id"].combine_chunks()

    async def status(self) -> StoreStatus:
        try:
            return await asyncio.to_thread(self._status)
        except StoreUnavailableError as error:
            return StoreStatus("embedded", healthy=False, detail=str(error), newest_reading=None)

    def _status(self) -> StoreStatus:
        figures: dict[str, float] = {}
        damaged: dict[str, str] = {}
        newest = 0
        for name, table in (("raw", self.raw.log), ("hourly", self.hourly.log), ("daily", self.daily.log)):
            files = table.snapshot().files
            table.verifier.sizes(files)
            here = {f.name for f in files}
            damaged |= {f"{name}/{n}": why for n, why in table.verifier.damaged.items() if n in here}
            figures[f"{name}_files"] = len(files)
            figures[f"{name}_rows"] = sum(f.rows for f in files)
            figures[f"{name}_bytes"] = sum(f.size for f in files)
            if name == "raw":
                newest = max((f.last for f in files), default=0)
        figures["bytes"] = sum(figures[f"{n}_bytes"] for n in ("raw", "hourly", "daily"))
        detail = "; ".join(f"{self.folder / n} is damaged: {why}" for n, why in damaged.items())
        aside = self._quarantine.held(("raw", "hourly", "daily"))
        figures["set_aside_rows"] = sum(f.rows for _, f in aside)
        lost = [
            f"{table}/{f.name} was damaged and set aside ({f.rows} rows of the lines {f.first_line} to {f.last_line}): "
            f"put it back from a backup into {self._quarantine.folder}, or delete its note there"
            for table, f in aside
        ]
        detail = "; ".join([*([detail] if detail else []), *lost])
        at = datetime.fromtimestamp(newest / 1e6, UTC) if newest else None
        return StoreStatus(
            "embedded", healthy=not (damaged or aside), detail=detail, newest_reading=at, figures=figures
        )

    async def close(self) -> None:
        self._closed = True
        async with self._rolling, self._appending:
            if self._gathering is not None:
                await self._gathering
            self._duck.close()
            self._release()

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()

    def _writable(self) -> None:
        if self.read_only:
            raise StoreReadOnlyError(f"the store in {self.folder} was opened read-only")
        if self._closed:
            raise StoreUnavailableError(f"the store in {self.folder} has been closed")

    async def _ask(self, work: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        if self._closed:
            raise StoreUnavailableError(f"the store in {self.folder} has been closed")
        return await self._duck.ask(work)


def _without_ports(rows: pa.Table) -> pa.Table:
    """Of rows sorted by line, those of lines."""
    ports = pc.starts_with(rows["line_id"], PORTS)
    return rows.filter(pc.invert(ports)) if pc.any(ports).as_py() else rows


def _with_a_value(rows: pa.Table, names: Sequence[str]) -> pa.Table:
    """Without the rows in which all of `names` are null."""
    if not names:
        return rows
    told = rows[names[0]].is_valid()
    for name in names[1:]:
        told = pc.or_(told, rows[name].is_valid())
    return rows.filter(told)
