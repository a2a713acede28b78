"""From the store to tickets: load the history, analyse it, hand findings to the ledger, verify repairs."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import structlog

from analyzer.analyze import analyze_block
from analyzer.blocks import packed
from analyzer.history import REQUIRED, History, enough_to_judge
from analyzer.ranking import ranked
from analyzer.settings import Settings as AnalyzerSettings
from analyzer.steadiness import NOTHING, Told
from maintenance.ledger import Ledger, TakeReport
from plant.fields import fields
from plant.finding import Finding
from plant.inventory import Inventory
from plant.matrix import Matrix, Scope
from storage.protocol import TelemetryStore

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Analysis:
    """The findings of one day, ranked, and what was looked at; `unjudged` lines have too few readings to judge."""

    as_of: date
    findings: list[Finding]
    lines: int
    days: int
    seconds: float
    unjudged: int = 0


def operators_day(inventory: Inventory, at: datetime | None = None) -> date:
    """The day it is for the operator."""
    return (at or datetime.now(UTC)).astimezone(ZoneInfo(inventory.calendar.zone)).date()


async def load_history(store: TelemetryStore, inventory: Inventory, as_of: date, days: int) -> History:
    """The `days` days ending with `as_of` as arrays: every line of the inventory or with readings, and every PON."""
    lines, pons = _subjects((await store.lines_seen()).to_pylist(), inventory.lines)
    return await _load(store, inventory, inventory.lines, lines, pons, as_of, days)


async def load_blocks(
    store: TelemetryStore, inventory: Inventory, as_of: date, days: int, size: int
) -> AsyncIterator[History]:
    """The same in blocks of whole devices with about `size` lines each: a plant need not fit into memory."""
    seen: list[str] = (await store.lines_seen()).to_pylist()
    lines, pons = _subjects(seen, inventory.lines)
    rows = inventory.lines
    device_of = dict(zip(rows["line_id"].to_pylist(), rows["device"].to_pylist(), strict=True))
    devices = set(device_of.values())
    groups: dict[str, tuple[list[str], list[str]]] = {}
    for line in lines:
        groups.setdefault(device_of.get(line) or _device_in(line, devices), ([], []))[0].append(line)
    for pon in pons:
        groups.setdefault(_device_in(pon.removeprefix("pon:"), devices), ([], []))[1].append(pon)
    nowhere = groups.pop("", ([], []))
    order = sorted(groups)
    chosen = [*(groups[name] for name in order), nowhere]
    for part in packed([len(of_lines) for of_lines, _ in chosen], size):
        names = pa.array(order[part.start : part.stop], pa.string())
        inside = pc.is_in(rows["device"], names)
        if part.stop > len(order):  # lines on no device are of the last block
            inside = pc.or_(inside, pc.is_null(rows["device"]))
        of_block = rows.filter(inside)
        some = [line for of_lines, _ in chosen[part] for line in of_lines]
        ports = [pon for _, of_pons in chosen[part] for pon in of_pons]
        yield await _load(store, inventory, of_block, sorted(some), sorted(ports), as_of, days)


def _subjects(seen: list[str], inventory_lines: pa.Table) -> tuple[list[str], list[str]]:
    """Lines seen or in the inventory, and PON ports seen; sorted."""
    lines = {s for s in seen if not s.startswith("pon:")}.union(inventory_lines["line_id"].to_pylist())
    return sorted(lines), sorted(s for s in seen if s.startswith("pon:"))


def _device_in(path: str, devices: set[str]) -> str:
    """The device whose name begins a path such as DEVICE/PON/INDEX; empty where none does."""
    while path and path not in devices:
        path = path.rpartition("/")[0]
    return path


async def _load(
    store: TelemetryStore, inventory: Inventory, of_lines: pa.Table, lines: list[str], pons: list[str],
    as_of: date, days: int,
) -> History:  # fmt: skip
    first = as_of - timedelta(days=days - 1)
    known = fields()
    line_matrices: list[Matrix] = []
    pon_matrices: list[Matrix] = []
    for name, statistic in REQUIRED:
        if known[name].of == "pon":
            pon_matrices.append(await store.matrix(Scope(tuple(pons)), name, statistic, first, as_of))
        else:
            line_matrices.append(await store.matrix(Scope(tuple(lines)), name, statistic, first, as_of))
    return await asyncio.to_thread(
        History.build,
        of_lines,
        line_matrices,
        pon_matrices,
        device_area={name: device.area for name, device in inventory.devices.items()},
        device_class={name: device.pon_class for name, device in inventory.devices.items()},
    )


async def newest_day(store: TelemetryStore, inventory: Inventory, now: datetime | None = None) -> date:
    """The operator's day, or the day of the newest reading where the store ends earlier."""
    newest = (await store.status()).newest_reading
    present = operators_day(inventory, now)
    return min(present, operators_day(inventory, newest)) if newest is not None else present


async def analyze_day(
    store: TelemetryStore, inventory: Inventory, as_of: date, days: int, told: Told = NOTHING
) -> Analysis:
    """Findings of `as_of` from the `days` days ending with it. Raises StoreUnavailableError.

    The inventory's planned works are left out. What was `told` before stays until it is clearly gone.
    """
    began = time.monotonic()
    settings = AnalyzerSettings.load()
    found: list[Finding] = []
    lines, width, unjudged = 0, 0, 0
    running: set[asyncio.Task[list[Finding]]] = set()
    async for block in load_blocks(store, inventory, as_of, days, settings.block_lines):
        lines, width = lines + len(block), max(width, len(block.dates))
        unjudged += int((~enough_to_judge(block, settings.least_days)).sum())
        running.add(
            asyncio.create_task(asyncio.to_thread(analyze_block, block, as_of, settings, inventory.works, told))
        )
        if len(running) >= (os.cpu_count() or 1):
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            found += [finding for task in done for finding in task.result()]
    for task in running:
        found += await task
    findings = ranked(found)
    seconds = time.monotonic() - began
    log.info("analysed", as_of=str(as_of), lines=lines, findings=len(findings), s=round(seconds, 2))
    if unjudged:
        log.warning("not enough to judge", lines=unjudged, less_than_days=settings.least_days)
    return Analysis(as_of, findings, lines, width, seconds, unjudged)


async def learnt(analysis: Analysis, folder: Path, inventory: Inventory) -> Analysis:
    """The findings in the light of what visits showed (lightline.learning); as they are where nothing was learnt."""
    from lightline.learning import LearningFolder, in_its_light

    findings = await asyncio.to_thread(in_its_light, analysis.findings, LearningFolder(folder), inventory)
    return replace(analysis, findings=findings)


async def take_findings(ledger: Ledger, analysis: Analysis, inventory: Inventory, now: datetime) -> TakeReport:
    """Hand findings to the ledger: the same ones again change nothing."""
    return await asyncio.to_thread(ledger.take, analysis.findings, inventory, now)
