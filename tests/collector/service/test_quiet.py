"""In quiet hours a device's optics and names are left alone; its states are not."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from collector.asking import Chosen
from collector.device import DeviceSettings, PolledDevice
from collector.identity import Identity
from collector.spool import Spool
from collector.turnstile import Turnstile
from plant.inventory import LINE_SCHEMA, Device
from plant.quiet import QuietHours
from tests.collector.service.test_identity import Rows

NIGHT = QuietHours(((60, 300),), "Asia/Shanghai")
AT_TWO, AT_SIX = datetime(2026, 3, 9, 18, 0, tzinfo=UTC), datetime(2026, 3, 9, 22, 0, tzinfo=UTC)


class Answering:
    """Answers everything at once and remembers what was asked."""

    def __init__(self) -> None:
        self.polls: list[str] = []

    async def choose(self, device: Device, turnstile: Turnstile) -> Chosen:
        return Chosen("made-up", "", (), {"status": 0.05, "errors": 0.05, "optics": 0.05, "identity": 0.05})

    async def poll(self, device: Device, profile: str, tier: str, turnstile: Turnstile) -> Rows:
        self.polls.append(tier)
        rows = Rows(("0/1", 1, "HWTC00000001"))
        rows.time = datetime.now(UTC)
        return rows


@pytest.fixture
async def spool(tmp_path: Path) -> AsyncIterator[Spool]:
    opened = Spool(tmp_path / "spool", 1 << 20)
    yield opened
    await opened.close()


@pytest.mark.parametrize(
    ("now", "tiers"), [(AT_TWO, {"status", "errors"}), (AT_SIX, {"status", "errors", "optics", "identity"})]
)
async def test_optics_wait_for_the_end_of_the_quiet_hours(spool: Spool, now: datetime, tiers: set[str]) -> None:
    asker = Answering()
    device = Device("OLT", "127.0.0.1", "olt", "tianhe", quiet=NIGHT)
    polled = PolledDevice(
        device, asker, Identity(LINE_SCHEMA.empty_table()), spool,
        DeviceSettings(spread_s=0.01, first_retry_s=0.05), Random(1), today=lambda: now,
    )  # fmt: skip
    stop = asyncio.Event()
    running = asyncio.create_task(polled.run(stop, asyncio.Semaphore(1)))
    async with asyncio.timeout(30):
        while asker.polls.count("status") < 3 or not tiers <= set(asker.polls):
            await asyncio.sleep(0.02)
    status = polled.status()
    stop.set()
    await running
    assert set(asker.polls) == tiers
    waiting = {name for name, t in status.tiers.items() if t.skipped == "quiet hours until 05:00"}
    assert waiting == {"optics", "identity"} - tiers
    assert all(status.tiers[name].behind_s == 0 for name in waiting)  # they are not late: they wait


class Hourly(Answering):
    async def choose(self, device: Device, turnstile: Turnstile) -> Chosen:
        return Chosen("made-up", "", (), {"status": 300.0, "optics": 7200.0}, {"optics": 3600.0})


async def test_an_inventory_cannot_ask_more_often_than_the_maker_allows(spool: Spool) -> None:
    device = Device("OLT", "127.0.0.1", "olt", "tianhe", cadence_s={"optics": 900.0, "status": 120.0})
    polled = PolledDevice(device, Hourly(), Identity(LINE_SCHEMA.empty_table()), spool, DeviceSettings(), Random(1))
    assert await polled.choose()
    status = polled.status()
    assert {name: t.cadence_s for name, t in status.tiers.items()} == {"status": 120.0, "optics": 3600.0}
    assert any("not 900" in note for note in status.notes)
