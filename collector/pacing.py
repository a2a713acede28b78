"""How fast a device may be asked: additive increase, multiplicative decrease, and a hard budget of requests an hour.

Pure state machines over the numbers they are told; time comes in as seconds of a monotonic clock.
"""

from collections import deque
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["good", "slow", "timeout", "busy"]


@dataclass(frozen=True)
class PaceLimits:
    """Rates are requests a second. At `top_rate` there is no pause at all between an answer and the next request."""

    first_rate: float = 20.0
    least_rate: float = 0.2
    top_rate: float = 1000.0
    step: float = 2.0  # added for a good answer
    slow_factor: float = 0.5  # of the rate that stays after a slow answer or a busy CPU
    timeout_factor: float = 0.25  # … after no answer
    slow_ratio: float = 3.0  # an answer this many times slower than usual is slow …
    slow_grace_s: float = 0.05  # … if it is also this much slower: jitter of a fast agent is no distress
    slow_s: float = 2.0  # always slow
    busy_percent: float = 80.0  # CPU of the device

    def __post_init__(self) -> None:
        if not 0 < self.least_rate <= self.first_rate <= self.top_rate:
            raise ValueError("pace limits: 0 < least_rate <= first_rate <= top_rate expected")
        if not (0 < self.slow_factor < 1 and 0 < self.timeout_factor < 1 and self.step > 0):
            raise ValueError("pace limits: factors between 0 and 1 and a positive step expected")


class Pacer:
    """The pace of one device. Tell it each answer; it says how long to wait before the next request."""

    def __init__(self, limits: PaceLimits | None = None) -> None:
        self.limits = limits or PaceLimits()
        self.rate = self.limits.first_rate
        self.usual_s: float | None = None  # response time of the device when it is well
        self.slowed = 0  # how often it was given more room

    @property
    def pause_s(self) -> float:
        """Seconds to wait between an answer and the next request."""
        return 0.0 if self.rate >= self.limits.top_rate else 1.0 / self.rate

    def answered(self, seconds: float) -> Verdict:
        """A request was answered after `seconds`."""
        usual = self.usual_s
        at = self.limits
        slow = seconds >= at.slow_s or (
            usual is not None and seconds > at.slow_ratio * usual and seconds > usual + at.slow_grace_s
        )
        # The usual time falls fast and rises slowly, so that a device which is being overloaded stays recognisable.
        if usual is None:
            self.usual_s = seconds
        else:
            self.usual_s = usual + (seconds - usual) * (0.2 if seconds < usual else 0.01)
        if slow:
            self._slow_down(at.slow_factor)
            return "slow"
        self.rate = min(at.top_rate, self.rate + at.step)
        return "good"

    def timed_out(self) -> Verdict:
        self._slow_down(self.limits.timeout_factor)
        return "timeout"

    def cpu(self, percent: float) -> Verdict:
        """The device told its own load."""
        if percent < self.limits.busy_percent:
            return "good"
        self._slow_down(self.limits.slow_factor)
        return "busy"

    def _slow_down(self, factor: float) -> None:
        self.slowed += 1
        self.rate = max(self.limits.least_rate, self.rate * factor)


class Budget:
    """At most `per_hour` requests in any sliding hour (counted by the minute, on the safe side)."""

    WINDOW_S = 3600.0
    BUCKET_S = 60.0

    def __init__(self, per_hour: int) -> None:
        if per_hour < 1:
            raise ValueError(f"a budget of {per_hour} requests an hour is none; expected 1 or more")
        self.per_hour = per_hour
        self._spent: deque[tuple[int, int]] = deque()  # minute, requests
        self._total = 0

    def left(self, now: float) -> int:
        self._forget(now)
        return max(0, self.per_hour - self._total)

    def spend(self, requests: int, now: float) -> None:
        """Count requests that were made."""
        self._forget(now)
        minute = int(now // self.BUCKET_S)
        if self._spent and self._spent[-1][0] >= minute:
            minute, before = self._spent.pop()
            self._spent.append((minute, before + requests))
        else:
            self._spent.append((minute, requests))
        self._total += requests

    def wait_s(self, requests: int, now: float) -> float:
        """Seconds until so many requests (at most the whole budget) are allowed; 0 when they are now."""
        self._forget(now)
        over = self._total + min(requests, self.per_hour) - self.per_hour
        if over <= 0:
            return 0.0
        for minute, spent in self._spent:
            over -= spent
            if over <= 0:
                return max(0.0, (minute + 1) * self.BUCKET_S + self.WINDOW_S - now)
        return self.WINDOW_S

    def _forget(self, now: float) -> None:
        while self._spent and (self._spent[0][0] + 1) * self.BUCKET_S + self.WINDOW_S <= now:
            self._total -= self._spent.popleft()[1]
