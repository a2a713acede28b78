"""All trap listeners of the collector: started, stopped, and changed with the inventory."""

import asyncio
import time
from collections.abc import Callable, Mapping

import structlog

from collector.identity import Identity
from collector.keeping import end, kept
from collector.profile import Profile
from collector.spool import Spool
from collector.traps.engine import our_engine
from collector.traps.event_log import EventLog
from collector.traps.meaning import Meanings
from collector.traps.own_rules import with_own_rules
from collector.traps.plant import Looked, TrapPlant
from collector.traps.receiver import TrapReceiver
from collector.traps.seen import SeenInforms
from collector.traps.sources import Sources
from collector.traps.status import TrapStatus
from collector.traps.usm import Usm
from plant.changes import PlantEvent
from plant.inventory import Inventory, TrapListener

log = structlog.get_logger(__name__)

GRACE_S = 5.0  # to put on disk what was received


class TrapListeners:
    """One receiver a listener; what they know of the plant is shared. `devices` finds a polled device by its id."""

    def __init__(
        self,
        inventory: Inventory,
        spool: Spool,
        identity: Identity,
        profiles: Mapping[str, Profile],
        devices: Callable[[str], Looked | None],
    ) -> None:
        self._inventory, self._spool = inventory, spool
        folder = spool.folder / "traps"
        folder.mkdir(exist_ok=True)
        events = EventLog(folder / "events")
        self._profiles = profiles
        sources, meanings = Sources(inventory.devices.values()), self._meanings(inventory)
        self._plant = TrapPlant(sources, meanings, identity, devices, events)
        self._parts: tuple[Usm, SeenInforms] | None = None  # made with the first listener
        self._receivers = {one.id: self._receiver(one) for one in inventory.traps}
        self._running: dict[str, tuple[asyncio.Event, asyncio.Task[None]]] = {}
        self._stop: asyncio.Event | None = None

    def _meanings(self, inventory: Inventory) -> Meanings:
        """Rules of the profiles, and the operator's own; a file with a mistake is told and left out."""
        known, wrong = with_own_rules(self._profiles, (path for one in inventory.traps for path in one.rules))
        for problem in wrong:
            log.error("trap rules cannot be used", why=problem)
        return Meanings(known)

    def _receiver(self, listener: TrapListener) -> TrapReceiver:
        if self._parts is None:
            folder = self._spool.folder / "traps"
            self._parts = our_engine(folder, self._spool.owner), SeenInforms(folder / "informs", time.time())
        usm, seen = self._parts
        return TrapReceiver(listener, self._plant, self._spool, usm, seen)

    @property
    def receivers(self) -> tuple[TrapReceiver, ...]:
        return tuple(self._receivers.values())

    def status(self) -> list[TrapStatus]:
        return [receiver.status() for receiver in self._receivers.values()]

    def events(self) -> list[PlantEvent]:
        """What traps said that is no reading; the newest last."""
        return list(self._plant.events.last)

    async def end_windows(self) -> None:
        """Count and store what is folded so far, as when listening ends."""
        for receiver in self._receivers.values():
            await receiver.work(closing=True)

    async def run(self, stop: asyncio.Event) -> None:
        """Listen until `stop`."""
        self._stop = stop
        for id_ in self._receivers:
            self._start(id_)
        try:
            await stop.wait()
        finally:
            self._stop = None
            await self._end(list(self._running))

    def _start(self, id_: str) -> None:
        if self._stop is not None:
            receiver, stop = self._receivers[id_], asyncio.Event()
            task = asyncio.create_task(kept(f"trap listener {id_}", lambda: receiver.run(stop), stop))
            self._running[id_] = (stop, task)

    async def _end(self, ids: list[str]) -> None:
        running = [self._running.pop(id_) for id_ in ids if id_ in self._running]
        for stop, _ in running:
            stop.set()
        await end([task for _, task in running], GRACE_S)

    async def reload(self, inventory: Inventory) -> None:
        """Go on with another inventory: listeners that did not change keep their ports."""
        before, self._inventory = self._inventory, inventory
        if inventory.devices != before.devices:
            self._plant.sources = Sources(inventory.devices.values())
            await self._plant.sources.look_up()
        if inventory.traps != before.traps:
            self._plant.meanings = self._meanings(inventory)
        old, new = ({one.id: one for one in some.traps} for some in (before, inventory))
        gone = [id_ for id_, one in old.items() if new.get(id_) != one]
        await self._end(gone)
        for id_ in gone:
            del self._receivers[id_]
        for id_, one in new.items():
            if old.get(id_) != one:
                self._receivers[id_] = self._receiver(one)
                self._start(id_)
