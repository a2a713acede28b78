"""A million lines: three daily polls in the embedded store and in InfluxDB, and ninety days of daily rows."""

import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from bench.appending import Spent
from bench.influx_peer import Influx
from bench.readings import END, FIELDS, LATEST, ZONE, Readings, Size, ids_of
from bench.result import Result
from plant.batch import TIME, Batch
from plant.matrix import ALL, Scope
from storage.embedded.store import EmbeddedStore
from storage.windows import midnights, zone_named

SIZE = Size(lines=1_000_000, polls=3, step=timedelta(days=1), hourly=0)
LINES_A_CALL = 11_000  # of ninety daily rows each
INFLUX_SECONDS = 240.0  # the server is given no more polls after so long; its rate is told all the same


async def measure(folder: Path, server: str | None) -> list[Result]:
    """Figures as of bench/store.py, with `_million` behind their names."""
    store = EmbeddedStore(folder, zone=ZONE, read_only=False)
    other = Influx(server, "million") if server is not None else None
    try:
        return await _measured(store, other)
    finally:
        await store.close()
        if other is not None:
            await other.close()


async def _measured(store: EmbeddedStore, other: Influx | None) -> list[Result]:
    spent, readings = Spent(), Readings(SIZE)
    for table in readings.all():
        await spent.append(store, other if spent.writing < INFLUX_SECONDS else None, table)
    print(f"{spent.rows:,} rows, InfluxDB {spent.their_rows:,}; rolling up", file=sys.stderr, flush=True)
    report = await store.rollup()
    raw = (await store.status()).figures
    some = ids_of(SIZE)[:: SIZE.lines // 9]
    span = (END - timedelta(days=90), END + timedelta(days=1))
    series = [await _timed(lambda one=one: store.series(one, FIELDS, *span, "raw")) for one in some]  # type: ignore[misc]
    latest = [await _timed(lambda: store.latest(ALL, LATEST)) for _ in range(5)]
    for table in readings.poll(END + timedelta(minutes=5)):
        await store.append([Batch("OLT", "optics", table)])
    fresh = [await _timed(lambda: store.latest(ALL, LATEST)) for _ in range(7)]
    first = (END - timedelta(days=92)).date()
    await _daily_rows(store, first)
    wanted = Scope(tuple(ids_of(SIZE)))
    matrix = [await _timed(lambda: store.matrix(wanted, "temp_c", "median", first, _end(first))) for _ in range(3)]
    asked: dict[str, list[float]] = {"series": [], "latest": []}
    if other is not None:
        picked, newest = ", ".join(FIELDS), ", ".join(f"last({f})" for f in LATEST)
        for one in some:
            text = f"SELECT {picked} FROM reading WHERE line_id = '{one}'"
            asked["series"].append(await _timed(lambda text=text: other.ask(text)))  # type: ignore[misc]
        asked["latest"].append(await _timed(lambda: other.ask(f"SELECT {newest} FROM reading GROUP BY line_id")))
    return [
        spent.result("append_million", "InfluxDB 1.x, encoded by columns", spent.encoding),
        spent.result("append_encoded_million", "InfluxDB 1.x, points already encoded", 0.0),
        Result("rollup_million", spent.rows / report.seconds, "rows/s"),
        Result("bytes_per_row_million", raw["raw_bytes"] / raw["raw_rows"], "bytes"),
        _faster("series_million", series, asked["series"]),
        _faster("latest_million", latest, asked["latest"]),
        _faster("latest_million_poll_not_rolled_up", fresh, asked["latest"]),
        Result("matrix_million_90d", 1e3 * statistics.median(matrix), "ms"),
    ]


async def _daily_rows(store: EmbeddedStore, first: date) -> None:
    """Ninety days of daily rows of one field, as a rollup would have left them."""
    starts = midnights(first, _end(first), zone_named(ZONE))[:-1]
    ids = pa.array(ids_of(SIZE)).sort()
    chance = np.random.default_rng(11)
    for begin in range(0, SIZE.lines, LINES_A_CALL):
        lines = np.arange(begin, min(begin + LINES_A_CALL, SIZE.lines))
        rows = len(lines) * len(starts)
        level = np.round(chance.normal(45, 3, rows), 1).astype(np.float32)
        columns = {
            "line_id": ids.take(pa.array(np.repeat(lines, len(starts)))),
            "time": pa.array(np.tile(starts, len(lines))).cast(TIME),
            "temp_c_count": pa.array(np.full(rows, 24, np.int32)),
            "temp_c_median": pa.array(level),
            "temp_c_max": pa.array(level + 1),
        }
        await store.put_rollups("day", pa.table(columns))


def _end(first: date) -> date:
    return first + timedelta(days=89)


def _faster(name: str, ours: list[float], theirs: list[float]) -> Result:
    mine = statistics.median(ours)
    other = statistics.median(theirs) if theirs else None
    return Result(name, 1e3 * mine, "ms", other / mine if other else None, _named(other))


def _named(other: float | None) -> str | None:
    return None if other is None else "InfluxDB 1.x"


async def _timed(work: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began
