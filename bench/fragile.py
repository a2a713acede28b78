"""An OLT that falls over when its tables are walked too hard: ours and the way of plain tools, both counted.

The OLT (simulator/snmp/fragile.py) answers one request after another, ever slower; above its rate it loses requests,
and after too many lost ones it restarts. We ask it for every tier, with the pace of the service. The plain way walks
every column at once with pysnmp, as tools do that start a walk a table whenever five minutes are over.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import structlog
from pysnmp.hlapi.v3arch.asyncio import (
    CommunityData,
    ContextData,
    ObjectIdentity,
    ObjectType,
    SnmpEngine,
    UdpTransportTarget,
    bulk_walk_cmd,
)

from bench.result import Result
from collector.profile import load_profiles
from collector.service import Collector
from collector.snmp import SnmpAsker
from collector.snmp.session import Credentials
from collector.spool import Spool
from plant.batch import Batch
from plant.inventory import LINE_SCHEMA, Calendar, Device, Inventory
from simulator.snmp.agent import Agent
from simulator.snmp.fragile import FragileAgent, Weakness
from simulator.snmp.serve import serve_agents
from simulator.snmp.snapshot import Snapshot
from simulator.world import World

NAME = "pysnmp, a walk a column at once"
COMMUNITY = "fragile"
PROFILES = {"huawei": "huawei", "nscrtv": "nscrtv-gpon"}  # by the simulated family: which columns there are
ONTS, ONTS_QUICK = 512, 128
WEAK = Weakness(service_s=0.003, rate=20.0, patience=25, reboot_s=2.0)
_REPETITIONS = 10  # rows a request: what tools ask for unless told otherwise
_LIMIT_S = 10.0  # of the plain way: by then the OLT has fallen, or it has not


@dataclass(frozen=True)
class Treated:
    """What an OLT went through: restarts, requests it lost; `complete`: every tier was read, nothing in trouble."""

    reboots: int
    lost: int
    complete: bool


class _Sink:
    async def append(self, batches: Sequence[Batch]) -> None:
        """Readings are not what is counted."""


@contextmanager
def beside(quick: bool, folder: Path) -> Iterator[list[Result]]:
    """Measure in a process of its own while other benchmarks run: it hardly does more than wait.

    The list is filled at the end: `fragile_ours_reboots`, `fragile_naive_reboots`, and the requests that were lost.
    """
    found: list[Result] = []
    onts = ONTS_QUICK if quick else ONTS
    command = [sys.executable, "-m", "bench.fragile", str(folder / "fragile"), str(onts)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield found
        told, _ = process.communicate(timeout=120)
        ours, naive = (Treated(**one) for one in json.loads(told))
        found += [
            Result("fragile_ours_reboots", ours.reboots, "restarts"),
            Result("fragile_naive_reboots", naive.reboots, "restarts"),
            Result("fragile_ours_lost", ours.lost, "requests", (naive.lost + 1) / (ours.lost + 1), NAME),
            Result("fragile_ours_complete", float(ours.complete), "of 1"),
        ]
    finally:
        process.kill()
        process.wait()


async def both(onts: int, folder: Path) -> tuple[Treated, Treated]:
    """Ours, then the plain way, each at an OLT of its own that nobody asked before."""
    world = World(3, 1, onts, faults=0, days=2)
    columns = list(load_profiles()[PROFILES[world.olts[0].family]].columns())
    ours = await _treat(world, lambda port: _ours(port, folder))
    return ours, await _treat(world, lambda port: _naive(port, [oid for _, c in columns for oid in c.oids]))


async def _treat(world: World, hands: Callable[[int], Awaitable[bool]]) -> Treated:
    made: list[FragileAgent] = []

    def wrap(snapshot: Snapshot, agent: Agent) -> FragileAgent:
        made.append(FragileAgent(snapshot, agent, WEAK))
        return made[-1]

    served = await serve_agents(world, clock=world.end.timestamp, community=COMMUNITY, wrap=wrap)
    try:
        complete = await hands(served.ports[world.olts[0].id])
    finally:
        served.close()
    return Treated(made[0].reboots, made[0].lost, complete)


async def _ours(port: int, folder: Path) -> bool:
    """The collector as in service, its pace untouched; nothing of the spool is kept."""
    device = Device("FRAGILE", "127.0.0.1", "olt", "bench", port=port)
    plant = Inventory({}, {device.id: device}, (), LINE_SCHEMA.empty_table(), {}, Calendar())
    spool = Spool(folder)
    asker = SnmpAsker(credentials=lambda _: Credentials(COMMUNITY))
    collector = Collector(plant, spool, _Sink(), asker=asker)
    try:
        report = await collector.run_once()
        (status,) = collector.status().devices
    finally:
        await spool.close()
    tiers = status.tiers.values()
    return not report.problems and bool(tiers) and all(t.last_success for t in tiers)


async def _naive(port: int, columns: Sequence[str]) -> bool:
    """True where every walk came to its end."""
    engine = SnmpEngine()
    try:
        walks = [asyncio.create_task(_walk(engine, port, oid)) for oid in columns]
        done, left = await asyncio.wait(walks, timeout=_LIMIT_S)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        return not left and all(task.result() for task in done)
    finally:
        engine.close_dispatcher()


async def _walk(engine: SnmpEngine, port: int, oid: str) -> bool:
    """One column to its end; False where the agent stopped answering."""
    target = await UdpTransportTarget.create(("127.0.0.1", port), timeout=1, retries=5)
    walk = bulk_walk_cmd(
        engine, CommunityData(COMMUNITY), target, ContextData(), 0, _REPETITIONS, ObjectType(ObjectIdentity(oid)),
        lookupMib=False, lexicographicMode=False,
    )  # fmt: skip
    async for failed, _, _, _ in walk:
        if failed:
            return False
    return True


def main() -> None:
    """Print both treatments as JSON: `python -m bench.fragile FOLDER ONTS`."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    treated = asyncio.run(both(int(sys.argv[2]), Path(sys.argv[1])))
    print(json.dumps([asdict(one) for one in treated]))


if __name__ == "__main__":
    main()
