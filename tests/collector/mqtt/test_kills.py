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

from tests.collector.mqtt.conftest import Mosquitto
from tests.collector.sinks import SqliteSink
from tests.conftest import ROOT

READINGS = 3000
T0 = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)


def collecting(folder: Path, port: int, protocol: str = "3.1.1") -> subprocess.Popen[bytes]:
    module = "tests.collector.mqtt.collecting"
    command = [sys.executable, "-m", module, str(folder), str(port), str(READINGS), protocol]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


async def publish(port: int, done: asyncio.Event) -> None:
    async with aiomqtt.Client("127.0.0.1", port) as client:
        for n in range(READINGS):
            payload = json.dumps({"time": (T0 + timedelta(seconds=n)).isoformat(), "rx_dbm": -20})
            await client.publish(f"lightline/ont/HWTC{n:08X}/reading", payload, qos=1)
            await asyncio.sleep(0.003)
    done.set()


def stored(folder: Path) -> int:
    sink = SqliteSink(folder / "store.sqlite")
    try:
        return len(sink.values("rx_dbm"))
    finally:
        sink.close()


async def test_ten_kills_while_receiving_lose_nothing(mosquitto: Mosquitto, tmp_path: Path) -> None:
    chance = random.Random(3)
    async with aiomqtt.Client(
        "127.0.0.1", mosquitto.port, identifier="collector-under-fire", clean_session=False
    ) as session:  # the subscription exists before the first reading is published
        await session.subscribe("lightline/ont/+/reading", qos=1)
    done = asyncio.Event()
    publishing = asyncio.create_task(publish(mosquitto.port, done))
    for n in range(10):
        process = collecting(tmp_path, mosquitto.port, ("3.1.1", "5")[n % 2])  # the session is the same
        await asyncio.sleep(chance.uniform(0.7, 1.5))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    await asyncio.wait_for(publishing, 60)
    process = collecting(tmp_path, mosquitto.port)
    try:
        end = time.monotonic() + 40
        while time.monotonic() < end and await asyncio.to_thread(stored, tmp_path) < READINGS:
            await asyncio.sleep(0.2)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert stored(tmp_path) == READINGS
