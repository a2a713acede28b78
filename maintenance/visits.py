"""Visits from the log alone: how many there were, how many had to be repeated, and what readings said of them.

A visit is a repair told to be done (`resolve`) of a trouble; jobs such as installations are work, not trouble. A later
visit to one of its lines within the repeat days counts against the first repair that it may be blamed on: the earliest
visit to one of these lines not longer ago than that, whichever ticket it was for. What readings said is the verdict on
that repair.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Literal
from zoneinfo import ZoneInfo

from maintenance.ticket import Entry

Outcome = Literal["verified", "failed", "open"]


@dataclass(frozen=True)
class VisitsOfMonth:
    """The visits of one month ("YYYY-MM", operator's zone). `repeated`: visits that had to be repeated; `repeats`: the
    later visits counted against them. `verified` and `failed`: what readings said; the rest waits, or a person
    reopened."""

    month: str
    visits: int
    repeated: int
    repeats: int
    verified: int
    failed: int

    def to_json(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self)}


@dataclass
class _Visit:
    at: datetime
    ticket: int
    lines: frozenset[str]
    outcome: Outcome = "open"
    repeats: int = 0


def visits_by_month(
    entries: Iterable[Entry], *, repeat_days: int, jobs: Collection[str], zone: str
) -> list[VisitsOfMonth]:
    """`entries` come ticket by ticket, each in order. `jobs` are the kinds of tickets that are no trouble."""
    visits = [visit for _, log in groupby(entries, key=lambda e: e.ticket) for visit in _of_ticket(log, jobs)]
    visits.sort(key=lambda v: (v.at, v.ticket))
    _blame(visits, timedelta(days=repeat_days))
    local = ZoneInfo(zone)
    months: dict[str, list[_Visit]] = defaultdict(list)
    for visit in visits:
        months[visit.at.astimezone(local).strftime("%Y-%m")].append(visit)
    return [
        VisitsOfMonth(
            month, len(these), sum(v.repeats > 0 for v in these), sum(v.repeats for v in these),
            sum(v.outcome == "verified" for v in these), sum(v.outcome == "failed" for v in these),
        )
        for month, these in sorted(months.items())
    ]  # fmt: skip


def _of_ticket(log: Iterable[Entry], jobs: Collection[str]) -> list[_Visit]:
    kind, lines, visits = "", frozenset[str](), list[_Visit]()
    for entry in log:
        kind = entry.after.get("kind", kind)
        lines = frozenset(entry.after.get("lines", lines))
        if entry.action == "resolve" and kind not in jobs:
            visits.append(_Visit(entry.at, entry.ticket, lines))
        elif visits and entry.action == "close":
            visits[-1].outcome = "verified"
        elif visits and entry.action == "fail":
            visits[-1].outcome = "failed"
    return visits


def _blame(visits: Iterable[_Visit], within: timedelta) -> None:
    """Count each visit, in order of time, against the earliest one that it repeats."""
    of_line: dict[str, list[_Visit]] = defaultdict(list)
    for visit in visits:
        earlier = [v for line in visit.lines for v in of_line[line] if visit.at - v.at <= within]
        if earlier:
            min(earlier, key=lambda v: (v.at, v.ticket)).repeats += 1
        for line in visit.lines:
            of_line[line].append(visit)
