"""Windows of a rollup: UTC hours, and days of the operator's zone. Times are int64 microseconds since 1970 UTC."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from storage.keyed import Ints, distinct

HOUR = 3_600_000_000
DAY = 24 * HOUR


def microseconds(at: datetime) -> int:
    """A time with zone as int64 microseconds since 1970 UTC, exactly. ValueError without a zone."""
    if at.tzinfo is None:
        raise ValueError(f"{at.isoformat()} has no time zone; say which, for example {at.isoformat()}+08:00")
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def zone_named(name: str) -> ZoneInfo:
    """The time zone called `name`; ValueError with the remedy when there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f'"{name}" is not a time zone; name one such as Asia/Shanghai (calendar: zone)') from error


@lru_cache(maxsize=200_000)
def midnight(day: date, zone: ZoneInfo) -> int:
    """The instant `day` begins in `zone`."""
    return microseconds(datetime(day.year, day.month, day.day, tzinfo=zone))


def midnights(first: date, last: date, zone: ZoneInfo) -> Ints:
    """Beginnings of the days from `first` to `last` and of the day after (days + 1,)."""
    count = (last - first).days + 2
    return np.array([midnight(first + timedelta(days=i), zone) for i in range(count)], np.int64)


def hours(times: Ints) -> Ints:
    """Beginning of the hour each time is in."""
    return times // HOUR * HOUR


def days(times: Ints, zone: ZoneInfo) -> Ints:
    """Beginning of the operator's day each time is in."""
    if not len(times):
        return times
    epoch = date(1970, 1, 1)
    nearby = sorted({int(d) + off for d in distinct(times // DAY) for off in (-1, 0, 1, 2)})
    starts = np.array([midnight(epoch + timedelta(days=d), zone) for d in nearby], np.int64)
    return starts[np.searchsorted(starts, times, side="right") - 1]
