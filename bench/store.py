"""The embedded store beside a real InfluxDB 1.x, on the same readings in the same run.

What is compared is said by each figure's `against`. `append` is from a batch in memory to what is durable, on both
sides: for InfluxDB the encoding by columns (which is many times faster than the client library's) and the writing, two
requests at a time; `append_encoded` leaves its encoding out. Its answers are counted as given when their bytes have
arrived, while ours include all the work from files to an Arrow table or a matrix.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import numpy as np
import structlog

from bench import alternatives, influxd, million
from bench.appending import Spent
from bench.influx_peer import Influx
from bench.readings import END, FIELDS, LATEST, ZONE, Readings, Size, ids_of
from bench.result import Result
from plant.batch import Batch
from plant.matrix import ALL, Scope
from storage.embedded.store import EmbeddedStore

REPEATS = 15

FEWER = Size(lines=10_000, polls=30, step=timedelta(days=1), hourly=200)  # for what may not grow with the lines
ALONE = Size(lines=100_000, polls=4, step=timedelta(hours=1), hourly=0)
SMALL = Size(lines=10_000, polls=6, step=timedelta(hours=6), hourly=12)  # for the alternatives, which take longer
QUICK = Size(lines=20_000, polls=12, step=timedelta(hours=1), hourly=72)  # as optics are polled by default
FULL = Size(lines=100_000, polls=30, step=timedelta(days=1), hourly=200)


def measure(quick: bool) -> list[Result]:
    """`append_alone`, `append`, `append_encoded`, `rollup` (rows/s), `series_90d`, `latest_all`, `matrix_daily` (ms),
    `bytes_per_row`.

    Some of them beside a plain DuckDB file, SQLite and pandas too; in full also of a tenth of the lines, and a million.
    """
    size = QUICK if quick else FULL
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # standard output is for the figures
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lightline-bench-")))
        results = [asyncio.run(_append_alone(folder / "alone"))]
        server = None
        program = influxd.found()
        if program is None:
            _say(f"influxd is not here, so nothing is compared; {influxd.INSTALL}")
        else:
            (folder / "influx").mkdir()
            server = stack.enter_context(influxd.serving(program, folder / "influx"))
        results += asyncio.run(_measure(size, folder / "embedded", server))
        _say("DuckDB, SQLite and pandas, on the same readings")
        results += alternatives.measure(SMALL if quick else QUICK, folder / "alternatives")
        if not quick:
            _say("a tenth of the lines")
            results.append(asyncio.run(_series_of_fewer(folder / "fewer")))
            _say("a million lines × 3 days")
            results += asyncio.run(million.measure(folder / "million", server))
        return results


async def _measure(size: Size, folder: Path, server: str | None) -> list[Result]:
    store = EmbeddedStore(folder, zone=ZONE, read_only=False)
    other = Influx(server) if server is not None else None
    try:
        spent = await _append(store, other, size)
        _say(f"rolling up {spent.rows:,} rows")
        report = await store.rollup()
        figures = (await store.status()).figures
        ids = ids_of(size)
        some = _some_of(size)
        await _append_one_poll_more(store, other, size)
        _say("asking")
        series = []
        asked: dict[str, list[float]] = {"series": [], "latest": [], "matrix": []}
        since = int((END - timedelta(days=90)).timestamp() * 1e6)
        for one in some:  # in turns, as a machine is not equally busy all the time
            series.append(await _timed(lambda one=one: _series(store, one)))  # type: ignore[misc]
            if other is not None:
                text = f"SELECT {', '.join(FIELDS)} FROM reading WHERE line_id = '{one}' AND time >= {since}u"
                asked["series"].append(await _timed(lambda text=text: other.ask(text)))  # type: ignore[misc]
        latest = [await _timed(lambda: _latest(store, size)) for _ in range(5)]
        scope = Scope(tuple(ids[: size.lines // 10]))
        matrix = [await _timed(lambda: _matrix(store, scope, size)) for _ in range(5)]
        if other is not None:
            await other.write_daily(store, scope, size)
            newest = ", ".join(f"last({f})" for f in LATEST)
            daily = f"SELECT rx_dbm_median FROM reading_daily WHERE time >= {since}u GROUP BY line_id"
            for _ in range(3):
                asked["latest"].append(
                    await _timed(lambda: other.ask(f"SELECT {newest} FROM reading GROUP BY line_id"))
                )
                asked["matrix"].append(await _timed(lambda: other.ask(daily)))
    finally:
        await store.close()
        if other is not None:
            await other.close()
    named = f"{figures['raw_rows']:,.0f} rows of {len(FIELDS)} fields, {size.lines:,} lines"
    _say(named)
    return [
        spent.result("append", "InfluxDB 1.x, encoded by columns", spent.encoding),
        spent.result("append_encoded", "InfluxDB 1.x, points already encoded", 0.0),
        Result("rollup", spent.rows / report.seconds, "rows/s"),
        _faster("series_90d", series, asked["series"], "JSON not yet parsed"),
        _faster("latest_all", latest, asked["latest"], "JSON not yet parsed, one time for all fields"),
        _faster("matrix_daily", matrix, asked["matrix"], "JSON not yet parsed, from a measurement of daily rows"),
        Result("bytes_per_row", figures["raw_bytes"] / figures["raw_rows"], "bytes"),
    ]


async def _append(store: EmbeddedStore, other: "Influx | None", size: Size) -> Spent:
    """Both take each portion in turn."""
    spent, told = Spent(), time.monotonic()
    for table in Readings(size).all():
        await spent.append(store, other, table)
        if time.monotonic() - told > 10:
            told = time.monotonic()
            _say(f"{spent.rows:,} of {size.lines * size.polls + size.hourly * 90 * 24:,} rows appended")
    return spent


async def _append_alone(folder: Path) -> Result:
    """`append_alone`: no server beside it, whose work on its files goes on after its answers.

    The second of two fillings counts: in its first second a process still takes memory from the system and loads
    libraries, and one that collects runs for months.
    """
    for filling in ("first", "second"):
        store, spent = EmbeddedStore(folder / filling, zone=ZONE, read_only=False), Spent()
        try:
            for table in Readings(ALONE).all():
                await spent.append(store, None, table)
        finally:
            await store.close()
    return spent.result("append_alone", "", 0.0)


async def _series_of_fewer(folder: Path) -> Result:
    """`series_90d` where there are a tenth of the lines: a line's answer must not depend on the others."""
    store = EmbeddedStore(folder, zone=ZONE, read_only=False)
    try:
        for table in Readings(FEWER).all():
            await store.append([Batch("OLT", "optics", table)])
        await store.rollup()
        await _append_one_poll_more(store, None, FEWER)
        series = [await _timed(lambda one=one: _series(store, one)) for one in _some_of(FEWER)]  # type: ignore[misc]
    finally:
        await store.close()
    return _faster("series_90d_10k", series, [], "")


