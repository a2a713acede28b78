"""The plant the console shows: ninety days of readings in a real store, a real ledger, a collector's last word."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import uvicorn

from api.app import create_app
from api.parts import ApiSettings, Parts
from api.tokens import TokenStore
from collector.asks import ask_collector, look_at_device
from collector.drain import DrainStatus
from collector.mqtt import BrokerStatus
from collector.spool import SpoolStatus
from collector.status import (
    CollectorStatus,
    DeviceState,
    DeviceStatus,
    PaceStatus,
    TierStatus,
    read_status,
    write_status,
)
from lightline.settings import closed_settings
from lightline.told_settings import told_settings
from maintenance.ledger import Ledger
from plant.batch import Batch
from plant.changes import PlantEvent
from plant.corrections import FILE as CORRECTIONS
from plant.corrections import read_decisions, with_corrections
from plant.finding import Figure, Finding, Forecast
from plant.following import FollowedLog
from plant.inventory import LINE_SCHEMA, Area, Device, Grid, Inventory
from plant.place import Place
from plant.problems import Problem
from plant.suggested import Suggested, Suggestion, keep_suggested
from storage.opening import open_store
from tests.api.conftest import NOW, make_inventory, readings
from tests.parts import free_port

DAYS = 90
WEAK = "OLT1-1-3"  # below its limit, with a ticket and a history that shows why
FINE = "OLT1-1-0"
UNREAD = "OLT1-2-7"
MANY = 3000  # lines of the large plant: more than a page can show at once


def large_inventory() -> Inventory:
    """The small plant and an OLT with thousands of lines."""
    small = make_inventory()
    more = [
        {
            "line_id": f"N-{n:05}", "device": "OLT3", "pon": f"0/{n // 64}", "ont_serial": f"ZTEG{n:08}",
            "ont_index": n % 64, "grid": "g4", "technology": "gpon", "sold_mbps": 1000,
        }
        for n in range(MANY)
    ]  # fmt: skip
    return replace(
        small,
        areas={**small.areas, "north": Area("north", "北区", "North maintenance", (Grid("g4", "Four"),))},
        devices={**small.devices, "OLT3": Device("OLT3", "127.0.0.1", "olt", "north")},
        lines=pa.concat_tables([small.lines, pa.Table.from_pylist(more, schema=LINE_SCHEMA)]),
    )


def history() -> list[Batch]:
    """Ninety days of the weak line, which was well for fifty, and of its neighbour, which still is."""
    days = np.arange(DAYS, 0, -1)
    lost = np.maximum(0, 40 - days) * 0.2
    return [
        Batch.of(
            "OLT1", "optics", NOW - timedelta(days=int(day)), [WEAK, FINE],
            {"rx_dbm": [-20.5 - fall, -19.0], "olt_rx_dbm": [-21.0 - fall / 2, -21.5], "tx_dbm": [2.1, 2.3],
             "state": ["up", "up"]},
        )
        for day, fall in zip(days, lost, strict=True)
    ]  # fmt: skip


def of_many() -> Batch:
    ids = [f"N-{n:05}" for n in range(MANY)]
    return Batch.of("OLT3", "optics", NOW - timedelta(hours=1), ids, {"rx_dbm": [-20.0] * MANY, "state": ["up"] * MANY})


def finding(place: str, lines: tuple[str, ...], cause: str, causes: dict[str, float]) -> Finding:
    return Finding(
        place=Place.parse(place), lines=lines, cause=cause, probability=causes[cause], onset=NOW.date() - timedelta(40),  # type: ignore[arg-type]
        score=2.0 * len(lines), evidence={"rx_now": Figure(-28.3, "dBm"), "down_shift": Figure(7.8, "dB")},
        forecast=Forecast(-27.0, 10, 20, 40), causes=causes,
    )  # fmt: skip


# a late one first, then the weak line's, then one of a whole splitter, that somebody is going to work on
FINDINGS = (
    (timedelta(days=60), finding("line:OLT2-1-0", ("OLT2-1-0",), "ont_laser", {"ont_laser": 0.9, "unknown": 0.1})),
    (timedelta(hours=1), finding(f"line:{WEAK}", (WEAK,), "connector", {"connector": 0.8, "water": 0.15})),
    (
        timedelta(hours=1),
        finding(
            "splitter:OLT1/0/2/S1/S1-0", tuple(f"OLT1-2-{n}" for n in range(4)), "splitter",
            {"splitter": 0.7, "feeder": 0.3},
        ),
    ),
    # the next analysis tells the weak line's trouble again, with other figures
    (
        timedelta(minutes=30),
        replace(finding(f"line:{WEAK}", (WEAK,), "connector", {"connector": 0.8, "water": 0.15}), score=2.1),
    ),
)  # fmt: skip
LATE, OF_WEAK, TO_WORK_ON = 1, 2, 3

# lines of two second splitters that move together
TOGETHER = Suggestion("OLT1/0/2", tuple(f"OLT1-2-{n}" for n in (2, 3, 4, 5)), 0.74, 88, ("S1-0", "S1-1"), ("OLT1-2-0",))


def collector_status() -> CollectorStatus:
    """OLT1 answers, OLT2 has been silent since eight in the morning."""

    def device(name: str, area: str, state: DeviceState, trouble: str | None) -> DeviceStatus:
        seen = NOW - timedelta(minutes=1 if trouble is None else 120)
        return DeviceStatus(
            id=name, host="127.0.0.1", port=161, kind="olt", area=area, state=state, trouble=trouble,
            since=None if trouble is None else NOW - timedelta(hours=2), next_try=None, profile="huawei-gpon",
            profile_reason="sysObjectID fits", evidence=[],
            tiers={"optics": TierStatus(3600, seen, seen, 4.2, 96, 16), "status": TierStatus(300, seen, seen, 1.0)},
            pace=PaceStatus(12.0, 0.0, 0, 4000, 3900), lines=16, missing=1, unknown_count=1,
            unknown=["OLT1/0/1/77"], notes=[],
        )  # fmt: skip

    return CollectorStatus(
        written_at=NOW, started_at=NOW - timedelta(hours=5),
        devices=[
            device("OLT1", "east", "answering", None),
            device("OLT2", "west", "silent", "no answer; check the community and UDP port 161"),
        ],
        brokers=[BrokerStatus("plant", "127.0.0.1", 1883, "connected", messages=1234, readings=9876)],
        spool=SpoolStatus(3, 20_000, 10**9, False, "", 0, 0, [], 0),
        drain=DrainStatus("idle", batches=100, rows=81_234, last_delivery=NOW),
        events=[PlantEvent("swap", "OLT1", FINE, "HWTCOLD", "HWTCNEW", NOW - timedelta(hours=1))],
    )  # fmt: skip


class Corrected:
    """The inventory with what was decided, as lightline.inventory gives it: the same object until there is more."""

    def __init__(self, inventory: Inventory, log: Path) -> None:
        self._written, self._log = inventory, log
        self._known, self._now = 0, inventory

    def __call__(self) -> Inventory:
        decisions = read_decisions(self._log)
        if len(decisions) != self._known:
            self._known = len(decisions)
            self._now = replace(self._written, lines=with_corrections(self._written.lines, decisions))
        return self._now


@dataclass(frozen=True)
class Served:
    """A service on loopback. `tokens` makes tokens for it."""

    address: str
    tokens: TokenStore
    ledger: Ledger
    asks: Path  # the socket at which its collector would be asked for a line

    def token(self, role: str = "admin", areas: tuple[str, ...] = ()) -> str:
        name = f"{role}{'-'.join(areas)}-{datetime.now(UTC).timestamp()}"
        return self.tokens.create(name, role, areas=areas, now=NOW)


@contextmanager
def served(
    folder: Path, console: Path, inventory: Inventory, batches: list[Batch], **settings: Any
) -> Iterator[Served]:
    """A store and a ledger filled in `folder`, and the service on them in a thread, until the end of the block."""
    with Ledger.open(f"sqlite:///{folder / 'ledger.sqlite'}") as ledger:
        for ago, found in FINDINGS:
            ledger.take([found], inventory, NOW - ago)
        write_status(folder / "collector-status.json", collector_status())
        keep_suggested(folder / "splitters.json", Suggested(NOW.date(), (TOGETHER,)))
        tokens = TokenStore(folder / "tokens.sqlite")
        port = free_port()
        server = uvicorn.Server(uvicorn.Config("", port=port, log_config=None, access_log=False))

        async def run() -> None:
            store = await open_store(f"delta:{folder / 'telemetry'}")
            await store.append(batches)
            await store.rollup()
            parts = Parts(
                Corrected(inventory, folder / CORRECTIONS), store, ledger, tokens,
                lambda: read_status(folder / "collector-status.json"),
                ApiSettings(
                    version="0.1.0", console=console, photos=folder / "photos",
                    **{"refresh_s": 3600.0, "stream_s": 0.0, **settings},
                ),
                lambda: NOW,
                ask_line=partial(ask_collector, folder / "collector.sock"),
                plant_log=FollowedLog(folder / "plant-log.jsonl"),
                look_at=partial(look_at_device, folder / "collector.sock"),
                suggestions=folder / "splitters.json",
                corrections=folder / CORRECTIONS,
                told_settings=lambda: told_settings(closed_settings()),
                examine=lambda: [Problem("devices.yaml", 7, "the key is not read", "take it away", "warning")],
                rules=folder / "rules",
            )  # fmt: skip
            server.config.app = create_app(parts)
            try:
                await server.serve()
            finally:
                await store.close()

        thread = threading.Thread(target=asyncio.run, args=(run(),), daemon=True)
        thread.start()
        try:
            while not server.started:
                if not thread.is_alive():
                    raise RuntimeError("the service did not start")
                thread.join(0.05)
            yield Served(f"http://127.0.0.1:{port}/", tokens, ledger, folder / "collector.sock")
        finally:
            server.should_exit = True
            thread.join(30)
            tokens.close()


def small() -> list[Batch]:
    return [*history(), *readings()]
