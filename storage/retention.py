"""How long readings and rollups are kept, by table."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from storage.windows import microseconds


@dataclass(frozen=True)
class Retention:
    """Days that raw readings, hourly and daily rows are kept; None is for ever. ValueError for less than a week."""

    raw_days: int | None = None
    hourly_days: int | None = None
    daily_days: int | None = None

    def __post_init__(self) -> None:
        for name, days in vars(self).items():
            if days is not None and days < SHORTEST:
                raise ValueError(f"{name} is {days}; readings are kept at least {SHORTEST} days")


SHORTEST = 7  # late readings of a router that was off for a weekend still find the others of their day
FOR_EVER = Retention()


def edge(now: datetime, newest: datetime, days: int) -> int:
    """What lies before this instant (µs) has had its days. A clock that runs ahead of the readings costs nothing."""
    return microseconds(min(now, newest) - timedelta(days=days))
