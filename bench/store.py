"""The embedded store beside a real InfluxDB 1.x, on the same readings in the same run.

What is compared is said by each figure's `against`. The comparison leans to InfluxDB's side: its points are encoded
before the clock starts and its answers are counted as given when their bytes have arrived, while ours include all the
work from a batch to files on disk, and from files to an Arrow table or a matrix.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import structlog

from bench import influxd
from bench.result import Result
from plant.batch import TIME, Batch
from plant.matrix import ALL, Scope
from storage.embedded.store import EmbeddedStore
from storage.influx.line_protocol import encode
from storage.windows import midnights, zone_named

END = datetime(2026, 6, 1, tzinfo=UTC)
ZONE = "Asia/Shanghai"
GAUGES = {
    "rx_dbm": -21.0, "tx_dbm": 2.2, "olt_rx_dbm": -23.0, "bias_ma": 14.0, "voltage_v": 3.3, "temp_c": 45.0,
    "distance_m": 4000.0,
}  # fmt: skip
FIELDS = [*GAUGES, "fec_corrected", "bip_errors", "state"]
LATEST = ["rx_dbm", "olt_rx_dbm", "state"]
ROWS_A_CALL = 50_000
POINTS_A_REQUEST = 5_000
REPEATS = 15


@dataclass(frozen=True)
class Size:
    """`lines` read at each of `polls` moments `step` apart; of them the first `hourly` also each hour for 90 days."""

    lines: int
    polls: int
    step: timedelta
    hourly: int

    @property
    def first_day(self) -> date:
        return (END - timedelta(days=90)).date()


QUICK = Size(lines=20_000, polls=12, step=timedelta(hours=6), hourly=90)
FULL = Size(lines=100_000, polls=30, step=timedelta(days=1), hourly=200)


def measure(quick: bool) -> list[Result]:
    """`append` (rows/s), `rollup` (rows/s), `series_90d`, `latest_all`, `matrix_daily` (ms), `bytes_per_row`."""
    size = QUICK if quick else FULL
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # standard output is for the figures
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lightline-bench-")))
        server = None
        program = influxd.found()
        if program is None:
            _say(f"influxd is not here, so nothing is compared; {influxd.INSTALL}")
        else:
            (folder / "influx").mkdir()
            server = stack.enter_context(influxd.serving(program, folder / "influx"))
        return asyncio.run(_measure(size, folder / "embedded", server))


async def _measure(size: Size, folder: Path, server: str | None) -> list[Result]:
    store = EmbeddedStore(folder, zone=ZONE, read_only=False)
    other = Influx(server) if server is not None else None
    try:
        ours, theirs, rows = await _append(store, other, size)
        _say(f"rolling up {rows:,} rows")
        report = await store.rollup()
        figures = (await store.status()).figures
        ids = _ids(size)
        some = ids[: size.hourly : max(1, size.hourly // REPEATS)][:REPEATS]
        await _append_one_poll_more(store, other, size)
        _say("asking")
        series = [await _timed(lambda one=one: _series(store, one)) for one in some]  # type: ignore[misc]
        latest = [await _timed(lambda: _latest(store, size)) for _ in range(5)]
        scope = Scope(tuple(ids[: size.lines // 10]))
        matrix = [await _timed(lambda: _matrix(store, scope, size)) for _ in range(5)]
        asked: dict[str, list[float]] = {"series": [], "latest": [], "matrix": []}
        if other is not None:
            await other.write_daily(store, scope, size)
            since = int((END - timedelta(days=90)).timestamp() * 1e6)
            picked = ", ".join(FIELDS)
            for one in some:
                text = f"SELECT {picked} FROM reading WHERE line_id = '{one}' AND time >= {since}u"
                asked["series"].append(await _timed(lambda text=text: other.ask(text)))  # type: ignore[misc]
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
        Result("append", rows / ours, "rows/s", _ratio(theirs, ours), _against(theirs, "points already encoded")),
        Result("rollup", rows / report.seconds, "rows/s"),
        _faster("series_90d", series, asked["series"], "JSON not yet parsed"),
        _faster("latest_all", latest, asked["latest"], "JSON not yet parsed, one time for all fields"),
        _faster("matrix_daily", matrix, asked["matrix"], "JSON not yet parsed, from a measurement of daily rows"),
        Result("bytes_per_row", figures["raw_bytes"] / figures["raw_rows"], "bytes"),
    ]


async def _append(store: EmbeddedStore, other: "Influx | None", size: Size) -> tuple[float, float | None, int]:
    """Seconds that we and InfluxDB took, and the rows. Both take each portion in turn."""
    ours, theirs, rows, told = 0.0, 0.0, 0, time.monotonic()
    for table in Readings(size).all():
        batch = Batch("OLT", "optics", table)
        ours += await _timed(lambda batch=batch: store.append([batch]))  # type: ignore[misc]
        if other is not None:
            bodies = other.encoded("reading", table)
            theirs += await _timed(lambda bodies=bodies: other.write(bodies))  # type: ignore[misc]
        rows += table.num_rows
        if time.monotonic() - told > 10:
            told = time.monotonic()
            _say(f"{rows:,} of {size.lines * size.polls + size.hourly * 90 * 24:,} rows appended")
    return ours, theirs if other is not None else None, rows


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


class Influx:
    """The server as a plain HTTP client sees it."""

    def __init__(self, address: str) -> None:
        self._http = httpx.AsyncClient(base_url=f"http://{address}", timeout=600)
        self._made = False

    async def ask(self, text: str) -> None:
        answer = await self._http.post("/query", params={"db": "bench", "epoch": "u"}, data={"q": text})
        if answer.status_code != httpx.codes.OK or b'"series"' not in answer.content:
            raise RuntimeError(f"InfluxDB: {answer.status_code} {answer.text[:300]}")

    async def write(self, bodies: list[bytes]) -> None:
        """Two requests at a time, which keeps a server on two cores busy."""
        if not self._made:
            await self._http.post("/query", data={"q": "CREATE DATABASE bench"})
            self._made = True
        waiting = iter(bodies)

        async def post() -> None:
            for body in waiting:
                for _ in range(10):
                    answer = await self._http.post("/write", params={"db": "bench", "precision": "u"}, content=body)
                    if answer.status_code != httpx.codes.INTERNAL_SERVER_ERROR:  # "timeout": busy with its files
                        break
                if answer.status_code != httpx.codes.NO_CONTENT:
                    raise RuntimeError(f"InfluxDB: {answer.status_code} {answer.text[:300]}")

        await asyncio.gather(post(), post())

    @staticmethod
    def encoded(measurement: str, table: pa.Table) -> list[bytes]:
        lines = encode(measurement, table)
        return ["\n".join(lines[i : i + POINTS_A_REQUEST]).encode() for i in range(0, len(lines), POINTS_A_REQUEST)]

    async def write_daily(self, store: EmbeddedStore, scope: Scope, size: Size) -> None:
        """The medians that our matrix has, as daily points."""
        matrix = await store.matrix(scope, "rx_dbm", "median", size.first_day, END.date())
        row, day = np.nonzero(np.isfinite(matrix.values))
        starts = midnights(size.first_day, END.date(), zone_named(ZONE))
        for begin in range(0, len(row), ROWS_A_CALL):
            part = slice(begin, begin + ROWS_A_CALL)
            table = pa.table(
                {
                    "line_id": pa.array(matrix.line_ids[row[part]], pa.string()),
                    "time": pa.array(starts[day[part]]).cast(TIME),
                    "rx_dbm_median": pa.array(matrix.values[row[part], day[part]]),
                }
            )
            await self.write(self.encoded("reading_daily", table))

    async def close(self) -> None:
        await self._http.aclose()


def _ids(size: Size) -> list[str]:
    return [f"GZ-OLT-{n // 4096:02d}/{n // 128 % 32}/{n % 128:03d}" for n in range(size.lines)]


class Readings:
    """Portions as a spool would hand them on: one poll of all lines after the other; then the hourly lines."""

    def __init__(self, size: Size) -> None:
        self._size = size
        self._chance = np.random.default_rng(7)
        self._ids = pa.array(_ids(size))
        self._levels = self._chance.normal(0, 1.5, (size.lines, len(GAUGES))).astype(np.float32)

    def all(self) -> Iterator[pa.Table]:
        size = self._size
        for poll in range(size.polls):
            yield from self.poll(END - (size.polls - 1 - poll) * size.step)
        times = (END.timestamp() - 3600 * np.arange(90 * 24, 0, -1)).astype(np.int64) * 1_000_000
        each = max(1, ROWS_A_CALL // len(times))
        for begin in range(0, size.hourly, each):
            line = np.arange(begin, min(begin + each, size.hourly))
            yield self._table(np.repeat(line, len(times)), np.tile(times, len(line)))

    def poll(self, at: datetime) -> Iterator[pa.Table]:
        for begin in range(0, self._size.lines, ROWS_A_CALL):
            line = np.arange(begin, min(begin + ROWS_A_CALL, self._size.lines))
            yield self._table(line, np.full(len(line), int(at.timestamp() * 1e6)))

    def _table(self, line: np.ndarray, time_us: np.ndarray) -> pa.Table:
        columns: dict[str, pa.Array] = {"line_id": self._ids.take(pa.array(line)), "time": pa.array(time_us).cast(TIME)}
        for at, (name, usual) in enumerate(GAUGES.items()):
            noise = self._chance.normal(0, 0.1, len(line)).astype(np.float32)
            columns[name] = pa.array(np.round(usual + self._levels[line, at] + noise, 2).astype(np.float32))
        hours = time_us // 3_600_000_000
        for name, rate in (("fec_corrected", 40), ("bip_errors", 1)):
            columns[name] = pa.array(hours % 100_000 * rate + line % 50)
        columns["state"] = pc.if_else(pa.array(self._chance.random(len(line)) < 0.998), "up", "down")
        columns["quality"] = pa.nulls(len(line), pa.string())
        return pa.table(columns)


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
