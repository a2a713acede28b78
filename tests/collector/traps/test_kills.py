"""Killed between an inform's arrival and its acknowledgement: it is sent again, and stored once."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.collector.sinks import SqliteSink
from tests.collector.traps.conftest import COMMUNITY, TRAPS, net_snmp, values
from tests.collector.traps.test_receiving import SIGNED
from tests.conftest import ROOT
from tests.parts import free_port


@asynccontextmanager
async def listening(folder: Path, port: int, when: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that listens, and is gone afterwards whatever happens."""
    command = (sys.executable, "-m", "tests.collector.traps.dying", str(folder), str(port), when)
    quiet, pipe = asyncio.subprocess.DEVNULL, asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=pipe, stderr=quiet)
    try:
        assert process.stdout is not None
        await asyncio.wait_for(process.stdout.readline(), 60)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def stored(folder: Path) -> dict[str, float]:
    sink = SqliteSink(folder / "store.sqlite")
    try:
        return sink.values("state")  # fails where a reading is there twice
    finally:
        sink.close()


@pytest.mark.parametrize(("version", "deaths"), [("2c", ("before_disk", "before_answer")), ("3", ("before_answer",))])
async def test_an_inform_not_acknowledged_for_a_kill_is_sent_again_and_stored_once(
    tmp_path: Path, version: str, deaths: tuple[str, ...]
) -> None:
    port = free_port(socket.SOCK_DGRAM)
    who = ("-v", "2c", "-c", COMMUNITY) if version == "2c" else SIGNED
    command = ("snmpinform", *who, "-t", "0.3", "-r", "300", f"127.0.0.1:{port}", "", f"{TRAPS}.8.2", *values(2))
    sending: asyncio.Task[int] | None = None
    for when in deaths:
        async with listening(tmp_path, port, when) as dies:
            sending = sending or asyncio.create_task(net_snmp(*command))
            assert await asyncio.wait_for(dies.wait(), 60) == -9
        assert not sending.done(), "an inform was acknowledged, and its collector died before it had to be"
    assert stored(tmp_path) == {} or stored(tmp_path) == {"L2": "dying_gasp"}
    assert sending is not None
    async with listening(tmp_path, port, "never"):
        assert await asyncio.wait_for(sending, 60) == 0
        for _ in range(100):
            if stored(tmp_path):
                break
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
        assert stored(tmp_path) == {"L2": "dying_gasp"}
