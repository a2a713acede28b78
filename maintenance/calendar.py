"""Working time: the Chinese working calendar with local overrides, and deadlines counted in it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import chinese_calendar

from maintenance.errors import RulesError
from maintenance.rules import Due, Span
from plant.inventory import Calendar

_SATURDAY = 5
_FAR = 3660  # days: a calendar that has no working day in ten years is a mistake, not a long holiday


@cache
def known_years() -> frozenset[int]:
    """The years whose holidays and make-up working days have been announced (and are in the installed package)."""
    return frozenset(day.year for day in chinese_calendar.constants.holidays)


@dataclass
class WorkingCalendar:
    """Counts working time in one zone. `guessed` collects the years it had to take as plain weeks.

    `hours` are the spans of a working day in local time, in order. Overrides win over the national calendar; a day
    named both as holiday and as working day is a working day.
    """

    calendar: Calendar
    hours: Sequence[tuple[time, time]]
    guessed: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._zone = ZoneInfo(self.calendar.zone)
        self._holidays = frozenset(self.calendar.holidays)
        self._working = frozenset(self.calendar.working_days)

    def is_working(self, day: date) -> bool:
        if day in self._working:
            return True
        if day in self._holidays:
            return False
        if day.year in known_years():
            return bool(chinese_calendar.is_workday(day))
        self.guessed.add(day.year)
        return day.weekday() < _SATURDAY

    def local_day(self, at: datetime) -> date:
        return at.astimezone(self._zone).date()

    def spans(self, day: date) -> list[tuple[datetime, datetime]]:
        """The working spans of a day in UTC; none on a day off."""
        if not self.is_working(day):
            return []
        return [(self._utc(day, a), self._utc(day, b)) for a, b in self.hours]

    def add_working_hours(self, start: datetime, hours: float) -> datetime:
        """The moment at which `hours` of working time have passed since `start`."""
        left, first = timedelta(hours=hours), self.local_day(start)
        for offset in range(_FAR):
            for begin, end in self.spans(first + timedelta(days=offset)):
                begin = max(begin, start)  # noqa: PLW2901
                if end <= begin:
                    continue
                if end - begin >= left:
                    return begin + left
                left -= end - begin
        raise RulesError(f"no working time within ten years of {first}; look at calendar.holidays in the inventory")

    def subtract_working_hours(self, end: datetime, hours: float) -> datetime:
        """The moment from which `hours` of working time are left until `end`."""
        left, last = timedelta(hours=hours), self.local_day(end)
        for offset in range(_FAR):
            for begin, until in reversed(self.spans(last - timedelta(days=offset))):
                until = min(until, end)  # noqa: PLW2901
                if until <= begin:
                    continue
                if until - begin >= left:
                    return until - left
                left -= until - begin
        raise RulesError(f"no working time within ten years of {last}; look at calendar.holidays in the inventory")

    def working_hours_between(self, start: datetime, end: datetime) -> float:
        """Working time from `start` to `end`, 0 where the end is first."""
        total, first = timedelta(), self.local_day(start)
        for offset in range((self.local_day(end) - first).days + 1):
            for begin, until in self.spans(first + timedelta(days=offset)):
                total += max(min(until, end) - max(begin, start), timedelta())
        return total / timedelta(hours=1)

    def shifted(self, at: datetime, span: Span, *, back: bool) -> datetime:
        """The moment a span after `at`, or before it."""
        if span.hours is not None:
            return at - timedelta(hours=span.hours) if back else at + timedelta(hours=span.hours)
        hours = span.working_hours or 0.0
        return self.subtract_working_hours(at, hours) if back else self.add_working_hours(at, hours)

    def add_working_days(self, start: datetime, days: int) -> datetime:
        """The end of the `days`-th working day after the day of `start`."""
        first = self.local_day(start)
        for offset in range(1, _FAR):
            day = first + timedelta(days=offset)
            if self.is_working(day):
                days -= 1
                if days == 0:
                    return self._utc(day, self.hours[-1][1])
        raise RulesError(f"no working day within ten years of {first}; look at calendar.holidays in the inventory")

    def deadline(self, start: datetime, due: Due) -> datetime:
        """When something opened at `start` must be done, UTC."""
        if due.hours is not None:
            return (start + timedelta(hours=due.hours)).astimezone(UTC)
        if due.working_hours is not None:
            return self.add_working_hours(start, due.working_hours)
        if due.working_days is not None:
            return self.add_working_days(start, due.working_days)
        raise RulesError("a deadline is one of hours, working_hours, working_days")

    def _utc(self, day: date, at: time) -> datetime:
        return datetime.combine(day, at, tzinfo=self._zone).astimezone(UTC)
