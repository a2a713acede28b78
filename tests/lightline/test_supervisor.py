"""The supervisor: a part that falls is started again; the whole ends together, and leaves nothing behind."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lightline.supervisor import Part, supervise

STUBBORN = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open(sys.argv[1], "a").write(f"{os.getpid()}\\n")
time.sleep(600)
"""
FALLING = """
import os, sys
open(sys.argv[1], "a").write(f"{os.getpid()}\\n")
sys.exit(3)
"""
PATIENT = """
import asyncio, os, sys
from lightline.stopping import stop_event
async def main():
    stop = stop_event()
    open(sys.argv[1], "a").write(f"{os.getpid()}\\n")
    await stop.wait()
asyncio.run(main())
"""
SUPERVISOR = """
import asyncio, sys
from lightline.supervisor import Part, supervise
asyncio.run(supervise([Part("part", [sys.argv[1]], module="patient")], asyncio.Event()))
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of modules that parts can be started from."""
    for name, text in (("stubborn", STUBBORN), ("falling", FALLING), ("patient", PATIENT)):
        (tmp_path / f"{name}.py").write_text(text)
    root = Path(__file__).resolve().parents[2]
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{root}")
    return tmp_path


async def lines(path: Path, count: int) -> list[int]:
    """Wait until `count` processes have written their id."""
    for _ in range(600):
        if path.exists() and len(path.read_text().split()) >= count:
            return [int(pid) for pid in path.read_text().split()]
        await asyncio.sleep(0.05)
    raise AssertionError(f"fewer than {count} starts")


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def test_a_part_that_falls_is_started_again(module: Path) -> None:
    stop = asyncio.Event()
    out = module / "falls"
    running = asyncio.create_task(supervise([Part("falling", [str(out)], module="falling")], stop))
    pids = await lines(out, 2)
    stop.set()
    await running
    assert pids[0] != pids[1]


async def test_a_part_that_will_not_stop_is_killed_and_all_end_within_five_seconds(module: Path) -> None:
    stop = asyncio.Event()
    one, two = module / "one", module / "two"
    parts = [Part("one", [str(one)], module="stubborn"), Part("two", [str(two)], module="patient")]
    running = asyncio.create_task(supervise(parts, stop))
    pids = await lines(one, 1) + await lines(two, 1)
    stop.set()
    await asyncio.wait_for(running, 5)
    assert not any(alive(pid) for pid in pids)


async def test_parts_end_when_their_supervisor_is_killed(module: Path) -> None:
    out = module / "orphan"
    supervisor = subprocess.Popen([sys.executable, "-c", SUPERVISOR, str(out)])
    try:
        (pid,) = await lines(out, 1)
    finally:
        supervisor.send_signal(signal.SIGKILL)
        supervisor.wait()
    deadline = time.monotonic() + 20
    while alive(pid) and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    assert not alive(pid)
