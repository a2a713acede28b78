"""Storm and holiday modes: begun by hand, by the calendar or by a weather warning; with who, why and until when."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from maintenance.calendar import WorkingCalendar
from maintenance.cap import Alert, wishes
from maintenance.errors import InputError
from maintenance.mode_rules import CalendarRow, ModeKind, ModeRules
from maintenance.tables import modes, tickets
from maintenance.ticket import GRADES, Grade, plain
from plant.inventory import Inventory

_LONGEST_HOLIDAY = 30  # days looked at in either direction
_KINDS = ("repair", "complaint", "installation", "inspection", "retrofit")
"""The queue's order of kinds: customers without service, customers who wait, then what can wait."""


@dataclass(frozen=True)
class Mode:
    """A mode in one area (None: in all). `key` makes the same occasion one mode; times are UTC."""

    id: int
    key: str
    mode: ModeKind
    area: str | None
    begins_at: datetime
    ends_at: datetime
    created_at: datetime
    source: str
    actor: str
    why: str
    ended_at: datetime | None = None
    ended_by: str | None = None

    def in_force(self, now: datetime) -> bool:
        return self.begins_at <= now < self.ends_at and self.ended_at is None

    def covers(self, area: str | None) -> bool:
        return self.area is None or self.area == area

    def to_json(self) -> dict[str, Any]:
        return {f.name: plain(getattr(self, f.name)) for f in fields(self)}


@dataclass(frozen=True)
class Waiting:
    """What the queue needs to know of a ticket; `lines` is how many."""

    id: int
    area: str | None
    kind: str
    grade: Grade
    deadline: datetime
    held_by: int | None
    lines: int


def begin(
    connection: sa.Connection, mode: ModeKind, area: str | None, begins: datetime, ends: datetime, *, key: str,
    source: str, actor: str, why: str, now: datetime,
) -> Mode:  # fmt: skip
    """The mode of this occasion: a new one, or the one there is with its end moved. InputError for an end in the past.

    One that was ended by a person stays ended.
    """
    if ends <= max(begins, now):
        raise InputError(f"the mode would end at {ends:%Y-%m-%d %H:%M} UTC, before it begins; name a later end")
    known = connection.execute(sa.select(modes).where(modes.c.key == key)).mappings().one_or_none()
    if known is None:
        values = {"key": key, "mode": mode, "area": area, "begins_at": begins, "ends_at": ends, "created_at": now,
                  "source": source, "actor": actor, "why": why}  # fmt: skip
        connection.execute(sa.insert(modes).values(values))
    elif known["ends_at"] != ends and known["ended_at"] is None:
        connection.execute(sa.update(modes).where(modes.c.key == key).values(ends_at=ends))
    return Mode(**connection.execute(sa.select(modes).where(modes.c.key == key)).mappings().one())


def end(connection: sa.Connection, mode_id: int, *, actor: str, now: datetime) -> Mode:
    """The mode, ended now. InputError where there is none, or it is over."""
    found = connection.execute(sa.select(modes).where(modes.c.id == mode_id)).mappings().one_or_none()
    if found is None:
        raise InputError(f"there is no mode {mode_id}; `lightline mode list` shows those there are")
    if found["ended_at"] is not None or found["ends_at"] <= now:
        raise InputError(f"mode {mode_id} is over already")
    connection.execute(sa.update(modes).where(modes.c.id == mode_id).values(ended_at=now, ended_by=actor))
    return Mode(**{**found, "ended_at": now, "ended_by": actor})


def known(connection: sa.Connection, since: datetime) -> list[Mode]:
    """Modes that have not been over since before `since`, oldest first."""
    query = sa.select(modes).where(modes.c.ends_at > since).order_by(modes.c.begins_at, modes.c.id)
    return [Mode(**row) for row in connection.execute(query).mappings()]


def in_force(connection: sa.Connection, now: datetime) -> list[Mode]:
    return [mode for mode in known(connection, now) if mode.in_force(now)]


def by_calendar(connection: sa.Connection, row: CalendarRow, calendar: WorkingCalendar, now: datetime) -> None:
    """Begin the mode of the days off that `now` lies in, if they are long enough. The same days are one mode."""
    days = holiday(row, calendar, calendar.local_day(now))
    if days is None:
        return
    zone = ZoneInfo(calendar.calendar.zone)
    first, after = (datetime.combine(day, time(), tzinfo=zone) for day in (days[0], days[1] + timedelta(days=1)))
    begin(
        connection, row.mode, None, first, after, key=f"calendar:{days[0]}", source="calendar", actor="calendar",
        why=f"days off from {days[0]} to {days[1]}", now=now,
    )  # fmt: skip


def holiday(row: CalendarRow, calendar: WorkingCalendar, day: date) -> tuple[date, date] | None:
    """First and last of the days off around `day`, None on a working day or where they are too few."""
    if calendar.is_working(day):
        return None
    first = last = day
    while not calendar.is_working(first - timedelta(days=1)) and (day - first).days < _LONGEST_HOLIDAY:
        first -= timedelta(days=1)
    while not calendar.is_working(last + timedelta(days=1)) and (last - day).days < _LONGEST_HOLIDAY:
        last += timedelta(days=1)
    return (first, last) if (last - first).days + 1 >= row.days else None


def by_warnings(
    connection: sa.Connection, alerts: Sequence[Alert], rules: ModeRules, inventory: Inventory, now: datetime
) -> list[Mode]:
    """Modes that warnings ask for; those of warnings updated or cancelled end. The same again changes nothing."""
    replaced = {name for alert in alerts for name in alert.replaces}
    for name in replaced:
        over = sa.and_(modes.c.key.startswith(f"cap:{name}:", autoescape=True), modes.c.ended_at.is_(None))
        connection.execute(
            sa.update(modes).where(over, modes.c.ends_at > now).values(ended_at=now, ended_by="weather warning")
        )
    asked = [wish for alert in alerts if alert.name not in replaced for wish in wishes(alert, rules, inventory)]
    return [
        begin(
            connection, wish.mode, wish.area, wish.begins, wish.ends, key=wish.key, source="feed",
            actor="weather warning", why=wish.why, now=now,
        )
        for wish in asked if wish.ends > max(now, wish.begins)
    ]  # fmt: skip


def over(area: str | None, going: Sequence[Mode]) -> Mode | None:
    """The mode that rules in an area: a storm before a holiday, then the latest."""
    found = [mode for mode in going if mode.covers(area)]
    return max(found, key=lambda m: (m.mode == "storm", m.begins_at, m.id), default=None)


def rank(ticket: Waiting, going: Sequence[Mode], rules: ModeRules) -> tuple[float, ...]:
    """The place of a ticket in the queue, smallest first; what is held back comes last."""
    mode = over(ticket.area, going)
    row = rules.kinds[mode.mode] if mode else None
    keys = {
        "grade": float(GRADES.index(ticket.grade)),
        "lines": -float(ticket.lines),
        "deadline": ticket.deadline.timestamp(),
        "kind": float(_KINDS.index(ticket.kind)),
    }
    first = row is not None and ticket.grade in row.first
    order = row.order if row else rules.normal
    return (float(ticket.held_by is not None), float(not first), *(keys[k] for k in order), float(ticket.id))


def touched() -> sa.Select[Any]:
    """Tickets that a mode has held back or shifted."""
    return sa.select(tickets).where(sa.or_(tickets.c.held_by.is_not(None), tickets.c.shifted_from.is_not(None)))
