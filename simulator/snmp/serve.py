"""Many OLTs and CMTSs in one process, one UDP port each, on loopback."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

from simulator.snmp.agent import MAX_MESSAGE, Agent
from simulator.snmp.cmts import CmtsSnapshot
from simulator.snmp.olt import OltSnapshot
from simulator.snmp.snapshot import Clock, Snapshot
from simulator.snmp.tables import build_mib
from simulator.world import World

log = structlog.get_logger(__name__)

AgentMaker = Callable[[Snapshot, Agent], asyncio.DatagramProtocol]


@dataclass(frozen=True)
class Served:
    """Running agents: device id → UDP port, and the means to end them."""

    ports: Mapping[str, int]
    agents: Mapping[str, Agent]
    transports: tuple[asyncio.DatagramTransport, ...]

    def close(self) -> None:
        for transport in self.transports:
            transport.close()


async def serve_agents(
    world: World,
    *,
    host: str = "127.0.0.1",
    ports: Mapping[str, int] | None = None,
    community: str = "public",
    clock: Clock = time.time,
    max_message: int = MAX_MESSAGE,
    wrap: AgentMaker | None = None,
) -> Served:
    """Start one agent an OLT and CMTS; a port the mapping does not name (or names 0) is chosen by the system.

    `clock` gives the world's time in UTC seconds: a stopped clock freezes the readings. OSError when a port is taken.
    """
    loop = asyncio.get_running_loop()
    bound: dict[str, int] = {}
    agents: dict[str, Agent] = {}
    transports: list[asyncio.DatagramTransport] = []
    snapshots: list[Snapshot] = [OltSnapshot(world, olt, clock) for olt in world.olts]
    if world.hfc is not None:
        snapshots += [CmtsSnapshot(world, world.hfc, cmts, clock) for cmts in world.hfc.layout.cmts]
    for snapshot in snapshots:
        device = snapshot.device
        snapshot.renew()  # the first reading works out the whole past: before anyone waits for an answer
        mib = build_mib(snapshot)

        def refresh(snapshot: Snapshot = snapshot, expire: Callable[[], None] = mib.expire) -> None:
            if snapshot.renew():
                expire()

        agent = Agent(mib, community.encode(), refresh=refresh, max_message=max_message)
        protocol = agent if wrap is None else wrap(snapshot, agent)
        try:
            transport, _ = await loop.create_datagram_endpoint(
                lambda protocol=protocol: protocol,  # type: ignore[misc]
                local_addr=(host, (ports or {}).get(device, 0)),
            )
        except OSError:
            for started in transports:
                started.close()
            raise
        transports.append(transport)
        agents[device] = agent
        bound[device] = int(transport.get_extra_info("sockname")[1])
        log.info("agent_up", device=device, tables=snapshot.tables, host=host, port=bound[device])
    return Served(bound, agents, tuple(transports))
