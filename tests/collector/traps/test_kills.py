"""Killed between an inform's arrival and its acknowledgement: it is sent again, and stored once."""

import asyncio
import socket
import sys
from pathlib import Path

import pytest

from tests.collector.sinks import SqliteSink
from tests.collector.traps.conftest import COMMUNITY, TRAPS, net_snmp, values
from tests.collector.traps.test_receiving import SIGNED
from tests.conftest import ROOT
from tests.parts import free_port


async def listening(folder: Path, port: int, when: str) -> asyncio.subprocess.Process:
    command = (sys.executable, "-m", "tests.collector.traps.dying", str(folder), str(port), when)
    quiet = asyncio.subprocess.DEVNULL
    return await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=quiet, stderr=quiet)


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
    sending = asyncio.create_task(
        net_snmp("snmpinform", *who, "-t", "0.3", "-r", "50", f"127.0.0.1:{port}", "", f"{TRAPS}.8.2", *values(2))
    )
    for when in deaths:
        died = await listening(tmp_path, port, when)
        assert await asyncio.wait_for(died.wait(), 20) == -9
        assert not sending.done(), "an inform was acknowledged, and its collector died before it had to be"
    assert stored(tmp_path) == {} or stored(tmp_path) == {"L2": "dying_gasp"}
    lives = await listening(tmp_path, port, "never")
    try:
        assert await asyncio.wait_for(sending, 20) == 0
        for _ in range(100):
            if stored(tmp_path):
                break
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
        assert stored(tmp_path) == {"L2": "dying_gasp"}
    finally:
        lives.kill()
        await lives.wait()
