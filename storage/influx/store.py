"""InfluxStore: readings and rollups as measurements of one InfluxDB database."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa

from plant.batch import TIME, Batch, StoreUnavailableError
from plant.fields import fields as all_fields
from plant.matrix import Matrix, Scope
from storage.influx.client import InfluxClient
from storage.influx.line_protocol import chunks, encode
from storage.protocol import Resolution, RollupReport, StoreStatus
from storage.reading import accepted, day_limits, matrix_of, resolution_for
from storage.rollup import LOOK_BACK_DAYS, Readings, roll_up, window_starts
from storage.schema import check_statistic, column_type, statistics

RAW, HOURLY, DAILY, TOUCHED = "reading", "reading_hourly", "reading_daily", "touched"
POINTS_AT_ONCE = 5_000
DAYS_AT_ONCE = 14
FEW_LINES = 40  # up to so many are named in a query; of more, all are read and the rest left aside


class InfluxStore:
    """A database with the measurements reading, reading_hourly, reading_daily; `line_id` is the only tag.

    A point is known by its line and time, so writing it again changes nothing and a field that is absent erases
    nothing. `touched` holds a point for each day that rollups have still to be computed for; it is written before the
    readings, so that a crash costs a computation and never a window.
    """

    def __init__(self, client: InfluxClient, zone: str, *, read_only: bool) -> None:
        self._client, self._zone, self._read_only = client, zone, read_only
        self._writing = asyncio.Lock()

    @classmethod
    async def open(cls, client: InfluxClient, zone: str, *, read_only: bool) -> "InfluxStore":
        """The store in the client's database, which is created if it is missing (unless `read_only`)."""
        if not read_only:
            await client.command(f'CREATE DATABASE "{client.database}"')
        return cls(client, zone, read_only=read_only)

    async def append(self, batches: Sequence[Batch]) -> None:
        if self._read_only:
            raise StoreUnavailableError("the store was opened read-only")
        tables = [accepted(batch) for batch in batches if len(batch)]
        if not tables:
            return
        async with self._writing:
            rows = pa.concat_tables(tables, promote_options="default").combine_chunks()
            await self._touch(rows["time"])
            await self._write(RAW, rows)

    async def _write(self, measurement: str, rows: pa.Table) -> None:
        for begin in range(0, len(rows), 50 * POINTS_AT_ONCE):
            part = rows.slice(begin, 50 * POINTS_AT_ONCE).combine_chunks()
            lines = await asyncio.to_thread(encode, measurement, part)
            async with asyncio.TaskGroup() as group:
                for chunk in chunks(lines, POINTS_AT_ONCE):
                    group.create_task(self._client.write(chunk))

    async def _touch(self, times: pa.ChunkedArray) -> None:
        stamps = times.cast(pa.int64()).to_numpy()
        days = sorted(set(window_starts(stamps, "day", self._zone).tolist()))
        now = time.time_ns()
        await self._client.write([f"{TOUCHED} seq={now}i {day}" for day in days])

    async def latest(self, scope: Scope, fields: Sequence[str]) -> pa.Table:
        known = all_fields()
        found: dict[str, dict[str, tuple[Any, int]]] = {}
        for name in fields:
            for series in await self._client.query(f'SELECT last("{name}") FROM {RAW}{_where(scope)} GROUP BY line_id'):
                moment, value = series["values"][0]
                found.setdefault(series["tags"]["line_id"], {})[name] = (value, moment)
        wanted = set(scope.line_ids) if scope.line_ids is not None else None
        ids = sorted(i for i in found if (i in wanted if wanted is not None else not i.startswith("pon:")))
        columns: dict[str, pa.Array] = {"line_id": pa.array(ids, pa.string())}
        for name in fields:
            pairs = [found[i].get(name, (None, None)) for i in ids]
            columns[name] = pa.array([_typed(v, known[name].arrow) for v, _ in pairs], known[name].arrow)
            columns[f"{name}_time"] = pa.array([t for _, t in pairs], pa.int64()).cast(TIME)
        return pa.table(columns)

    async def series(
        self, line_id: str, fields: Sequence[str], start: datetime, end: datetime, resolution: Resolution = "auto"
    ) -> pa.Table:
        level = resolution_for(resolution, start, end)
        known = all_fields()
        types = (
            {f: known[f].arrow for f in fields}
            if level == "raw"
            else {f"{f}_{s}": column_type(known[f], s) for f in fields for s in statistics(known[f])}
        )
        measurement = {"raw": RAW, "hour": HOURLY, "day": DAILY}[level]
        names = ", ".join(f'"{n}"' for n in types)
        answer = await self._client.query(
            f"SELECT {names} FROM {measurement} WHERE line_id = {_quoted(line_id)} AND {_between(start, end)}"
        )
        rows = answer[0]["values"] if answer else []
        columns: dict[str, pa.Array] = {"time": pa.array([r[0] for r in rows], pa.int64()).cast(TIME)}
        for at, (name, kind) in enumerate(types.items(), start=1):
            columns[name] = pa.array([_typed(r[at], kind) for r in rows], kind)
        return pa.table(columns)

    async def matrix(self, scope: Scope, field: str, statistic: str, first: date, last: date) -> Matrix:
        check_statistic(field, statistic)
        start, end = day_limits(first, last, self._zone)
        name = f"{field}_{statistic}"
        where = _where(scope, _between(start, end))
        answer = await self._client.query(f'SELECT "{name}" FROM {DAILY}{where} GROUP BY line_id')
        wanted = set(scope.line_ids) if scope.line_ids is not None else None
        ids: list[str] = []
        times: list[int] = []
        values: list[Any] = []
        for series in answer:
            line = series["tags"]["line_id"]
            if wanted is not None and line not in wanted:
                continue
            for moment, value in series["values"]:
                ids.append(line)
                times.append(moment)
                values.append(value)
        cells = pa.table(
            {
                "line_id": pa.array(ids, pa.string()),
                "time": pa.array(times, pa.int64()).cast(TIME),
                "value": pa.array(values, pa.string() if statistic == "last" else pa.float64()),
            }
        )
        return await asyncio.to_thread(matrix_of, cells, scope, field, statistic, first, last, self._zone)

    async def rollup(self) -> RollupReport:
        if self._read_only:
            raise StoreUnavailableError("the store was opened read-only")
        async with self._writing:
            began = time.monotonic()
            hourly = daily = 0
            touched = [v[0] for s in await self._client.query(f"SELECT seq FROM {TOUCHED}") for v in s["values"]]
            for run in _runs(touched):
                rows = await self._recompute(run)
                hourly, daily = hourly + rows[0], daily + rows[1]
                for day in run:
                    await self._client.command(f"DELETE FROM {TOUCHED} WHERE time = {day}u")
            return RollupReport(hourly, daily, time.monotonic() - began)

    async def _recompute(self, days: Sequence[int]) -> tuple[int, int]:
        """The windows of these days, and of the day after: a step or change may reach into it."""
        first = datetime.fromtimestamp(days[0] / 1e6, UTC)
        last = datetime.fromtimestamp(days[-1] / 1e6, UTC) + timedelta(days=2)
        rows = await self._raw_rows(first - timedelta(days=LOOK_BACK_DAYS), last)
        counts = []
        readings = await asyncio.to_thread(Readings.of, rows)
        for level, measurement in (("hour", HOURLY), ("day", DAILY)):
            made = await asyncio.to_thread(roll_up, readings, level, self._zone, _us(first), _us(last))
            await self._write(measurement, made)
            counts.append(len(made))
        return counts[0], counts[1]

    async def _raw_rows(self, start: datetime, end: datetime) -> pa.Table:
        """Raw readings of [start, end) as a table with `seq`, read a day at a time to bound the answers."""
        names = list(all_fields())
        quoted = ", ".join(f'"{n}"' for n in names)
        tables = []
        at = start
        while at < end:
            until = min(at + timedelta(days=1), end)
            answer = await self._client.query(
                f"SELECT {quoted} FROM {RAW} WHERE {_between(at, until)} GROUP BY line_id"
            )
            tables.append(await asyncio.to_thread(_rows_of, answer, names))
            at = until
        return pa.concat_tables(tables)

    async def lines_seen(self) -> pa.Array:
        """Every id with a reading, `pon:` ports included, sorted."""
        answer = await self._client.query(f"SHOW TAG VALUES FROM {RAW} WITH KEY = line_id")
        return pa.array(sorted(v[1] for s in answer for v in s["values"]), pa.string())

    async def status(self) -> StoreStatus:
        try:
            answer = await self._client.query(f"SELECT * FROM {RAW} ORDER BY time DESC LIMIT 1")
        except StoreUnavailableError as error:
            return StoreStatus("influxdb", healthy=False, detail=str(error), newest_reading=None)
        newest = datetime.fromtimestamp(answer[0]["values"][0][0] / 1e6, UTC) if answer else None
        refused = {"refused_points": float(self._client.refused)}
        return StoreStatus("influxdb", healthy=True, detail="", newest_reading=newest, figures=refused)

    async def close(self) -> None:
        await self._client.close()


