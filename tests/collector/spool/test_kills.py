"""kill −9 at random moments, round after round on the same spool: every acknowledged reading arrives exactly once."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from collector.drain import Drain
from collector.spool import Spool
from tests.collector.sinks import SqliteSink
from tests.conftest import ROOT

ROUND = 100_000


def kept_until_killed(folder: Path, first: int, seconds: float) -> set[int]:
    """Numbers the process said were kept before it was killed, `seconds` after its first word."""
    command = [sys.executable, "-m", "tests.collector.spool.putter", str(folder), str(first)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
    assert process.stdout is not None
    said = process.stdout.readline()
    time.sleep(seconds)
    os.kill(process.pid, signal.SIGKILL)
    said += process.stdout.read()
    process.wait()
    whole = said[: said.rfind(b"\n") + 1]  # the kill may fall into a line
    return {int(line.split()[1]) for line in whole.decode().splitlines()}


def survive(folder: Path, rounds: int) -> tuple[int, int]:
    """Kill `rounds` times, then drain; numbers acknowledged and numbers lost."""
    chance = random.Random(7)
    kept: set[int] = set()
    for number in range(rounds):
        kept |= kept_until_killed(folder, number * ROUND, chance.uniform(0.0, 0.35))

    async def drain() -> None:
        spool = Spool(folder / "spool", 1 << 20)
        sink = SqliteSink(folder / "store.sqlite")
        assert await Drain(spool, sink).empty(30)
        assert spool.status().damaged == 0
        await spool.close()
        sink.close()

    asyncio.run(drain())
    sink = SqliteSink(folder / "store.sqlite")
    stored = {int(line.split("-")[0].removeprefix("L")) for line in sink.values("rx_dbm")}
    sink.close()
    return len(kept), len(kept - stored)


def test_ten_kills_lose_nothing(tmp_path: Path) -> None:
    acknowledged, lost = survive(tmp_path, 10)
    assert acknowledged > 10
    assert lost == 0


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_two_hundred_kills_lose_nothing(tmp_path: Path) -> None:
    acknowledged, lost = survive(tmp_path, 200)
    print(f"200 kills: {acknowledged} acknowledged, {lost} lost")
    assert lost == 0
