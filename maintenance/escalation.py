"""Warning before the deadline, escalation after it. The steps are in escalation.yaml; each is timed and logged once.

A ticket remembers the last step that was told. A repair ends it; a new deadline, after a repair that did not hold,
begins it anew.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from maintenance import database, records
from maintenance.calendar import WorkingCalendar
from maintenance.deadlines import kept_calendar
from maintenance.errors import ConflictError
from maintenance.rules import Escalation, EscalationStep, Rules
from maintenance.tables import tickets
from maintenance.ticket import Ticket
from maintenance.transitions import SYSTEM, TO_DO

ACTOR = "escalation"
_WARNED_AHEAD = timedelta(days=60)  # no warning is earlier: a ticket due later is not looked at


@dataclass(frozen=True)
class Told:
    """One step for one ticket: who was told (`to`), and when the step was due (UTC)."""

    ticket: int
    step: str
    to: str
    due: datetime


def due_times(ticket: Ticket, rules: Escalation, calendar: WorkingCalendar) -> list[tuple[EscalationStep, datetime]]:
    """Every step with the moment from which it is due; none is due before the one ahead of it."""
    times: list[tuple[EscalationStep, datetime]] = []
    for step in rules.steps:
        at = calendar.shifted(ticket.deadline, step.offset(ticket.grade), back=step.before is not None)
        times.append((step, max(at, times[-1][1]) if times else at))
    return times


def pending(ticket: Ticket, rules: Escalation, calendar: WorkingCalendar, now: datetime) -> Iterator[Told]:
    """The steps that are due and have not been told, in order. A warning that comes too late is no warning any more."""
    names = [step.name for step in rules.steps]
    done = names.index(ticket.escalation) + 1 if ticket.escalation in names else 0
    for step, due in due_times(ticket, rules, calendar)[done:]:
        if due > now:
            return
        if step.before is None or now < ticket.deadline:
            yield Told(ticket.id, step.name, told_to(ticket, step, rules), due)


def told_to(ticket: Ticket, step: EscalationStep, rules: Escalation) -> str:
    """The person or body a step tells; never empty."""
    if step.tells == "engineer":
        return ticket.engineer or ticket.department
    if step.tells == "grid_lead":
        if ticket.grid is None:
            return ticket.department
        return rules.grid_leads.get(ticket.grid) or f"lead of grid {ticket.grid}"
    return ticket.department if step.tells == "department" else step.tells


def escalate(engine: sa.Engine, rules: Rules, now: datetime) -> list[Told]:
    """Tell every step that is due, each in a transaction of its own; twice at the same moment tells nothing twice."""
    last = rules.escalation.steps[-1].name
    near = sa.select(tickets.c.id).where(
        tickets.c.state.in_(sorted(TO_DO)),
        tickets.c.deadline <= now + _WARNED_AHEAD,
        tickets.c.held_by.is_(None),
        sa.or_(tickets.c.escalation.is_(None), tickets.c.escalation != last),
    )
    with database.reading(engine) as connection:
        calendar = WorkingCalendar(kept_calendar(connection), rules.grading.hours)
        ids = [t.id for t in records.load(connection, sa.select(tickets).where(tickets.c.id.in_(near)))
               if any(pending(t, rules.escalation, calendar, now))]  # fmt: skip
    told: list[Told] = []
    for ticket_id in ids:
        try:
            with database.writing(engine) as connection:
                told += _tell(connection, records.one(connection, ticket_id), rules.escalation, calendar, now)
        except ConflictError:
            continue  # somebody works on it this very moment: the next time will do
    return told


def _tell(
    connection: sa.Connection, ticket: Ticket, rules: Escalation, calendar: WorkingCalendar, now: datetime
) -> list[Told]:
    steps = {step.name: step for step in rules.steps}
    told = list(pending(ticket, rules, calendar, now)) if ticket.state in TO_DO and ticket.held_by is None else []
    for one in told:
        step = steps[one.step]
        why = f"{step.en} ({step.zh}): {one.to}; due {one.due:%Y-%m-%d %H:%M} UTC"
        ticket = records.change(
            connection, ticket, replace(ticket, escalation=one.step), action="escalate", at=now, actor=ACTOR,
            role=SYSTEM, why=why,
        )  # fmt: skip
    return told
