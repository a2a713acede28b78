"""On-time rates from the log alone: what was promised, and what lasted.

A ticket counts in the month of its promise: the deadline in force when it was first resolved (a deadline moved by a
failed repair forgives nothing). It is on time when the repair that lasted, the last one not undone by a reopening, was
no later than that. Not resolved and past the promise: late. Promise still ahead and nothing resolved: not counted yet.
Cancelled and merged tickets are not counted.

Of the last months only the log of tickets that can count there is read: those with a deadline since, and those that
changed since, or up to LONGEST before, as a promise lies no further ahead of the change that made it.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Literal
from zoneinfo import ZoneInfo

from maintenance.ticket import Entry

LONGEST = timedelta(days=120)
Work = Literal["installation", "maintenance"]


@dataclass(frozen=True)
class OnTime:
    """One month ("YYYY-MM", operator's zone) of one class of work. `repeats`: tickets whose repair did not last, by a
    failed verification, a reopening or a new ticket within the repeat days. `rate` is on_time ÷ due."""

    month: str
    work: Work
    due: int
    on_time: int
    repeats: int

    @property
    def rate(self) -> float:
        return self.on_time / self.due

    def to_json(self) -> dict[str, Any]:
        return {**{f.name: getattr(self, f.name) for f in fields(self)}, "rate": round(self.rate, 4)}


@dataclass
class _Story:
    """What the log of one ticket comes to."""

    kind: str = ""
    area: str | None = None
    promise: datetime | None = None
    deadline: datetime | None = None
    resolved: datetime | None = None
    ended: bool = False
    reopened: bool = False
    repeat_of: int | None = None


def begin_of(now: datetime, months: int, zone: str) -> datetime:
    """When the first of the last `months` began, this one among them."""
    local = now.astimezone(ZoneInfo(zone))
    year, month = divmod(12 * local.year + local.month - months, 12)
    return datetime(year, month + 1, 1, tzinfo=ZoneInfo(zone))


def on_time(
    entries: Iterable[Entry], now: datetime, zone: str, areas: Collection[str] | None = None,
    since: datetime | None = None,
) -> list[OnTime]:  # fmt: skip
    """Rates by month and class of work, of tickets in `areas` promised for `since` or later. `entries` come ticket by
    ticket, each in order."""
    local = ZoneInfo(zone)
    stories = {ticket: _story(log) for ticket, log in groupby(entries, key=lambda e: e.ticket)}
    repeated = {s.repeat_of for s in stories.values() if s.repeat_of is not None and not s.ended}
    sums: dict[tuple[str, Work], list[int]] = {}
    for ticket, story in stories.items():
        promise = story.promise or story.deadline
        if areas is not None and story.area not in areas:
            continue
        if story.ended or promise is None or (story.resolved is None and promise >= now):
            continue
        if since is not None and promise < since:
            continue
        work: Work = "installation" if story.kind == "installation" else "maintenance"
        of_month = sums.setdefault((promise.astimezone(local).strftime("%Y-%m"), work), [0, 0, 0])
        of_month[0] += 1
        of_month[1] += story.resolved is not None and story.resolved <= promise
        of_month[2] += story.reopened or ticket in repeated
    return [OnTime(month, work, *values) for (month, work), values in sorted(sums.items())]


def _story(log: Iterable[Entry]) -> _Story:
    story = _Story()
    for entry in log:
        after = entry.after
        story.kind = after.get("kind", story.kind)
        story.area = after.get("area", story.area)
        story.repeat_of = after.get("repeat_of", story.repeat_of)
        if "deadline" in after:
            story.deadline = datetime.fromisoformat(after["deadline"])
        if entry.action == "resolve":
            story.promise = story.promise or story.deadline
            story.resolved = entry.at
        if entry.to_state == "reopened" and entry.from_state != "reopened":
            story.resolved, story.reopened = None, True
        story.ended = entry.to_state in ("cancelled", "merged")
    return story
