"""MQTT readings from a real Mosquitto to disk, beside a loop that only takes messages and acknowledges them at once.

The broker holds the messages in kept sessions before either connects, so that no publisher shares the processor with
them; both get the same messages. Ours decodes, checks, finds the line, and acknowledges when the spool is synced.
"""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import aiomqtt
import paho.mqtt.client as paho
import pyarrow as pa
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from bench.result import Result
from collector.mqtt import PublishingLines, Receiver
from collector.spool import Spool
from plant.inventory import LINE_SCHEMA, Broker

LINES = 20_000
AGAINST = "plain aiomqtt loop, acknowledging by itself"
Version = Literal["3.1.1", "5"]
NAMES: dict[str, Version] = {"mqtt": "3.1.1", "mqtt_5": "5"}
KINDS: list[tuple[Version, bool]] = [(version, ours) for version in NAMES.values() for ours in (True, False)]


def measure(quick: bool, folder: Path) -> list[Result]:
    """`mqtt` and `mqtt_5`: messages/s received with QoS 1 and acknowledged after the spool."""
    program = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if program is None:
        print("mosquitto is not here, so MQTT is not measured; on Debian: apt-get install mosquitto", file=sys.stderr)
        return []
    count, repeats = (6_000, 2) if quick else (30_000, 3)
    known = PublishingLines(_lines())
    with _mosquitto(program, folder) as port:
        best = dict.fromkeys(KINDS, 0.0)
        for n in range(repeats):
            for kind, rate in asyncio.run(_once(port, count, known, folder, n)).items():
                best[kind] = max(best[kind], rate)
    return [
        Result(name, best[version, True], "messages/s", best[version, True] / best[version, False], AGAINST)
        for name, version in NAMES.items()
    ]


async def _once(
    port: int, count: int, known: PublishingLines, folder: Path, n: int
) -> dict[tuple[Version, bool], float]:
    """Messages/s by protocol and whether it is ours. All get the same messages, which wait for them at the broker."""
    sessions = {kind: f"bench-{place}-{n}" for place, kind in enumerate(KINDS)}
    for (version, _), session in sessions.items():
        async with _client(port, version, session) as client:
            await client.subscribe(Broker.topic, qos=1)
    await asyncio.to_thread(_publish, port, count)
    return {
        (version, ours): await _ours(port, version, count, known, session, folder / session)
        if ours
        else await _plain(port, version, count, session)
        for (version, ours), session in sessions.items()
    }


async def _ours(port: int, version: Version, count: int, known: PublishingLines, session: str, folder: Path) -> float:
    spool, stop = Spool(folder), asyncio.Event()
    receiver = Receiver(Broker("bench", "127.0.0.1", port, protocol=version), known, spool, session)
    started = time.perf_counter()
    running = asyncio.create_task(receiver.run(stop))
    while receiver.status().acknowledged < count:  # noqa: ASYNC110 - an event a message would be measured too
        await asyncio.sleep(0.005)
    seconds = time.perf_counter() - started
    stop.set()
    await running
    if receiver.status().readings != count:
        raise RuntimeError(f"{receiver.status().readings} readings came of {count}: {receiver.status().refused}")
    await spool.close()
    return count / seconds


async def _plain(port: int, version: Version, count: int, session: str) -> float:
    left, started = count, time.perf_counter()
    async with _client(port, version, session) as client:
        await client.subscribe(Broker.topic, qos=1)
        async for _ in client.messages:
            left -= 1
            if not left:
                break
        return count / (time.perf_counter() - started)


def _client(port: int, version: Version, session: str) -> aiomqtt.Client:
    if version == "3.1.1":
        return aiomqtt.Client("127.0.0.1", port, identifier=session, clean_session=False)
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = 3600
    return aiomqtt.Client(
        "127.0.0.1", port, identifier=session, protocol=aiomqtt.ProtocolVersion.V5, clean_start=False,
        properties=properties,
    )  # fmt: skip


def _publish(port: int, count: int) -> None:
    """A reading of six figures from each line in turn; returns when the broker has them all."""
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.max_inflight_messages_set(2000)
    client.connect("127.0.0.1", port)
    client.loop_start()
    first = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
    sent = [
        client.publish(f"lightline/ont/HWTC{n % LINES:08X}/reading", _reading(n, first), qos=1) for n in range(count)
    ]
    for info in sent:
        info.wait_for_publish()
    client.disconnect()
    client.loop_stop()


def _reading(n: int, first: datetime) -> bytes:
    said = {
        "time": (first + timedelta(seconds=n // LINES)).isoformat(), "rx_dbm": -20 - n % 10, "tx_dbm": 2.1,
        "bias_ma": 12.5, "temp_c": 44.5, "state": "up", "fec_corrected": n,
    }  # fmt: skip
    return json.dumps(said).encode()


def _lines() -> pa.Table:
    known = {
        "line_id": pa.array([f"L{n:06}" for n in range(LINES)]),
        "ont_serial": pa.array([f"HWTC{n:08X}" for n in range(LINES)]),
    }
    return pa.table({f.name: known.get(f.name, pa.nulls(LINES, f.type)) for f in LINE_SCHEMA}, schema=LINE_SCHEMA)


@contextmanager
def _mosquitto(program: str, folder: Path) -> Iterator[int]:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = int(s.getsockname()[1])
    config = folder / "mosquitto.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 4000\nmax_queued_messages 0\n"
    )
    process = subprocess.Popen([program, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(10)
