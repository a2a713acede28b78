"""API: answers for many clients at once, beside the same questions answered plainly by pandas in the same run."""

import asyncio
import json
import multiprocessing as mp
import random
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import uvicorn
from fastapi import FastAPI

from api.app import create_app
from api.parts import ApiSettings, Parts
from api.tokens import TokenStore
from bench.result import Result
from lightline.logs import configure_logs
from maintenance.ledger import Ledger
from plant.batch import Batch
from plant.finding import Figure, Finding, Forecast
from plant.inventory import LINE_SCHEMA, Area, Calendar, Device, Grid, Inventory
from plant.place import Place
from storage.opening import open_store

CLIENTS = 50
LINES_A_DEVICE = 1000
START_LIMIT_S = 300.0


@dataclass(frozen=True)
class Size:
    """How much is stored, and how long is asked: by CLIENTS for the 99th percentiles, by `few` for the ratio."""

    lines: int
    seconds: float
    few: int
    seconds_few: float
    seconds_plain: float


# Of a million lines each question keeps pandas busy for seconds and needs a gigabyte, so few ask it at a time.
FULL = Size(1_000_000, seconds=25.0, few=2, seconds_few=5.0, seconds_plain=25.0)
QUICK = Size(20_000, seconds=2.0, few=CLIENTS, seconds_few=0.0, seconds_plain=0.5)

Paths = Callable[[], str]


def measure(quick: bool) -> list[Result]:
    """99th percentiles in ms with 50 clients. The ratio is that of plain pandas' 99th percentile to ours, both asked by
    equally many clients, each of which asks again as soon as it has its answer."""
    configure_logs(level="WARNING")
    size = QUICK if quick else FULL
    folder = Path(tempfile.mkdtemp(prefix="lightline-bench-"))
    try:
        say(f"storing {size.lines:,} lines")
        asyncio.run(_fill(folder, size.lines))
        token = TokenStore(folder / "tokens.sqlite").create("bench", "admin")
        lines = _lines(size.lines)
        questions: dict[str, tuple[Paths, Paths]] = {
            "coverage": (lambda: "/api/v1/coverage?by=area", lambda: "/coverage"),
            "health": (lambda: "/api/v1/health", lambda: "/health"),
            "worst": (lambda: "/api/v1/lines?sort=margin_db&limit=50", lambda: "/worst"),
            "line": (lambda: f"/api/v1/lines/{next(lines)}", lambda: f"/line?line={next(lines)}"),
        }
        with _serving(_ours, folder, size.lines) as address:
            ours = {n: _asked(address, o, token, CLIENTS, size.seconds) for n, (o, _) in questions.items()}
            few = ours
            if size.few != CLIENTS:
                few = {n: _asked(address, o, token, size.few, size.seconds_few) for n, (o, _) in questions.items()}
        with _serving(_plain, folder, size.lines) as address:
            plain = {n: _asked(address, p, token, size.few, size.seconds_plain) for n, (_, p) in questions.items()}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return [
        Result(f"{name}_p99", round(p99(ours[name]), 2), "ms", round(p99(plain[name]) / p99(few[name]), 1),
               f"plain pandas; {size.lines:,} lines, ms with {CLIENTS} clients, ratio with {size.few} on either side, "
               f"{len(few[name])} and {len(plain[name])} answers")
        for name in questions
    ]  # fmt: skip


def _lines(count: int) -> Iterator[str]:
    """Lines at random: hardly one is asked for twice."""
    rng = random.Random(7)
    while True:
        yield f"L{rng.randrange(count):07d}"


def say(text: str) -> None:
    """Progress, beside the result."""
    sys.stderr.write(f"bench api: {text}\n")


def p99(milliseconds: list[float]) -> float:
    return float(np.quantile(milliseconds, 0.99))


