"""Traps within the collector: from the wire to the store, looks that are few, listeners that follow the inventory."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest

from collector.asking import Chosen
from collector.device import DeviceSettings
from collector.metrics import register
from collector.service import Collector, CollectorSettings
from collector.spool import Spool
from collector.status import read_status
from collector.turnstile import Turnstile
from plant.inventory import Device, TrapListener
from tests.collector.service.test_identity import Rows
from tests.collector.sinks import SqliteSink
from tests.collector.traps.conftest import LINES, olt, profiles, world
from tests.collector.traps.datagrams import gasp, state, v2c
from tests.parts import free_port

LOOK_EVERY_S = 0.6
SETTINGS = CollectorSettings(
    status_every_s=0.05,
    device=DeviceSettings(spread_s=0.02, look_after_s=0.05, look_every_s=LOOK_EVERY_S, first_retry_s=60.0),
)


class Olt:
    """An OLT that is asked for its states every five minutes, and for its optics every hour."""

    def __init__(self) -> None:
        self.polls: list[tuple[str, float]] = []
        self.silent = False

    async def choose(self, device: Device, turnstile: Turnstile) -> Chosen:
        return Chosen("bdcom-gpon", "it is one", (), {"status": 300.0, "optics": 3600.0})

    async def poll(self, device: Device, profile: str, tier: str, turnstile: Turnstile) -> Rows:
        await turnstile.enter()
        self.polls.append((tier, time.monotonic()))
        if self.silent:
            raise TimeoutError
        turnstile.answered(0.001)
        return Rows(*[("0/1", n, f"BDCM0000000{n}") for n in range(1, 5)])

    @property
    def statuses(self) -> int:
        return sum(tier == "status" for tier, _ in self.polls)


async def until(true: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "did not come true in time"
        await asyncio.sleep(0.02)


def send(port: int, *messages: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for message in messages:
            s.sendto(message, ("127.0.0.1", port))


@asynccontextmanager
async def collecting(folder: Path, asker: Olt, *ports: int) -> AsyncIterator[tuple[Collector, SqliteSink]]:
    spool, sink = Spool(folder / "spool", 4 << 20), SqliteSink(folder / "store.sqlite")
    plant = replace(world(0, olt(), table=LINES), traps=tuple(TrapListener(f"t{p}", "127.0.0.1", p) for p in ports))
    running = Collector(
        plant, spool, sink, asker=asker, profiles=profiles(), settings=SETTINGS, status_path=folder / "status.json"
    )
    stop = asyncio.Event()
    task = asyncio.create_task(running.run(stop))
    try:
        await until(lambda: len(asker.polls) >= 2 and all(t.state == "listening" for t in running.status().traps))
        yield running, sink
    finally:
        stop.set()
        await task
        await spool.close()


async def test_a_trap_reaches_the_store_and_the_status_and_has_its_device_looked_at(tmp_path: Path) -> None:
    port, asker = free_port(socket.SOCK_DGRAM), Olt()
    async with collecting(tmp_path, asker, port) as (running, sink):
        send(port, gasp(2), gasp(9), v2c("1.3.6.1.4.1.2011.2.9", []))
        await until(lambda: sink.values("state") == {"L2": "dying_gasp"})
        await until(lambda: asker.statuses == 2)
        assert sink.values("down_cause") == {"L2": "power_off"}
        await until(lambda: any(t.looks for t in (read_status(tmp_path / "status.json") or running.status()).traps))
        status = read_status(tmp_path / "status.json")
        assert status is not None
        (told,) = status.traps
        assert (told.received, told.readings, told.unknown, told.looks) == (3, 1, 1, 1)
        assert [(e.kind, e.line_id, e.now) for e in status.events] == [
            ("trap", "OLT-1/0/1/9", "dying_gasp"),
            ("trap", "", "1.3.6.1.4.1.2011.2.9"),
        ]
        registry = CollectorRegistry()
        register(registry, running.status)
        text = generate_latest(registry).decode().splitlines()
        assert f'lightline_traps_up{{listener="t{port}"}} 1.0' in text
        assert f'lightline_traps_known_total{{listener="t{port}",trap="dying_gasp"}} 2.0' in text


async def test_looks_are_few_however_many_traps_come(tmp_path: Path) -> None:
    port, asker = free_port(socket.SOCK_DGRAM), Olt()
    async with collecting(tmp_path, asker, port) as (running, _):
        began, onu = time.monotonic(), 0
        while time.monotonic() - began < 1.6:
            send(port, *(state(onu + n, 3) for n in range(5)))  # each of another ONU: none of them is folded
            onu += 5
            await asyncio.sleep(0.02)
        looks = asker.statuses - 1
        times = [at for tier, at in asker.polls if tier == "status"][1:]
        assert 2 <= looks <= 1.6 / LOOK_EVERY_S + 1
        assert all(after - before > 0.9 * LOOK_EVERY_S for before, after in pairwise(times))
        assert running.status().devices[0].pace.budget_left == 36_000 - len(asker.polls)
        assert [tier for tier, _ in asker.polls].count("optics") == 1


async def test_a_silent_device_is_not_asked_sooner_for_its_traps(tmp_path: Path) -> None:
    port, asker = free_port(socket.SOCK_DGRAM), Olt()
    async with collecting(tmp_path, asker, port) as (running, _):
        asker.silent = True
        send(port, gasp(2))
        await until(lambda: running.status().devices[0].state == "silent")
        before = len(asker.polls)
        for n in range(14):
            send(port, state(n, 3))
            await asyncio.sleep(0.1)
        assert len(asker.polls) <= before + 1, "a second look tells that it is the device, not one answer that was lost"


async def test_what_traps_said_is_there_again_after_a_restart(tmp_path: Path) -> None:
    port = free_port(socket.SOCK_DGRAM)
    async with collecting(tmp_path, Olt(), port) as (running, _):
        send(port, gasp(9))
        await until(lambda: len(running.status().events) == 1)
        before = running.status().events
    with (tmp_path / "spool" / "traps" / "events").open("ab") as file:
        file.write(b'{"kind": "trap", "dev')  # as a power cut leaves it
    async with collecting(tmp_path, Olt(), port) as (running, _):
        assert running.status().events == before


async def test_listeners_follow_the_inventory_and_those_that_stay_keep_their_port(tmp_path: Path) -> None:
    first, second = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_DGRAM)
    async with collecting(tmp_path, Olt(), first) as (running, sink):
        kept = running.status().traps[0].since
        plant = running._inventory
        both = (*plant.traps, TrapListener("second", "127.0.0.1", second))
        await running.reload(replace(plant, traps=both))
        await until(lambda: [t.state for t in running.status().traps] == ["listening"] * 2)
        assert running.status().traps[0].since == kept
        send(second, gasp(3))
        await until(lambda: "L3" in sink.values("state"))
        await running.reload(replace(plant, traps=both[1:], devices={"OLT-9": olt(id="OLT-9", host="192.0.2.9")}))
        assert [t.id for t in running.status().traps] == ["second"]
        send(second, gasp(3))
        await until(lambda: running.status().traps[0].refused == {"unknown_source": 1})
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(("127.0.0.1", first))
