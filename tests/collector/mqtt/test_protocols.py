"""MQTT 3.1.1 and 5, TLS with certificates of one's own, shares: all against a real Mosquitto."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
import structlog
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from collector.mqtt import Receiver
from collector.mqtt.connection import told_topics
from collector.spool import Spool
from plant.inventory import Broker
from tests.collector.mqtt.certificates import Authority
from tests.collector.mqtt.conftest import Mosquitto
from tests.collector.mqtt.test_receiver import LINES, T0, publish, reading, running, spooled, spooled_rows, topic, until

PROTOCOLS = ["3.1.1", "5"]


@pytest.fixture
async def spool(tmp_path: Path) -> AsyncIterator[Spool]:
    opened = Spool(tmp_path / "spool", 1 << 20)
    yield opened
    await opened.close()


def receiver(mosquitto: Mosquitto, spool: Spool, name: str = "collector-under-test", **more: object) -> Receiver:
    broker = Broker("b1", "127.0.0.1", mosquitto.port, **more)  # type: ignore[arg-type]
    return Receiver(broker, LINES, spool, name, first_retry_s=0.1, longest_retry_s=0.3)


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_session_is_resumed_with_what_was_published_meanwhile(
    mosquitto: Mosquitto, spool: Spool, protocol: str
) -> None:
    async with running(receiver(mosquitto, spool, protocol=protocol)) as r:
        await until(lambda: r.status().state == "connected")
        await publish(mosquitto, *[(topic(n), reading(n)) for n in range(50)])
        await until(lambda: r.status().acknowledged == 50)
    await publish(mosquitto, *[(topic(n), reading(n)) for n in range(50, 100)])
    async with running(receiver(mosquitto, spool, protocol=protocol)) as r:
        await until(lambda: r.status().acknowledged == 50)
    assert set(await spooled(spool)) == {f"L{n}" for n in range(100)}


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_what_was_not_acknowledged_is_sent_again_and_counts_once(
    mosquitto: Mosquitto, spool: Spool, protocol: str
) -> None:
    r = receiver(mosquitto, spool, protocol=protocol)
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
    assert len({row["time"] for b in group.batches for row in b.table.to_pylist()}) == 1


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_broker_killed_and_started_again_loses_nothing(
    mosquitto: Mosquitto, spool: Spool, protocol: str
) -> None:
    async with running(receiver(mosquitto, spool, protocol=protocol)) as r:
        await until(lambda: r.status().state == "connected")
        for start in range(0, 300, 100):
            await publish(mosquitto, *[(topic(n), reading(n)) for n in range(start, start + 100)])
            mosquitto.stop()
            await until(lambda: r.status().state == "down")
            mosquitto.start()
            await until(lambda: r.status().state == "connected")
        # what was on disk and not acknowledged comes again: the store takes it as one
        rows: list[dict[str, Any]] = []
        async with asyncio.timeout(60):
            while len({row["line_id"] for row in rows}) < 300:
                await asyncio.sleep(0.05)
                rows = await spooled_rows(spool)
    assert {(row["line_id"], row["rx_dbm"]) for row in rows} == {(f"L{n}", -20 - n % 10) for n in range(300)}
    assert {row["time"] for row in rows} == {T0 + timedelta(seconds=n) for n in range(300)}


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_topic_that_was_changed_no_longer_delivers(mosquitto: Mosquitto, spool: Spool, protocol: str) -> None:
    """The session is kept and so are its subscriptions: the old one is given up when the new one stands."""
    for topics in ("lightline/ont/+/reading", "lightline/ont/HWTC00000001/#"):
        async with running(receiver(mosquitto, spool, protocol=protocol, topic=topics)) as r:
            await until(lambda: r.status().state == "connected")
    async with running(receiver(mosquitto, spool, protocol=protocol, topic=topics)) as r:
        await publish(mosquitto, (topic(2), reading(2)), (topic(1), reading(1)))
        await until(lambda: r.status().acknowledged == 1)
        await asyncio.sleep(0.1)
    assert await spooled(spool) == {"L1": -21}


async def test_a_share_divides_the_messages_among_collectors(mosquitto: Mosquitto, tmp_path: Path) -> None:
    spools = [Spool(tmp_path / name, 1 << 20) for name in ("one", "two")]
    first, second = (
        receiver(mosquitto, s, f"collector-{n}", share="north", protocol=PROTOCOLS[n]) for n, s in enumerate(spools)
    )
    async with running(first), running(second):
        await until(lambda: {r.status().state for r in (first, second)} == {"connected"})
        await publish(mosquitto, *[(topic(n), reading(n)) for n in range(200)])
        await until(lambda: first.status().acknowledged + second.status().acknowledged == 200)
    assert min(first.status().acknowledged, second.status().acknowledged) > 50
    found = [await spooled(s) for s in spools]
    assert len(found[0]) + len(found[1]) == len({*found[0], *found[1]}) == 200
    for s in spools:
        await s.close()


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_wrong_credentials_are_told_once(tmp_path: Path, spool: Spool, protocol: str) -> None:
    folder = tmp_path / "closed"
    folder.mkdir()
    (folder / "passwords").write_text("")
    (folder / "passwords").chmod(0o600)
    (folder / "word").write_text("wrong-secret\n")
    closed = Mosquitto(folder, "allow_anonymous false", f"password_file {folder / 'passwords'}")
    closed.start()
    given = {"username": f"file:{folder / 'word'}", "password": f"file:{folder / 'word'}"}
    try:
        with structlog.testing.capture_logs() as logged:
            async with running(receiver(closed, spool, credentials=given, protocol=protocol)) as r:
                await until(lambda: "credentials" in r.status().detail)
                await asyncio.sleep(1.0)
        assert len([entry for entry in logged if entry["log_level"] == "error"]) == 1
        assert "wrong-secret" not in str(logged)
    finally:
        closed.stop()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "certificates", "ours")


@pytest.fixture
def locked(tmp_path: Path, authority: Authority) -> Iterator[Mosquitto]:
    """A broker that speaks TLS only, to clients with a certificate of the authority."""
    folder = tmp_path / "locked"
    folder.mkdir()
    certificate, key = authority.sign("broker")
    broker = Mosquitto(
        folder, "allow_anonymous true", f"cafile {authority.certificate}", f"certfile {certificate}",
        f"keyfile {key}", "require_certificate true",
    )  # fmt: skip
    broker.start()
    yield broker
    broker.stop()


def shown(authority: Authority, name: str = "collector") -> dict[str, object]:
    certificate, key = authority.sign(name)
    return {"tls": True, "certificate": f"file:{certificate}", "key": f"file:{key}"}


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_tls_with_an_authority_and_a_certificate_of_ones_own(
    locked: Mosquitto, authority: Authority, spool: Spool, protocol: str
) -> None:
    keys = {**shown(authority), "ca": f"file:{authority.certificate}", "protocol": protocol}
    async with running(receiver(locked, spool, **keys)) as r:
        await until(lambda: r.status().state == "connected")
        context = ssl.create_default_context(cafile=str(authority.certificate))
        certificate, key = authority.sign("publisher")
        context.load_cert_chain(certificate, key)
        async with aiomqtt.Client("127.0.0.1", locked.port, tls_context=context) as client:
            await client.publish(topic(1), reading(1), qos=1)
        await until(lambda: r.status().acknowledged == 1)
    assert await spooled(spool) == {"L1": -21}


async def test_a_flood_over_tls_is_taken_to_its_last_message(
    locked: Mosquitto, authority: Authority, tmp_path: Path
) -> None:
    """What TLS has unpacked does not wake the loop again; nothing may wait there for the next message."""
    spool = Spool(tmp_path / "large", 32 << 20)
    keys = {**shown(authority), "ca": f"file:{authority.certificate}"}
    r = receiver(locked, spool, **keys)
    async with running(r):
        await until(lambda: r.status().state == "connected")
    context = ssl.create_default_context(cafile=str(authority.certificate))
    context.load_cert_chain(*authority.sign("publisher"))
    async with aiomqtt.Client("127.0.0.1", locked.port, tls_context=context) as client:
        several = b"[" + b",".join(reading(n) for n in range(20)) + b"]"
        for n in range(1000):
            await client.publish(topic(n % 500), several, qos=1)
    r = receiver(locked, spool, **keys)
    async with running(r):
        await until(lambda: r.status().acknowledged == 1000)
    await spool.close()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ca": None}, "certificate verify failed"),
        ({"ca": "file:/nowhere/ca.pem"}, "/nowhere/ca.pem"),
        ({"certificate": None, "key": None}, "client certificate"),
    ],
)
async def test_what_is_wrong_with_certificates_is_said(
    locked: Mosquitto, authority: Authority, spool: Spool, change: dict[str, object], said: str
) -> None:
    keys = {**shown(authority), "ca": f"file:{authority.certificate}", **change}
    async with running(receiver(locked, spool, **keys)) as r:
        await until(lambda: r.status().state == "down")
        assert said in r.status().detail
        assert r.status().messages == 0


async def test_a_broker_with_a_certificate_of_another_authority_gets_no_password(
    locked: Mosquitto, authority: Authority, tmp_path: Path, spool: Spool
) -> None:
    other = Authority(tmp_path / "certificates", "theirs")
    async with running(receiver(locked, spool, **shown(authority), ca=f"file:{other.certificate}")) as r:
        await until(lambda: r.status().state == "down")
        assert "certificate verify failed" in r.status().detail


def test_topics_that_the_broker_names_are_used() -> None:
    """TR-369: response information is where we are answered; subscribe-topic is subscribed to."""
    properties = Properties(PacketTypes.CONNACK)
    properties.ResponseInformation = "usp/answers/lightline"
    properties.UserProperty = [("subscribe-topic", "usp/controllers/lightline"), ("other", "x")]
    assert told_topics(properties) == ("usp/answers/lightline", ["usp/controllers/lightline", "usp/answers/lightline"])
    assert told_topics(Properties(PacketTypes.CONNACK)) == (None, [])
    assert told_topics(None) == (None, [])
