"""From the store to tickets: load the history, analyse it, hand findings to the ledger, verify repairs."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from analyzer.history import REQUIRED, History
from maintenance.ledger import Ledger, TakeReport
from maintenance.verification import judge, readings_needed
from plant.fields import fields
from plant.finding import Finding
from plant.inventory import Inventory
from plant.matrix import Matrix, Scope
from storage.protocol import TelemetryStore

log = structlog.get_logger(__name__)


def today(inventory: Inventory, now: datetime | None = None) -> date:
    """The operator's day."""
    return (now or datetime.now(UTC)).astimezone(ZoneInfo(inventory.calendar.zone)).date()


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
    return await asyncio.to_thread(History.build, inventory.lines, line_matrices, pon_matrices)
