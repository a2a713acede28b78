"""Why a datagram is not taken: counted by reason with the last of each as a sample, told at most once a minute."""

import time
from collections import Counter
from collections.abc import Callable
from enum import StrEnum

import structlog

log = structlog.get_logger(__name__)

QUIET_S = 60.0


class Refusal(StrEnum):
    MALFORMED = "malformed"  # no SNMP message
    TRUNCATED = "truncated"  # a message that ends too early
    OVERSIZED = "oversized"
    NO_NOTIFICATION = "no_notification"  # a request, an answer, an unknown version
    UNKNOWN_SOURCE = "unknown_source"  # no device of the inventory has this address
    AMBIGUOUS_SOURCE = "ambiguous_source"  # several have it, and the credentials fit more than one
    WRONG_COMMUNITY = "wrong_community"
    UNKNOWN_USER = "unknown_user"
    WRONG_LEVEL = "wrong_level"  # v3 with less protection than is agreed on
    WRONG_KEY = "wrong_key"  # the signature does not match, or it cannot be deciphered
    OUTSIDE_TIME_WINDOW = "outside_time_window"  # a v3 message from the past: sent again by someone, or a reset clock


class RefusedError(ValueError):
    """A datagram is not taken: `reason`, and what exactly."""

    def __init__(self, reason: Refusal, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


class RefusalLog:
    """Counts of one listener's refusals, and the last of each kind."""

    def __init__(self, listener: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._listener, self._clock = listener, clock
        self.counts: Counter[str] = Counter()
        self.samples: dict[str, str] = {}
        self._told: dict[str, tuple[float, int]] = {}

    def note(self, refused: RefusedError, host: str, count: int = 1) -> None:
        """Count it; tell the log the first, and again after a minute how many there were."""
        reason = refused.reason.value
        self.counts[reason] += count
        detail = printable(refused.detail[:200])
        self.samples[reason] = f"{host}: {detail}"
        now = self._clock()
        at, so_far = self._told.get(reason, (float("-inf"), 0))
        if now - at >= QUIET_S:
            log.warning(
                "SNMP notification refused", listener=self._listener, reason=reason, source=host, detail=detail,
                count=self.counts[reason] - so_far,
            )  # fmt: skip
            self._told[reason] = (now, self.counts[reason])


def printable(text: str) -> str:
    """What a stranger sent, fit for one line of a log."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)
