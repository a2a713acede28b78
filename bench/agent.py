"""A device to be measured against: a Huawei-like OLT of many ONTs, an agent of the simulator in a process of its own.

`python -m bench.agent ONTS` prints its UDP port and serves until standard input ends.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from simulator.snmp import ber
from simulator.snmp.agent import Agent
from simulator.snmp.mib import Column, Mib, Rows
from simulator.snmp.tables import port_index

COMMUNITY = "bench"
HUAWEI = "1.3.6.1.4.1.2011.6.128.1.1.2"
# What one poll of optics reads: state, serial, and seven figures of an ONT.
STATE, SERIAL = f"{HUAWEI}.46.1.15", f"{HUAWEI}.43.1.3"
OPTICS = [f"{HUAWEI}.51.1.{n}" for n in range(1, 8)]
COLUMNS = [SERIAL, STATE, *OPTICS]
ONTS_A_PORT, PORTS_A_CARD = 128, 16


def mib(onts: int) -> Mib:
    """Tables with plausible figures; every ONT is up."""
    rng = np.random.default_rng(1)
    places = np.arange(onts)
    ports = places // ONTS_A_PORT
    index = [port_index("huawei", p // PORTS_A_CARD, p % PORTS_A_CARD) for p in ports.tolist()]
    rows = Rows(list(zip(index, (places % ONTS_A_PORT).tolist(), strict=True)))

    def column(oid: str, values: Sequence[bytes]) -> Column:
        return Column(tuple(map(int, oid.split("."))), rows, lambda: values)

    figures = {1: (45, 5), 2: (12, 3), 3: (230, 30), 4: (-2000, 200), 5: (3300, 20), 6: (7800, 200), 7: (-500, 100)}
    columns = [
        column(SERIAL, [ber.octets(b"HWTC" + n.to_bytes(4, "big")) for n in range(onts)]),
        column(STATE, [ber.integer(1)] * onts),
    ]
    for number, (mean, spread) in figures.items():
        raw = rng.normal(mean, spread, onts).round().astype(int).tolist()
        columns.append(column(f"{HUAWEI}.51.1.{number}", [ber.integer(v) for v in raw]))
    scalar = Rows([(0,)])
    columns.append(Column((1, 3, 6, 1, 2, 1, 1, 1), scalar, lambda: [ber.octets(b"bench")]))
    columns.append(Column((1, 3, 6, 1, 2, 1, 1, 3), scalar, lambda: [ber.integer(1, ber.TICKS)]))
    return Mib(columns)


@contextmanager
def serving(onts: int) -> Iterator[int]:
    """Start the agent beside us; yields its UDP port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.agent", str(onts)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(10)


async def _serve(onts: int) -> None:
    loop = asyncio.get_running_loop()
    agent = Agent(mib(onts), COMMUNITY.encode())
    transport, _ = await loop.create_datagram_endpoint(lambda: agent, local_addr=("127.0.0.1", 0))
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ended.set)
    print(transport.get_extra_info("sockname")[1], flush=True)
    await ended.wait()
    transport.close()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
