"""InfluxStore: readings and rollups as measurements of one InfluxDB database."""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, Literal

import pyarrow as pa
import structlog

from plant.batch import TIME, Batch
from plant.fields import fields as all_fields
from plant.matrix import Matrix, Scope
from storage.errors import StoreReadOnlyError, StoreUnavailableError
from storage.influx.client import InfluxClient
from storage.influx.line_protocol import chunks, encode, line_of, tag_of
from storage.influx.pending import Journal
from storage.influx.questions import between, by_line, of_lines, portions, quoted, table_of, typed, where
from storage.intake import take_in
from storage.keyed import by_key, instants
from storage.protocol import Level, Resolution, RollupReport, StoreStatus
from storage.reading import matrix_of, resolution_for
from storage.retention import FOR_EVER, Retention
from storage.rolling import roll
from storage.rollup import LONGEST_STEP
from storage.schema import check_fields, check_statistic, raw_schema, rollup_schema, statistics_of
from storage.windows import DAY, microseconds, midnights, zone_named

log = structlog.get_logger(__name__)

RAW, HOURLY, DAILY, ABOUT = "reading", "reading_hourly", "reading_daily", "store"
POINTS_AT_ONCE = 5_000
POLICIES = {RAW: "raw", HOURLY: "hourly", DAILY: "daily"}
SAMPLE = 20  # lines asked for how many readings they have


