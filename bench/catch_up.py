"""After an outage of the store: how fast a full spool empties while readings keep coming, against the rate of those.

The live rate is that of a million lines of a Huawei-like plant at its profile's cadences. What is in the spool is put
there as devices' polls are, a batch an OLT and tier.
"""

import asyncio
import contextlib
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from bench.result import Result
from collector.drain import Drain
from collector.profile import load_profiles
from collector.spool import Spool
from plant.batch import Batch
from storage.opening import open_store

ZONE = "Asia/Shanghai"
LINES, ONTS = 1_000_000, 1000
TICK_S = 0.5
FIELDS = ("rx_dbm", "tx_dbm", "olt_rx_dbm", "bias_ma", "voltage_v", "temp_c")
PUT_AT_ONCE = 50
FEW = 10  # batches in the spool when all is caught up with: those that just came


def measure(quick: bool, folder: Path) -> Result:
    """`catch_up`: rows/s into the store; against the live rate."""
    return asyncio.run(_measure(timedelta(minutes=3 if quick else 20), folder))


def live_rate() -> float:
    """Rows/s: every line once a cadence of each tier that has columns of lines."""
    profile = load_profiles()["huawei"]
    tiers = {column.tier for _, column in profile.columns("line")}
    return LINES * sum(1 / profile.tiers[tier] for tier in tiers)


class _Polls:
    """Batches as polls bring them, device after device, each later than the one before."""

    def __init__(self) -> None:
        rng = np.random.default_rng(1)
        self._columns = {f: rng.normal(0, 1, ONTS).astype(np.float32) for f in FIELDS}
        self._columns["state"] = pa.array(["up"] * ONTS)
        self._numbers = [f"{n:04}" for n in range(ONTS)]
        self._start = datetime.now(UTC) - timedelta(days=1)
        self.made = 0

    def next(self, rows: int = ONTS) -> Batch:
        device = f"OLT-{self.made % (LINES // ONTS):04}"
        ids = [f"{device}/{n}" for n in self._numbers[:rows]]
        at = self._start + timedelta(milliseconds=100 * self.made)
        self.made += 1
        return Batch.of(device, "optics", at, ids, {name: values[:rows] for name, values in self._columns.items()})


async def _measure(outage: timedelta, folder: Path) -> Result:
    live = live_rate()
    backlog = int(outage.total_seconds() * live) // ONTS * ONTS
    print(f"the store was away for {outage}: {backlog:,} rows wait", file=sys.stderr)
    spool = Spool(folder / "outage", 16 << 30)
    store = await open_store(f"delta:{folder / 'after-outage'}", zone=ZONE, read_only=False)
    polls = _Polls()
    try:
        for first in range(0, backlog // ONTS, PUT_AT_ONCE):
            await spool.put([polls.next() for _ in range(min(PUT_AT_ONCE, backlog // ONTS - first))])
        drain = Drain(spool, store)
        coming = asyncio.create_task(_keep_coming(spool, polls, live))
        started = time.perf_counter()
        while spool.status().records > FEW:
            if not await drain.step():
                raise RuntimeError(f"the store did not take the readings: {drain.status().detail}")
        seconds, delivered = time.perf_counter() - started, drain.status().rows
        coming.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await coming
        there = (await store.status()).figures["raw_rows"]
        if delivered != there:
            raise RuntimeError(f"{delivered} rows were delivered, the store has {there}")
    finally:
        await spool.close()
        await store.close()
    rate = delivered / seconds
    return Result("catch_up", rate, "rows/s", rate / live, "the live rate of a million lines")


async def _keep_coming(spool: Spool, polls: _Polls, live: float) -> None:
    """Readings go on to come at the live rate while the store catches up."""
    began, put = time.perf_counter(), 0.0
    while True:
        await asyncio.sleep(TICK_S)
        while put < live * (time.perf_counter() - began):
            await spool.put([polls.next()])
            put += ONTS
