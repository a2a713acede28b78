"""SNMP into columns beside snmpbulkwalk, prometheus-snmp-exporter and pysnmp; the whole way beside the plain one.

All ask the same agent, in a process of its own, in the same run, with 50 rows a request. Ours includes decoding:
indexes to ports, scales, ranges, reasons, one Arrow table. The others only print or hand over what came, which leans to
their side. Best of a few runs each.
"""

import asyncio
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import structlog

from bench import agent, broker, catch_up, exporter, fragile, plain, scale, traps
from bench.agent import COLUMNS, COMMUNITY, OPTICS, Agents
from bench.result import Result
from collector.drain import Drain
from collector.identity import Identity
from collector.pacing import PaceLimits
from collector.snmp import Poll, SnmpAsker
from collector.snmp.session import Credentials
from collector.spool import Spool
from collector.turnstile import Turnstile
from plant.inventory import LINE_SCHEMA, Device
from storage.opening import open_store

ZONE = "Asia/Shanghai"
DEVICE = "BENCH-OLT"


def measure(quick: bool) -> list[Result]:
    """`walk`, `walk_exporter`, `walk_pysnmp`, `pipeline` in varbinds/s; what bench/scale.py measures of many OLTs;
    `catch_up` in rows/s; `mqtt`, `mqtt_5` in messages/s; `traps`, `traps_different` in notifications/s; `fragile_…`."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # standard output is for the figures
    onts, repeats = (10_000, 4) if quick else (50_000, 5)
    with tempfile.TemporaryDirectory(prefix="lightline-bench-") as named:
        folder = Path(named)
        with fragile.beside(quick, folder) as treated:
            with agent.serving(onts) as agents:
                results = _one_olt(agents, onts, repeats, folder)
            results += scale.measure(quick, folder)
            results.append(catch_up.measure(quick, folder))
            results += broker.measure(quick, folder)
            results += traps.measure(quick, folder)
        return results + treated


def _one_olt(agents: Agents, onts: int, repeats: int, folder: Path) -> list[Result]:
    """One large OLT, as fast as it answers."""
    port = agents.ports[0]
    results = [_walk(port, onts, repeats), *_walk_exporter(port, onts, repeats, folder)]
    ours = results[0].value
    way = asyncio.run(plain.measure(agents, repeats))
    results.append(Result("walk_pysnmp", ours, "varbinds/s", ours / way.walk, "pysnmp walk"))
    whole = asyncio.run(_pipeline(port, onts, repeats, folder))
    results.append(Result("pipeline", whole, "varbinds/s", whole / way.points, plain.NAME))
    return results


def _walk(port: int, onts: int, repeats: int) -> Result:
    """Ours and theirs in turn, so that what else the machine does hits both."""
    program = shutil.which("snmpbulkwalk")
    if program is None:
        _say("snmpbulkwalk is not here, so nothing is compared; on Debian: apt-get install snmp")
        return Result("walk", max(asyncio.run(_poll(port, onts)) for _ in range(repeats)), "varbinds/s")

    def theirs() -> float:
        started = time.perf_counter()
        for column in COLUMNS:
            subprocess.run(
                [program, "-v2c", "-c", COMMUNITY, "-Onq", f"-Cr{plain.REPETITIONS}", f"127.0.0.1:{port}", column],
                stdout=subprocess.DEVNULL, check=True,
            )  # fmt: skip
        return len(COLUMNS) * onts / (time.perf_counter() - started)

    pairs = [(asyncio.run(_poll(port, onts)), theirs()) for _ in range(repeats)]
    ours, other = (max(rates) for rates in zip(*pairs, strict=True))
    return Result("walk", ours, "varbinds/s", ours / other, "snmpbulkwalk")


def _walk_exporter(port: int, onts: int, repeats: int, folder: Path) -> list[Result]:
    """The exporter walks the seven columns of optics, we those and two more; in turn."""
    program = exporter.found()
    if program is None:
        _say(f"prometheus-snmp-exporter is not here, so it is not compared; {exporter.INSTALL}")
        return []
    with exporter.serving(program, folder, OPTICS, COMMUNITY) as address:

        def theirs() -> float:
            started = time.perf_counter()
            exporter.scrape(address, port)
            return len(OPTICS) * onts / (time.perf_counter() - started)

        pairs = [(asyncio.run(_poll(port, onts)), theirs()) for _ in range(min(repeats, 3))]
    ours, other = (max(rates) for rates in zip(*pairs, strict=True))
    return [Result("walk_exporter", ours, "varbinds/s", ours / other, "prometheus-snmp-exporter")]


def _asker() -> SnmpAsker:
    return SnmpAsker(credentials=lambda _: Credentials(COMMUNITY))


def _turnstile() -> Turnstile:
    """Without any pause, also when this machine is slow: the code is measured."""
    return Turnstile(PaceLimits(first_rate=1000.0, least_rate=1000.0), requests_per_hour=10_000_000)


def _device(port: int) -> Device:
    return Device(DEVICE, "127.0.0.1", "olt", "bench", port=port)


async def _optics(asker: SnmpAsker, port: int, onts: int) -> Poll:
    poll = await asker.poll(_device(port), "huawei", "optics", _turnstile())
    if poll.lines.num_rows != onts:
        raise RuntimeError(f"{poll.lines.num_rows} rows came of {onts}: {poll.notes}")
    return poll


async def _poll(port: int, onts: int) -> float:
    """The second poll of a device: what a collector does all day."""
    asker = _asker()
    await _optics(asker, port, onts)
    started = time.perf_counter()
    await _optics(asker, port, onts)
    return len(COLUMNS) * onts / (time.perf_counter() - started)


async def _pipeline(port: int, onts: int, repeats: int, folder: Path) -> float:
    """Asked, decoded, given to its lines, on disk in the spool, in the store: the store's files closed."""
    asker, spool = _asker(), Spool(folder / "spool")
    store = await open_store(f"delta:{folder / 'store'}", zone=ZONE, read_only=False)
    identity, best = Identity(_inventory((await _optics(asker, port, onts)).lines)), 0.0
    try:
        for _ in range(repeats):
            started = time.perf_counter()
            batches, _ = identity.batches(DEVICE, "optics", await _optics(asker, port, onts))
            await spool.put(batches)
            if not await Drain(spool, store).empty(60.0):
                raise RuntimeError("the store did not take the readings")
            best = max(best, len(COLUMNS) * onts / (time.perf_counter() - started))
    finally:
        await spool.close()
        await store.close()
    return best


def _inventory(rows: pa.Table) -> pa.Table:
    """A line for every ONT that was polled."""
    n = rows.num_rows
    known = {
        "line_id": pa.array([f"L{i:06}" for i in range(n)]), "device": pa.array([DEVICE] * n), "pon": rows["pon"],
        "ont_serial": rows["ont_serial"], "ont_index": rows["ont"].cast(pa.int32()),
    }  # fmt: skip
    return pa.table({f.name: known.get(f.name, pa.nulls(n, f.type)) for f in LINE_SCHEMA}, schema=LINE_SCHEMA)


def _say(text: str) -> None:
    print(text, file=sys.stderr)
