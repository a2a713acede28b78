"""The visits of some days as a dispatcher sees them: who goes where when, and what moving one of them would bring."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Literal
from zoneinfo import ZoneInfo

from maintenance.calendar import WorkingCalendar
from maintenance.dispatch.model import Job, Shift
from maintenance.dispatch.moving import Fit, Route, Stop, best_fit, ways
from maintenance.dispatch.reasons import Reason
from maintenance.dispatch.rules import Engineer, Roster
from maintenance.dispatch.work import FREE, Days, Whereabouts, job_of, minute_of, not_to_plan, shifts_of
from maintenance.rules import Rules
from maintenance.ticket import Ticket, plain
from plant.inventory import Inventory

AGREED = ("scheduled", "on_site")
"""States of tickets whose appointment stands."""
MOVABLE = (*FREE, "scheduled", "waiting_customer")
"""States of tickets that can be given a visit by hand."""

ROUND = 5
"""Minutes: appointments are made for full ones."""

EffectKind = Literal["missing", "deadline", "appointment", "pushed", "overtime", "later", "reason"]
Refusal = Literal["past", "not_there", "hours", "state"]


@dataclass(frozen=True)
class Placed:
    """A visit on the board. `agreed`: the ledger has it like that; `by`: who put it there by hand in a plan."""

    ticket: int
    engineer: str
    at: datetime
    agreed: bool
    by: str | None = None


@dataclass(frozen=True)
class Shown:
    """A visit with its figures: `travel` is the way there in minutes, None outside of working hours; `late` by how many
    minutes it begins after the deadline."""

    placed: Placed
    minutes: int
    travel: int | None
    late: int


@dataclass(frozen=True)
class Totals:
    """Of all visits of a board: minutes on site and on the way, and how many begin after their deadline."""

    visits: int
    work_minutes: int
    travel_minutes: int
    late: int


@dataclass(frozen=True)
class Effect:
    """One thing a move brings about, for `ticket`.

    missing     `names` are skills, parts or the area that the engineer has not
    deadline    it begins `minutes` after the deadline
    appointment what was agreed with a customer, `at_before`, is not kept; `at` is the new time
    pushed      a visit nobody was promised begins at `at` instead of `at_before`
    overtime    the day ends `minutes` after working hours
    later       nobody can be there at the time asked for, but `minutes` later
    reason      why the planner would not plan it: `names` are the reason's code and names
    """

    kind: EffectKind
    ticket: int
    minutes: int = 0
    at_before: datetime | None = None
    at: datetime | None = None
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Consequences:
    """What moving a ticket's visit would bring. `refused`: why it cannot be; then there is no `at`. `versions` are
    those of the tickets that would change, `changes` their engineers and times."""

    ticket: int
    engineer: str
    refused: Refusal | None = None
    at: datetime | None = None
    minutes: int = 0
    engineer_before: str | None = None
    at_before: datetime | None = None
    travel_before: int = 0
    travel: int = 0
    effects: tuple[Effect, ...] = ()
    changes: Mapping[int, tuple[str, datetime]] | None = None
    versions: Mapping[int, int] | None = None

    @cached_property
    def digest(self) -> str:
        """The same for the same consequences only: who confirms them, confirms what he was shown."""
        told = {f.name: plain(getattr(self, f.name)) for f in fields(self)}
        return hashlib.sha256(json.dumps(told, default=str, sort_keys=True).encode()).hexdigest()[:32]


def agreed(tickets: Iterable[Ticket]) -> dict[int, Placed]:
    """The appointments that stand."""
    return {
        t.id: Placed(t.id, t.engineer or "", t.appointment_at, agreed=True)
        for t in tickets
        if t.state in AGREED and t.appointment_at is not None
    }


class Board:
    """Visits of `days` by people, with their tickets. `roster`: who is there; else those of the inventory."""

    def __init__(
        self, tickets: Mapping[int, Ticket], placed: Mapping[int, Placed], inventory: Inventory, rules: Rules,
        days: Days, *, roster: Roster | None = None,
    ) -> None:  # fmt: skip
        self.days, self.tickets, self._rules = days, tickets, rules
        self._places = Whereabouts(inventory)
        self._zone = ZoneInfo(inventory.calendar.zone)
        self.calendar = WorkingCalendar(inventory.calendar, rules.grading.hours)
        self.people: Sequence[Engineer] = roster.engineers if roster is not None else self._places.everybody()
        self._shifts = shifts_of(self.people, self.calendar, rules, days, days.zero)
        end = days.zero + timedelta(days=days.days)
        self.placed = {n: p for n, p in placed.items() if n in tickets and days.zero <= p.at < end}

    @cached_property
    def _jobs(self) -> dict[int, Job]:
        return {n: self._job(self.tickets[n]) for n in self.placed}

    @cached_property
    def routes(self) -> dict[int, Route]:
        """By shift; a visit outside of its engineer's working hours is in none."""
        stops: dict[int, list[Stop]] = {s.id: [] for s in self._shifts}
        for number, placed in self.placed.items():
            if (shift := self._shift(placed)) is not None:
                at = minute_of(placed.at, self.days.zero)
                stops[shift.id].append(Stop(self._jobs[number], at, placed.agreed))
        return {s.id: Route(s, sorted(stops[s.id], key=lambda x: (x.start, x.job.id))) for s in self._shifts}

    def shown(self) -> list[Shown]:
        """Every visit with its figures, in order of time."""
        way: dict[int, int] = {}
        for route in self.routes.values():
            way |= {s.job.id: w for s, w in zip(route.stops, ways(route, self._rules.dispatch.travel), strict=False)}
        return sorted(
            (
                Shown(p, self._jobs[n].minutes, way.get(n), _minutes(p.at - self.tickets[n].deadline))
                for n, p in self.placed.items()
            ),
            key=lambda s: (s.placed.at, s.placed.ticket),
        )

    def totals(self) -> Totals:
        late = sum(p.at > self.tickets[n].deadline for n, p in self.placed.items())
        travel = sum(sum(ways(route, self._rules.dispatch.travel)) for route in self.routes.values())
        return Totals(len(self.placed), sum(j.minutes for j in self._jobs.values()), travel, late)

    def consequences(
        self, number: int, engineer: str, day: date, now: datetime, *, at: datetime | None = None
    ) -> Consequences:
        """What it brings to have `engineer` make the visit on `day`, at a time or whenever it does least harm."""
        ticket, before = self.tickets[number], self.placed.get(number)
        was = (before.engineer, before.at) if before else (ticket.engineer, ticket.appointment_at)
        told = Consequences(number, engineer, engineer_before=was[0], at_before=was[1])
        if ticket.state not in MOVABLE:
            return replace(told, refused="state")
        today = now.astimezone(self._zone).date()
        if day < today or (at is not None and at < now) or (was[1] is not None and before and was[1] < now):
            return replace(told, refused="past")
        theirs = [
            self.routes[s.id].without(number)
            for s in self._shifts
            if s.engineer == engineer and self._day(s.begin) == day
        ]
        if not theirs:
            return replace(told, refused="not_there")
        zero = self.days.zero
        wanted = None if at is None else minute_of(at, zero)
        if wanted is not None:
            theirs = [route for route in theirs if route.shift.begin <= wanted < route.shift.end]
        job = self._job(ticket)
        # whoever has its area comes first, where somebody works in two
        theirs.sort(key=lambda route: -len(job.needs & route.shift.has))
        travel = self._rules.dispatch.travel
        earliest = minute_of(now, zero)
        fit = self._same_time(theirs, job, was[1], day, earliest) if at is None and before is not None else None
        fit = fit or best_fit(theirs, job, travel, wanted=wanted, earliest=earliest)
        if fit is not None and wanted is None and fit.start % ROUND:
            # a time that people say, where it costs nobody anything
            said = best_fit(theirs, job, travel, wanted=fit.start + ROUND - fit.start % ROUND, earliest=earliest)
            same = said is not None and (set(said.pushed), said.overtime) == (set(fit.pushed), fit.overtime)
            fit = said if same else fit
        if fit is None:
            return replace(told, refused="hours")
        return self._told(told, ticket, job, fit, wanted)

    def _same_time(
        self, theirs: Sequence[Route], job: Job, was: datetime | None, day: date, earliest: int
    ) -> Fit | None:
        """The visit at its time of day, where that makes nobody late: people remember when it was to be."""
        if was is None:
            return None
        at = minute_of(datetime.combine(day, was.astimezone(self._zone).time(), self._zone), self.days.zero)
        theirs = [route for route in theirs if route.shift.begin <= at < route.shift.end]
        fit = (
            best_fit(theirs, job, self._rules.dispatch.travel, wanted=at, earliest=earliest) if at >= earliest else None
        )
        return fit if fit is not None and fit.start == at and not fit.pushed and not fit.overtime else None

    def _told(self, told: Consequences, ticket: Ticket, job: Job, fit: Fit, wanted: int | None) -> Consequences:
        travel = self._rules.dispatch.travel
        home = next((r for r in self.routes.values() if any(s.job.id == ticket.id for s in r.stops)), None)
        old, new = fit.travel_before, fit.travel
        if home is not None:
            whole, rest = sum(ways(home, travel)), sum(ways(home.without(ticket.id), travel))
            old, new = (whole, new) if home.shift.id == fit.shift.id else (old + whole, new + rest)
        at = self._at(fit.start)
        moved = told.at_before is not None and (told.at_before, told.engineer_before) != (at, told.engineer)
        lacks = job.needs - fit.shift.has
        effects = [
            *([Effect("reason", ticket.id, names=(why.code, *why.names))] if (why := self._why(ticket)) else []),
            *([Effect("missing", ticket.id, names=tuple(sorted(lacks)))] if lacks else []),
            *([Effect("later", ticket.id, fit.start - wanted)] if wanted is not None and fit.start > wanted else []),
            *([Effect("appointment", ticket.id, at_before=ticket.appointment_at, at=at)]
              if moved and ticket.state == "scheduled" and ticket.appointment_at != at else []),
            *self._late(ticket, at),
        ]  # fmt: skip
        changes = {ticket.id: (told.engineer, at)}
        for number, start in sorted(fit.pushed.items(), key=lambda one: one[1]):
            placed, later = self.placed[number], self._at(start)
            kind: EffectKind = "appointment" if placed.agreed else "pushed"
            effects.append(Effect(kind, number, start - minute_of(placed.at, self.days.zero), placed.at, later))
            if placed.at <= self.tickets[number].deadline:
                effects += self._late(self.tickets[number], later)
            changes[number] = (placed.engineer, later)
        if fit.overtime:
            effects.append(Effect("overtime", ticket.id, fit.overtime))
        return replace(
            told, at=at, minutes=job.minutes, travel_before=old, travel=new, effects=tuple(effects), changes=changes,
            versions={n: self.tickets[n].version for n in changes},
        )  # fmt: skip

    def _late(self, ticket: Ticket, at: datetime) -> list[Effect]:
        late = _minutes(at - ticket.deadline)
        return [Effect("deadline", ticket.id, late, at=at)] if late else []

    def _why(self, ticket: Ticket) -> Reason | None:
        return not_to_plan(ticket, self._rules)

    def _job(self, ticket: Ticket) -> Job:
        return job_of(ticket, self._rules, self._places, self.days.zero)

    def _at(self, minute: int) -> datetime:
        return self.days.zero + timedelta(minutes=minute)

    def _day(self, minute: int) -> date:
        return self._at(minute).astimezone(self._zone).date()

    def _shift(self, placed: Placed) -> Shift | None:
        at = minute_of(placed.at, self.days.zero)
        theirs = [s for s in self._shifts if s.engineer == placed.engineer and s.begin <= at < s.end]
        area = f"area {self.tickets[placed.ticket].area}"
        return max(theirs, key=lambda s: (area in s.has, -s.id), default=None)


def _minutes(span: timedelta) -> int:
    """Whole minutes of a delay; 0 where there is none."""
    return max(0, int(span.total_seconds() // 60))
