"""From the ledger to the planner and back: tickets become jobs, the roster's working hours become shifts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow.compute as pc

from maintenance.calendar import WorkingCalendar
from maintenance.dispatch.model import Job, Plan, Shift
from maintenance.dispatch.planning import plan
from maintenance.dispatch.rules import Engineer, Roster
from maintenance.errors import InputError
from maintenance.rules import Rules
from maintenance.ticket import Ticket
from plant.inventory import Inventory

FREE = ("open", "assigned", "reopened")
MOST_DAYS = 7
_NOWHERE = (0.0, 0.0)


@dataclass(frozen=True)
class Appointment:
    """A visit in the words of the ledger; `fixed`: it was agreed before and stays."""

    ticket: int
    version: int
    engineer: str
    at: datetime
    fixed: bool


@dataclass(frozen=True)
class DayPlan:
    """Appointments in order of time; tickets without one, and why; the plan itself."""

    appointments: Sequence[Appointment]
    unplanned: Mapping[int, str]
    plan: Plan

    def to_json(self) -> dict[str, Any]:
        return {
            "appointments": [
                {"ticket": a.ticket, "engineer": a.engineer, "at": a.at.isoformat(), "fixed": a.fixed}
                for a in self.appointments
            ],
            "unplanned": {str(number): why for number, why in self.unplanned.items()},
            "cost": self.plan.cost, "greedy_cost": self.plan.greedy_cost, "travel_minutes": self.plan.travel,
        }  # fmt: skip


def plan_days(
    tickets: Iterable[Ticket], inventory: Inventory, rules: Rules, first: date, days: int, now: datetime, *,
    roster: Roster | None = None, seconds: float = 40.0,
) -> DayPlan:  # fmt: skip
    """A plan for `days` from `first` (the operator's days). InputError for more than a week."""
    if not 1 <= days <= MOST_DAYS:
        raise InputError(f"days is {days}; plan 1 to {MOST_DAYS} days at a time")
    zero = datetime.combine(first, time(), tzinfo=ZoneInfo(inventory.calendar.zone)).astimezone(now.tzinfo)
    whereabouts = Whereabouts(inventory)
    people = roster.engineers if roster is not None else whereabouts.everybody()
    shifts = _shifts(people, WorkingCalendar(inventory.calendar, rules.grading.hours), rules, first, days, zero, now)
    jobs: list[Job] = []
    unplanned: dict[int, str] = {}
    known = {ticket.id: ticket for ticket in tickets}
    for ticket in known.values():
        made = _job(ticket, rules, whereabouts, shifts, zero)
        if isinstance(made, Job):
            jobs.append(made)
        elif made:
            unplanned[ticket.id] = made
    found = plan(jobs, shifts, seconds=seconds, travel=rules.dispatch.travel)
    engineer = {shift.id: shift.engineer for shift in shifts}
    fixed = {job.id for job in jobs if job.fixed is not None}
    visits = sorted(found.visits().values(), key=lambda v: (v.start, v.shift))
    return DayPlan(
        [Appointment(v.job, known[v.job].version, engineer[v.shift], zero + timedelta(minutes=v.start), v.job in fixed)
         for v in visits],
        {**unplanned, **found.unplanned}, found,
    )  # fmt: skip


class Whereabouts:
    """Where tickets and people are, from the coordinates of lines; without any, all are in one place."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        placed = inventory.lines.filter(pc.is_valid(pc.add(inventory.lines["lat"], inventory.lines["lon"])))
        columns = (placed[name].to_pylist() for name in ("line_id", "grid", "device", "lat", "lon"))
        self._line: dict[str, tuple[float, float]] = {}
        groups: dict[str, list[tuple[float, float]]] = {}
        for line, grid, device, lat, lon in zip(*columns, strict=True):
            self._line[line] = (lat, lon)
            known = inventory.devices.get(device)
            for group in (f"grid:{grid}", f"area:{known.area}" if known else "", ""):
                groups.setdefault(group, []).append((lat, lon))
        self._group = {name: _centre(points) for name, points in groups.items()}

    def of(self, ticket: Ticket) -> tuple[float, float]:
        if points := [self._line[line] for line in ticket.lines if line in self._line]:
            return _centre(points)
        return self._of_group(ticket.grid, ticket.area)

    def everybody(self) -> tuple[Engineer, ...]:
        """Grid engineers and crews of the inventory, each at the centre of their streets, with every skill."""
        found: dict[tuple[str, str], Engineer] = {}
        for area in self._inventory.areas.values():
            for name, grid in (*((g.engineer, g.id) for g in area.grids), *((crew, None) for crew in area.crews)):
                if name is not None:
                    lat, lon = self._of_group(grid, area.id)
                    found.setdefault((name, area.id), Engineer(name=name, area=area.id, lat=lat, lon=lon))
        return tuple(found.values())

    def _of_group(self, grid: str | None, area: str | None) -> tuple[float, float]:
        return next((self._group[g] for g in (f"grid:{grid}", f"area:{area}", "") if g in self._group), _NOWHERE)


def _centre(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return sum(p[0] for p in points) / len(points), sum(p[1] for p in points) / len(points)


def _shifts(
    people: Sequence[Engineer], calendar: WorkingCalendar, rules: Rules, first: date, days: int, zero: datetime,
    now: datetime,
) -> list[Shift]:  # fmt: skip
    every = {skill for skills in rules.dispatch.skills.values() for skill in skills}
    shifts: list[Shift] = []
    for person in people:
        skills = every if person.skills is None else person.skills
        has = frozenset({*skills, f"area {person.area}", f"engineer {person.name}"})
        for day in (first + timedelta(days=n) for n in range(days)):
            for begin, end in calendar.spans(day) if day not in person.away else ():
                if (start := max(begin, now)) < end:
                    low, high = _minute(start, zero), _minute(end, zero)
                    shifts.append(Shift(len(shifts), person.name, person.lat, person.lon, low, high, has))
    return shifts


def _job(
    ticket: Ticket, rules: Rules, places: Whereabouts, shifts: Sequence[Shift], zero: datetime
) -> Job | str | None:
    """A ticket's job; words why it cannot be one; None where there is nothing to plan."""
    if ticket.party not in rules.dispatch.parties:
        return f"{ticket.party}: {ticket.department} decides who goes"
    if ticket.held_by is not None:
        return f"held back by mode {ticket.held_by}"
    needs = {*rules.dispatch.skills.get(ticket.cause, ()), f"area {ticket.area}"}
    people = {shift.engineer for shift in shifts}
    fixed = None
    if ticket.state == "scheduled" and ticket.appointment_at is not None:
        at = _minute(ticket.appointment_at, zero)
        theirs = [s for s in shifts if s.engineer == ticket.engineer and s.begin <= at < s.end]
        if not theirs:
            return None  # on another day, or by somebody who is not planned here: it stands
        fixed = (theirs[0].id, at)
    elif ticket.state not in FREE:
        return None
    elif ticket.state == "assigned" and ticket.engineer in people:
        needs.add(f"engineer {ticket.engineer}")
    lat, lon = places.of(ticket)
    return Job(
        ticket.id, lat, lon, rules.dispatch.minutes_of(ticket.cause, ticket.kind), ticket.grade,
        max(0, _minute(ticket.deadline, zero)), needs=frozenset(needs), fixed=fixed,
    )  # fmt: skip


def _minute(at: datetime, zero: datetime) -> int:
    return -int((zero - at).total_seconds() // 60)