def _some_of(size: Size) -> list[str]:
    """Lines with hourly readings, some from each part of them."""
    return ids_of(size)[: size.hourly : max(1, size.hourly // REPEATS)][:REPEATS]


async def _append_one_poll_more(store: EmbeddedStore, other: "Influx | None", size: Size) -> None:
    """As between two rollups: what is asked for now lies in part in files that are fresh."""
    for table in Readings(size).poll(END + timedelta(minutes=5)):
        await store.append([Batch("OLT", "optics", table)])
        if other is not None:
            await other.write(other.encoded("reading", table))


async def _series(store: EmbeddedStore, line: str) -> None:
    table = await store.series(line, FIELDS, END - timedelta(days=90), END + timedelta(days=1), "raw")
    assert table.num_rows >= 90 * 24


async def _latest(store: EmbeddedStore, size: Size) -> None:
    assert (await store.latest(ALL, LATEST)).num_rows == size.lines


async def _matrix(store: EmbeddedStore, scope: Scope, size: Size) -> None:
    matrix = await store.matrix(scope, "rx_dbm", "median", size.first_day, END.date())
    assert np.isfinite(matrix.values).any(axis=1).all()


async def _timed(work: Callable[[], Awaitable[None]]) -> float:
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


def _faster(name: str, ours: list[float], theirs: list[float], how: str) -> Result:
    mine = statistics.median(ours)
    other = statistics.median(theirs) if theirs else None
    return Result(name, 1e3 * mine, "ms", _ratio(other, mine), _against(other, how))


def _ratio(theirs: float | None, ours: float) -> float | None:
    return None if theirs is None else theirs / ours


def _against(theirs: float | None, how: str) -> str | None:
    return None if theirs is None else f"InfluxDB 1.x, {how}"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
