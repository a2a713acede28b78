"""From the store to tickets: load the history, analyse it, hand findings to the ledger, verify repairs."""

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from analyzer.analyze import analyze
from analyzer.history import REQUIRED, History
from analyzer.settings import Settings as AnalyzerSettings
from maintenance.ledger import Ledger, TakeReport
from plant.fields import fields
from plant.finding import Finding
from plant.inventory import Inventory
from plant.matrix import Matrix, Scope
from storage.protocol import TelemetryStore

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Analysis:
    """The findings of one day, ranked, and what was looked at."""

    as_of: date
    findings: list[Finding]
    lines: int
    days: int
    seconds: float


def operators_day(inventory: Inventory, at: datetime | None = None) -> date:
    """The day it is for the operator."""
    return (at or datetime.now(UTC)).astimezone(ZoneInfo(inventory.calendar.zone)).date()


async def load_history(store: TelemetryStore, inventory: Inventory, as_of: date, days: int) -> History:
    """The `days` days ending with `as_of` as arrays: every line of the inventory or with readings, and every PON."""
    first = as_of - timedelta(days=days - 1)
    seen: list[str] = (await store.lines_seen()).to_pylist()
    pons = Scope(tuple(sorted(s for s in seen if s.startswith("pon:"))))
    of_inventory: list[str] = inventory.lines["line_id"].to_pylist()
    lines = Scope(tuple(sorted({s for s in seen if not s.startswith("pon:")}.union(of_inventory))))
    known = fields()
    line_matrices: list[Matrix] = []
    pon_matrices: list[Matrix] = []
    for name, statistic in REQUIRED:
        if known[name].of == "pon":
            pon_matrices.append(await store.matrix(pons, name, statistic, first, as_of))
        else:
            line_matrices.append(await store.matrix(lines, name, statistic, first, as_of))
    return await asyncio.to_thread(
        History.build,
        inventory.lines,
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


async def analyze_day(store: TelemetryStore, inventory: Inventory, as_of: date, days: int) -> Analysis:
    """Findings of `as_of` from the `days` days ending with it. Raises StoreUnavailableError."""
    began = time.monotonic()
    history = await load_history(store, inventory, as_of, days)
    findings = await asyncio.to_thread(analyze, history, as_of, AnalyzerSettings.load())
    seconds = time.monotonic() - began
    log.info("analysed", as_of=str(as_of), lines=len(history), findings=len(findings), s=round(seconds, 2))
    return Analysis(as_of, findings, len(history), len(history.dates), seconds)


async def take_findings(ledger: Ledger, analysis: Analysis, inventory: Inventory, now: datetime) -> TakeReport:
    """Hand findings to the ledger: the same ones again change nothing."""
    return await asyncio.to_thread(ledger.take, analysis.findings, inventory, now)
