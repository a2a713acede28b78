"""Plans in the words of the ledger: of days, and of one urgent ticket among what was agreed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from typing import Any

from maintenance.dispatch.model import Visit
from maintenance.dispatch.planning import plan
from maintenance.dispatch.reasons import Reason
from maintenance.dispatch.rules import Roster
from maintenance.dispatch.urgent import make_room
from maintenance.dispatch.work import Days, Pin, Work, gather
from maintenance.errors import InputError
from maintenance.rules import Rules
from maintenance.ticket import Ticket, plain
from plant.inventory import Inventory


@dataclass(frozen=True)
class Appointment:
    """A visit in the words of the ledger; `fixed`: it was agreed before and stays. `by`: who put it there by hand."""

    ticket: int
    version: int
    engineer: str
    at: datetime
    fixed: bool
    by: str | None = None


@dataclass(frozen=True)
class Moved:
    """An agreed visit that gets another time: it gives way to an urgent one, or somebody moved it. `at` and `engineer`
    None: it needs another appointment."""

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
    unplanned: Mapping[int, Reason]
    moved: Sequence[Moved] = ()
    cost: int = 0
    greedy_cost: int = 0
    travel: int = 0

    def to_json(self) -> dict[str, Any]:
        plainly = [{f.name: plain(getattr(a, f.name)) for f in fields(a)} for a in self.appointments]
        return {
            "appointments": plainly, "unplanned": {str(number): str(why) for number, why in self.unplanned.items()},
            "reasons": {str(number): why.to_json() for number, why in self.unplanned.items()},
            "moved": [{f.name: plain(getattr(m, f.name)) for f in fields(m)} for m in self.moved],
            "cost": self.cost, "greedy_cost": self.greedy_cost, "travel_minutes": self.travel,
        }  # fmt: skip


def plan_days(
    tickets: Iterable[Ticket], inventory: Inventory, rules: Rules, first: date, days: int, now: datetime, *,
    roster: Roster | None = None, seconds: float = 40.0, pins: Mapping[int, Pin] | None = None,
) -> DayPlan:  # fmt: skip
    """A plan for `days` from `first` (the operator's days). Pinned visits stay where somebody put them.

    InputError for more than a week.
    """
    pins = pins or {}
    work = gather(tickets, inventory, rules, Days.of(inventory, first, days), now, roster=roster, pins=pins)
    found = plan(list(work.jobs.values()), work.shifts, seconds=seconds, travel=rules.dispatch.travel)
    visits = sorted(found.visits().values(), key=lambda v: (v.start, v.shift))
    appointments = [_appointment(work, v, pins.get(v.job)) for v in visits]
    moved = [_moved(work, v.job, v) for v in visits if v.job in pins and work.tickets[v.job].state == "scheduled"]
    return DayPlan(
        appointments, {**work.unplanned, **found.unplanned}, moved, found.cost, found.greedy_cost or found.cost,
        found.travel,
    )  # fmt: skip


def plan_urgent(
    urgent: Ticket, tickets: Iterable[Ticket], inventory: Inventory, rules: Rules, first: date, days: int,
    now: datetime, *, roster: Roster | None = None,
) -> DayPlan:  # fmt: skip
    """A visit for one urgent ticket among the appointments there are, with as few of them moved as possible.

    InputError where the ticket is not to be planned, with the reason.
    """
    agreed = [t for t in tickets if t.state == "scheduled" and t.id != urgent.id]
    work = gather([urgent, *agreed], inventory, rules, Days.of(inventory, first, days), now, roster=roster)
    job = work.jobs.get(urgent.id)
    if job is None or job.fixed is not None:
        why = work.unplanned.get(urgent.id) or f"it is {urgent.state}"
        raise InputError(f"ticket {urgent.id} cannot be planned: {why}")
    job = replace(job, needs=frozenset(need for need in job.needs if need != f"engineer {urgent.engineer}"))
    fixed = [j for j in work.jobs.values() if j.fixed is not None]
    room = make_room(job, fixed, work.shifts, travel=rules.dispatch.travel)
    moved = [_moved(work, number, visit) for number, visit in sorted(room.moved.items())]
    visits = [*([room.visit] if room.visit else []), *(v for v in room.moved.values() if v is not None)]
    unplanned = {} if room.why is None else {urgent.id: room.why}
    lost = {m.ticket: Reason("gave_way") for m in moved if m.at is None}
    return DayPlan([_appointment(work, v, new=True) for v in visits], {**unplanned, **lost}, moved)


def _appointment(work: Work, visit: Visit, pin: Pin | None = None, *, new: bool = False) -> Appointment:
    engineer, version = work.shifts[visit.shift].engineer, work.tickets[visit.job].version
    fixed = not new and pin is None and work.jobs[visit.job].fixed is not None
    return Appointment(visit.job, version, engineer, work.at(visit.start), fixed, pin.by if pin else None)


def _moved(work: Work, number: int, visit: Visit | None) -> Moved:
    ticket = work.tickets[number]
    before = (number, ticket.version, str(ticket.engineer), ticket.appointment_at or work.zero)
    return Moved(*before) if visit is None else Moved(*before, work.shifts[visit.shift].engineer, work.at(visit.start))
