"""Deadlines of tickets in working time, and a plain word in the log where the calendar had to be guessed."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from maintenance import records
from maintenance.calendar import WorkingCalendar
from maintenance.rules import Rules
from maintenance.ticket import Ticket
from maintenance.transitions import SYSTEM
from plant.inventory import Calendar

KEY = "calendar"


class Deadlines:
    """Counts deadlines for one transaction, by the calendar of the inventory last seen."""

    def __init__(self, calendar: Calendar, rules: Rules) -> None:
        self._working = WorkingCalendar(calendar, rules.grading.hours)
        self._grading = rules.grading

    @classmethod
    def kept(cls, connection: sa.Connection, rules: Rules) -> "Deadlines":
        return cls(kept_calendar(connection), rules)

    def __call__(self, ticket: Ticket, start: datetime) -> datetime:
        """When a ticket of its kind and grade must be done, counted from `start`."""
        return self._working.deadline(start, self._grading.due(ticket.kind, ticket.grade))

    def local_day(self, at: datetime) -> date:
        return self._working.local_day(at)

    def warned(self, connection: sa.Connection, ticket: Ticket, at: datetime) -> Ticket:
        """Write into the ticket's log that its deadline rests on years without announced holidays, if it does."""
        years = sorted(self._working.guessed)
        self._working.guessed.clear()
        if not years:
            return ticket
        why = (
            f"the holidays of {', '.join(map(str, years))} are not known: the deadline counts Monday to Friday"
            " as working days; update chinesecalendar, or name the days under calendar in the inventory"
        )
        return records.change(connection, ticket, ticket, action="warn", at=at, actor="calendar", role=SYSTEM, why=why)


def kept_calendar(connection: sa.Connection) -> Calendar:
    """The calendar of the inventory last seen; the national one before there was any."""
    kept: Mapping[str, Any] | None = records.recall(connection, KEY)
    if kept is None:
        return Calendar()
    days = {k: tuple(date.fromisoformat(d) for d in kept[k]) for k in ("holidays", "working_days")}
    return Calendar(kept["zone"], **days)


def keep_calendar(connection: sa.Connection, calendar: Calendar) -> None:
    days = {k: [d.isoformat() for d in sorted(getattr(calendar, k))] for k in ("holidays", "working_days")}
    records.keep(connection, KEY, {"zone": calendar.zone, **days})
