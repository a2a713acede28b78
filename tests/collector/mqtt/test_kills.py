"""The collector killed −9 while it receives: every reading the broker took from a publisher arrives exactly once."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiomqtt
import pytest

from tests.collector.mqtt.conftest import Mosquitto
from tests.collector.sinks import SqliteSink
from tests.conftest import ROOT

T0 = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)


def collecting(folder: Path, port: int, readings: int, protocol: str = "3.1.1") -> subprocess.Popen[bytes]:
    module = "tests.collector.mqtt.collecting"
    command = [sys.executable, "-m", module, str(folder), str(port), str(readings), protocol]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


async def publish(port: int, most: int, every_s: float, enough: asyncio.Event) -> int:
    """Publish one reading after another until `enough`; how many the broker took."""
    async with aiomqtt.Client("127.0.0.1", port) as client:
        for n in range(most):
            if enough.is_set():
                return n
            payload = json.dumps({"time": (T0 + timedelta(seconds=n)).isoformat(), "rx_dbm": -20})
            await client.publish(f"lightline/ont/HWTC{n:08X}/reading", payload, qos=1)
            await asyncio.sleep(every_s)
    return most


def stored(folder: Path) -> int:
    sink = SqliteSink(folder / "store.sqlite")
    try:
        return len(sink.values("rx_dbm"))
    finally:
        sink.close()


async def survive(mosquitto: Mosquitto, folder: Path, rounds: int, every_s: float) -> tuple[int, int]:
    """Kill `rounds` times while readings are published, then let it finish; how many were published and are stored."""
    most, enough = rounds * 300, asyncio.Event()
    chance = random.Random(3)
    async with aiomqtt.Client(
        "127.0.0.1", mosquitto.port, identifier="collector-under-fire", clean_session=False
    ) as session:  # the subscription exists before the first reading is published
        await session.subscribe("lightline/ont/+/reading", qos=1)
    publishing = asyncio.create_task(publish(mosquitto.port, most, every_s, enough))
    for n in range(rounds):
        process = collecting(folder, mosquitto.port, most, ("3.1.1", "5")[n % 2])  # the session is the same
        await asyncio.sleep(chance.uniform(0.7, 1.3))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    enough.set()
    readings = await publishing
    process = collecting(folder, mosquitto.port, most)
    try:
        end = time.monotonic() + 40
        while time.monotonic() < end and await asyncio.to_thread(stored, folder) < readings:
            await asyncio.sleep(0.2)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    return readings, stored(folder)


async def test_ten_kills_while_receiving_lose_nothing(mosquitto: Mosquitto, tmp_path: Path) -> None:
    published, there = await survive(mosquitto, tmp_path, 10, 0.003)
    assert there == published > 300


@pytest.mark.soak
@pytest.mark.timeout(600)
async def test_two_hundred_kills_while_receiving_lose_nothing(mosquitto: Mosquitto, tmp_path: Path) -> None:
    published, there = await survive(mosquitto, tmp_path, 200, 0.01)
    print(f"\nMQTT: 200 kills while receiving: {published} published, {there} stored once, {published - there} lost")
    assert there == published > 2000
