"""A collector in a process of its own that asks many OLTs once, as in service: profiles, identity, spool, store.

`python -m bench.cycle FOLDER service|unpaced ONTS PORT…` prints what it cost as JSON. Settings are the service's, but
`unpaced` leaves out pauses between requests. What is measured is the first full cycle, in which all is learnt.
"""

import asyncio
import json
import resource
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import structlog

from bench.agent import COMMUNITY, ONTS_A_PORT, PORTS_A_CARD
from collector.device import DeviceSettings
from collector.pacing import PaceLimits
from collector.profile import load_profiles
from collector.service import Collector, CollectorSettings
from collector.snmp import SnmpAsker
from collector.snmp.session import Credentials
from collector.spool import Spool
from lightline.garbage import look_rarely
from plant.inventory import LINE_SCHEMA, Calendar, Device, Inventory
from storage.opening import open_store

ZONE = "Asia/Shanghai"
FIELDS = 10  # of a line, at least: state, last cause, distance, seven of optics; the serial comes with the tiers


@dataclass(frozen=True)
class Cycle:
    """One cycle's cost: seconds it took, of the process's CPU, of the rollup after it; peak memory before and after."""

    lines: int
    varbinds: int
    seconds: float
    cpu_s: float
    peak_mb: float
    rollup_s: float
    peak_with_rollup_mb: float


def inventory(onts: int, ports: list[int]) -> Inventory:
    """An OLT at each UDP port, with a line for every ONT the agents have."""
    ids = [f"OLT-{n:04}" for n in range(len(ports))]
    devices = {i: Device(i, "127.0.0.1", "olt", "bench", port=p) for i, p in zip(ids, ports, strict=True)}
    number = np.arange(onts * len(ports))
    port = (number % onts) // ONTS_A_PORT
    pon = pc.binary_join_element_wise("0", _text(port // PORTS_A_CARD), _text(port % PORTS_A_CARD), "/")
    digits = pa.array([f"HWTC{n:08X}" for n in number.tolist()])
    known = {
        "line_id": pc.binary_join_element_wise("L", pc.utf8_lpad(_text(number), 7, "0"), ""),
        "device": pa.array(ids).take(pa.array(number // onts)), "pon": pon, "ont_serial": digits,
        "ont_index": pa.array(number % onts % ONTS_A_PORT, pa.int32()),
    }  # fmt: skip
    lines = pa.table(
        {f.name: known.get(f.name, pa.nulls(len(number), f.type)) for f in LINE_SCHEMA}, schema=LINE_SCHEMA
    )
    return Inventory({}, devices, (), lines, {}, Calendar())


def _text(numbers: np.ndarray) -> pa.Array:
    return pa.array(numbers).cast(pa.string())


SERVICE = CollectorSettings()
UNPACED = CollectorSettings(device=DeviceSettings(pace=PaceLimits(first_rate=1000.0, least_rate=1000.0)))


async def measure(folder: Path, settings: CollectorSettings, onts: int, ports: list[int]) -> Cycle:
    """Ask, decode, identify, spool, store. Raises RuntimeError where a figure is missing."""
    plant = inventory(onts, ports)
    spool = Spool(folder / "spool")
    store = await open_store(f"delta:{folder / 'store'}", zone=ZONE, read_only=False)
    profiles = load_profiles()
    asker = SnmpAsker(profiles, credentials=lambda _: Credentials(COMMUNITY))
    collector = Collector(plant, spool, store, settings=settings, asker=asker, profiles=profiles)
    look_rarely()
    try:
        cpu, started = time.process_time(), time.perf_counter()
        report = await collector.run_once()
        seconds, spent, peak = time.perf_counter() - started, time.process_time() - cpu, _peak_mb()
        lines = onts * len(ports)
        told = report.readings - report.pons  # without onts_up, which is counted from states
        if not report.delivered or report.lines != lines or told < lines * FIELDS:
            raise RuntimeError(f"{report.readings} figures came of {lines} lines: {report.problems[:3]}")
        started = time.perf_counter()
        await store.rollup()
        varbinds = told + lines  # every figure is one, and the state is read once more beside the optics
        return Cycle(lines, varbinds, seconds, spent, peak, time.perf_counter() - started, _peak_mb())
    finally:
        await spool.close()
        await store.close()


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    folder, pace, onts, *ports = sys.argv[1:]
    settings = {"service": SERVICE, "unpaced": UNPACED}[pace]
    found = asyncio.run(measure(Path(folder), settings, int(onts), [int(p) for p in ports]))
    print(json.dumps(asdict(found)))
