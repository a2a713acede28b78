"""The collector: devices asked in their time, brokers listened to, everything into the spool and on to the store."""

import asyncio
import contextlib
import random
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import structlog

from collector.asking import DeviceAsker
from collector.asks import AskServer, LineAsks, look_at
from collector.device import DeviceSettings, PolledDevice, TierResult
from collector.drain import Drain
from collector.identity import Identity
from collector.keeping import end, kept
from collector.lateness import LatenessLog
from collector.mqtt import PublishingLines, Receiver
from collector.plant_log import PlantLog
from collector.profile import Profile
from collector.spool import Spool
from collector.status import CollectorStatus, write_status
from collector.traps.listeners import TrapListeners
from collector.traps.plant import in_order
from plant.batch import BatchSink
from plant.inventory import Broker, Device, Inventory

log = structlog.get_logger(__name__)

TRAPS_GRACE_S = 6.0  # what was received is put on disk before the end


@dataclass(frozen=True)
class CollectorSettings:
    concurrency: int = 200  # devices asked at once
    status_every_s: float = 5.0
    drain_limit_s: float = 60.0  # of run_once: how long a store may refuse before the rest stays in the spool
    device: DeviceSettings = field(default_factory=DeviceSettings)


@dataclass(frozen=True)
class CycleReport:
    """One cycle. `readings` counts figures (values that are not null), `lines` and `pons` subjects that had a row."""

    devices_asked: int
    devices_answered: int
    lines: int
    pons: int
    readings: int
    mqtt_readings: int
    seconds: float
    delivered: bool  # all of it is in the store; else the rest waits in the spool
    problems: tuple[str, ...] = ()


