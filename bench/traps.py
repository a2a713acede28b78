"""Notifications to disk beside pysnmp's notification receiver, which reads each of them and does nothing more.

Both are handed the same datagrams in memory, so that neither waits for a network. Ours finds the device, checks the
community, folds what is equal, reads one of each, finds its line, and has the spool synced before it is done.
"""

import asyncio
import time
from pathlib import Path

import pyarrow as pa
from pyasn1.codec.ber import encoder
from pysnmp.entity import config
from pysnmp.entity.engine import SnmpEngine
from pysnmp.entity.rfc3413.ntfrcv import NotificationReceiver
from pysnmp.proto.api import v2c

from bench.result import Result
from collector.identity import Identity
from collector.profile import load_profiles
from collector.spool import Spool
from collector.traps.listeners import TrapListeners
from plant.inventory import LINE_SCHEMA, Calendar, Device, Inventory, TrapListener

HOST, COMMUNITY = "127.0.0.1", "bench"
AGAINST = "pysnmp notification receiver, reading each"
BDCOM, ONUS = "1.3.6.1.4.1.3320.10.3", 2000
PLAIN = 600  # pysnmp takes about a millisecond each: so many are enough to know its pace


def measure(quick: bool, folder: Path) -> list[Result]:
    """`traps`: a storm in which five kinds repeat; `traps_different`: each of another ONU. Notifications/s.

    Of the second kind ours reads each with pysnmp too, and has its line to find besides: it can only be slower.
    """
    secret = folder / "community"
    secret.write_text(COMMUNITY)
    count = 10_000 if quick else 40_000
    storm, different = [_trap(n % 5, n) for n in range(count)], [_trap(n, n) for n in range(ONUS)]
    plain = max(_plain(storm[:PLAIN]) for _ in range(3))
    rates = {
        "traps": max(asyncio.run(_ours(storm, secret, folder / f"storm-{n}")) for n in range(3)),
        "traps_different": max(asyncio.run(_ours(different, secret, folder / f"other-{n}")) for n in range(3)),
    }
    return [Result(name, rate, "traps/s", rate / plain, AGAINST) for name, rate in rates.items()]


def _trap(onu: int, request: int) -> bytes:
    """An ONU's dying gasp as a BDCOM OLT sends it, with a request id of its own."""
    pdu, message = v2c.SNMPv2TrapPDU(), v2c.Message()
    v2c.apiTrapPDU.set_defaults(pdu)
    v2c.apiPDU.set_request_id(pdu, request)
    binds = v2c.apiPDU.get_varbinds(pdu)
    binds[1] = (binds[1][0], v2c.ObjectIdentifier(f"{BDCOM}.8.2"))
    index = onu + 1
    binds += [
        (v2c.ObjectIdentifier(f"1.3.6.1.2.1.2.2.1.1.{index}"), v2c.Integer(index)),
        (v2c.ObjectIdentifier(f"1.3.6.1.2.1.2.2.1.2.{index}"), v2c.OctetString(f"GPON0/1:{index}")),
        (v2c.ObjectIdentifier(f"{BDCOM}.8.1.0"), v2c.Integer(1)),
    ]
    v2c.apiPDU.set_varbinds(pdu, binds)
    v2c.apiMessage.set_defaults(message)
    v2c.apiMessage.set_community(message, COMMUNITY)
    v2c.apiMessage.set_pdu(message, pdu)
    return bytes(encoder.encode(message))


def _plain(datagrams: list[bytes]) -> float:
    engine = SnmpEngine()
    config.add_v1_system(engine, "bench", COMMUNITY)
    heard: list[int] = []
    NotificationReceiver(engine, lambda *_: heard.append(1))
    started = time.perf_counter()
    for data in datagrams:
        engine.message_dispatcher.receive_message(engine, config.SNMP_UDP_DOMAIN, (HOST, 162), data)
    seconds = time.perf_counter() - started
    if len(heard) != len(datagrams):
        raise RuntimeError(f"pysnmp heard {len(heard)} of {len(datagrams)} notifications")
    return len(datagrams) / seconds


async def _ours(datagrams: list[bytes], secret: Path, folder: Path) -> float:
    credentials = {"community": f"file:{secret}"}
    device = Device("BENCH-OLT", HOST, "olt", "bench", profile="bdcom-gpon", credentials=credentials)
    listener = TrapListener("bench", HOST, credentials=credentials)
    lines = _lines()
    plant = Inventory({}, {device.id: device}, (), lines, {}, Calendar(), traps=(listener,))
    spool = Spool(folder)
    listeners = TrapListeners(plant, spool, Identity(lines), load_profiles(), lambda _: None)
    (receiver,) = listeners.receivers
    try:
        started = time.perf_counter()
        for data in datagrams:
            receiver.taken(data, (HOST, 162))
        await receiver.work(closing=True)
        seconds = time.perf_counter() - started
    finally:
        await spool.close()
    status = receiver.status()
    if status.decoded + status.folded != len(datagrams) or not status.readings:
        raise RuntimeError(f"not every notification was taken: {status}")
    return len(datagrams) / seconds


def _lines() -> pa.Table:
    columns = {
        "line_id": [f"L{n}" for n in range(1, ONUS + 1)],
        "device": ["BENCH-OLT"] * ONUS,
        "pon": ["0/1"] * ONUS,
        "ont_index": list(range(1, ONUS + 1)),
    }
    return pa.table(
        {f.name: pa.array(columns.get(f.name, [None] * ONUS), f.type) for f in LINE_SCHEMA}, schema=LINE_SCHEMA
    )
