"""EmbeddedStore: the telemetry store in a folder."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import structlog

from plant.batch import Batch, StoreUnavailableError
from plant.fields import fields as all_fields
from plant.matrix import Matrix, Scope
from storage.embedded.latest import Latest
from storage.embedded.lock import WriterLock
from storage.embedded.rolling import Rolling
from storage.embedded.tables import Log, query
from storage.protocol import Resolution, RollupReport, StoreStatus
from storage.reading import accepted, day_limits, matrix_of, resolution_for
from storage.schema import check_statistic, raw_schema, rollup_schema, statistics

log = structlog.get_logger(__name__)

COMPACT_FILES = 48  # files of a month that make it worth writing them anew as one
VACUUM_HOURS = 24  # a reader may hold on to old files this long


class EmbeddedStore:
    """Raw, hourly and daily tables as Delta Lake folders. One process writes (a lock), others open it read-only."""

    def __init__(self, folder: Path, *, zone: str, read_only: bool) -> None:
        self.folder, self.zone, self.read_only = folder, zone, read_only
        if not read_only:
            folder.mkdir(parents=True, exist_ok=True)
        self._lock = None if read_only else WriterLock(folder / "writer.lock")
        self.raw = Log(folder / "raw", raw_schema(), create=not read_only)
        self.hourly = Log(folder / "hourly", rollup_schema(), create=not read_only)
        self.daily = Log(folder / "daily", rollup_schema(), create=not read_only)
        self._latest = Latest(self.raw)
        self._rolling = Rolling(folder / "rolled-up.json", self.raw, {"hour": self.hourly, "day": self.daily}, zone)
        self._writing = asyncio.Lock()
        self._seq = 0

    async def append(self, batches: Sequence[Batch]) -> None:
        """See TelemetryStore. Raises ValueError for readings that cannot be kept, as times before 2000."""
        if self.read_only:
            raise StoreUnavailableError(f"the store in {self.folder} was opened read-only")
        tables = [accepted(batch) for batch in batches if len(batch)]
        if not tables:
            return
        async with self._writing:
            self._seq = max(self._seq + 1, time.time_ns())
            rows = widened(pa.concat_tables(tables, promote_options="default"), self._seq)
            await asyncio.to_thread(self.raw.append, rows)

    async def latest(self, scope: Scope, fields: Sequence[str]) -> pa.Table:
        table: pa.Table = await asyncio.to_thread(self._latest.table)
        names = ["line_id", *(n for f in fields for n in (f, f"{f}_time"))]
        chosen = table.select(names)
        if scope.line_ids is None:
            keep = pc.invert(pc.starts_with(chosen["line_id"], "pon:"))
        else:
            keep = pc.is_in(chosen["line_id"], pa.array(scope.line_ids, pa.string()))
        told = pa.repeat(pa.scalar(False), len(chosen))
        for f in fields:
            told = pc.or_(told, pc.is_valid(chosen[f]))
        return chosen.filter(pc.and_(keep, told))

    async def series(
        self, line_id: str, fields: Sequence[str], start: datetime, end: datetime, resolution: Resolution = "auto"
    ) -> pa.Table:
        level = resolution_for(resolution, start, end)
        return await asyncio.to_thread(self._series, line_id, list(fields), start, end, level)

    def _series(self, line_id: str, fields: list[str], start: datetime, end: datetime, level: str) -> pa.Table:
        source = {"raw": self.raw, "hour": self.hourly, "day": self.daily}[level]
        known = all_fields()
        names = fields if level == "raw" else [f"{f}_{s}" for f in fields for s in statistics(known[f])]
        picked = ", ".join(f'arg_max("{n}", seq) FILTER ("{n}" IS NOT NULL) AS "{n}"' for n in names)
        return query(
            f"SELECT time, {picked} FROM rows WHERE line_id = $line AND time >= $start AND time < $end "
            "GROUP BY time ORDER BY time",
            source.files(start.astimezone(UTC), end.astimezone(UTC)),
            source.schema,
            parameters={"line": line_id, "start": start, "end": end},
        )

    async def matrix(self, scope: Scope, field: str, statistic: str, first: date, last: date) -> Matrix:
        check_statistic(field, statistic)
        return await asyncio.to_thread(self._matrix, scope, field, statistic, first, last)

    def _matrix(self, scope: Scope, field: str, statistic: str, first: date, last: date) -> Matrix:
        start, end = day_limits(first, last, self.zone)
        name = f"{field}_{statistic}"
        only = "AND line_id IN (SELECT line_id FROM wanted)" if scope.line_ids is not None else ""
        cells = query(
            f'SELECT line_id, time, arg_max("{name}", seq) AS value FROM rows '
            f'WHERE time >= $start AND time < $end AND "{name}" IS NOT NULL {only} GROUP BY line_id, time',
            self.daily.files(start, end),
            self.daily.schema,
            wanted=pa.table({"line_id": pa.array(scope.line_ids or (), pa.string())}),
            parameters={"start": start, "end": end},
        )
        return matrix_of(cells, scope, field, statistic, first, last, self.zone)

    async def rollup(self) -> RollupReport:
        if self.read_only:
            raise StoreUnavailableError(f"the store in {self.folder} was opened read-only")
        async with self._writing:
            began = time.monotonic()
            hourly, daily = await asyncio.to_thread(self._rolling.run)
            await asyncio.to_thread(self._compact)
            return RollupReport(hourly, daily, time.monotonic() - began)

    def _compact(self) -> None:
        """Write a month of many small files anew, sorted by line and time, without repetitions."""
        for table, keys in ((self.raw, raw_schema()), (self.hourly, rollup_schema()), (self.daily, rollup_schema())):
            for month, count in table.months().items():
                if count < COMPACT_FILES:
                    continue
                names = [n for n in keys.names if n not in ("line_id", "time", "seq")]
                picked = ", ".join(f'arg_max("{n}", seq) FILTER ("{n}" IS NOT NULL) AS "{n}"' for n in names)
                moment = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
                files = table.files(moment, moment)
                rows = query(
                    f"SELECT line_id, time, max(seq) AS seq, {picked} FROM rows "
                    "GROUP BY line_id, time ORDER BY line_id, time",
                    files,
                    table.schema,
                )
                table.replace(month, rows.select(keys.names).cast(keys))
                log.info("compacted", table=table.folder.name, month=month, files=len(files), rows=len(rows))
            table.vacuum(VACUUM_HOURS)

    async def lines_seen(self) -> pa.Array:
        """Every id with a reading, `pon:` ports included, sorted."""
        table: pa.Table = await asyncio.to_thread(self._latest.table)
        return table["line_id"].combine_chunks()

    async def status(self) -> StoreStatus:
        try:
            newest = await asyncio.to_thread(self._latest.newest)
            count = len(await asyncio.to_thread(self.raw.files))
        except StoreUnavailableError as error:
            return StoreStatus("embedded", healthy=False, detail=str(error), newest_reading=None)
        size = await asyncio.to_thread(lambda: sum(f.stat().st_size for f in self.folder.rglob("*.parquet")))
        figures = {"bytes": float(size), "raw_files": float(count)}
        return StoreStatus("embedded", healthy=True, detail="", newest_reading=newest, figures=figures)

    async def close(self) -> None:
        if self._lock is not None:
            self._lock.release()


def widened(rows: pa.Table, seq: int) -> pa.Table:
    """Rows with every column of the raw table, stamped with `seq`."""
    columns = []
    for field in raw_schema():
        if field.name == "seq":
            columns.append(pa.repeat(pa.scalar(seq, pa.int64()), len(rows)))
        elif field.name in rows.column_names:
            columns.append(rows[field.name])
        else:
            columns.append(pa.nulls(len(rows), field.type))
    return pa.table(columns, schema=raw_schema())
