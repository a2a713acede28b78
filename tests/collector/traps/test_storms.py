"""Ten thousand notifications a second: counted exactly, the first and the last kept, and no device flooded for it."""

import asyncio
import sys

import pytest

from collector.traps import folding
from tests.collector.traps.conftest import Listen, Listened
from tests.conftest import ROOT

COUNT, SECONDS = 30_000, 3.0


async def storm(heard: Listened, kinds: int, count: int = COUNT, seconds: float = SECONDS) -> None:
    command = (sys.executable, "-m", "tests.collector.traps.storm", str(heard.port), str(count), str(seconds))
    sender = await asyncio.create_subprocess_exec(*command, str(kinds), cwd=ROOT, stdout=asyncio.subprocess.DEVNULL)
    assert await sender.wait() == 0
    await heard.until(lambda s: s.received + s.dropped == count and s.known.get("onu_up", 0) == 1)
    await heard.listeners.end_windows()


async def test_a_storm_is_folded_with_exact_counts_and_its_first_and_last_are_kept(listen: Listen) -> None:
    async with listen() as heard:
        await storm(heard, kinds=3)
        status = heard.status
        assert status.dropped == 0
        assert status.received == COUNT == status.decoded + status.folded
        assert status.known == {"onu_down": 1, "dying_gasp": COUNT - 2, "onu_up": 1}
        assert status.decoded < 20
        assert status.unread == status.lost == 0
        told = await heard.readings()
        assert [v for line, field, v in told if (line, field) == ("L1", "state")] == ["down", "up"]
        assert [v for line, field, v in told if (line, field) == ("L2", "state")] == ["dying_gasp"] * 2, (
            "first and last"
        )
        assert status.readings == 2 + 3 * 2


async def test_a_storm_of_different_traps_is_folded_by_device_and_trap(
    listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 5000
    monkeypatch.setattr(folding, "MOST_UNREAD", 400)
    async with listen() as heard:
        await storm(heard, kinds=count, count=count, seconds=0.5)
        status = heard.status
        assert status.received + status.dropped == count
        assert status.received == status.decoded + status.folded
        assert status.known == {"onu_down": 1, "dying_gasp": status.received - 2, "onu_up": 1}
        assert status.unread > 0
        assert [v for line, field, v in await heard.readings() if (line, field) == ("L1", "state")] == ["down", "up"]
