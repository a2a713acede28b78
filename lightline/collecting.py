"""The collector at work: devices and brokers into the spool, the spool into the store, rollups, inventory changes."""

import asyncio
import time

import structlog

from collector.device import DeviceSettings
from collector.plant_log import PlantLog
from collector.profile import load_profiles
from collector.service import Collector, CollectorSettings, CycleReport
from collector.snmp import SnmpAsker
from collector.spool import Spool
from lightline.inventory import InventoryFile
from lightline.settings import Settings
from lightline.stopping import wait
from plant.batch import StoreUnavailableError
from plant.inventory import Inventory
from storage.protocol import TelemetryStore

log = structlog.get_logger(__name__)

LOOK_AT_FILES_EVERY_S = 5.0
SPREAD_S, SPREAD_S_PER_DEVICE = 60.0, 2.0  # the first polls start within so long, so as not to come in one stroke
STORE_LIMIT_S = 15.0  # of one cycle: how long a store may refuse before its readings stay in the spool


def make_collector(settings: Settings, inventory: Inventory, spool: Spool, store: TelemetryStore) -> Collector:
    """A collector for everything the inventory names."""
    profiles = load_profiles()
    return Collector(
        inventory,
        spool,
        store,
        status_path=settings.collector_status_path,
        asks_path=settings.collector_asks_path,
        plant_log=PlantLog(settings.plant_log_path),
        settings=CollectorSettings(
            concurrency=settings.concurrency,
            drain_limit_s=STORE_LIMIT_S,
            device=DeviceSettings(spread_s=min(SPREAD_S, SPREAD_S_PER_DEVICE * len(inventory.devices))),
        ),
        asker=SnmpAsker(profiles),
        profiles=profiles,
    )


async def collect(
    settings: Settings, file: InventoryFile, spool: Spool, store: TelemetryStore, stop: asyncio.Event
) -> None:
    """Collect until `stop`, roll up now and then, go on with a changed inventory without a restart."""
    inventory = file.current()
    collector = make_collector(settings, inventory, spool, store)
    async with asyncio.TaskGroup() as group:
        group.create_task(collector.run(stop))
        group.create_task(_roll_up_often(store, settings.rollup_minutes * 60, stop))
        group.create_task(_follow(file, inventory, collector, stop))


async def collect_once(
    settings: Settings,
    inventory: Inventory,
    spool: Spool,
    store: TelemetryStore,
    *,
    listen_s: float,
    stop: asyncio.Event,
) -> CycleReport:
    """Ask every tier of every device once, listen to the brokers for `listen_s`, store it all, and roll up."""
    collector = make_collector(settings, inventory, spool, store)
    ending = asyncio.Event()  # the cycle's own: its end is not the end of whoever asked for it
    following = asyncio.create_task(_pass_on(stop, ending))
    try:
        report = await collector.run_once(listen_s=listen_s if inventory.brokers else 0.0, stop=ending)
    finally:
        following.cancel()
    if report.delivered:
        await store.rollup()
    return report


async def _pass_on(stop: asyncio.Event, to: asyncio.Event) -> None:
    await stop.wait()
    to.set()


async def _roll_up_often(store: TelemetryStore, every_s: float, stop: asyncio.Event) -> None:
    """Bring hourly and daily tables up to date. A store that is down is told once; its readings wait in the spool."""
    down = False
    while not await wait(stop, every_s):
        began = time.monotonic()
        try:
            report = await store.rollup()
        except StoreUnavailableError as error:
            if not down:
                log.error("rollups wait for the store", why=str(error))
            down = True
            continue
        except Exception:
            log.exception("a rollup failed; the next one takes in the same windows", next_in_s=every_s)
            continue
        down = False
        log.info("rolled up", hourly=report.hourly_rows, daily=report.daily_rows, s=round(time.monotonic() - began, 2))


async def _follow(file: InventoryFile, inventory: Inventory, collector: Collector, stop: asyncio.Event) -> None:
    """Hand a changed inventory to the collector."""
    while not await wait(stop, LOOK_AT_FILES_EVERY_S):
        now = await asyncio.to_thread(file.current)
        if now is not inventory:
            inventory = now
            await collector.reload(inventory)