class InfluxStore:
    """A database with the measurements reading, reading_hourly, reading_daily; `line_id` is the only tag.

    A point is known by its line and time, so writing it again changes nothing and a field that is absent erases
    nothing.
    """

    def __init__(self, client: InfluxClient, zone: str, *, read_only: bool, retention: Retention = FOR_EVER) -> None:
        self._client, self._zone, self._read_only = client, zone_named(zone), read_only
        self._retention = retention
        self._policies: dict[str, str] = {}  # measurement → retention policy, where the database has those
        self._journal = Journal(client)
        self._writing = asyncio.Lock()
        self._rolling = asyncio.Lock()

    @classmethod
    async def open(
        cls,
        client: InfluxClient,
        zone: str,
        *,
        read_only: bool,
        retention: Retention = FOR_EVER,
        policies: bool = False,
    ) -> "InfluxStore":
        """The store in the client's database, which is created if it is missing (unless `read_only`).

        `policies`: of a database that is created here, the server lets go of what is older than `retention`. It is
        remembered in the database. ValueError where the database keeps days of another zone.
        """
        store = cls(client, zone, read_only=read_only, retention=retention)
        await client.check_version()
        if not await client.exists():
            if read_only:
                raise StoreUnavailableError(
                    f'the server has no database "{client.database}"; the writing process makes it at its first start'
                )
            await client.create()
        said = await store._said("zone")
        if said is not None and said != zone:
            raise ValueError(
                f'the database "{client.database}" keeps days of {said}, not of {zone}; '
                "set calendar: zone back, or begin a new database and import the history"
            )
        if said is None and not read_only:
            told = f'{ABOUT} zone="{zone}",by_policy={"true" if policies else "false"} 0'
            await client.write([told])
        await store._use_policies(policies)
        return store

    async def _said(self, what: str) -> Any:
        answer = await self._client.query(f"SELECT last({what}) FROM {ABOUT}")
        return answer[0]["values"][0][1] if answer else None

    async def _use_policies(self, wanted: bool) -> None:
        """Those of the database, with this retention if this process writes."""
        if not await self._said("by_policy"):
            if wanted and not self._read_only:
                log.warning("the database was begun without retention policies and keeps everything; move to a new one")
            return
        self._policies = dict(POLICIES)
        if not self._read_only and wanted:
            kept = self._retention
            for measurement, days in ((RAW, kept.raw_days), (HOURLY, kept.hourly_days), (DAILY, kept.daily_days)):
                await self._client.keep(POLICIES[measurement], days)

    async def _query(self, measurement: str, text: str) -> list[dict[str, Any]]:
        return await self._client.query(text, policy=self._policies.get(measurement))

    async def append(self, batches: Sequence[Batch]) -> None:
        """See TelemetryStore. ValueError for readings that cannot be kept, as of times before 2000."""
        self._writable()
        async with self._writing:
            rows = await asyncio.to_thread(take_in, batches)
            if rows.num_rows:
                await self._write(RAW, rows)
                await self._journal.note(rows)

    async def _write(self, measurement: str, rows: pa.Table) -> None:
        for begin in range(0, rows.num_rows, 20 * POINTS_AT_ONCE):
            part = rows.slice(begin, 20 * POINTS_AT_ONCE).combine_chunks()
            lines = await asyncio.to_thread(encode, measurement, part)
            try:
                async with asyncio.TaskGroup() as group:
                    for chunk in chunks(lines, POINTS_AT_ONCE):
                        group.create_task(self._client.write(chunk, policy=self._policies.get(measurement)))
            except* StoreUnavailableError as several:
                raise several.exceptions[0] from None

    async def latest(self, scope: Scope, fields: Sequence[str]) -> pa.Table:
        check_fields(fields)
        known = all_fields()
        found: dict[str, dict[str, tuple[Any, int]]] = {}
        for name in fields:
            answer = await self._query(RAW, f'SELECT last("{name}") FROM {RAW}{where(scope)} GROUP BY line_id')
            for line, rows in by_line(answer, scope):
                moment, value = rows[0]
                found.setdefault(line, {})[name] = (value, moment)
        ids = sorted(found)
        columns: dict[str, pa.Array] = {"line_id": pa.array(ids, pa.string())}
        for name in fields:
            pairs = [found[i].get(name, (None, None)) for i in ids]
            columns[name] = typed([v for v, _ in pairs], known[name].arrow)
            columns[f"{name}_time"] = pa.array([t for _, t in pairs], pa.int64()).cast(TIME)
        return pa.table(columns)

    async def series(
        self, line_id: str, fields: Sequence[str], start: datetime, end: datetime, resolution: Resolution = "auto"
    ) -> pa.Table:
        check_fields(n for n in fields if n != "quality")
        level = resolution_for(resolution, start, end)
        schema = raw_schema() if level == "raw" else rollup_schema()
        names = list(fields) if level == "raw" else statistics_of(n for n in fields if n != "quality")
        measurement = {"raw": RAW, "hour": HOURLY, "day": DAILY}[level]
        picked = ", ".join(f'"{n}"' for n in names)
        answer = await self._query(
            measurement,
            f"SELECT {picked} FROM {measurement} WHERE line_id = {quoted(tag_of(line_id))} "
            f"AND {between(microseconds(start), microseconds(end))}",
        )
        rows = answer[0]["values"] if answer else []
        columns: dict[str, pa.Array] = {"time": pa.array([r[0] for r in rows], pa.int64()).cast(TIME)}
        for at, name in enumerate(names, start=1):
            columns[name] = typed([r[at] for r in rows], schema.field(name).type)
        return pa.table(columns)

    async def reasons(self, start: datetime, end: datetime) -> pa.Table:
        answer = await self._query(
            RAW, f'SELECT "quality" FROM {RAW} WHERE {between(microseconds(start), microseconds(end))} GROUP BY line_id'
        )
        schema = pa.schema([raw_schema().field("quality")])
        rows = await asyncio.to_thread(table_of, answer, schema)
        last = rows.group_by(["line_id", "quality"]).aggregate([("time", "max")]).rename_columns({"time_max": "time"})
        return last.sort_by([("line_id", "ascending"), ("time", "ascending")]).combine_chunks()

    async def matrix(self, scope: Scope, field: str, statistic: str, first: date, last: date) -> Matrix:
        check_statistic(field, statistic)
        starts = midnights(first, last, self._zone)
        condition = where(scope, between(int(starts[0]), int(starts[-1])))
        answer = await self._query(DAILY, f'SELECT "{field}_{statistic}" FROM {DAILY}{condition} GROUP BY line_id')
        ids: list[str] = []
        times: list[int] = []
        values: list[Any] = []
        for line, rows in by_line(answer, scope):
            ids += [line] * len(rows)
            times += [r[0] for r in rows]
            values += [r[1] for r in rows]
        cells = pa.table(
            {
                "line_id": pa.array(ids, pa.string()),
                "time": pa.array(times, pa.int64()).cast(TIME),
                "value": typed(values, pa.string() if statistic == "last" else pa.float32()),
            }
        )
        return await asyncio.to_thread(matrix_of, cells, scope, field, statistic, first, last, self._zone)

    async def rollup(self) -> RollupReport:
        """See TelemetryStore. Appends go on meanwhile; what they touch is rolled up the next time."""
        self._writable()
        async with self._rolling:
            began = time.monotonic()
            up_to = await self._journal.newest()
            hourly = daily = 0
            while (due := await self._journal.due(up_to)).stamps:
                touched = await asyncio.to_thread(self._still_whole, due.touched)
                async with contextlib.aclosing(roll(self, touched, self._zone)) as parts:
                    async for part in parts:
                        for measurement, rows in ((HOURLY, part.hourly), (DAILY, part.daily)):
                            await self._write(measurement, rows)
                        hourly, daily = hourly + part.hourly.num_rows, daily + part.daily.num_rows
                await self._journal.done(due)
            return RollupReport(hourly, daily, time.monotonic() - began)

    def _still_whole(self, touched: pa.Table) -> pa.Table:
        """Without the hours whose readings the server may have begun to let go of: their rollups stay as they are."""
        days = self._retention.raw_days if self._policies else None
        if days is None:
            return touched
        limit = microseconds(datetime.now(UTC)) - days * DAY + DAY + LONGEST_STEP
        whole = touched.filter(pa.array(instants(touched["time"]) >= limit))
        if whole.num_rows < touched.num_rows:
            left = touched.num_rows - whole.num_rows
            log.warning("late readings left rollups as they were: other readings of their days are gone", hours=left)
        return whole

    async def readings(self, line_ids: Sequence[str], start: int) -> pa.Table:
        """All fields of these lines at and after `start`, in key order (for storage.rolling)."""
        return await self._rows(RAW, raw_schema(), list(all_fields()), line_ids, between(start, None))

    async def _rows(
        self, measurement: str, schema: pa.Schema, names: Sequence[str], line_ids: Sequence[str], times: str
    ) -> pa.Table:
        """Those of the columns `names` that the measurement has, of these lines, in key order."""
        there = await self._query(measurement, f"SHOW FIELD KEYS FROM {measurement}")
        present = {v[0] for s in there for v in s["values"]}
        columns = pa.schema([schema.field(n) for n in names if n in present])
        picked = ", ".join(f'"{n}"' for n in columns.names)
        tables = [pa.table({"line_id": pa.array([], pa.string()), "time": pa.array([], TIME)})]
        for lines in portions(line_ids if columns.names else []):
            answer = await self._query(
                measurement,
                f"SELECT {picked} FROM {measurement} WHERE {of_lines(lines)} AND {times} GROUP BY line_id",
            )
            tables.append(await asyncio.to_thread(table_of, answer, columns))
        together = pa.concat_tables(tables, promote_options="default").combine_chunks()
        return (await asyncio.to_thread(by_key, together))[0]

    async def rows(self, level: Level, line_ids: Sequence[str], start: datetime, end: datetime) -> pa.Table:
        """See MovableStore."""
        times = between(microseconds(start), microseconds(end))
        if level == "raw":
            return await self._rows(RAW, raw_schema(), ["quality", *all_fields()], line_ids, times)
        names = statistics_of(all_fields())
        return await self._rows({"hour": HOURLY, "day": DAILY}[level], rollup_schema(), names, line_ids, times)

    async def put_rollups(self, level: Literal["hour", "day"], rows: pa.Table) -> None:
        """See MovableStore."""
        self._writable()
        async with self._rolling:
            await self._write({"hour": HOURLY, "day": DAILY}[level], rows)

    async def span(self) -> tuple[datetime, datetime] | None:
        """See MovableStore."""
        ends = []
        for measurement in (RAW, HOURLY, DAILY):
            for order in ("ASC", "DESC"):
                answer = await self._query(measurement, f"SELECT * FROM {measurement} ORDER BY time {order} LIMIT 1")
                ends += [series["values"][0][0] for series in answer]
        if not ends:
            return None
        return datetime.fromtimestamp(min(ends) / 1e6, UTC), datetime.fromtimestamp(max(ends) / 1e6, UTC)

    async def last_words(self, line_ids: Sequence[str], field: str, before: int) -> dict[str, str]:
        """The last word of `field` of each line before `before` (for storage.rolling)."""
        words: dict[str, str] = {}
        for lines in portions(line_ids):
            answer = await self._query(
                RAW,
                f'SELECT last("{field}") FROM {RAW} '
                f"WHERE {of_lines(lines)} AND {between(None, before)} GROUP BY line_id",
            )
            words |= {line: str(rows[0][1]) for line, rows in by_line(answer, Scope(None))}
        return words

    async def rows_per_line(self, start: int, touched: pa.Array) -> float:
        """Readings at and after `start`, by those of a few lines (for storage.rolling)."""
        sample = touched[:: max(1, len(touched) // SAMPLE)].to_pylist()[:SAMPLE]
        answer = await self._query(
            RAW, f"SELECT count(*) FROM {RAW} WHERE {of_lines(sample)} AND {between(start, None)} GROUP BY line_id"
        )
        counts = [max((c for c in rows[0][1:] if c is not None), default=0) for _, rows in by_line(answer, Scope(None))]
        return float(max(counts, default=1))

    async def lines_seen(self) -> pa.Array:
        """Every id with a reading, `pon:` ports included, sorted."""
        answer = await self._query(RAW, f"SHOW TAG VALUES FROM {RAW} WITH KEY = line_id")
        return pa.array(sorted(line_of(v[1]) for s in answer for v in s["values"]), pa.string())

    async def status(self) -> StoreStatus:
        try:
            answer = await self._query(RAW, f"SELECT * FROM {RAW} ORDER BY time DESC LIMIT 1")
        except StoreUnavailableError as error:
            return StoreStatus("influxdb", healthy=False, detail=str(error), newest_reading=None)
        newest = datetime.fromtimestamp(answer[0]["values"][0][0] / 1e6, UTC) if answer else None
        refused = {"refused_points": float(self._client.refused)}
        return StoreStatus("influxdb", healthy=True, detail="", newest_reading=newest, figures=refused)

    async def close(self) -> None:
        await self._client.close()

    def _writable(self) -> None:
        if self._read_only:
            raise StoreReadOnlyError("the store was opened read-only")
