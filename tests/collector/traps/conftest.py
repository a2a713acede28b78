"""A BDCOM OLT of four ONUs that sends traps to a listener on loopback, with the tools of net-snmp."""

import asyncio
import shutil
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from collector.identity import Identity
from collector.profile import Profile, load_profiles
from collector.spool import Spool
from collector.traps.listeners import TrapListeners
from collector.traps.status import TrapStatus
from plant.inventory import Device, Inventory, TrapListener
from tests.collector.plants import inventory, lines
from tests.conftest import ROOT
from tests.parts import free_port, program

COMMUNITY = "only-for-tests"
LINES = lines(*[(f"L{n}", "OLT-1", "0/1", f"BDCM0000000{n}", n) for n in range(1, 5)])
TRAPS = "1.3.6.1.4.1.3320.10.3"
IF_INDEX, IF_DESCR = "1.3.6.1.2.1.2.2.1.1", "1.3.6.1.2.1.2.2.1.2"


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("TRAP", COMMUNITY), ("A", "auth-pass-phrase"), ("P", "priv-pass-phrase")):
        monkeypatch.setenv(f"TEST_{name}", value)


@cache
def profiles() -> dict[str, Profile]:
    return dict(load_profiles())


def only_bdcom(folder: Path) -> dict[str, Profile]:
    """One profile, for processes that should start quickly."""
    own = folder / "profiles"
    own.mkdir(exist_ok=True)
    shutil.copy(ROOT / "collector" / "profiles" / "bdcom-gpon.yaml", own)
    return dict(load_profiles(own))


def olt(**more: Any) -> Device:
    more = {"credentials": {"community": "env:TEST_TRAP"}, "profile": "bdcom-gpon", **more}
    return Device(more.pop("id", "OLT-1"), more.pop("host", "127.0.0.1"), "olt", "tianhe", **more)


class Polled:
    """A polled device as the listeners see it; counts the looks it is asked for."""

    def __init__(self) -> None:
        self.profile: str | None = None
        self.looks = 0

    def look_soon(self) -> bool:
        self.looks += 1
        return True


class Listened:
    """A running listener with its spool, and what came of it."""

    def __init__(self, listeners: TrapListeners, spool: Spool, port: int, polled: Polled) -> None:
        self.listeners, self.spool, self.port, self.polled = listeners, spool, port, polled

    @property
    def status(self) -> TrapStatus:
        return self.listeners.status()[0]

    async def readings(self) -> list[tuple[str, str, str | float]]:
        """(line, field, value) of everything in the spool, in order, with no delivery in between."""
        group = await self.spool.read()
        rows = [] if group is None else [row for batch in group.batches for row in batch.table.to_pylist()]
        return [
            (row["line_id"], name, value)
            for row in rows
            for name, value in row.items()
            if name not in ("line_id", "time", "quality") and value is not None
        ]

    async def until(self, true: Callable[[TrapStatus], bool], seconds: float = 10) -> TrapStatus:
        end = time.monotonic() + seconds
        while not true(self.status):
            assert time.monotonic() < end, f"did not come true in time: {self.status}"
            await asyncio.sleep(0.02)
        return self.status

    def send(self, data: bytes, host: str = "127.0.0.1") -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind((host, 0))
            s.sendto(data, ("127.0.0.1", self.port))


Listen = Callable[..., Any]


@pytest.fixture
def listen(tmp_path: Path) -> Listen:
    @asynccontextmanager
    async def listening(
        *devices: Device, spool: Spool | None = None, table: Any = LINES, **more: Any
    ) -> AsyncIterator[Listened]:
        port = more.pop("port", None) or free_port(socket.SOCK_DGRAM)
        own = spool or Spool(tmp_path / "spool", 8 << 20)
        plant = world(port, *devices, table=table, **more)
        polled = Polled()
        listeners = TrapListeners(plant, own, Identity(plant.lines), profiles(), lambda _: polled)
        stop = asyncio.Event()
        task = asyncio.create_task(listeners.run(stop))
        listened = Listened(listeners, own, port, polled)
        try:
            await listened.until(lambda s: s.state in ("listening", "down"))
            yield listened
        finally:
            stop.set()
            await task
            if spool is None:
                await own.close()

    return listening


def world(port: int, *devices: Device, table: Any = LINES, **more: Any) -> Inventory:
    plant = inventory(table, devices or [olt()])
    return Inventory(**{**vars(plant), "traps": (TrapListener("main", "127.0.0.1", port, **more),)})


def values(onu: int, trap: str = "8", value: int = 1) -> list[str]:
    """What a BDCOM OLT says beside the trap's name, as arguments of snmptrap."""
    index = str(10 + onu)
    return [
        f"{IF_INDEX}.{index}", "i", index, f"{IF_DESCR}.{index}", "s", f"GPON0/1:{onu}",
        f"{TRAPS}.{trap}.1.0", "i", str(value),
    ]  # fmt: skip


async def net_snmp(tool: str, *arguments: str) -> int:
    """Run snmptrap or snmpinform; its exit code (0 from snmpinform: it was acknowledged)."""
    process = await asyncio.create_subprocess_exec(
        program(tool, "snmp"), *arguments, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        return await process.wait()
    finally:
        if process.returncode is None:  # the test ended before it
            process.kill()
