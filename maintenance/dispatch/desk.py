"""From the ledger to the planner and back: tickets become jobs, the roster's working hours become shifts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow.compute as pc

from maintenance.calendar import WorkingCalendar
from maintenance.dispatch.model import Job, Shift, Visit
from maintenance.dispatch.planning import plan
from maintenance.dispatch.rules import Engineer, Roster
from maintenance.dispatch.urgent import make_room
from maintenance.errors import InputError
from maintenance.rules import Rules
from maintenance.ticket import Ticket, plain
from plant.inventory import Inventory

FREE = ("open", "assigned", "reopened")
LOOKED_AT = (*FREE, "scheduled", "waiting_parts", "waiting_customer")
"""States of the tickets a plan is made from."""
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
class Moved:
    """An agreed visit that gives way to an urgent one; `at` and `engineer` None: it needs another appointment."""

    ticket: int
    version: int
    engineer_before: str
    at_before: datetime
    engineer: str | None = None
    at: datetime | None = None


@dataclass(frozen=True)
class DayPlan:
    """Appointments in order of time; tickets without one, and why; what moved for an urgent one. `cost` is the plan's,
    `greedy_cost` that of the one it began from, `travel` in minutes; 0 where only one visit was looked for."""

    appointments: Sequence[Appointment]
    unplanned: Mapping[int, str]
    moved: Sequence[Moved] = ()
    cost: int = 0
    greedy_cost: int = 0
    travel: int = 0

    def to_json(self) -> dict[str, Any]:
        plainly = [{f.name: plain(getattr(a, f.name)) for f in fields(a)} for a in self.appointments]
        return {
            "appointments": plainly, "unplanned": {str(number): why for number, why in self.unplanned.items()},
            "moved": [{f.name: plain(getattr(m, f.name)) for f in fields(m)} for m in self.moved],
            "cost": self.cost, "greedy_cost": self.greedy_cost, "travel_minutes": self.travel,
        }  # fmt: skip


@dataclass(frozen=True)
class _Work:
    """What there is to plan: jobs by ticket, shifts, and tickets that are no jobs, with the reason."""

    zero: datetime
    tickets: Mapping[int, Ticket]
    jobs: Mapping[int, Job]
    shifts: Sequence[Shift]
    unplanned: Mapping[int, str]

    def at(self, minute: int) -> datetime:
        return self.zero + timedelta(minutes=minute)

    def appointment(self, visit: Visit, *, fixed: bool = False) -> Appointment:
        engineer = self.shifts[visit.shift].engineer
        return Appointment(visit.job, self.tickets[visit.job].version, engineer, self.at(visit.start), fixed)


def plan_days(
    tickets: Iterable[Ticket], inventory: Inventory, rules: Rules, first: date, days: int, now: datetime, *,
    roster: Roster | None = None, seconds: float = 40.0,
) -> DayPlan:  # fmt: skip
    """A plan for `days` from `first` (the operator's days). InputError for more than a week."""
    work = _work(tickets, inventory, rules, first, days, now, roster)
    found = plan(list(work.jobs.values()), work.shifts, seconds=seconds, travel=rules.dispatch.travel)
    visits = sorted(found.visits().values(), key=lambda v: (v.start, v.shift))
    return DayPlan(
        [work.appointment(v, fixed=work.jobs[v.job].fixed is not None) for v in visits],
        {**work.unplanned, **found.unplanned}, (), found.cost, found.greedy_cost or found.cost, found.travel,
    )  # fmt: skip


def plan_urgent(
    urgent: Ticket, tickets: Iterable[Ticket], inventory: Inventory, rules: Rules, first: date, days: int,
    now: datetime, *, roster: Roster | None = None,
) -> DayPlan:  # fmt: skip
    """A visit for one urgent ticket among the appointments there are, with as few of them moved as possible.

    InputError where the ticket is not to be planned, with the reason.
    """
    agreed = [t for t in tickets if t.state == "scheduled" and t.id != urgent.id]
    work = _work([urgent, *agreed], inventory, rules, first, days, now, roster)
    job = work.jobs.get(urgent.id)
    if job is None or job.fixed is not None:
        why = work.unplanned.get(urgent.id) or f"it is {urgent.state}"
        raise InputError(f"ticket {urgent.id} cannot be planned: {why}")
    job = replace(job, needs=frozenset(need for need in job.needs if need != f"engineer {urgent.engineer}"))
    fixed = [j for j in work.jobs.values() if j.fixed is not None]
    room = make_room(job, fixed, work.shifts, travel=rules.dispatch.travel)
    moved = [_moved(work, number, visit) for number, visit in sorted(room.moved.items())]
    visits = [*([room.visit] if room.visit else []), *(v for v in room.moved.values() if v is not None)]
    unplanned = {urgent.id: room.why} if room.visit is None else {}
    lost = {m.ticket: "gave way; no other time in these days" for m in moved if m.at is None}
    return DayPlan([work.appointment(v) for v in visits], {**unplanned, **lost}, moved)


def _moved(work: _Work, number: int, visit: Visit | None) -> Moved:
    ticket = work.tickets[number]
    before = (number, ticket.version, str(ticket.engineer), ticket.appointment_at or work.zero)
    return Moved(*before) if visit is None else Moved(*before, work.shifts[visit.shift].engineer, work.at(visit.start))


def _work(
    tickets: Iterable[Ticket], inventory: Inventory, rules: Rules, first: date, days: int, now: datetime,
    roster: Roster | None,
) -> _Work:  # fmt: skip
    if not 1 <= days <= MOST_DAYS:
        raise InputError(f"days is {days}; plan 1 to {MOST_DAYS} days at a time")
    zero = datetime.combine(first, time(), tzinfo=ZoneInfo(inventory.calendar.zone)).astimezone(now.tzinfo)
    whereabouts = Whereabouts(inventory)
    people = roster.engineers if roster is not None else whereabouts.everybody()
    shifts = _shifts(people, WorkingCalendar(inventory.calendar, rules.grading.hours), rules, first, days, zero, now)
    known = {ticket.id: ticket for ticket in tickets}
    made = {number: _job(ticket, rules, whereabouts, shifts, zero) for number, ticket in known.items()}
    jobs = {number: job for number, job in made.items() if isinstance(job, Job)}
    return _Work(zero, known, jobs, shifts, {number: why for number, why in made.items() if isinstance(why, str)})


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
    parts = {part for parts in rules.dispatch.parts.values() for part in parts}
    shifts: list[Shift] = []
    for person in people:
        skills = every if person.skills is None else person.skills
        carried = {f"part {part}" for part in (parts if person.parts is None else person.parts)}
        has = frozenset({*skills, *carried, f"area {person.area}", f"engineer {person.name}"})
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
    if (why := _not_to_plan(ticket, rules)) is not None:
        return why
    needs = {*rules.dispatch.skills.get(ticket.cause, ()), f"area {ticket.area}",
             *(f"part {part}" for part in rules.dispatch.parts.get(ticket.cause, ()))}  # fmt: skip
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


def _not_to_plan(ticket: Ticket, rules: Rules) -> str | None:
    """Why a ticket is no visit now, where somebody should know."""
    if ticket.party not in rules.dispatch.parties:
        return f"{ticket.party}: {ticket.department} decides who goes"
    if ticket.held_by is not None:
        return f"held back by mode {ticket.held_by}"
    if ticket.state == "waiting_parts":
        until = f"; expected {ticket.expected_at:%Y-%m-%d %H:%M} UTC" if ticket.expected_at else ""
        return f"waits for {ticket.part or 'a part'}{until}"
    return "waits for the customer" if ticket.state == "waiting_customer" else None


def _minute(at: datetime, zero: datetime) -> int:
    return -int((zero - at).total_seconds() // 60)
