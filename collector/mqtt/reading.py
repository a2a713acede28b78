"""A reading that a device published, whatever form it came in: who, when, the figures, and why there is none."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from collector.mqtt.refusals import Refusal, RefusedError
from plant.fields import Field, fields

AHEAD = timedelta(minutes=5)  # how far a publisher's clock may be wrong
OLDEST = timedelta(days=30)


@dataclass(frozen=True)
class Reading:
    """One decoded reading: who it says it is of, when, the figures (None where there was none), and why none.

    `other_serials`: what else the device calls itself, tried in turn when no line has `ont_serial`.
    """

    ont_serial: str | None
    line_id: str | None
    time: datetime
    values: Mapping[str, float | int | str | None]
    quality: str | None
    other_serials: tuple[str, ...] = ()


def line_fields() -> dict[str, Field]:
    """Fields that an ONT or a modem may publish: those of lines, not of PON ports."""
    return {name: f for name, f in fields().items() if f.of != "pon"}


def finite(value: float, name: str) -> float:
    """`value` as a float. Raises RefusedError where no float holds it."""
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise RefusedError(Refusal.NOT_FINITE, f'"{name}" is larger than any reading')
    return number


def reading_time(value: Any, arrived: datetime, *, retained: bool) -> datetime:
    """When a reading was taken, in UTC: what the publisher says, else the arrival. Raises RefusedError."""
    if value is None:
        if retained:
            raise RefusedError(Refusal.RETAINED_WITHOUT_TIME, 'a retained message needs "time"')
        return arrived
    try:
        if isinstance(value, str):
            time = datetime.fromisoformat(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            time = datetime.fromtimestamp(finite(value, "time"), UTC)
        else:
            raise RefusedError(Refusal.BAD_TIME, '"time" must be ISO 8601 with a zone, or seconds since 1970')
        if time.tzinfo is None:
            raise RefusedError(Refusal.BAD_TIME, f'"{value}" has no zone; add Z or an offset')
        time = time.astimezone(UTC)
    except (ValueError, OverflowError, OSError) as error:
        if isinstance(error, RefusedError):
            raise
        raise RefusedError(Refusal.BAD_TIME, f'"{str(value)[:40]}" is no time') from None
    if time > arrived + AHEAD:
        raise RefusedError(Refusal.FUTURE, f"{time.isoformat()} is ahead of {arrived.isoformat()}; check its clock")
    if time < arrived - OLDEST:
        raise RefusedError(Refusal.TOO_OLD, f"{time.isoformat()} is more than {OLDEST.days} days ago")
    return time