def inventory_of(lines: int) -> Inventory:
    """`lines` lines behind devices of a thousand, in ten areas of ten grids."""
    n = np.arange(lines)
    device = n // LINES_A_DEVICE
    devices = [f"OLT-{d:04d}" for d in range(int(device.max()) + 1)]
    areas = [f"area{a}" for a in range(10)]
    grids = {a: tuple(Grid(f"{a}-g{g}", f"{a} {g}") for g in range(10)) for a in areas}
    on = n % LINES_A_DEVICE
    grid = np.array([g.id for a in areas for g in grids[a]])[(device % 10) * 10 + on // 100]
    table = pa.table(
        {
            "line_id": pa.array(np.char.mod("L%07d", n)),
            "device": pa.array(np.array(devices)[device]),
            "pon": pa.array(np.char.mod("0/%d", on // 64)),
            "ont_serial": pa.array(np.char.mod("HWTC%08X", n)),
            "ont_index": pa.array((on % 64).astype(np.int32)),
            "splitter1": pa.array(np.full(lines, "S1")),
            "splitter2": pa.array(np.char.mod("L%d", on % 64 // 8)),
            "grid": pa.array(grid),
            "technology": pa.array(np.full(lines, "gpon")),
            "sold_mbps": pa.array(np.full(lines, 1000, np.int32)),
            "installed": pa.array([date(2022, 5, 1)] * lines, pa.date32()),
        }
    )
    whole = pa.table([table[f.name] if f.name in table.column_names else pa.nulls(lines, f.type) for f in LINE_SCHEMA],
                     schema=LINE_SCHEMA)  # fmt: skip
    return Inventory(
        {a: Area(a, a, f"{a} department", grids[a]) for a in areas},
        {d: Device(d, "127.0.0.1", "olt", areas[i % 10]) for i, d in enumerate(devices)},
        (), whole, {}, Calendar(),
    )  # fmt: skip


def readings_of(lines: int, at: datetime, rng: np.random.Generator) -> Batch:
    """One poll of every line; of one in fifty the power could not be read, and the reason is told."""
    rx = rng.normal(-20, 2.5, lines).astype(np.float32)
    unread = rng.random(lines) < 1 / 50
    rx[unread] = np.nan
    return Batch.of(
        "bench", "optics", at, pa.array(np.char.mod("L%07d", np.arange(lines))),
        {
            "rx_dbm": rx, "tx_dbm": rng.normal(2.2, 0.3, lines).astype(np.float32), "olt_rx_dbm": rx - np.float32(2.5),
            "bias_ma": rng.normal(12, 2, lines).astype(np.float32), "state": pa.array(["up"] * lines),
            "temp_c": rng.normal(45, 4, lines).astype(np.float32), "eth_speed_mbps": np.full(lines, 1000, np.float32),
            "fec_uncorrected": np.zeros(lines, np.int64),
        },
        pc.if_else(pa.array(unread), "rx_dbm:sentinel,olt_rx_dbm:sentinel", pa.scalar(None, pa.string())),
    )  # fmt: skip


def findings_of(lines: int, day: date) -> list[Finding]:
    """One line in two thousand is getting worse."""
    return [
        Finding(
            place=Place("line", f"L{n:07d}"), lines=(f"L{n:07d}",), cause="connector", probability=0.8, onset=day,
            score=2.0, evidence={"rx_dbm": Figure(-27.5, "dBm")}, forecast=Forecast(-27, 10, 20, 40),
        )
        for n in range(0, lines, 2000)
    ]  # fmt: skip


async def _fill(folder: Path, lines: int) -> None:
    rng = np.random.default_rng(7)
    store = await open_store(f"delta:{folder / 'telemetry'}")
    now = datetime.now(UTC)
    for hours in (2, 1):
        batch = readings_of(lines, now - timedelta(hours=hours), rng)
        await store.append([batch])
    await store.rollup()
    await store.close()
    with Ledger.open(f"sqlite:///{folder / 'ledger.sqlite'}") as ledger:
        ledger.take(findings_of(lines, now.date()), inventory_of(lines), now)
    pq.write_table(batch.table, folder / "latest.parquet")
    pq.write_table(inventory_of(lines).lines, folder / "lines.parquet")


# -- the two services --


def _ours(folder: Path, lines: int, listening: socket.socket) -> None:
    async def run() -> None:
        store = await open_store(f"delta:{folder / 'telemetry'}", read_only=True)
        inventory = inventory_of(lines)
        parts = Parts(
            lambda: inventory, store, Ledger.open(f"sqlite:///{folder / 'ledger.sqlite'}"),
            TokenStore(folder / "tokens.sqlite"), lambda: None, ApiSettings(version="bench"),
        )  # fmt: skip
        await _server(create_app(parts), listening)

    asyncio.run(run())


def _plain(folder: Path, lines: int, listening: socket.socket) -> None:
    """What one would write first: read the tables, join, filter, group, answer."""
    app = FastAPI()

    def joined() -> pd.DataFrame:
        latest = pd.read_parquet(folder / "latest.parquet")
        table = pd.read_parquet(folder / "lines.parquet").merge(latest, on="line_id", how="left")
        table["margin_db"] = np.minimum(table["rx_dbm"] + 27, table["olt_rx_dbm"] + 28)
        table["good"] = (
            (table["state"] == "up") & (table["margin_db"] >= 1) & (table["fec_uncorrected"] == 0)
            & (table["eth_speed_mbps"] >= table["sold_mbps"])
        )  # fmt: skip
        return table

    @app.get("/coverage")
    def coverage() -> Any:
        table = joined()
        by = table.assign(area=table["grid"].str.split("-").str[0]).groupby("area")["good"]
        return {"total": len(table), "by": by.agg(["size", "sum"]).reset_index().to_dict("records")}

    @app.get("/health")
    def health() -> Any:
        table = joined()
        return {"states": table["state"].value_counts().to_dict(), "good": int(table["good"].sum())}

    @app.get("/worst")
    def worst() -> Any:
        return json.loads(joined().nsmallest(50, "margin_db").to_json(orient="records", date_format="iso"))

    @app.get("/line")
    def one(line: str) -> Any:
        table = joined()
        return json.loads(table[table["line_id"] == line].to_json(orient="records", date_format="iso"))

    @app.get("/healthz")
    def alive() -> Any:
        return {}

    asyncio.run(_server(app, listening))


async def _server(app: FastAPI, listening: socket.socket) -> None:
    configure_logs(level="WARNING")
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False))
    await server.serve(sockets=[listening])


@contextmanager
def _serving(service: Callable[[Path, int, socket.socket], None], folder: Path, lines: int) -> Iterator[str]:
    """A service in a process of its own, warm."""
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as `lightline serve` does
    process: BaseProcess = mp.get_context("spawn").Process(target=service, args=(folder, lines, listening))
    process.start()
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    listening.close()
    try:
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline:
            try:
                httpx.get(f"{address}/healthz", timeout=5)
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.join(10)
        if process.is_alive():
            process.kill()
            process.join()


def _asked(address: str, path: Paths, token: str, clients: int, seconds: float) -> list[float]:
    took = asyncio.run(_ask(address, path, token, clients, seconds))
    told = f"{len(took)} answers, median {np.median(took):.1f} ms, p99 {p99(took):.1f} ms"
    say(f"{path().partition('?')[0]}, {clients} clients: {told}")
    return took


async def _ask(address: str, path: Paths, token: str, clients: int, seconds: float) -> list[float]:
    """Milliseconds of each answer of `clients` at once, for so long, one answer each at least; the first of all is not
    counted.

    Clients keep their connection and ask again as soon as they have an answer. They are bare sockets: on the same
    cores, a client library would be most of what is measured.
    """
    port = int(address.rpartition(":")[2])
    told = f" HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n"
    took: list[float] = []

    async def one(seconds: float, kept: list[float]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        ends = time.perf_counter() + seconds
        try:
            while True:
                where = path()
                began = time.perf_counter()
                writer.write(f"GET {where}{told}".encode())
                head = await reader.readuntil(b"\r\n\r\n")
                if not head.startswith(b"HTTP/1.1 200"):
                    raise RuntimeError(f"{where}: {head[:80]!r}")
                length = next(h for h in head.lower().split(b"\r\n") if h.startswith(b"content-length:"))
                await reader.readexactly(int(length.partition(b":")[2]))
                ended = time.perf_counter()
                kept.append(1000 * (ended - began))
                if ended >= ends:
                    return
        finally:
            writer.close()

    await one(0.0, [])
    await asyncio.gather(*(one(seconds, took) for _ in range(clients)))
    return took
