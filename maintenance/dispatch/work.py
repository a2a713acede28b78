"""From the ledger to the planner: tickets become jobs, the roster's working hours become shifts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pyarrow.compute as pc

from maintenance.calendar import WorkingCalendar
from maintenance.dispatch.model import Job, Shift
from maintenance.dispatch.reasons import Reason
from maintenance.dispatch.rules import Engineer, Roster
from maintenance.errors import InputError
from maintenance.rules import Rules
from maintenance.ticket import Ticket
from plant.inventory import Inventory

FREE = ("open", "assigned", "reopened")
LOOKED_AT = (*FREE, "scheduled", "waiting_parts", "waiting_customer")
"""States of the tickets a plan is made from."""
MOST_DAYS = 7
_NOWHERE = (0.0, 0.0)


@dataclass(frozen=True)
class Pin:
    """Where somebody put a visit by hand: it stays there when the days are planned anew."""

    engineer: str
    at: datetime
    by: str


@dataclass(frozen=True)
class Work:
    """What there is to plan: jobs by ticket, shifts, and tickets that are no jobs, with the reason."""

    zero: datetime
    tickets: Mapping[int, Ticket]
    jobs: Mapping[int, Job]
    shifts: Sequence[Shift]
    unplanned: Mapping[int, Reason]

    def at(self, minute: int) -> datetime:
        return self.zero + timedelta(minutes=minute)


@dataclass(frozen=True)
class Days:
    """Days from `first`, the operator's; `zero` is their beginning."""

    first: date
    days: int
    zero: datetime

    @classmethod
    def of(cls, inventory: Inventory, first: date, days: int) -> "Days":
        """InputError for more than a week."""
        if not 1 <= days <= MOST_DAYS:
            raise InputError(f"days is {days}; plan 1 to {MOST_DAYS} days at a time")
        zone = ZoneInfo(inventory.calendar.zone)
        return cls(first, days, datetime.combine(first, time(), tzinfo=zone).astimezone(UTC))

    def __iter__(self) -> Iterator[date]:
        return (self.first + timedelta(days=n) for n in range(self.days))


def gather(
    tickets: Iterable[Ticket], inventory: Inventory, rules: Rules, days: Days, now: datetime, *,
    roster: Roster | None = None, pins: Mapping[int, Pin] | None = None,
) -> Work:  # fmt: skip
    """What there is to plan in these days, from `now` on."""
    whereabouts = Whereabouts(inventory)
    people = roster.engineers if roster is not None else whereabouts.everybody()
    shifts = shifts_of(people, WorkingCalendar(inventory.calendar, rules.grading.hours), rules, days, now)
    known = {ticket.id: ticket for ticket in tickets}
    given = pins or {}
    made = {n: _job(t, rules, whereabouts, shifts, days.zero, given.get(n)) for n, t in known.items()}
    jobs = {number: job for number, job in made.items() if isinstance(job, Job)}
    return Work(days.zero, known, jobs, shifts, {n: why for n, why in made.items() if isinstance(why, Reason)})


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


def shifts_of(
    people: Sequence[Engineer], calendar: WorkingCalendar, rules: Rules, days: Days, now: datetime
) -> list[Shift]:
    """The working time of people in these days, what is left of it at `now`."""
    every = {skill for skills in rules.dispatch.skills.values() for skill in skills}
    parts = {part for parts in rules.dispatch.parts.values() for part in parts}
    shifts: list[Shift] = []
    for person in people:
        skills = every if person.skills is None else person.skills
        carried = {f"part {part}" for part in (parts if person.parts is None else person.parts)}
        has = frozenset({*skills, *carried, f"area {person.area}", f"engineer {person.name}"})
        for day in days:
            for begin, end in calendar.spans(day) if day not in person.away else ():
                if (start := max(begin, now)) < end:
                    low, high = minute_of(start, days.zero), minute_of(end, days.zero)
                    shifts.append(Shift(len(shifts), person.name, person.lat, person.lon, low, high, has))
    return shifts


def job_of(ticket: Ticket, rules: Rules, places: Whereabouts, zero: datetime) -> Job:
    """A ticket as work at a place, for whoever has the area, the skills and the parts."""
    lat, lon = places.of(ticket)
    needs = {*rules.dispatch.skills.get(ticket.cause, ()), f"area {ticket.area}",
             *(f"part {part}" for part in rules.dispatch.parts.get(ticket.cause, ()))}  # fmt: skip
    return Job(
        ticket.id, lat, lon, rules.dispatch.minutes_of(ticket.cause, ticket.kind), ticket.grade,
        max(0, minute_of(ticket.deadline, zero)), needs=frozenset(needs),
    )  # fmt: skip


def _job(
    ticket: Ticket, rules: Rules, places: Whereabouts, shifts: Sequence[Shift], zero: datetime, pin: Pin | None
) -> Job | Reason | None:
    """A ticket's job; why it cannot be one; None where there is nothing to plan."""
    agreed = ticket.state == "scheduled" and ticket.appointment_at is not None
    if pin is None and (why := not_to_plan(ticket, rules)) is not None:
        return why
    job = job_of(ticket, rules, places, zero)
    if pin is not None and ticket.state in LOOKED_AT:
        at = minute_of(pin.at, zero)
        theirs = [s for s in shifts if s.engineer == pin.engineer and s.begin <= at < s.end]
        return replace(job, fixed=(theirs[0].id, at)) if theirs else Reason("fixed_time")
    if agreed and ticket.appointment_at is not None:
        at = minute_of(ticket.appointment_at, zero)
        theirs = [s for s in shifts if s.engineer == ticket.engineer and s.begin <= at < s.end]
        # on another day, or by somebody who is not planned here: it stands
        return replace(job, fixed=(theirs[0].id, at)) if theirs else None
    if ticket.state not in FREE:
        return None
    if ticket.state == "assigned" and any(s.engineer == ticket.engineer for s in shifts):
        return replace(job, needs=job.needs | {f"engineer {ticket.engineer}"})
    return job


def not_to_plan(ticket: Ticket, rules: Rules) -> Reason | None:
    """Why a ticket is no visit now, where somebody should know."""
    if ticket.party not in rules.dispatch.parties:
        return Reason("department", ticket.party, ticket.department)
    if ticket.held_by is not None:
        return Reason("held_back", str(ticket.held_by))
    if ticket.state == "waiting_parts":
        part = ticket.part or "a part"
        if ticket.expected_at is None:
            return Reason("waits_part", part)
        return Reason("waits_part_until", part, f"{ticket.expected_at:%Y-%m-%d %H:%M}")
    return Reason("waits_customer") if ticket.state == "waiting_customer" else None


def minute_of(at: datetime, zero: datetime) -> int:
    """Whole minutes from `zero`, rounded up."""
    return -int((zero - at).total_seconds() // 60)
