"""A listener's counts as they grow."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from collector.traps.decoding import Notification, Value
from collector.traps.refusals import printable
from collector.traps.status import UnknownTrap

MOST_UNKNOWN = 50  # kinds of unknown traps kept; the others are counted together
MOST_VALUES, MOST_TEXT = 12, 80


@dataclass
class Counts:
    """See TrapStatus for what each is."""

    received: int = 0
    decoded: int = 0
    folded: int = 0
    unread: int = 0
    informs: int = 0
    acknowledged: int = 0
    deferred: int = 0
    readings: int = 0
    events: int = 0
    looks: int = 0
    lost: int = 0
    lost_why: str = ""
    known: Counter[str] = field(default_factory=Counter)
    unknown: int = 0
    last: datetime | None = None
    unknown_traps: dict[str, UnknownTrap] = field(default_factory=dict)

    def note_unknown(self, said: Notification, device: str, count: int, at: datetime) -> bool:
        """Count a trap that no rule knows; True when it is the first of its kind."""
        self.unknown += count
        before = self.unknown_traps.get(said.trap)
        if before is None and len(self.unknown_traps) >= MOST_UNKNOWN:
            return False
        values = [f"{oid} = {shown(value)}" for oid, value in said.values[:MOST_VALUES]]
        so_far = 0 if before is None else before.count
        self.unknown_traps[said.trap] = UnknownTrap(said.trap, so_far + count, device, at, values)
        return before is None


def shown(value: Value) -> str:
    """A value for people: text where octets are text, else hexadecimal digits."""
    if isinstance(value, bytes):
        try:
            text = value.decode("utf-8")
        except UnicodeDecodeError:
            text = ""
        value = text if text and text.isprintable() else value.hex(" ")
    return printable(str(value))[:MOST_TEXT]
