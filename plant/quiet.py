"""Quiet hours: parts of the day in which a device is spared what loads it (`quiet: ["01:00-05:00"]`)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from plant.entry import Entry

_SPAN = re.compile(r"^([01]?\d|2[0-3]):([0-5]\d)\s*[-–]\s*([01]?\d|2[0-4]):([0-5]\d)$")
_DAY = 24 * 60


@dataclass(frozen=True)
class QuietHours:
    """Spans of the local day in minutes since midnight: (first, end). One that ends before it begins spans midnight."""

    spans: tuple[tuple[int, int], ...]
    zone: str

    def until(self, now: datetime) -> datetime | None:
        """When the quiet hours that `now` lies in are over (UTC); None outside of them."""
        local = start = now.astimezone(ZoneInfo(self.zone))
        for _ in self.spans:  # spans may follow each other
            end = self._end(local)
            if end is None:
                break
            local = end
        return None if local is start else local.astimezone(UTC)

    def _end(self, local: datetime) -> datetime | None:
        minute = local.hour * 60 + local.minute
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        for first, end in self.spans:
            if first < end and first <= minute < end:
                return midnight + timedelta(minutes=end)  # wall clock: 05:00 is 05:00 on the day the clocks change, too
            if first > end and (minute >= first or minute < end):
                return midnight + timedelta(days=int(minute >= first), minutes=end)
        return None


def quiet_hours(entry: Entry, zone: str) -> QuietHours | None:
    """The `quiet` of an entry; None where there is none or it is empty. What is wrong becomes a problem."""
    spans = []
    for text in entry.texts("quiet"):
        read = _span(text)
        if read is None:
            entry.problem(entry.at("quiet"), f'{entry.what}: quiet hours "{text}" are none', 'write "01:00-05:00"')
        else:
            spans.append(read)
    if _covered(spans) == _DAY:
        entry.problem(entry.at("quiet"), f"{entry.what} is quiet all day: its light would never be read", "leave hours")
        return None
    return QuietHours(tuple(spans), zone) if spans else None


def minutes(text: str) -> tuple[int, int]:
    """A span such as "22:00-07:00" in minutes since midnight. ValueError where it is none."""
    read = _span(text)
    if read is None:
        raise ValueError(f'quiet hours "{text}" are none; write "22:00-07:00"')
    return read


def _span(text: str) -> tuple[int, int] | None:
    found = _SPAN.match(text.strip())
    if found is None:
        return None
    first, end = int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])
    return None if first == end or end > _DAY else (first, end)


def _covered(spans: Sequence[tuple[int, int]]) -> int:
    """Minutes of the day that lie in one of the spans."""
    return sum(
        any(first <= m < end if first < end else m >= first or m < end for first, end in spans) for m in range(_DAY)
    )
