"""Working time is counted in the Chinese working calendar, with what the inventory says on top."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maintenance.calendar import WorkingCalendar, known_years
from maintenance.errors import RulesError
from maintenance.rules import Due, Rules
from plant.inventory import Calendar

GRADING = Rules.load().grading


def working(**changes: object) -> WorkingCalendar:
    return WorkingCalendar(Calendar(**changes), GRADING.hours)  # type: ignore[arg-type]


def shanghai(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+08:00").astimezone(UTC)


@pytest.mark.parametrize(
    ("day", "works", "why"),
    [
        (date(2026, 2, 17), False, "Spring Festival"),
        (date(2026, 10, 1), False, "National Day"),
        (date(2026, 10, 10), True, "a Saturday worked to make up"),
        (date(2026, 11, 7), False, "a Saturday"),
        (date(2026, 11, 9), True, "a Monday"),
    ],
)
def test_the_national_calendar_counts(day: date, works: bool, why: str) -> None:
    assert working().is_working(day) is works, why


def test_local_days_win_over_the_national_calendar() -> None:
    local = working(holidays=(date(2026, 11, 9),), working_days=(date(2026, 11, 7),))
    assert local.is_working(date(2026, 11, 7))
    assert not local.is_working(date(2026, 11, 9))


@pytest.mark.parametrize(
    ("start", "due", "end"),
    [
        ("2026-11-06T17:00", Due(hours=4), "2026-11-06T21:00"),  # an emergency knows no hours
        ("2026-11-06T17:00", Due(working_hours=7), "2026-11-09T17:00"),  # Friday afternoon to Monday
        ("2026-11-07T09:00", Due(working_hours=1), "2026-11-09T09:30"),
        ("2026-11-06T12:30", Due(working_hours=3.5), "2026-11-06T17:30"),
        ("2026-09-30T16:00", Due(working_days=3), "2026-10-10T17:30"),  # over National Day, with its make-up Saturday
        ("2026-11-06T23:30", Due(working_days=1), "2026-11-09T17:30"),
    ],
)
def test_deadlines_skip_what_is_not_worked(start: str, due: Due, end: str) -> None:
    assert working().deadline(shanghai(start), due) == shanghai(end)


def test_a_year_nobody_announced_counts_plain_weeks_and_says_so() -> None:
    year = max(known_years()) + 3
    calendar = working()
    assert calendar.is_working(date(year, 3, 1)) == (date(year, 3, 1).weekday() < 5)
    assert calendar.guessed == {year}


def test_a_calendar_without_working_days_is_a_clear_error() -> None:
    first = date(2026, 11, 2)
    never = working(holidays=tuple(first + timedelta(days=n) for n in range(4000)))
    for due in (Due(working_hours=1), Due(working_days=1)):
        with pytest.raises(RulesError, match=r"calendar\.holidays in the inventory"):
            never.deadline(shanghai("2026-11-02T09:00"), due)


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.floats(0.1, 80),
    st.floats(0.1, 80),
)
def test_working_time_adds_up_and_ends_in_working_time(start: datetime, one: float, two: float) -> None:
    calendar = working()
    middle = calendar.add_working_hours(start, one)
    both = calendar.add_working_hours(middle, two)
    assert start < middle < both
    assert abs(both - calendar.add_working_hours(start, one + two)) < timedelta(milliseconds=1)
    assert any(begin < both <= end for begin, end in calendar.spans(calendar.local_day(both)))
