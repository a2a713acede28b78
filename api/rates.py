"""How many requests a token or a user may make: a bucket that fills steadily and holds a burst."""

from collections import OrderedDict
from datetime import datetime
from math import ceil

REMEMBERED = 10_000  # callers; the one not heard of for longest has a full bucket anyway


class Rates:
    """`per_s` requests a second, `burst` at once; `per_s` 0: no limit."""

    def __init__(self, per_s: float, burst: float) -> None:
        self.per_s, self.burst = per_s, burst
        self._left: OrderedDict[str, tuple[float, datetime]] = OrderedDict()

    def wait_s(self, key: str, now: datetime) -> int:
        """0, and one request less in the bucket; or the seconds until there is one again."""
        if self.per_s <= 0:
            return 0
        left, since = self._left.get(key, (self.burst, now))
        left = min(self.burst, left + max(0.0, (now - since).total_seconds()) * self.per_s)
        wait = 0 if left >= 1 else ceil((1 - left) / self.per_s)
        self._left[key] = (left - 1 if left >= 1 else left, now)
        self._left.move_to_end(key)
        while len(self._left) > REMEMBERED:
            self._left.popitem(last=False)
        return max(wait, 0)
