"""Devices to be measured against: Huawei-like OLTs of many ONTs, agents of the simulator in a process of their own.

`python -m bench.agent OLTS ONTS` prints their UDP ports in one line and serves until standard input ends. Answers are
encoded before that, so that what an agent costs is little and the same for all who ask.
"""

import asyncio
import os
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from simulator.snmp import ber
from simulator.snmp.agent import Agent
from simulator.snmp.mib import Column, Mib, Rows
from simulator.snmp.olt import port_index

COMMUNITY = "bench"
HUAWEI = "1.3.6.1.4.1.2011.6.128.1.1.2"
# What one poll of optics reads: state, serial, and seven figures of an ONT.
STATE, SERIAL = f"{HUAWEI}.46.1.15", f"{HUAWEI}.43.1.3"
OPTICS = [f"{HUAWEI}.51.1.{n}" for n in range(1, 8)]
COLUMNS = [SERIAL, STATE, *OPTICS]
CAUSE, DISTANCE = f"{HUAWEI}.46.1.24", f"{HUAWEI}.46.1.20"
ONTS_A_PORT, PORTS_A_CARD = 128, 16
_POWER_OFF = 13  # the last cause of going down, in Huawei's words
_ENOUGH_FILES = 4096  # one socket an OLT


def mibs(olts: int, onts: int) -> list[Mib]:
    """Tables with plausible figures, one an OLT, alike but for the serials; every ONT is up."""
    rng = np.random.default_rng(1)
    places = np.arange(onts)
    ports = places // ONTS_A_PORT
    index = [port_index("huawei", p // PORTS_A_CARD, p % PORTS_A_CARD) for p in ports.tolist()]
    rows = Rows(list(zip(index, (places % ONTS_A_PORT).tolist(), strict=True)))

    def column(oid: str, values: Sequence[bytes]) -> Column:
        made = Column(tuple(map(int, oid.split("."))), rows, lambda: values)
        made.cells()
        return made

    figures = {1: (45, 5), 2: (12, 3), 3: (230, 30), 4: (-2000, 200), 5: (3300, 20), 6: (7800, 200), 7: (-500, 100)}
    shared = [
        column(STATE, [ber.integer(1)] * onts),
        column(CAUSE, [ber.integer(_POWER_OFF)] * onts),
        column(DISTANCE, [ber.integer(v) for v in rng.integers(100, 20_000, onts).tolist()]),
    ]
    for number, (mean, spread) in figures.items():
        raw = rng.normal(mean, spread, onts).round().astype(int).tolist()
        shared.append(column(f"{HUAWEI}.51.1.{number}", [ber.integer(v) for v in raw]))
    scalar = Rows([(0,)])
    shared.append(Column((1, 3, 6, 1, 2, 1, 1, 1), scalar, lambda: [ber.octets(b"bench")]))
    shared.append(Column((1, 3, 6, 1, 2, 1, 1, 2), scalar, lambda: [ber.oid((1, 3, 6, 1, 4, 1, 2011, 2, 248))]))
    shared.append(Column((1, 3, 6, 1, 2, 1, 1, 3), scalar, lambda: [ber.integer(1, ber.TICKS)]))
    return [Mib([column(SERIAL, _serials(olt * onts, onts)), *shared]) for olt in range(olts)]


def _serials(first: int, count: int) -> list[bytes]:
    return [ber.octets(b"HWTC" + n.to_bytes(4, "big")) for n in range(first, first + count)]


@dataclass(frozen=True)
class Agents:
    """Running agents: their UDP ports, and the process that serves them."""

    ports: tuple[int, ...]
    pid: int

    def cpu_s(self) -> float:
        """Seconds of CPU the process has used so far, user and system (proc(5), fields 14 and 15)."""
        fields = Path(f"/proc/{self.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def serving(onts: int, olts: int = 1) -> Iterator[Agents]:
    """Start the agents beside us, one UDP port an OLT of so many ONTs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.agent", str(olts), str(onts)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Agents(tuple(map(int, process.stdout.readline().split())), process.pid)
    finally:
        process.stdin.close()
        process.wait(10)


async def _serve(olts: int, onts: int) -> None:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = _ENOUGH_FILES if most == resource.RLIM_INFINITY else min(_ENOUGH_FILES, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
    loop = asyncio.get_running_loop()
    transports = []
    for mib in mibs(olts, onts):
        served = Agent(mib, COMMUNITY.encode())
        transport, _ = await loop.create_datagram_endpoint(partial(_same, served), local_addr=("127.0.0.1", 0))
        transports.append(transport)
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ended.set)
    print(*(t.get_extra_info("sockname")[1] for t in transports), flush=True)
    await ended.wait()
    for transport in transports:
        transport.close()


def _same(served: Agent) -> Agent:
    return served


if __name__ == "__main__":
    asyncio.run(_serve(*map(int, sys.argv[1:3])))
