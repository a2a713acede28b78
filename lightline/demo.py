"""The demo: a simulated plant with a past, taken through the whole way, and compared with what is true of it."""

import asyncio
import contextlib
import fcntl
import json
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from analyzer.scoring import Score, Truth, score
from lightline.analysis import analyze_day, operators_day, take_findings
from lightline.collecting import collect_once
from lightline.inventory import read_inventory
from lightline.opening import open_ledger, open_spool, open_telemetry
from lightline.problem import UserError
from lightline.settings import ClosedSettings, closed_settings
from lightline.simulation import SERVING, Plant, open_plant, serve_plant
from lightline.verification import verify_repairs
from plant.finding import Finding
from storage.protocol import TelemetryStore

log = structlog.get_logger(__name__)

LISTEN_S = 4.0
START_LIMIT_S = 120.0
FILLED = "history.done"


@dataclass(frozen=True)
class DemoSize:
    """What plant to simulate."""

    seed: int = 1
    olts: int = 2
    onts: int = 1000
    days: int = 90
    faults: int = 10
    coax: int = 120


def demo_settings(folder: Path, size: DemoSize, port: int = 8080) -> ClosedSettings:
    """Settings of the demo in `folder`, untouched by those of a real service."""
    return closed_settings(
        inventory=folder / "plant" / "devices.yaml", data=folder, port=port, history_days=max(14, size.days)
    )


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep a second demo out of the folder. UserError where one runs there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = os.open(folder / "demo.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UserError(f"{folder} cannot be used: {error.strerror}; name another --data") from None
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UserError(f"a demo runs in {folder} already; stop it, or name another --data") from None
        yield
    finally:
        os.close(held)


async def prepare(folder: Path, size: DemoSize, progress: Callable[[int], None]) -> Plant:
    """The plant in `folder`, with its past in the store. What was cut off is begun again; what is there stays.

    `progress` is told the rows of history as they are written.
    """
    plant = await asyncio.to_thread(open_plant, folder / "plant", **asdict(size))
    if not (folder / FILLED).exists():
        settings = demo_settings(folder, size)
        inventory = await asyncio.to_thread(read_inventory, plant.inventory)
        store = await open_telemetry(settings, inventory, read_only=False, wait=False)
        try:
            await _fill(store, plant, progress)
        finally:
            await store.close()
        (folder / FILLED).touch()
    return plant


async def _fill(store: TelemetryStore, plant: Plant, progress: Callable[[int], None]) -> None:
    batches = plant.world.history()
    group = []
    while (batch := await asyncio.to_thread(next, batches, None)) is not None:
        group.append(batch)
        if len(group) >= 2 * len(plant.world.devices):
            await store.append(group)
            progress(sum(len(b) for b in group))
            group = []
    if group:
        await store.append(group)
        progress(sum(len(b) for b in group))
    await store.rollup()


async def cycle(folder: Path, size: DemoSize, plant: Plant, stop: asyncio.Event) -> dict[str, Any]:
    """One full cycle against running agents: poll, store, analyse, tickets; compared with the ground truth."""
    settings = demo_settings(folder, size)
    inventory = await asyncio.to_thread(read_inventory, plant.inventory)
    spool = open_spool(settings)
    try:
        telemetry = await open_telemetry(settings, inventory, read_only=False, wait=False)
        ledger = await asyncio.to_thread(open_ledger, settings)
        try:
            async with _served(plant):
                report = await collect_once(settings, inventory, spool, telemetry, listen_s=LISTEN_S, stop=stop)
            now = datetime.now(UTC)
            analysis = await analyze_day(telemetry, inventory, operators_day(inventory, now), settings.history_days)
            taken = await take_findings(ledger, analysis, inventory, now)
            verified = await verify_repairs(telemetry, ledger, now)
            counts = await asyncio.to_thread(ledger.counts, now)
            acted = [f for f in analysis.findings if f.cause not in ledger.rules.taking.record_only]
            store = await telemetry.status()
        finally:
            ledger.close()
            await telemetry.close()
    finally:
        await spool.close()
    compared = compare(acted, folder / "plant" / "truth.json", analysis.as_of)
    return {
        "simulated": True,
        "devices": report.devices_answered,
        "lines": report.lines,
        "readings": report.readings + report.mqtt_readings,
        "findings": len(analysis.findings),
        "tickets": counts.total,
        "poll": asdict(report),
        "store": {"newest_reading": store.newest_reading, **store.figures},
        "analysis": {"as_of": analysis.as_of, "lines": analysis.lines, "seconds": round(analysis.seconds, 2)},
        "ledger": {**taken.to_json(), "unfinished": counts.unfinished, "verification": asdict(verified)},
        "truth": against_truth(compared, analysis.lines),
    }


def compare(findings: Sequence[Finding], truth: Path, as_of: Any) -> Score:
    """Findings beside the ground truth the simulator wrote."""
    return score(findings, [Truth.from_json(entry) for entry in json.loads(truth.read_text(encoding="utf-8"))], as_of)


def against_truth(compared: Score, lines: int) -> dict[str, Any]:
    """The comparison in plain figures. A healthy line is one that no fault hits."""
    hit = frozenset().union(*(m.truth.lines for m in compared.matches)) if compared.matches else frozenset()
    healthy = lines - len(hit)
    return {
        **compared.to_json(),
        "healthy_lines": healthy,
        "false_per_500_healthy_lines": round(500 * compared.false / healthy, 3) if healthy else 0.0,
        "by_fault": [
            {
                "place": m.truth.place,
                "cause": m.truth.cause,
                "found": m.finding is not None,
                "place_right": m.place_right,
                "cause_right": m.cause_right,
            }
            for m in compared.matches
        ],
    }


@contextlib.asynccontextmanager
async def _served(plant: Plant) -> AsyncIterator[None]:
    """The plant's agents, broker and publishing ONTs, in this process."""
    stop = asyncio.Event()
    serving = asyncio.create_task(serve_plant(plant.folder, stop, publish_every_s=2.0))
    try:
        await until_served(plant, serving)
        yield
    finally:
        stop.set()
        await serving


async def until_served(plant: Plant, serving: asyncio.Task[Any]) -> None:
    """Wait until the plant answers. Raises what `serving` raises, or UserError after START_LIMIT_S."""
    loop = asyncio.get_running_loop()
    end = loop.time() + START_LIMIT_S
    while not (plant.folder / SERVING).exists():
        if serving.done():
            serving.result()
        if loop.time() > end:
            raise UserError(f"the simulated plant did not answer within {START_LIMIT_S:.0f} s")
        await asyncio.sleep(0.05)
