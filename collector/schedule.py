"""When a device's tiers are due. Pure: time comes in as seconds of a monotonic clock, chance as a random generator."""

from collections.abc import Mapping
from random import Random

FIRST_RETRY_S, LONGEST_RETRY_S = 30.0, 3600.0


class DeviceSchedule:
    """Due times of one device. Starts are spread by chance; a late poll is not made up for by a burst."""

    def __init__(
        self,
        cadence_s: Mapping[str, float],
        now: float,
        chance: Random,
        *,
        spread_s: float = 60.0,
        first_retry_s: float = FIRST_RETRY_S,
        longest_retry_s: float = LONGEST_RETRY_S,
    ) -> None:
        """`cadence_s` maps tiers to seconds between polls. Tiers are first due within `spread_s`."""
        for tier, seconds in cadence_s.items():
            if not seconds > 0:
                raise ValueError(f'cadence of tier "{tier}" is {seconds} s; more than 0 expected')
        self.cadence_s = dict(cadence_s)
        self._chance = chance
        start = now + chance.random() * min([spread_s, *self.cadence_s.values()])
        self._due = dict.fromkeys(self.cadence_s, start)
        self._first_retry_s, self._longest_retry_s = first_retry_s, longest_retry_s
        self.failures = 0
        self._tier_failures = dict.fromkeys(self.cadence_s, 0)
        self._blocked_until = float("-inf")

    def next_at(self) -> float:
        """When something is to be done next; infinity without tiers."""
        return max(self._blocked_until, min(self._due.values(), default=float("inf")))

    def due(self, now: float) -> list[str]:
        """Tiers that are due, the quickest cadence first (also the cheapest for the device)."""
        if now < self._blocked_until:
            return []
        return sorted((t for t, at in self._due.items() if at <= now), key=lambda t: (self.cadence_s[t], t))

    def done(self, tier: str, now: float) -> None:
        """The tier was polled: due again on its own grid, slots that passed meanwhile left out."""
        cadence = self.cadence_s[tier]
        missed = max(0.0, now - self._due[tier]) // cadence
        self._due[tier] += cadence * (missed + 1)
        if self._due[tier] <= now:  # rounding at the edge of a slot
            self._due[tier] = now + cadence
        self.failures = self._tier_failures[tier] = 0
        self._blocked_until = float("-inf")

    def put_off(self, tier: str, until: float) -> None:
        """Not before `until`: the budget of requests is spent, or the poll makes no sense now."""
        self._due[tier] = max(self._due[tier], until)

    def sooner(self, tier: str, at: float) -> bool:
        """Due at `at` rather than later; False where the tier is not there or due before. A silent device stays so."""
        if self._due.get(tier, at) <= at:
            return False
        self._due[tier] = at
        return True

    def tier_failed(self, tier: str, now: float) -> None:
        """The tier failed on a device that otherwise answers: again after a growing while, at most its cadence."""
        delay = min(self.cadence_s[tier], self._first_retry_s * 2.0 ** min(self._tier_failures[tier], 30))
        self._tier_failures[tier] += 1
        self._due[tier] = now + delay * (0.8 + 0.4 * self._chance.random())

    def failed(self, now: float) -> float:
        """The device did not answer: nothing of it is due for a growing while. Seconds until the next try."""
        delay = min(self._longest_retry_s, self._first_retry_s * 2.0 ** min(self.failures, 30))
        delay *= 0.8 + 0.4 * self._chance.random()  # so that a region that went dark does not come back in one stroke
        self.failures += 1
        self._blocked_until = now + delay
        return delay

    def late_s(self, tier: str, now: float) -> float:
        """How long the tier has been due."""
        return max(0.0, now - self._due[tier])