class Collector:
    """Owns the devices' tasks, the brokers' receivers and the drain; the spool and the sink are handed in."""

    def __init__(
        self,
        inventory: Inventory,
        spool: Spool,
        sink: BatchSink,
        *,
        status_path: Path | None = None,
        settings: CollectorSettings | None = None,
        asker: DeviceAsker,
        chance: random.Random | None = None,
        profiles: Mapping[str, Profile] | None = None,
        asks_path: Path | None = None,
        plant_log: PlantLog | None = None,
    ) -> None:
        """`status_path`: where the snapshot for other processes goes. `profiles` say what traps mean. `asks_path`:
        the socket where other processes ask for one line. `plant_log`: where swaps, moves and removals are kept."""
        self._asker = asker
        self._settings = settings or CollectorSettings()
        self._inventory, self._spool = inventory, spool
        self._status_path = status_path
        self._chance = chance or random.Random()  # noqa: S311 - jitter is no secret
        self._started = datetime.now(UTC)
        self._client_id = spool.owner
        self._drain = Drain(spool, sink)
        kept_log = (plant_log.tell, plant_log.last()) if plant_log else ()
        self._identity = Identity(inventory.lines, *kept_log)
        self._lines = PublishingLines(inventory.lines)
        self._devices = {id_: self._polled(id_) for id_ in inventory.devices}
        self._receivers = {b.id: self._receiver(b.id) for b in inventory.brokers}
        self._traps = TrapListeners(inventory, spool, self._identity, profiles or {}, self._device)
        self._tasks: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._stop: asyncio.Event | None = None
        self._slots = asyncio.Semaphore(self._settings.concurrency)
        self._status_trouble = False
        self._asks_path = asks_path
        self._asks = LineAsks(self._identity.place_of, self._device, lambda batch: spool.put([batch]))

    def _device(self, device_id: str) -> PolledDevice | None:
        return self._devices.get(device_id)

    def _polled(self, device_id: str) -> PolledDevice:
        return PolledDevice(
            self._inventory.devices[device_id],
            self._asker,
            self._identity,
            self._spool,
            self._settings.device,
            self._chance,
        )

    def _receiver(self, broker_id: str) -> Receiver:
        broker = next(b for b in self._inventory.brokers if b.id == broker_id)
        return Receiver(broker, self._lines, self._spool, f"{self._client_id}-{broker_id}")

    # -- long-running ------------------------------------------------------------------------------------------------

    async def run(self, stop: asyncio.Event) -> None:
        """Collect until `stop`. Nothing a device, a broker or the store does ends this."""
        self._stop = stop
        log.info("collector starts", devices=len(self._devices), brokers=len(self._receivers))
        for id_ in self._devices:
            self._start_device(id_)
        for id_ in self._receivers:
            self._start_broker(id_)
        background = [
            asyncio.create_task(kept("drain", lambda: self._drain.run(stop), stop)),
            asyncio.create_task(kept("traps", lambda: self._traps.run(stop), stop)),
            asyncio.create_task(kept("status", lambda: self._write_status_often(stop), stop)),
        ]
        if self._asks_path is not None:
            asks = AskServer(self._asks_path, self._asks.answer, partial(look_at, self._device))
            background.append(asyncio.create_task(kept("asks", lambda: asks.run(stop), stop)))
        try:
            await stop.wait()
        finally:
            await end(list(self._tasks.values()))
            self._tasks.clear()
            await end(background, TRAPS_GRACE_S)
            self._stop = None
            await self._write_status()
            log.info("collector stopped", waiting_in_spool=self._spool.status().records)

    def _start_device(self, device_id: str) -> None:
        if self._stop is not None:
            polled, stop = self._devices[device_id], self._stop
            work = kept(f"device {device_id}", lambda: polled.run(stop, self._slots), stop)
            self._tasks["device", device_id] = asyncio.create_task(work)

    def _start_broker(self, broker_id: str) -> None:
        if self._stop is not None:
            receiver, stop = self._receivers[broker_id], self._stop
            work = kept(f"broker {broker_id}", lambda: receiver.run(stop), stop)
            self._tasks["broker", broker_id] = asyncio.create_task(work)

    async def reload(self, inventory: Inventory) -> None:
        """Go on with another inventory: what did not change is not disturbed."""
        before, self._inventory = self._inventory, inventory
        if inventory.lines is not before.lines:
            await asyncio.to_thread(self._identity.reload, inventory.lines)
            self._lines = await asyncio.to_thread(PublishingLines, inventory.lines)
            for receiver in self._receivers.values():
                receiver.lines = self._lines
        old: dict[tuple[str, str], Device | Broker] = {("device", d.id): d for d in before.devices.values()} | {
            ("broker", b.id): b for b in before.brokers
        }
        new: dict[tuple[str, str], Device | Broker] = {("device", d.id): d for d in inventory.devices.values()} | {
            ("broker", b.id): b for b in inventory.brokers
        }
        gone = [key for key, entry in old.items() if new.get(key) != entry]
        await end([task for key in gone if (task := self._tasks.pop(key, None)) is not None], grace_s=0.0)
        for kind, id_ in gone:
            (self._devices if kind == "device" else self._receivers).pop(id_, None)
        added = [key for key, entry in new.items() if old.get(key) != entry]
        for kind, id_ in added:
            if kind == "device":
                self._devices[id_] = self._polled(id_)
                self._start_device(id_)
            else:
                self._receivers[id_] = self._receiver(id_)
                self._start_broker(id_)
        await self._traps.reload(inventory)
        log.info("inventory reloaded", ended=len(gone), started=len(added), lines=inventory.lines.num_rows)

    # -- one cycle ---------------------------------------------------------------------------------------------------

    async def run_once(self, *, listen_s: float = 0.0, stop: asyncio.Event | None = None) -> CycleReport:
        """Every tier of every device once, brokers listened to for up to `listen_s`, then all of it into the store."""
        started = time.monotonic()
        stop = stop or asyncio.Event()
        draining = asyncio.create_task(kept("drain", lambda: self._drain.run(stop), stop))
        listening = asyncio.create_task(self._listen(listen_s))
        results = await asyncio.gather(*(self._once(d, stop) for d in self._devices.values()))
        await listening
        stop.set()
        await draining
        delivered = await self._drain.empty(self._settings.drain_limit_s)
        await self._write_status()
        polled = [r for device in results for r in device]
        return CycleReport(
            devices_asked=len(self._devices),
            devices_answered=sum(1 for device in results if device),
            lines=sum(_distinct(r.line_ids for r in device) for device in results),
            pons=sum(max((r.pon_rows for r in device), default=0) for device in results),
            readings=sum(r.figures for r in polled),
            mqtt_readings=sum(r.status().readings for r in self._receivers.values()),
            seconds=time.monotonic() - started,
            delivered=delivered,
            problems=tuple(self._problems()),
        )

    async def _once(self, device: PolledDevice, stop: asyncio.Event) -> list[TierResult]:
        async with self._slots:
            try:
                return await device.once(stop)
            except Exception:
                log.exception("asking a device failed in the collector itself", device=device.device.id)
                return []

    async def _listen(self, seconds: float) -> None:
        if not self._receivers or seconds <= 0:
            return
        stop = asyncio.Event()
        tasks = [
            asyncio.create_task(kept(f"broker {id_}", partial(receiver.run, stop), stop))
            for id_, receiver in self._receivers.items()
        ]
        await asyncio.sleep(seconds)
        stop.set()
        await end(tasks)

    def _problems(self) -> list[str]:
        status = self.status()
        out = [f"device {d.id}: {d.trouble}" for d in status.devices if d.trouble]
        out += [
            f"device {d.id}: {name} left out: {t.skipped}"
            for d in status.devices
            for name, t in d.tiers.items()
            if t.skipped
        ]
        out += [f"broker {b.id}: {b.detail}" for b in status.brokers if b.detail]
        out += [f"trap listener {t.id}: {t.detail}" for t in status.traps if t.detail]
        out += [f"broker {b.id}: {n} refused as {why}" for b in status.brokers for why, n in b.refused.items()]
        if status.spool.full:
            out.append(f"spool: {status.spool.detail}")
        if status.drain.detail:
            out.append(f"store: {status.drain.detail}")
        if status.spool.set_aside:
            out.append(f"store: {status.spool.set_aside} batches set aside in {self._spool.folder / 'set_aside'}")
        return out

    # -- status ------------------------------------------------------------------------------------------------------

    def status(self) -> CollectorStatus:
        return CollectorStatus(
            written_at=datetime.now(UTC),
            started_at=self._started,
            devices=[d.status() for d in self._devices.values()],
            brokers=[r.status() for r in self._receivers.values()],
            spool=self._spool.status(),
            drain=self._drain.status(),
            events=in_order(self._identity.events, self._traps.events()),
            traps=self._traps.status(),
        )

    async def _write_status_often(self, stop: asyncio.Event) -> None:
        lateness = LatenessLog()
        while not stop.is_set():
            lateness.look([d.status() for d in self._devices.values()])
            await self._write_status()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self._settings.status_every_s)

    async def _write_status(self) -> None:
        if self._status_path is None:
            return
        try:
            await asyncio.to_thread(write_status, self._status_path, self.status())
            self._status_trouble = False
        except OSError as error:
            if not self._status_trouble:
                log.error("collector status cannot be written", path=str(self._status_path), why=str(error))
            self._status_trouble = True


def _distinct(ids: Iterable[pa.Array]) -> int:
    """How many different ids there are in all of them."""
    return int(pc.count_distinct(pa.chunked_array(ids, pa.string())).as_py())
