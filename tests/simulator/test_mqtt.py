"""ONTs that publish their own figures, through a real Mosquitto."""

import asyncio
import subprocess
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import aiomqtt
import numpy as np
import orjson
import pytest

from plant.fields import fields
from simulator.mqtt import messages, publish
from simulator.world import World
from tests.parts import free_port, program


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[int]:
    port = free_port()
    settings = tmp_path / "mosquitto.conf"
    settings.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    process = subprocess.Popen([program("mosquitto", "mosquitto"), "-c", str(settings)], stderr=subprocess.DEVNULL)
    yield port
    process.terminate()
    process.wait(10)


async def connected(port: int) -> aiomqtt.Client:
    for _ in range(100):
        client = aiomqtt.Client("127.0.0.1", port)
        try:
            return await client.__aenter__()
        except aiomqtt.MqttError:
            await asyncio.sleep(0.05)
    raise AssertionError("Mosquitto does not listen")


async def test_readings_reach_a_subscriber_with_the_worlds_figures(demo: World, broker: int) -> None:
    second = int(demo.end.timestamp())
    expected = {m.topic: m.payload for m in messages(demo, second)}
    assert len(expected) >= 5
    client = await connected(broker)
    try:
        await client.subscribe("lightline/ont/+/reading", qos=1)
        sent = await publish(demo, port=broker, rounds=1, rate=2000, clock=lambda: float(second))
        heard: dict[str, bytes] = {}
        async with asyncio.timeout(20):
            async for message in client.messages:
                heard[str(message.topic)] = bytes(message.payload)  # type: ignore[arg-type]
                if len(heard) == len(expected):
                    break
    finally:
        await client.__aexit__(None, None, None)
    assert sent == len(expected)
    assert heard == expected


def test_payloads_hold_known_fields_in_the_devices_own_words(demo: World) -> None:
    second = int(demo.end.timestamp())
    lines, units = demo.layout.lines, demo.layout.units
    serials = {str(s) for s in np.concatenate(list(units.serial[:, lines.mqtt]))}
    for said in messages(demo, second):
        reading = orjson.loads(said.payload)
        assert datetime.fromisoformat(reading.pop("time")) == demo.end
        assert set(reading) <= set(fields())
        assert said.topic.split("/")[2] in serials
        assert -45 < reading.get("rx_dbm", -20) < 10


def test_an_ont_that_is_down_says_nothing(demo: World) -> None:
    rows = np.flatnonzero(demo.layout.lines.mqtt)
    begin = int(demo.start.timestamp())
    silent = 0
    for second in range(begin, begin + 60 * 86400, 86400 // 2):
        silent += len(messages(demo, second)) < len(rows)
    assert silent > 0
