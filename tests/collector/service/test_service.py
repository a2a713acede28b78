"""The collector as a whole: one device's trouble is that device's alone, and the store gets everything once."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiomqtt
import pyarrow as pa
import pytest

from collector.asking import Chosen
from collector.device import DeviceSettings
from collector.service import Collector, CollectorSettings
from collector.spool import Spool
from collector.status import read_status
from collector.turnstile import Turnstile
from plant.inventory import Broker, Device
from tests.collector.mqtt.conftest import Mosquitto
from tests.collector.mqtt.conftest import mosquitto as mosquitto  # noqa: PLC0414 - a fixture
from tests.collector.plants import device, inventory, lines
from tests.collector.service.test_identity import Rows
from tests.collector.sinks import SqliteSink

LINES = lines(*[(f"L{d}-{n}", f"OLT-{d}", "0/1", f"HWTC{d:04}{n:04}", n) for d in range(6) for n in range(4)])


class Devices:
    """Devices that behave by their number: 0, 1, 4, 5 answer, 2 is silent, 3 answers garbage, 9 answers for ever."""

    def __init__(self) -> None:
        self.polls: list[tuple[str, str]] = []
        self.asking: set[str] = set()
        self.silent = {"OLT-2"}
        self.broken_tier: str | None = None

    async def choose(self, device: Device, turnstile: Turnstile) -> Chosen:
        assert device.id not in self.asking, "two requests at once to one device"
        if device.id in self.silent:
            raise TimeoutError
        if device.id == "OLT-7":
            return Chosen(None, "answers 1.3.6.1.2.1 only")
        return Chosen("made-up", "answers the made-up table", ("1.3.6.1.4.1.99",), {"status": 0.1, "optics": 0.3})

    async def poll(self, device: Device, profile: str, tier: str, turnstile: Turnstile) -> Rows:
        assert device.id not in self.asking, "two requests at once to one device"
        self.asking.add(device.id)
        try:
            await turnstile.enter()
            self.polls.append((device.id, tier))
            if device.id in self.silent:
                turnstile.timed_out()
                raise TimeoutError
            turnstile.answered(0.001)
            if device.id == "OLT-3" or (device.id == "OLT-5" and tier == self.broken_tier):
                raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "garbage")
            if device.id == "OLT-9":
                await asyncio.sleep(3600)
            number = device.id.removeprefix("OLT-")
            rows = Rows(*[("0/1", n, f"HWTC{number:>04}{n:04}") for n in range(4)], pons=("0/1",))
            rows.time = datetime.now(UTC)
            if tier == "status":
                rows.lines = rows.lines.drop_columns(["rx_dbm"]).append_column("state", pa.array(["up"] * 4))
            return rows
        finally:
            self.asking.discard(device.id)


QUICK = CollectorSettings(
    status_every_s=0.05,
    drain_limit_s=1.0,
    device=DeviceSettings(limit_s=0.3, spread_s=0.02, first_retry_s=0.05, longest_retry_s=0.1, choose_again_s=0.1),
)


@pytest.fixture
async def spool(tmp_path: Path) -> AsyncIterator[Spool]:
    opened = Spool(tmp_path / "spool", 1 << 20)
    yield opened
    await opened.close()


@pytest.fixture
def sink(tmp_path: Path) -> SqliteSink:
    return SqliteSink(tmp_path / "store.sqlite")


def collector(spool: Spool, sink: SqliteSink, asker: Devices, numbers: list[int], **more: Any) -> Collector:
    plant = inventory(LINES, [device(f"OLT-{n}") for n in numbers], more.pop("brokers", ()))
    return Collector(plant, spool, sink, asker=asker, settings=more.pop("settings", QUICK), **more)


async def until(true: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "did not come true in time"
        await asyncio.sleep(0.02)


async def test_one_cycle_asks_every_tier_of_every_device_and_fills_the_store(spool: Spool, sink: SqliteSink) -> None:
    asker = Devices()
    report = await collector(spool, sink, asker, [0, 1, 4]).run_once()
    assert sorted(asker.polls) == [(f"OLT-{n}", t) for n in (0, 1, 4) for t in ("optics", "status")]
    assert (report.devices_asked, report.devices_answered) == (3, 3)
    assert (report.lines, report.pons) == (12, 3)
    assert report.readings == 12 * 4 + 3 * 2  # optics, state and twice the serial; a port's power in both tiers
    assert report.delivered
    assert report.problems == ()
    assert set(sink.values("rx_dbm")) == {f"L{d}-{n}" for d in (0, 1, 4) for n in range(4)}


async def test_devices_that_misbehave_do_not_stop_the_rest(spool: Spool, sink: SqliteSink) -> None:
    report = await collector(spool, sink, Devices(), [0, 2, 3, 5, 7, 9]).run_once()
    assert report.devices_answered == 2
    assert report.lines == 8
    assert {p.split(":")[0] for p in report.problems} == {
        "device OLT-2",
        "device OLT-3",
        "device OLT-7",
        "device OLT-9",
    }
    assert report.delivered


async def test_a_store_that_is_down_leaves_the_cycle_in_the_spool(spool: Spool, sink: SqliteSink) -> None:
    sink.available = False
    report = await collector(spool, sink, Devices(), [0]).run_once()
    assert not report.delivered
    assert any(p.startswith("store: the store is down") for p in report.problems)
    assert spool.status().records > 0


async def test_the_service_polls_on_cadence_and_tells_its_state_to_other_processes(
    spool: Spool, sink: SqliteSink, tmp_path: Path
) -> None:
    asker = Devices()
    status_path = tmp_path / "status.json"
    running = collector(spool, sink, asker, [0, 2, 3, 9], status_path=status_path)
    stop = asyncio.Event()
    task = asyncio.create_task(running.run(stop))
    await until(lambda: asker.polls.count(("OLT-0", "status")) >= 5 and asker.polls.count(("OLT-0", "optics")) >= 2)
    await until(lambda: {d.state for d in running.status().devices} == {"answering", "silent", "troubled"})
    stop.set()
    await asyncio.wait_for(task, 5)

    status = read_status(status_path)
    assert status is not None
    by_id = {d.id: d for d in status.devices}
    assert by_id["OLT-0"].profile == "made-up"
    assert by_id["OLT-0"].evidence == ["1.3.6.1.4.1.99"]
    assert by_id["OLT-0"].lines == 4
    assert by_id["OLT-0"].tiers["status"].last_success is not None
    assert by_id["OLT-2"].state == "silent"
    assert by_id["OLT-2"].next_try is not None
    assert "garbage" in (by_id["OLT-3"].trouble or "")
    assert status.spool.records == 0
    assert status.drain.rows > 0


async def test_a_device_that_comes_back_is_read_again(spool: Spool, sink: SqliteSink) -> None:
    asker = Devices()
    running = collector(spool, sink, asker, [2])
    stop = asyncio.Event()
    task = asyncio.create_task(running.run(stop))
    await until(lambda: running.status().devices[0].state == "silent")
    asker.silent.clear()
    await until(lambda: running.status().devices[0].state == "answering")
    assert running.status().devices[0].trouble is None
    stop.set()
    await task


async def test_one_broken_tier_does_not_hold_up_the_others(spool: Spool, sink: SqliteSink) -> None:
    asker = Devices()
    asker.broken_tier = "optics"
    running = collector(spool, sink, asker, [5])
    stop = asyncio.Event()
    task = asyncio.create_task(running.run(stop))
    await until(lambda: asker.polls.count(("OLT-5", "optics")) >= 2 and asker.polls.count(("OLT-5", "status")) >= 4)
    state = running.status().devices[0]
    assert state.state == "troubled"
    assert "garbage" in (state.trouble or "")
    asker.broken_tier = None
    await until(lambda: running.status().devices[0].state == "answering")
    stop.set()
    await task


async def test_the_budget_of_requests_is_not_exceeded(spool: Spool, sink: SqliteSink) -> None:
    asker = Devices()
    thrifty = CollectorSettings(device=DeviceSettings(spread_s=0.02, requests_per_hour=3))
    running = collector(spool, sink, asker, [0], settings=thrifty)
    stop = asyncio.Event()
    task = asyncio.create_task(running.run(stop))
    await until(lambda: any(t.skipped for d in running.status().devices for t in d.tiers.values()))
    await asyncio.sleep(0.5)
    stop.set()
    await task
    assert len(asker.polls) == 3
    assert running.status().devices[0].pace.budget_left == 0


async def test_a_full_spool_pauses_the_pollers(tmp_path: Path, sink: SqliteSink) -> None:
    spool = Spool(tmp_path / "small", 24 << 10, segment_bytes=4096)
    sink.available = False
    asker = Devices()
    running = collector(spool, sink, asker, [0, 1])
    stop = asyncio.Event()
    task = asyncio.create_task(running.run(stop))
    await until(lambda: running.status().spool.full)
    await asyncio.sleep(0.1)
    before = len(asker.polls)
    await asyncio.sleep(0.4)
    assert len(asker.polls) <= before + 2  # polls that were in flight
    sink.available = True
    await until(lambda: len(asker.polls) > before + 5)
    assert not running.status().spool.full
    stop.set()
    await task
    await spool.close()


async def test_a_new_inventory_starts_and_ends_devices_without_disturbing_the_others(
    spool: Spool, sink: SqliteSink
) -> None:
    asker = Devices()
    running = collector(spool, sink, asker, [0, 1])
    stop = asyncio.Event()
    task = asyncio.create_task(running.run(stop))
    await until(lambda: {d for d, _ in asker.polls} == {"OLT-0", "OLT-1"})
    untouched = running._tasks["device", "OLT-0"]
    await running.reload(inventory(LINES, [device("OLT-0"), device("OLT-4")]))
    assert running._tasks["device", "OLT-0"] is untouched
    asker.polls.clear()
    await until(lambda: ("OLT-4", "optics") in asker.polls and ("OLT-0", "optics") in asker.polls)
    assert "OLT-1" not in {d for d, _ in asker.polls}
    stop.set()
    await task


async def test_brokers_are_listened_to_in_a_cycle(spool: Spool, sink: SqliteSink, mosquitto: Mosquitto) -> None:
    broker = Broker("b1", "127.0.0.1", mosquitto.port)
    cycle = collector(spool, sink, Devices(), [0], brokers=(broker,))
    task = asyncio.create_task(cycle.run_once(listen_s=2.0))
    await until(lambda: cycle.status().brokers[0].state == "connected")
    async with aiomqtt.Client("127.0.0.1", mosquitto.port) as client:
        payload = json.dumps({"time": datetime.now(UTC).isoformat(), "rx_dbm": -19.5})
        await client.publish("lightline/ont/HWTC00050002/reading", payload, qos=1)
    report = await task
    assert report.mqtt_readings == 1
    assert sink.values("rx_dbm")["L5-2"] == -19.5


def test_no_status_is_none_and_a_strange_one_is_an_error(tmp_path: Path) -> None:
    assert read_status(tmp_path / "none.json") is None
    (tmp_path / "odd.json").write_text('{"version": 1}')
    with pytest.raises(ValueError, match="restart the collector"):
        read_status(tmp_path / "odd.json")
