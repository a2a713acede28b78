"""What a trap listener says of itself; part of the collector's status."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

ListenerState = Literal["opening", "listening", "down", "stopped"]


@dataclass(frozen=True)
class UnknownTrap:
    """A trap that no rule knows: how often it came, from whom last, and what the last one said."""

    trap: str
    count: int
    device: str
    last: datetime
    values: list[str]


@dataclass(frozen=True)
class TrapStatus:
    """`state` is that of the port; counts are of notifications since the start.

    `received` = `decoded` + `folded` + refused + `deferred` + `lost` + what is just at work. `folded`: equal to one
    decoded before, counted only; `unread` of them because there were too many, of the same device and trap.
    """

    id: str
    host: str
    port: int
    state: ListenerState = "opening"
    detail: str = ""
    since: datetime | None = None
    received: int = 0
    decoded: int = 0
    folded: int = 0
    unread: int = 0
    informs: int = 0
    acknowledged: int = 0
    deferred: int = 0  # informs not taken for want of room: their senders send them again
    readings: int = 0  # on disk
    events: int = 0
    looks: int = 0  # devices asked sooner because of a trap
    lost: int = 0  # traps whose readings the spool did not take, in all
    lost_why: str = ""
    dropped: int = 0  # by the kernel, before we saw them
    known: dict[str, int] = field(default_factory=dict)  # by name of the rule
    unknown: int = 0
    unknown_traps: list[UnknownTrap] = field(default_factory=list)  # the first kinds of them
    refused: dict[str, int] = field(default_factory=dict)
    samples: dict[str, str] = field(default_factory=dict)
    last: datetime | None = None
