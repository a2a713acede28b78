"""Why a payload, or one reading in it, is not taken: counted by reason, told in the log at most once a minute each."""

import time
from collections import Counter
from collections.abc import Callable
from enum import StrEnum

import structlog

log = structlog.get_logger(__name__)

QUIET_S = 60.0


class Refusal(StrEnum):
    TOO_LARGE = "too_large"
    NOT_JSON = "not_json"
    NOT_FINITE = "not_finite"  # NaN, Infinity, or a number no float holds
    DUPLICATE_KEY = "duplicate_key"
    NESTED = "nested"  # objects or lists inside a reading
    NOT_AN_OBJECT = "not_an_object"
    NO_READING = "no_reading"  # nothing but names and times
    UNKNOWN_FIELD = "unknown_field"
    WRONG_TYPE = "wrong_type"
    BAD_TIME = "bad_time"
    FUTURE = "future"
    TOO_OLD = "too_old"
    RETAINED_WITHOUT_TIME = "retained_without_time"  # nobody knows when it was true
    UNKNOWN_LINE = "unknown_line"
    NOT_USP = "not_usp"  # no USP record, or no message in it
    NOT_FOR_US = "not_for_us"  # a USP record to another endpoint, or from ourselves
    UNSUPPORTED = "unsupported"  # an encrypted or segmented USP record, or a message no agent sends a controller
    USP_ERROR = "usp_error"  # an agent answers with an error
    NO_REPLY_TOPIC = "no_reply_topic"  # an agent that does not say where it listens


class RefusedError(ValueError):
    """A payload or a reading is not taken: `reason`, and what exactly."""

    def __init__(self, reason: Refusal, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class RefusalLog:
    """Counts of one broker's refusals, and the last of each kind."""

    def __init__(self, broker: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._broker, self._clock = broker, clock
        self.counts: Counter[str] = Counter()
        self.samples: dict[str, str] = {}
        self._told: dict[Refusal, tuple[float, int]] = {}

    def note(self, refused: RefusedError, topic: str) -> None:
        reason = refused.reason
        self.counts[reason.value] += 1
        topic, detail = _printable(topic[:120]), _printable(refused.detail[:200])
        self.samples[reason.value] = f"{topic}: {detail}"
        now = self._clock()
        told_at, told_count = self._told.get(reason, (float("-inf"), 0))
        if now - told_at >= QUIET_S:
            count = self.counts[reason.value]
            log.warning(
                "MQTT reading refused", broker=self._broker, reason=reason.value, topic=topic,
                detail=detail, count=count - told_count,
            )  # fmt: skip
            self._told[reason] = (now, count)


def _printable(text: str) -> str:
    """What a stranger wrote, fit for one line of a log: no control characters, no halves of characters."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)
