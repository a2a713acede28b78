"""Where every request to a device passes: the pause before it, the hard budget, what its answer says of the device."""

import asyncio
import time
from collections.abc import Callable

from collector.pacing import Budget, PaceLimits, Pacer


class BudgetSpentError(RuntimeError):
    """The device's requests of this hour are used up: no further one is made."""


class Turnstile:
    """One device's pace and budget, for whoever sends it requests.

    Call `enter` before a request (or a few that go together), `answered` or `timed_out` after it. Whoever sends one
    holds `alone` from before `enter` until the answer: a line that is asked for by itself comes in between the
    requests of a walk, never beside them.
    """

    def __init__(self, limits: PaceLimits, requests_per_hour: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.pacer = Pacer(limits)
        self.budget = Budget(requests_per_hour)
        self._clock = clock
        self.alone = asyncio.Lock()
        self.requests = 0  # since the start

    async def enter(self, requests: int = 1) -> None:
        """Wait as long as the device's pace asks, and count. Raises BudgetSpentError."""
        if self.budget.left(self._clock()) < requests:
            raise BudgetSpentError(f"{self.budget.per_hour} requests were made within the hour: no more for now")
        self.requests += requests
        self.budget.spend(requests, self._clock())
        if self.pacer.pause_s:
            await asyncio.sleep(self.pacer.pause_s)

    def answered(self, seconds: float) -> None:
        self.pacer.answered(seconds)

    def timed_out(self) -> None:
        self.pacer.timed_out()

    def wait_s(self, requests: int) -> float:
        """Seconds until so many requests are within the budget."""
        return self.budget.wait_s(requests, self._clock())

    def budget_left(self) -> int:
        return self.budget.left(self._clock())
