"""The collector as a USP controller: agents over a real Mosquitto, in MQTT 3.1.1 and 5."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from collector.mqtt import PublishingLines, Receiver
from collector.mqtt.usp import UspForm
from collector.spool import Spool, SpoolFullError
from plant.inventory import Broker, UspController
from tests.collector.mqtt.conftest import Mosquitto
from tests.collector.mqtt.test_receiver import running, until
from tests.collector.mqtt.usp import agent as by_hand
from tests.collector.mqtt.usp.agent import UspAgent
from tests.collector.plants import lines
from tests.collector.spool.batches import batch as filler

LINES = PublishingLines(lines(*[(f"L{n}", "OLT-1", "0/1", f"HWTC{n:08X}", n) for n in range(100)]))
US = UspController("self::lightline", every_s=3600, gets_per_s=1000)
TOPIC = "usp/controller/lightline"
CONTROLLER = (US.endpoint_id, TOPIC)
PROTOCOLS = ["3.1.1", "5"]


def model(n: int) -> dict[str, str]:
    return {
        "Device.DeviceInfo.SerialNumber": f"HWTC{n:08X}",
        "Device.Optical.Interface.1.Upstream": "true",
        "Device.Optical.Interface.1.Status": "Up",
        "Device.Optical.Interface.1.OpticalSignalLevel": f"{-20000 - n}",
        "Device.Optical.Interface.1.TransmitOpticalLevel": "2100",
        "Device.XPON.ONU.1.ANI.1.Transceiver.1.Temperature": "46",
        "Device.Ethernet.Interface.1.Status": "Up",
        "Device.Ethernet.Interface.1.CurrentBitRate": "1000",
        "Device.WiFi.Radio.1.Channel": "6",
    }


@pytest.fixture
async def spool(tmp_path: Path) -> AsyncIterator[Spool]:
    opened = Spool(tmp_path / "spool", 1 << 20)
    yield opened
    await opened.close()


def controller(mosquitto: Mosquitto, spool: Spool, protocol: str, usp: UspController = US, **more: Any) -> Receiver:
    broker = Broker("agents", "127.0.0.1", mosquitto.port, TOPIC, protocol=protocol, payload="usp", usp=usp, **more)  # type: ignore[arg-type]
    form = UspForm(broker, usp, settle_s=0.05)
    return Receiver(broker, LINES, spool, "controller", form=form, first_retry_s=0.1, longest_retry_s=0.3)


async def rows(spool: Spool) -> list[dict[str, Any]]:
    group = await spool.read()
    return [row for b in group.batches for row in b.table.to_pylist()] if group else []


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_an_agent_boots_is_onboarded_asked_and_its_values_are_on_disk(
    mosquitto: Mosquitto, spool: Spool, protocol: str
) -> None:
    agent = UspAgent("os::00256D-HWTC00000007", protocol, CONTROLLER, model(7))
    async with running(controller(mosquitto, spool, protocol)) as r:
        await until(lambda: r.status().state == "connected")
        async with agent.running(mosquitto.port):
            await agent.connect()
            await agent.onboard("HWTC00000007")
            await agent.boot()
            await until(lambda: r.status().counts["answered"] == 1)
        await until(lambda: r.status().readings == 1)
        assert r.status().counts == {"agents": 1, "asked": 1, "answered": 1, "unanswered": 0}
        assert r.status().refused == {}
    (row,) = await rows(spool)
    assert row["line_id"] == "L7"
    assert row["rx_dbm"] == pytest.approx(-20.007)
    assert row["tx_dbm"] == pytest.approx(2.1)
    assert (row["temp_c"], row["eth_speed_mbps"], row["state"]) == (46, 1000, "up")
    assert agent.answered == ["", "sub-boot"]
    (paths,) = agent.asked
    assert "Device.Optical.Interface.*.OpticalSignalLevel" in paths
    assert not any("WiFi" in path for path in paths)  # nothing is asked for that would not be used
    assert len(agent.asked) == 1
    if protocol == "5":
        assert set(agent.seen) == {(agent.topic, TOPIC, "usp.msg")}
    else:
        assert {topic for topic, _, _ in agent.seen} == {f"{agent.topic}/reply-to=usp%2Fcontroller%2Flightline"}


async def test_an_agent_of_mqtt_3_is_understood_by_a_controller_of_mqtt_5(mosquitto: Mosquitto, spool: Spool) -> None:
    agent = UspAgent("os::00256D-HWTC00000003", "3.1.1", CONTROLLER, model(3))
    async with running(controller(mosquitto, spool, "5")) as r, agent.running(mosquitto.port):
        await until(lambda: r.status().state == "connected")
        await agent.boot()
        await until(lambda: r.status().readings == 1)
    assert agent.answered == ["sub-boot"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_many_agents_at_once_are_each_asked_once(mosquitto: Mosquitto, spool: Spool, protocol: str) -> None:
    agents = [UspAgent(f"os::00256D-HWTC{n:08X}", protocol, CONTROLLER, model(n)) for n in range(20)]
    async with running(controller(mosquitto, spool, protocol)) as r:
        await until(lambda: r.status().state == "connected")

        async def live(agent: UspAgent) -> None:
            async with agent.running(mosquitto.port):
                for _ in range(3):
                    await agent.boot()
                await until(lambda: r.status().readings == 20)

        await asyncio.gather(*(live(a) for a in agents))
    assert {row["line_id"] for row in await rows(spool)} == {f"L{n}" for n in range(20)}
    assert [len(a.asked) for a in agents] == [1] * 20


async def test_values_that_notifications_bring_are_readings(mosquitto: Mosquitto, spool: Spool) -> None:
    agent = UspAgent("os::00256D-HWTC00000005", "5", CONTROLLER, {})
    agent.silent = True
    bulk = '{"Report": [{"Device.Optical.Interface.1.OpticalSignalLevel": -24000}]}'
    boot = {"Cause": "LocalReboot", "ParameterMap": '{"Device.Optical.Interface.1.TransmitOpticalLevel": "1900"}'}
    async with running(controller(mosquitto, spool, "5")) as r, agent.running(mosquitto.port):
        await until(lambda: r.status().state == "connected")
        changed = by_hand.put(1, "Device.Optical.Interface.1.OpticalSignalLevel") + by_hand.put(2, "-23000")
        await agent.send(by_hand.notify("v", 4, changed, "sub-value"))
        push = by_hand.event("Push!", {"Data": bulk}, "Device.BulkData.Profile.1.")
        await agent.send(by_hand.notify("p", 3, push, "sub-push", send_resp=False))
        await agent.send(by_hand.notify("b", 3, by_hand.event("Boot!", boot), "sub-boot"))
        speed = by_hand.put(1, "Device.Ethernet.Interface.2.CurrentBitRate") + by_hand.put(2, "100")
        await agent.send(by_hand.notify("e", 4, speed, "sub-speed"))
        periodic = by_hand.event("Periodic!", {}, "Device.LocalAgent.")
        await agent.send(by_hand.notify("t", 3, periodic, "sub-time"))
        await until(lambda: r.status().acknowledged == 5 and len(agent.answered) == 4)
    found = await rows(spool)
    assert {row["line_id"] for row in found} == {"L5"}
    assert [row.get("rx_dbm") or row.get("tx_dbm") for row in found] == pytest.approx([-23.0, -24.0, 1.9])
    assert agent.answered == ["sub-value", "sub-boot", "sub-speed", "sub-time"]


async def test_an_agent_has_no_answer_before_its_values_are_on_disk(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """A spool that is full: the agent waits, and would send again."""
    spool = Spool(tmp_path / "small", 32 << 10, segment_bytes=4096)
    fill = 0
    with pytest.raises(SpoolFullError):  # noqa: PT012 - fills until it refuses
        while True:
            await spool.put([filler(fill)])
            fill += 1
    agent = UspAgent("os::00256D-HWTC00000002", "5", CONTROLLER, {})
    changed = by_hand.put(1, "Device.Optical.Interface.1.OpticalSignalLevel") + by_hand.put(2, "-23000")
    async with running(controller(mosquitto, spool, "5")) as r, agent.running(mosquitto.port):
        await until(lambda: r.status().state == "connected")
        await agent.send(by_hand.notify("v", 4, changed, "sub-value"))
        await until(lambda: r.status().messages > 0)
        await asyncio.sleep(0.3)
        assert agent.answered == []
        group = await spool.read()
        assert group is not None
        await spool.commit(group.next_seq)
        await until(lambda: agent.answered == ["sub-value"])
    assert [row["line_id"] for row in await rows(spool)] == ["L2"]
    await spool.close()


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_hostile_records_are_counted_and_do_not_stop_the_rest(
    mosquitto: Mosquitto, spool: Spool, protocol: str
) -> None:
    agent = UspAgent("os::00256D-HWTC00000009", protocol, CONTROLLER, model(9))
    us, them = US.endpoint_id, agent.endpoint
    periodic = by_hand.no_session(by_hand.notify("t", 3, by_hand.event("Periodic!", {})))
    async with running(controller(mosquitto, spool, protocol)) as r, agent.running(mosquitto.port):
        await until(lambda: r.status().state == "connected")
        await agent.say(b"")
        await agent.say(b'{"rx_dbm": -20}')
        await agent.say(b"\xff" * 300_000)
        await agent.say(by_hand.record(them, "self::other", 7, periodic))
        await agent.say(by_hand.record(us, us, 7, periodic))
        await agent.say(by_hand.record(them, us, 8, b"\x08\x01"))
        await agent.say(by_hand.record(them, us, 7, by_hand.no_session(b"\xff\xff")))
        await agent.send(by_hand.message("x", 0, by_hand.put(3, by_hand.fixed32(1, 7005))))
        await agent.send(by_hand.message("x", 1, by_hand.put(1, by_hand.put(1, b""))))
        topic, agent.topic = agent.topic, f"{TOPIC}/x"
        await agent.say(by_hand.record(them, us, 7, periodic))  # would have us answer ourselves
        agent.topic = topic
        await agent.boot()
        await until(lambda: r.status().readings == 1)
        assert r.status().refused == {
            "not_usp": 3, "too_large": 1, "not_for_us": 2, "unsupported": 2, "usp_error": 1, "no_reply_topic": 1,
        }  # fmt: skip
    assert [row["line_id"] for row in await rows(spool)] == ["L9"]


async def test_an_agent_without_any_of_the_parameters_is_told_and_asked_again_only_in_its_time(
    mosquitto: Mosquitto, spool: Spool
) -> None:
    agent = UspAgent("os::00256D-HWTC00000001", "5", CONTROLLER, {"Device.DeviceInfo.SerialNumber": "X"})
    async with running(controller(mosquitto, spool, "5")) as r, agent.running(mosquitto.port):
        await until(lambda: r.status().state == "connected")
        await agent.boot()
        await until(lambda: r.status().refused == {"no_reading": 1})
        await asyncio.sleep(0.5)
        assert r.status().counts["asked"] == 1


async def test_agents_share_collectors(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """Whichever collector of the group gets the notification, it is answered and its values are kept, once."""
    spools = [Spool(tmp_path / name, 1 << 20) for name in ("one", "two")]
    both = [controller(mosquitto, s, "5", share="north") for s in spools]
    both[1]._client_id = "another"
    agents = [UspAgent(f"os::00256D-HWTC{n:08X}", "5", CONTROLLER, model(n)) for n in range(6)]
    async with running(both[0]), running(both[1]):
        await until(lambda: all(r.status().state == "connected" for r in both))
        for agent in agents:
            async with agent.running(mosquitto.port):
                before = sum(r.status().readings for r in both)
                await agent.boot()
                await until(lambda before=before: sum(r.status().readings for r in both) > before)  # type: ignore[misc]
    found = [row["line_id"] for s in spools for row in await rows(s)]
    assert sorted(found) == [f"L{n}" for n in range(6)]
    for s in spools:
        await s.close()
