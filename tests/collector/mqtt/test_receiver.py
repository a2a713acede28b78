"""Readings from a real Mosquitto: on disk before they are acknowledged; nothing that is published stops the rest."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from collector.mqtt import PublishingLines, Receiver
from collector.spool import Spool, SpoolFullError
from plant.batch import Batch
from plant.inventory import Broker
from tests.collector.mqtt.conftest import Mosquitto
from tests.collector.plants import lines
from tests.collector.spool.batches import batch as filler

LINES = PublishingLines(lines(*[(f"L{n}", "OLT-1", "0/1", f"HWTC{n:08X}", n) for n in range(500)]))
T0 = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)


def topic(n: int) -> str:
    return f"lightline/ont/HWTC{n:08X}/reading"


def reading(n: int) -> bytes:
    return json.dumps({"time": (T0 + timedelta(seconds=n)).isoformat(), "rx_dbm": -20 - n % 10}).encode()


async def until(true: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "did not come true in time"
        await asyncio.sleep(0.02)


@pytest.fixture
async def spool(tmp_path: Path) -> AsyncIterator[Spool]:
    opened = Spool(tmp_path / "spool", 1 << 20)
    yield opened
    await opened.close()


def receiver(mosquitto: Mosquitto, spool: Spool, **more: object) -> Receiver:
    broker = Broker("b1", "127.0.0.1", mosquitto.port, **more)  # type: ignore[arg-type]
    return Receiver(broker, LINES, spool, "collector-under-test", first_retry_s=0.1, longest_retry_s=0.3)


@asynccontextmanager
async def running(r: Receiver) -> AsyncIterator[Receiver]:
    stop = asyncio.Event()
    task = asyncio.create_task(r.run(stop))
    try:
        yield r
    finally:
        stop.set()
        await task


async def publish(mosquitto: Mosquitto, *messages: tuple[str, bytes]) -> None:
    async with aiomqtt.Client("127.0.0.1", mosquitto.port) as client:
        for where, payload in messages:
            await client.publish(where, payload, qos=1)


async def spooled_rows(spool: Spool) -> list[dict[str, Any]]:
    group = await spool.read()
    batches: tuple[Batch, ...] = group.batches if group else ()
    return [row for b in batches for row in b.table.to_pylist()]


async def spooled(spool: Spool) -> dict[str, float]:
    rows = await spooled_rows(spool)
    assert len({(r["line_id"], r["time"]) for r in rows}) == len(rows)
    return {r["line_id"]: r["rx_dbm"] for r in rows}


async def test_readings_go_to_the_spool_with_their_line_and_time(mosquitto: Mosquitto, spool: Spool) -> None:
    async with running(receiver(mosquitto, spool)) as r:
        await until(lambda: r.status().state == "connected")
        await publish(mosquitto, *[(topic(n), reading(n)) for n in range(200)])
        await until(lambda: r.status().acknowledged == 200)
        assert r.status().readings == 200
    assert await spooled(spool) == {f"L{n}": -20 - n % 10 for n in range(200)}


async def test_hostile_payloads_are_counted_acknowledged_and_do_not_stop_the_rest(
    mosquitto: Mosquitto, spool: Spool
) -> None:
    async with running(receiver(mosquitto, spool)) as r:
        await until(lambda: r.status().state == "connected")
        await publish(
            mosquitto,
            (topic(1), b"not json"),
            (topic(2), b"[" * 50_000),
            (topic(3), b"x" * 100_000),
            ("lightline/ont/NOBODY/reading", b'{"rx_dbm": -20}'),
            (topic(4), b""),
            (topic(5), reading(5)),
        )
        await until(lambda: r.status().acknowledged == 6)
        assert r.status().refused == {"not_json": 2, "nested": 1, "too_large": 1, "unknown_line": 1}
        assert "NOBODY" in r.status().samples["unknown_line"]
    assert await spooled(spool) == {"L5": -25}


async def test_what_is_published_while_we_are_away_arrives_once(mosquitto: Mosquitto, spool: Spool) -> None:
    async with running(receiver(mosquitto, spool)) as r:
        await until(lambda: r.status().state == "connected")
    await publish(mosquitto, *[(topic(n), reading(n)) for n in range(50)])
    async with running(receiver(mosquitto, spool)) as r:
        await until(lambda: r.status().acknowledged == 50)
    assert set(await spooled(spool)) == {f"L{n}" for n in range(50)}


async def test_a_full_spool_acknowledges_nothing_and_loses_nothing(mosquitto: Mosquitto, tmp_path: Path) -> None:
    spool = Spool(tmp_path / "small", 32 << 10, segment_bytes=4096)
    fill = 0
    with pytest.raises(SpoolFullError):  # noqa: PT012 - fills until it refuses
        while True:
            await spool.put([filler(fill)])
            fill += 1
    async with running(receiver(mosquitto, spool)) as r:
        await until(lambda: r.status().state == "connected")
        await publish(mosquitto, *[(topic(n), reading(n)) for n in range(20)])
        await until(lambda: r.status().messages > 0)
        await asyncio.sleep(0.2)
        assert r.status().acknowledged == 0
        assert spool.status().full
        group = await spool.read()
        assert group is not None
        assert len(group.batches) == fill
        await spool.commit(group.next_seq)
        await until(lambda: r.status().acknowledged == 20)
    assert set(await spooled(spool)) == {f"L{n}" for n in range(20)}
    await spool.close()


async def test_a_message_sent_again_keeps_the_time_of_its_first_arrival(mosquitto: Mosquitto, spool: Spool) -> None:
    """The connection dies between disk and acknowledgement: the same reading, not a second one a moment later."""
    r = receiver(mosquitto, spool)
    took = r.take

    async def take_and_lose_the_connection(messages, stop):  # type: ignore[no-untyped-def]
        await took(messages, stop)
        r.take = took  # type: ignore[method-assign]
        raise aiomqtt.MqttError("the connection is gone")

    async with running(r):
        await until(lambda: r.status().state == "connected")
        r.take = take_and_lose_the_connection  # type: ignore[method-assign]
        await publish(mosquitto, (topic(7), b'{"rx_dbm": -21}'))
        await until(lambda: r.status().acknowledged == 1)
    group = await spool.read()
    assert group is not None
    times = {row["time"] for b in group.batches for row in b.table.to_pylist()}
    assert len(group.batches) == 2
    assert len(times) == 1


async def test_a_broker_that_goes_away_is_told_once_and_found_again(mosquitto: Mosquitto, spool: Spool) -> None:
    async with running(receiver(mosquitto, spool)) as r:
        await until(lambda: r.status().state == "connected")
        mosquitto.stop()
        await until(lambda: r.status().state == "down")
        since = r.status().since
        await asyncio.sleep(0.8)
        assert r.status().since == since
        mosquitto.start()
        await until(lambda: r.status().state == "connected")
        await publish(mosquitto, (topic(1), reading(1)))
        await until(lambda: r.status().acknowledged == 1)
    assert await spooled(spool) == {"L1": -21}


async def test_wrong_credentials_are_said_with_the_remedy(
    tmp_path: Path, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "closed"
    folder.mkdir()
    (folder / "passwords").write_text("")
    (folder / "passwords").chmod(0o600)
    closed = Mosquitto(folder, "allow_anonymous false", f"password_file {folder / 'passwords'}")
    closed.start()
    monkeypatch.setenv("BROKER_PASSWORD", "wrong-secret")
    try:
        given = {"username": "env:USER_MISSING", "password": "env:BROKER_PASSWORD"}
        async with running(receiver(closed, spool, credentials=given)) as r:
            await until(lambda: r.status().state == "down")
            assert "USER_MISSING" in r.status().detail
            monkeypatch.setenv("USER_MISSING", "collector")
            await until(lambda: "credentials" in r.status().detail)
            assert "wrong-secret" not in r.status().detail
    finally:
        closed.stop()
