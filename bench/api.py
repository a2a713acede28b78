"""API: answers for many clients at once, beside the same questions answered plainly by pandas in the same run."""

import asyncio
import json
import multiprocessing as mp
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pyarrow as pa
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
from plant.inventory import LINE_SCHEMA, Area, Calendar, Device, Grid, Inventory
from storage.opening import open_store

CLIENTS = 50
LINES_A_DEVICE = 1000
START_LIMIT_S = 300.0


def measure(quick: bool) -> list[Result]:
    """99th percentiles in ms with 50 clients; the ratio is that of plain pandas to ours."""
    configure_logs(level="WARNING")
    lines, rounds = (20_000, 20) if quick else (1_000_000, 60)
    folder = Path(tempfile.mkdtemp(prefix="lightline-bench-"))
    try:
        say(f"storing {lines:,} lines")
        asyncio.run(_fill(folder, lines))
        token = TokenStore(folder / "tokens.sqlite").create("bench", "admin")
        line = f"L{lines // 2:07d}"
        questions = {
            "coverage": "/api/v1/coverage?by=area",
            "health": "/api/v1/health",
            "worst": "/api/v1/lines?sort=margin_db&limit=50",
            "line": f"/api/v1/lines/{line}",
        }
        with _serving(_ours, folder, lines) as address:
            ours = {n: asyncio.run(_ask(address, p, token, rounds)) for n, p in questions.items()}
        with _serving(_plain, folder, lines) as address:
            plain = {n: asyncio.run(_ask(address, f"/{n}?line={line}", token, 1 if quick else 2)) for n in questions}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return [
        Result(f"{name}_p99", round(p99(ours[name]), 2), "ms", round(p99(plain[name]) / p99(ours[name]), 1),
               f"plain pandas, {CLIENTS} clients, {lines:,} lines")
        for name in questions
    ]  # fmt: skip


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
    """One poll of every line."""
    rx = rng.normal(-20, 2.5, lines).astype(np.float32)
    return Batch.of(
        "bench", "optics", at, pa.array(np.char.mod("L%07d", np.arange(lines))),
        {
            "rx_dbm": rx, "tx_dbm": rng.normal(2.2, 0.3, lines).astype(np.float32), "olt_rx_dbm": rx - np.float32(2.5),
            "bias_ma": rng.normal(12, 2, lines).astype(np.float32), "state": pa.array(["up"] * lines),
            "temp_c": rng.normal(45, 4, lines).astype(np.float32), "eth_speed_mbps": np.full(lines, 1000, np.float32),
            "fec_uncorrected": np.zeros(lines, np.int64),
        },
    )  # fmt: skip


async def _fill(folder: Path, lines: int) -> None:
    rng = np.random.default_rng(7)
    store = await open_store(f"delta:{folder / 'telemetry'}")
    now = datetime.now(UTC)
    for hours in (2, 1):
        batch = readings_of(lines, now - timedelta(hours=hours), rng)
        await store.append([batch])
    await store.rollup()
    await store.close()
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


async def _ask(address: str, path: str, token: str, rounds: int) -> list[float]:
    """Milliseconds of each answer, `rounds` by each of the clients, all at once; the first answer is not counted.

    Clients keep their connection and ask again as soon as they have an answer. They are bare sockets: on the same
    cores, a client library would be most of what is measured.
    """
    port = int(address.rpartition(":")[2])
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    took: list[float] = []

    async def one(count: int, kept: list[float]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            for _ in range(count):
                began = time.perf_counter()
                writer.write(request)
                head = await reader.readuntil(b"\r\n\r\n")
                if not head.startswith(b"HTTP/1.1 200"):
                    raise RuntimeError(f"{path}: {head[:80]!r}")
                length = next(h for h in head.lower().split(b"\r\n") if h.startswith(b"content-length:"))
                await reader.readexactly(int(length.partition(b":")[2]))
                kept.append(1000 * (time.perf_counter() - began))
        finally:
            writer.close()

    await one(1, [])
    await asyncio.gather(*(one(rounds, took) for _ in range(CLIENTS)))
    say(f"{path.partition('?')[0]}: {len(took)} answers, median {np.median(took):.1f} ms, p99 {p99(took):.1f} ms")
    return took
