"""Failed sign-ins: how many an address may make before it has to wait."""

from collections import OrderedDict
from datetime import datetime, timedelta

ALLOWED = 10
WINDOW = timedelta(minutes=1)
REMEMBERED = 10_000  # addresses: a flood of them must not fill the memory


class FailedAttempts:
    """Failures in the last minute by address and token id, so that one guesser does not shut out his neighbours."""

    def __init__(self) -> None:
        self._failures: OrderedDict[tuple[str, str], list[datetime]] = OrderedDict()

    def wait_s(self, address: str, token_id: str, now: datetime) -> int:
        """Seconds until the next attempt is looked at; 0 when it may be made now."""
        recent = self._recent((address, token_id), now)
        if len(recent) < ALLOWED:
            return 0
        return max(1, int((recent[0] + WINDOW - now).total_seconds() + 0.999))

    def failed(self, address: str, token_id: str, now: datetime) -> None:
        key = (address, token_id)
        self._failures[key] = [*self._recent(key, now), now]
        self._failures.move_to_end(key)
        while len(self._failures) > REMEMBERED:
            self._failures.popitem(last=False)

    def _recent(self, key: tuple[str, str], now: datetime) -> list[datetime]:
        return [at for at in self._failures.get(key, ()) if now - WINDOW < at <= now]
