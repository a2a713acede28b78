"""What a listener needs to know of the plant, and how it asks for a look: the collector's side of it, in one place."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from collector.identity import Identity
from collector.traps.event_log import EventLog
from collector.traps.meaning import Meaning, Meanings
from collector.traps.sources import Sources
from plant.changes import PlantEvent
from plant.inventory import Device


class Looked(Protocol):
    """A device that can be asked sooner than its schedule says; satisfied by collector.device.PolledDevice."""

    @property
    def profile(self) -> str | None: ...

    def look_soon(self) -> bool: ...


@dataclass
class TrapPlant:
    """Shared by all listeners; replaced when the inventory changes. `devices` finds a polled device by its id."""

    sources: Sources
    meanings: Meanings
    identity: Identity
    devices: Callable[[str], Looked | None]
    events: EventLog

    def profile_of(self, device: Device) -> str | None:
        """The profile chosen for a device, or named in the inventory."""
        polled = self.devices(device.id)
        chosen = None if polled is None else polled.profile
        return chosen or (None if device.profile == "auto" else device.profile)

    def subject(self, device: Device, meaning: Meaning) -> str | None:
        """The line (or `pon:DEVICE/PON`) that a trap speaks of; None where it cannot be told."""
        if meaning.of == "pon":
            return None if meaning.pon is None else f"pon:{device.id}/{meaning.pon}"
        return self.identity.line_at(device.id, meaning.pon, meaning.ont, meaning.serial)

    def look(self, device: Device) -> bool:
        """Ask for the device's states sooner; False where it was looked at just now, or is not polled."""
        polled = self.devices(device.id)
        return polled is not None and polled.look_soon()

    def tell(self, device: Device, subject: str, what: str, at: datetime) -> None:
        self.events.add(PlantEvent("trap", device.id, subject, None, what, at))


def in_order(*sources: Iterable[PlantEvent]) -> list[PlantEvent]:
    """Events of several sources, the newest last."""
    return sorted((event for source in sources for event in source), key=lambda e: e.time)
