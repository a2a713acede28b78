"""Equal notifications are counted, not read again: the first at once, the last when its window closes, all counted."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from collector.traps.skim import Skimmed

WINDOW_S = 10.0  # how long equal notifications are one
MOST_OPEN = 10_000  # windows; beyond, notifications are folded by device and trap alone
MOST_BYTES = 32 << 20  # of the datagrams kept for them
MOST_UNREAD = 3_000  # distinct datagrams waiting to be read: about two seconds of work
MOST_WAITING = 2_000  # informs of one window that wait for their acknowledgement

Address = tuple[Any, ...]  # of a socket: host, port, and more for IPv6
Key = tuple[str, bytes]
Sent = dict[tuple[Address, bytes], float]  # informs by sender and datagram → when they came, seconds since 1970


@dataclass(slots=True)
class Fold:
    """Equal notifications of one sender within a window. Times are seconds since 1970.

    `whole` is False where only sender and trap agree: those between first and last were counted unread. `waiting` has
    the datagrams whose senders wait for an acknowledgement, by address.
    """

    host: str
    skimmed: Skimmed
    first: bytes
    first_address: Address
    first_at: float
    opened: float  # monotonic
    whole: bool = True
    count: int = 1
    last: bytes = b""
    last_at: float = 0.0
    last_address: Address = ()
    waiting: Sent = field(default_factory=dict)
    read: Any = None  # what the reader made of the first; kept for the last
    told: int = 0  # of `count`, how many are on disk or accounted for


class Folding:
    """Open windows by sender and content. Not for several threads."""

    def __init__(self) -> None:
        self._open: OrderedDict[Key, Fold] = OrderedDict()  # oldest first
        self._fresh: dict[Key, Fold] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._open)

    @property
    def unread(self) -> int:
        """Windows with something new in them: a first, or an inform to be acknowledged."""
        return len(self._fresh)

    def add(self, host: str, address: Address, data: bytes, skimmed: Skimmed, at: float, now: float) -> bool:
        """Count a datagram; False where it is an inform there is no room for (it will be sent again)."""
        key = (host, skimmed.key)
        fold = self._open.get(key)
        if fold is None and self._crowded(len(data)):
            if skimmed.confirmed:
                return False
            key = (host, b"*" + skimmed.kind)
            fold = self._open.get(key)
            if fold is None:
                self._start(key, Fold(host, skimmed, data, address, at, now, whole=False))
                return True
        if fold is None:
            fold = Fold(host, skimmed, data, address, at, now)
            self._start(key, fold)
        else:
            if skimmed.confirmed and len(fold.waiting) >= MOST_WAITING and (address, data) not in fold.waiting:
                return False
            fold.count += 1
            fold.last, fold.last_at, fold.last_address = data, at, address
        if skimmed.confirmed:
            fold.waiting.setdefault((address, data), at)
            self._fresh[key] = fold
        return True

    def _crowded(self, size: int) -> bool:
        return len(self._open) >= MOST_OPEN or len(self._fresh) >= MOST_UNREAD or self._bytes + 2 * size > MOST_BYTES

    def _start(self, key: Key, fold: Fold) -> None:
        self._open[key] = self._fresh[key] = fold
        self._bytes += 2 * len(fold.first)

    def fresh(self, most: int) -> list[Fold]:
        """Up to `most` windows with something new, oldest first; they are no longer new."""
        keys = [key for key, _ in zip(self._fresh, range(most), strict=False)]
        return [self._fresh.pop(key) for key in keys]

    def closing(self, now: float, *, all_of_them: bool = False) -> Iterator[Fold]:
        """Windows that are over, taken out."""
        while self._open:
            key, fold = next(iter(self._open.items()))
            if not all_of_them and now - fold.opened < WINDOW_S:
                return
            if key in self._fresh:  # not read yet: its window closes once it is
                return
            del self._open[key]
            self._bytes -= 2 * len(fold.first)
            yield fold
