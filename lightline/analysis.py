"""From the store to tickets: load the history, analyse it, hand findings to the ledger, verify repairs."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import structlog

from analyzer.analyze import analyze_block
from analyzer.arrays import Ints
from analyzer.blocks import packed
from analyzer.daily import RECENT_DAYS, ChangedPlantError, daily_block
from analyzer.history import REQUIRED, History, enough_to_judge
from analyzer.kept import keep_block
from analyzer.ranking import ranked
from analyzer.settings import Settings as AnalyzerSettings
from analyzer.steadiness import NOTHING, Told
from lightline.keeping import FullRun, Keeping, UnusableError
from maintenance.ledger import Ledger, TakeReport
from plant.fields import fields
from plant.finding import Finding
from plant.inventory import Inventory
from plant.matrix import Matrix, Scope
from storage.protocol import TelemetryStore

log = structlog.get_logger(__name__)

WORKERS = os.cpu_count() or 1  # blocks judged at a time


@dataclass(frozen=True)
class Analysis:
    """The findings of one day, ranked, and what was looked at; `unjudged` lines have too few readings to judge.

    `judged` lines were judged with all of their days: all of them, or those that could hold a finding.
    """

    as_of: date
    findings: list[Finding]
    lines: int
    days: int
    seconds: float
    unjudged: int = 0
    judged: int = 0


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
    for block in await blocks_of(store, inventory, size):
        yield await load_block(store, inventory, block, as_of, days)


@dataclass(frozen=True)
class Block:
    """Lines and PON ports judged together: those of `devices`; the empty name stands for what is on none."""

    devices: tuple[str, ...]
    lines: list[str]
    pons: list[str]


async def load_block(
    store: TelemetryStore, inventory: Inventory, block: Block, as_of: date, days: int, lines: list[str] | None = None
) -> History:
    """History of a block, or of some of its `lines` (sorted) and all of its ports."""
    if lines is None:
        rows, lines = inventory.lines, block.lines
        names = pa.array([name for name in block.devices if name], pa.string())
        inside = pc.is_in(rows["device"], names)
        if "" in block.devices:
            inside = pc.or_(inside, pc.is_null(rows["device"]))
        of_lines = rows.filter(inside)
    else:
        of_lines = inventory.lines.filter(pc.is_in(inventory.lines["line_id"], pa.array(lines, pa.string())))
    return await _load(store, inventory, of_lines, lines, block.pons, as_of, days)


async def blocks_of(
    store: TelemetryStore, inventory: Inventory, size: int, as_were: Sequence[Sequence[str]] | None = None
) -> list[Block]:
    """The plant in blocks of about `size` lines, or of the devices `as_were`.

    Raises ChangedPlantError where it has other devices than these.
    """
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
    order = [*sorted(groups), ""]  # lines on no device are of the last block
    groups[""] = nowhere
    if as_were is None:
        as_were = [order[part] for part in packed([len(groups[name][0]) for name in order], size)]
    elif {name for names in as_were for name in names} != set(order):
        raise ChangedPlantError("there are other devices than at the last full analysis")
    return [
        Block(
            tuple(names),
            sorted(line for name in names for line in groups[name][0]),
            sorted(pon for name in names for pon in groups[name][1]),
        )
        for names in as_were
    ]


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
    store: TelemetryStore,
    inventory: Inventory,
    as_of: date,
    days: int,
    told: Told = NOTHING,
    keeping: Keeping | None = None,
) -> Analysis:
    """Findings of `as_of` from the `days` days ending with it. Raises StoreUnavailableError.

    The inventory's planned works are left out. What was `told` before stays until it is clearly gone. With `keeping`,
    only lines that can hold a finding are judged while what a full run noted is of use; a full run notes it anew.
    """
    began = time.monotonic()
    settings = AnalyzerSettings.load()
    analysis: Analysis | None = None
    if keeping is not None:
        try:
            run = await asyncio.to_thread(keeping.usable, as_of)
            analysis = await _daily(store, inventory, as_of, settings, told, keeping, run)
        except (UnusableError, ChangedPlantError) as error:
            log.info("all lines are judged", why=str(error))
    if analysis is None:
        analysis = await _full(store, inventory, as_of, days, settings, told, keeping)
    analysis = replace(analysis, seconds=time.monotonic() - began)
    log.info("analysed", as_of=str(as_of), lines=analysis.lines, judged=analysis.judged,
             findings=len(analysis.findings), s=round(analysis.seconds, 2))  # fmt: skip
    if analysis.unjudged:
        log.warning("not enough to judge", lines=analysis.unjudged, less_than_days=settings.least_days)
    return analysis


async def _full(
    store: TelemetryStore,
    inventory: Inventory,
    as_of: date,
    days: int,
    settings: AnalyzerSettings,
    told: Told,
    keeping: Keeping | None,
) -> Analysis:
    found: list[Finding] = []
    lines, width, unjudged = 0, 0, 0
    running: list[asyncio.Task[list[Finding]]] = []
    writing = None if keeping is None else await asyncio.to_thread(keeping.begin)

    def judge(number: int, devices: Sequence[str], history: History) -> list[Finding]:
        if writing is None:
            return analyze_block(history, as_of, settings, inventory.works, told)
        findings, kept = keep_block(history, as_of, settings, inventory.works, told)
        writing.add(number, devices, kept)
        return findings

    for number, block in enumerate(await blocks_of(store, inventory, settings.block_lines)):
        history = await load_block(store, inventory, block, as_of, days)
        lines, width = lines + len(history), max(width, len(history.dates))
        unjudged += int((~enough_to_judge(history, settings.least_days)).sum())
        running.append(asyncio.create_task(asyncio.to_thread(judge, number, block.devices, history)))
        if len(running) >= WORKERS:
            found += await running.pop(0)
    for task in running:
        found += await task
    if writing is not None:
        await asyncio.to_thread(writing.finish, as_of, lines, unjudged)
    return Analysis(as_of, ranked(found), lines, width, 0.0, unjudged, lines)


async def _daily(
    store: TelemetryStore,
    inventory: Inventory,
    as_of: date,
    settings: AnalyzerSettings,
    told: Told,
    keeping: Keeping,
    run: FullRun,
) -> Analysis:
    """Raises UnusableError or ChangedPlantError where a full run must be made instead."""
    lines = 0
    results: list[tuple[list[Finding], int]] = []
    running: list[asyncio.Task[tuple[list[Finding], int]]] = []
    loop = asyncio.get_running_loop()

    def judge(number: int, block: Block, recent: History) -> tuple[list[Finding], int]:
        def window(rows: Ints) -> History:
            some = [str(line) for line in recent.line_ids[rows]]
            loading = load_block(store, inventory, block, as_of, keeping.days, some)
            return asyncio.run_coroutine_threadsafe(loading, loop).result()

        return daily_block(recent, window, run.block(number), as_of, settings, inventory.works, told)

    parts = await blocks_of(store, inventory, settings.block_lines, run.devices)
    try:
        for number, block in enumerate(parts):
            recent = await load_block(store, inventory, block, as_of, RECENT_DAYS)
            lines += len(recent)
            running.append(asyncio.create_task(asyncio.to_thread(judge, number, block, recent)))
            if len(running) >= WORKERS:
                results.append(await running.pop(0))
        results += [await running.pop(0) for _ in range(len(running))]
    finally:
        await asyncio.gather(*running, return_exceptions=True)
    findings = ranked([finding for found, _ in results for finding in found])
    return Analysis(as_of, findings, lines, keeping.days, 0.0, run.unjudged, sum(judged for _, judged in results))


async def learnt(analysis: Analysis, folder: Path, inventory: Inventory) -> Analysis:
    """The findings in the light of what visits showed (lightline.learning); as they are where nothing was learnt."""
    from lightline.learning import LearningFolder, in_its_light

    findings = await asyncio.to_thread(in_its_light, analysis.findings, LearningFolder(folder), inventory)
    return replace(analysis, findings=findings)


async def take_findings(ledger: Ledger, analysis: Analysis, inventory: Inventory, now: datetime) -> TakeReport:
    """Hand findings to the ledger: the same ones again change nothing."""
    return await asyncio.to_thread(ledger.take, analysis.findings, inventory, now)
