"""The standing reports from the log alone: weekly visits, and the month's recurring trouble. Pure."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from maintenance.kpi import OnTime, on_time
from maintenance.ticket import Entry
from maintenance.visits import VisitsOfMonth, visits_by_month

WEEKS = 8
MONTHS = 12
MOST = 20  # rows of each list of recurring trouble
NODES = ("splitter", "pon", "olt", "node", "area")


@dataclass(frozen=True)
class DepartmentMonth:
    """On-time rate of one department's work in one month."""

    department: str
    told: OnTime


@dataclass(frozen=True)
class Week:
    """A week from Monday `first`: tickets opened, visits made, repairs that held and that did not."""

    first: date
    opened: int
    visits: int
    held: int
    failed: int


@dataclass(frozen=True)
class Recurring:
    """A line, node or cause that came up again: its tickets of the last days, the newest first."""

    what: str
    tickets: tuple[int, ...]
    visits: int


@dataclass(frozen=True)
class Review:
    """`lines`, `nodes` and `causes` came up at least twice within `days`."""

    days: int
    months: tuple[DepartmentMonth, ...]
    visits: tuple[VisitsOfMonth, ...]
    weeks: tuple[Week, ...]
    lines: tuple[Recurring, ...]
    nodes: tuple[Recurring, ...]
    causes: tuple[Recurring, ...]


@dataclass(frozen=True)
class _Story:
    ticket: int
    log: Sequence[Entry]
    last: dict[str, Any]  # every field as it was told last

    @property
    def visits(self) -> list[datetime]:
        return [entry.at for entry in self.log if entry.action == "resolve"]


def review(
    entries: Iterable[Entry],
    now: datetime,
    zone: str,
    *,
    days: int,
    jobs: Sequence[str],
    sees: Callable[[str | None, str | None], bool] = lambda _area, _grid: True,
) -> Review:
    """`entries` come ticket by ticket, each in order; `days` is the time within which trouble recurs, `jobs` the kinds
    that are no trouble, `sees` tells by area and grid which tickets are looked at."""
    stories = [story for _, log in groupby(entries, key=lambda e: e.ticket) if (story := _story(list(log), sees))]
    local, since = ZoneInfo(zone), now - timedelta(days=days)
    departments: dict[str, list[_Story]] = defaultdict(list)
    for story in stories:
        departments[str(story.last["department"])].append(story)
    months = [
        DepartmentMonth(department, told)
        for department, theirs in sorted(departments.items())
        for told in on_time(_entries(theirs), now, zone)[-2 * MONTHS :]
    ]
    trouble = [s for s in stories if s.last["kind"] not in jobs and s.last["state"] not in ("cancelled", "merged")]
    lately = [s for s in trouble if s.log[0].at >= since or any(at >= since for at in s.visits)]
    return Review(
        days,
        tuple(months),
        tuple(visits_by_month(_entries(stories), repeat_days=days, jobs=jobs, zone=zone)[-MONTHS:]),
        tuple(_weeks(trouble, now.astimezone(local).date(), local)),
        _recurring(lately, lambda s: [f"line:{line}" for line in s.last["lines"]], since),
        _recurring(lately, lambda s: [s.last["place"]] if s.last["place"].split(":")[0] in NODES else [], since),
        _recurring(lately, lambda s: [s.last["cause"]], since),
    )


def _story(log: list[Entry], sees: Callable[[str | None, str | None], bool]) -> _Story | None:
    last: dict[str, Any] = {}
    for entry in log:
        last |= entry.after
    return _Story(log[0].ticket, log, last) if sees(last.get("area"), last.get("grid")) else None


def _entries(stories: Iterable[_Story]) -> Iterable[Entry]:
    return (entry for story in stories for entry in story.log)


def _weeks(stories: Sequence[_Story], today: date, local: ZoneInfo) -> list[Week]:
    """The last weeks, the present one included."""
    monday = today - timedelta(days=today.weekday())
    counted: dict[date, Counter[str]] = {monday - timedelta(weeks=n): Counter() for n in range(WEEKS)}
    for entry in _entries(stories):
        day = entry.at.astimezone(local).date()
        week = counted.get(day - timedelta(days=day.weekday()))
        if week is not None:
            week[entry.action if entry.version > 1 else "opened"] += 1
    return [Week(first, c["opened"], c["resolve"], c["close"], c["fail"]) for first, c in sorted(counted.items())]


def _recurring(
    stories: Sequence[_Story], keys: Callable[[_Story], Iterable[str]], since: datetime
) -> tuple[Recurring, ...]:
    """What came up in several tickets, or was visited several times."""
    tickets: dict[str, list[_Story]] = defaultdict(list)
    for story in stories:
        for key in keys(story):
            tickets[key].append(story)
    found = [
        Recurring(
            key,
            tuple(sorted((s.ticket for s in theirs), reverse=True)),
            sum(at >= since for s in theirs for at in s.visits),
        )
        for key, theirs in tickets.items()
    ]
    again = [one for one in found if max(len(one.tickets), one.visits) > 1]
    return tuple(sorted(again, key=lambda one: (-len(one.tickets), -one.visits, one.what))[:MOST])
