"""Which tickets: the questions put to the tickets table."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from maintenance.errors import InputError
from maintenance.rules import Taking
from maintenance.tables import ticket_lines, tickets
from maintenance.ticket import GRADES, Counts
from maintenance.transitions import FINAL, STATES, TO_DO

MOST = 1000  # rows in one answer
GOING: sa.ColumnElement[bool] = sa.literal_column(
    f"tickets.state NOT IN ({', '.join(repr(s) for s in sorted(FINAL))})", sa.Boolean
)
"""Unfinished, in the words of the partial index."""


def page(limit: int) -> int:
    if not 1 <= limit <= MOST:
        raise InputError(f"limit is {limit}; ask for 1 to {MOST} rows and go on with `after`")
    return limit


def tickets_where(
    wanted: Mapping[str, str | Sequence[str] | None],
    line: str | None,
    overdue_at: datetime | None,
    limit: int,
    after: int | None,
) -> sa.Select[Any]:
    """Tickets by number that meet every condition. InputError for a state or grade there is none of."""
    query = sa.select(tickets).order_by(tickets.c.id).limit(page(limit))
    for column, value in wanted.items():
        if value is None:
            continue
        values = [value] if isinstance(value, str) else list(value)
        known = {"state": STATES, "grade": GRADES}.get(column)
        if known and (strange := [v for v in values if v not in known]):
            raise InputError(f'{column} "{strange[0][:40]}" is not among: {", ".join(known)}')
        if column == "state" and values and not set(values) & FINAL:
            query = query.where(GOING)
        values = [v for v in values if "\x00" not in v]  # no database holds such text, so nothing equals it
        query = query.where(tickets.c[column] == values[0] if len(values) == 1 else tickets.c[column].in_(values))
    if line is not None:
        having = sa.select(ticket_lines.c.ticket_id).where(ticket_lines.c.line_id == line.replace("\x00", ""))
        query = query.where(tickets.c.id.in_(having))
    if overdue_at is not None:
        query = query.where(GOING, tickets.c.state.in_(sorted(TO_DO)), tickets.c.deadline < overdue_at)
    if after is not None:
        query = query.where(tickets.c.id > after)
    return query


def of_lines(lines: Sequence[str]) -> sa.Select[Any]:
    """Tickets that hit one of the lines, at most 500 of them looked at: a complaint names few."""
    having = sa.select(ticket_lines.c.ticket_id).where(ticket_lines.c.line_id.in_(list(lines)[:500]))
    return sa.select(tickets).where(tickets.c.id.in_(having))


def to_do(area: str | Sequence[str] | None, engineer: str | None, grid: Sequence[str] | None = None) -> sa.Select[Any]:
    """What is left to repair, in an area, for an engineer: only what the queue is ordered by (`modes.Waiting`)."""
    hits = sa.select(sa.func.count()).where(ticket_lines.c.ticket_id == tickets.c.id).scalar_subquery()
    names = ("id", "area", "kind", "grade", "deadline", "held_by")
    query = sa.select(*(tickets.c[name] for name in names), hits.label("lines")).where(
        tickets.c.state.in_(sorted(TO_DO))
    )
    if area is not None:
        query = query.where(tickets.c.area.in_([area] if isinstance(area, str) else list(area)))
    if grid is not None:
        query = query.where(tickets.c.grid.in_(list(grid)))
    return query if engineer is None else query.where(tickets.c.engineer == engineer)


def numbered(ids: Sequence[int]) -> sa.Select[Any]:
    return sa.select(tickets).where(tickets.c.id.in_(ids))


def resolved(now: datetime) -> sa.Select[Any]:
    """Repairs that wait for readings, longest waiting first."""
    query = sa.select(tickets).where(tickets.c.state == "resolved", tickets.c.resolved_at < now)
    return query.order_by(tickets.c.resolved_at, tickets.c.id)


def on_the_desk(rules: Taking, now: datetime) -> sa.Select[Any]:
    """Tickets that may cover a finding: unfinished ones and those finished lately."""
    days = max(rules.repeat_days, rules.stale_after_close_days, rules.quiet_after_cancel_days)
    going = [s for s in STATES if s not in FINAL]
    lately = sa.and_(tickets.c.state.in_(("closed", "cancelled")), tickets.c.changed_at >= now - timedelta(days=days))
    return sa.select(tickets).where(sa.or_(tickets.c.state.in_(going), lately))


def counts(connection: sa.Connection, now: datetime) -> Counts:
    """How many tickets are where."""
    # two questions, so that the many finished tickets are counted from an index alone
    states = dict.fromkeys(map(str, STATES), 0)
    for state, n in connection.execute(sa.select(tickets.c.state, sa.func.count()).group_by(tickets.c.state)):
        states[state] = n
    grades = dict.fromkeys(map(str, GRADES), 0)
    departments: dict[str, int] = {}
    going = tickets.c.state.in_([s for s in STATES if s not in FINAL])
    by = sa.select(tickets.c.grade, tickets.c.department, sa.func.count()).where(going)
    for grade, department, n in connection.execute(by.group_by(tickets.c.grade, tickets.c.department)):
        grades[grade] += n
        departments[department] = departments.get(department, 0) + n
    late = sa.select(sa.func.count()).where(tickets.c.state.in_(sorted(TO_DO)), tickets.c.deadline < now)
    overdue = connection.execute(late).scalar_one()
    return Counts(sum(states.values()), sum(grades.values()), overdue, states, grades, departments)
