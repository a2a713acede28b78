"""What the collector says of itself: a snapshot, written to a file every few seconds and read by other processes.

The schema is documented in docs/collector.md; `version` changes when a name or a meaning does.
"""

import os
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

import orjson
from pydantic import TypeAdapter, ValidationError

from collector.drain import DrainStatus
from collector.mqtt import BrokerStatus
from collector.spool import SpoolStatus
from collector.traps.status import TrapStatus
from plant.changes import PlantEvent

VERSION = 1
DeviceState = Literal["waiting", "answering", "silent", "troubled", "unknown"]


@dataclass(frozen=True)
class TierStatus:
    """A cadence tier of a device. `behind_s`: how long it has been due, beyond one cadence (0 when it keeps up)."""

    cadence_s: float
    last_attempt: datetime | None = None
    last_success: datetime | None = None
    seconds: float | None = None  # the last poll took
    requests: int = 0
    rows: int = 0
    behind_s: float = 0.0
    skipped: str | None = None  # why the last turn was left out


@dataclass(frozen=True)
class PaceStatus:
    """How fast the device is asked. `usual_ms` is its response time when it is well."""

    usual_ms: float | None
    pause_ms: float
    slowed: int
    budget_per_hour: int
    budget_left: int


@dataclass(frozen=True)
class DeviceStatus:
    """`state`: waiting (not asked yet), answering, silent (no answer), troubled (answers, but not so that it can be
    used), unknown (answers, and no profile fits)."""

    id: str
    host: str
    port: int
    kind: str
    area: str
    state: DeviceState
    trouble: str | None
    since: datetime | None
    next_try: datetime | None
    profile: str | None
    profile_reason: str
    evidence: list[str]
    tiers: dict[str, TierStatus]
    pace: PaceStatus
    lines: int
    missing: int  # lines of the inventory the device does not list
    unknown_count: int  # ONTs that no lines file has
    unknown: list[str]  # the first of them, as DEVICE/PON/INDEX
    notes: list[str]


@dataclass(frozen=True)
class CollectorStatus:
    written_at: datetime
    started_at: datetime
    devices: list[DeviceStatus]
    brokers: list[BrokerStatus]
    spool: SpoolStatus
    drain: DrainStatus
    events: list[PlantEvent] = field(default_factory=list)  # swaps, moves, strangers, traps; the newest last
    traps: list[TrapStatus] = field(default_factory=list)  # listeners
    version: int = VERSION


_FILE: TypeAdapter[CollectorStatus] = TypeAdapter(CollectorStatus)


def write_status(path: Path, status: CollectorStatus) -> None:
    """Replace the file at once: a reader sees all of the old or all of the new. Raises OSError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(orjson.dumps(status, option=orjson.OPT_NON_STR_KEYS))
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def read_status(path: Path) -> CollectorStatus | None:
    """The last snapshot; None when no collector ever wrote one. Raises ValueError when it is of another version."""
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        return _FILE.validate_json(text)
    except ValidationError as error:
        raise ValueError(
            f"{path} is no collector status of version {VERSION} ({error.error_count()} errors); restart the collector"
        ) from None
