"""The plain way to do what the collector does: pysnmp walks, each reading a point of influxdb-client in line protocol.

No server waits for the points, nothing is decoded, checked, given to a line or put on disk: all that leans to its side.
"""

import time
from dataclasses import dataclass
from typing import Any

from influxdb_client.client.write.point import Point
from pysnmp.hlapi.v3arch.asyncio import (
    CommunityData,
    ContextData,
    ObjectIdentity,
    ObjectType,
    SnmpEngine,
    UdpTransportTarget,
    bulk_walk_cmd,
)

from bench.agent import COMMUNITY, OPTICS, Agents

NAME = "pysnmp walk into influxdb-client points"
REPETITIONS = 50
ROWS = 3000  # pysnmp takes about 0.1 ms a varbind: a part of a column is enough to know its pace


@dataclass(frozen=True)
class Plain:
    """Varbinds/s: of the walk alone, into points, and into points net of the agents' own CPU. The best of some runs."""

    walk: float
    points: float
    points_net: float


async def measure(agents: Agents, repeats: int) -> Plain:
    """Walk a column of the first agent a few times, once more to warm up."""
    engine = SnmpEngine()
    target = await UdpTransportTarget.create(("127.0.0.1", agents.ports[0]))
    runs = [await _run(engine, target, agents) for _ in range(repeats + 1)]
    engine.close_dispatcher()
    return Plain(*(max(rates) for rates in zip(*runs, strict=True)))


def net_seconds(seconds: float, own_cpu_s: float, agents_cpu_s: float) -> float:
    """How long it would have taken had the agents cost nothing.

    Agents on another core work while we do, so taking their time out may take out too much: it is never less than our
    own CPU time.
    """
    return max(seconds - agents_cpu_s, own_cpu_s)


async def _run(engine: SnmpEngine, target: UdpTransportTarget, agents: Agents) -> tuple[float, float, float]:
    points: list[str] = []
    walking = 0.0
    theirs, cpu = agents.cpu_s(), time.process_time()
    started = previous = time.perf_counter()
    walk = bulk_walk_cmd(
        engine, CommunityData(COMMUNITY), target, ContextData(), 0, REPETITIONS,
        ObjectType(ObjectIdentity(OPTICS[3])), lookupMib=False,
    )  # fmt: skip
    async for _, _, _, pairs in walk:
        walking += time.perf_counter() - previous
        for name, value in pairs:
            port_index, ont = str(name).split(".")[-2:]
            point: Any = Point("optics")
            point = point.tag("device", "OLT").tag("pon", port_index).tag("ont", ont)
            points.append(point.field("rx_dbm", int(value) * 0.01).time(1_700_000_000, "s").to_line_protocol())
        if len(points) >= ROWS:
            break
        previous = time.perf_counter()
    seconds = time.perf_counter() - started
    net = net_seconds(seconds, time.process_time() - cpu, agents.cpu_s() - theirs)
    return len(points) / walking, len(points) / seconds, len(points) / net
