"""How a device is asked: which profile fits, and one tier's figures. What the rest of the collector needs of SNMP."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import pyarrow as pa

from collector.turnstile import Turnstile
from plant.inventory import Device


@dataclass(frozen=True)
class Chosen:
    """The profile that fits a device (None: none does), why, what answered, and its tiers (seconds between polls)."""

    profile: str | None
    reason: str
    evidence: tuple[str, ...] = ()
    tiers: Mapping[str, float] = field(default_factory=dict)
    floors: Mapping[str, float] = field(default_factory=dict)  # seconds below which its maker says not to ask a tier


class NotAskedError(RuntimeError):
    """One line was to be asked for, and there was nobody or nothing to ask: no request was made."""


@dataclass(frozen=True)
class Place:
    """Where a line is on its device: PON port and ONT number, or the ONT's serial (in one form) where it has none."""

    pon: str | None
    ont: int | None
    serial: str | None = None


class Polled(Protocol):
    """One tier's figures.

    `lines` has pon, ont, ont_serial, fields, quality; `pons` has pon, fields, quality; `seconds` the poll took.
    """

    @property
    def lines(self) -> pa.Table: ...
    @property
    def pons(self) -> pa.Table: ...
    @property
    def time(self) -> datetime: ...
    @property
    def requests(self) -> int: ...
    @property
    def seconds(self) -> float: ...
    @property
    def notes(self) -> Sequence[str]: ...


class DeviceAsker(Protocol):
    """Asks devices; each request passes the turnstile. A call may take long and raise anything a device can cause."""

    async def choose(self, device: Device, turnstile: Turnstile) -> Chosen: ...

    async def poll(self, device: Device, profile: str, tier: str, turnstile: Turnstile) -> Polled: ...

    async def ask_line(
        self, device: Device, profile: str, place: Place, tiers: Collection[str], turnstile: Turnstile
    ) -> Polled:
        """One line's figures of these tiers, by reading its own instances and nothing else."""
        ...