def _rows_of(answer: list[dict[str, Any]], names: Sequence[str]) -> pa.Table:
    known = all_fields()
    ids: list[str] = []
    columns: list[list[Any]] = [[] for _ in range(len(names) + 1)]
    for series in answer:
        ids += [series["tags"]["line_id"]] * len(series["values"])
        for column, values in zip(columns, map(list, zip(*series["values"], strict=True)), strict=True):
            column.extend(values)
    arrays = {
        "line_id": pa.array(ids, pa.string()),
        "time": pa.array(columns[0], pa.int64()).cast(TIME),
        "seq": pa.repeat(pa.scalar(0, pa.int64()), len(ids)),
    }
    for name, values in zip(names, columns[1:], strict=True):
        kind = known[name].arrow
        arrays[name] = (
            pa.array(values, pa.float64()).cast(kind) if pa.types.is_float32(kind) else pa.array(values, kind)
        )
    return pa.table(arrays)


def _runs(days: Iterable[int]) -> list[list[int]]:
    """Touched days in runs that follow one another, at most DAYS_AT_ONCE each."""
    runs: list[list[int]] = []
    for day in sorted(days):
        if runs and len(runs[-1]) < DAYS_AT_ONCE and day - runs[-1][-1] <= 25 * 3_600_000_000:
            runs[-1].append(day)
        else:
            runs.append([day])
    return runs


def _typed(value: Any, kind: pa.DataType) -> Any:
    """A JSON number as the column's type: whole floats come without their point."""
    return float(value) if value is not None and pa.types.is_floating(kind) else value


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", " ").replace("\r", " ") + "'"


def _between(start: datetime, end: datetime) -> str:
    return f"time >= {_us(start)}u AND time < {_us(end)}u"


def _us(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000)


def _where(scope: Scope, *conditions: str) -> str:
    named = []
    if scope.line_ids is not None and len(scope.line_ids) <= FEW_LINES:
        lines = " OR ".join(f"line_id = {_quoted(i)}" for i in scope.line_ids) or "line_id = ''"
        named = [f"({lines})"]
    found = [*named, *conditions]
    return f" WHERE {' AND '.join(found)}" if found else ""
