"""What became of troubles since a moment, from tickets and their log: found, raised, repaired for good."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from maintenance.tables import entries, findings, ticket_lines, tickets
from maintenance.ticket import GRADES
from maintenance.transitions import SYSTEM

URGENT = GRADES[:2]


@dataclass(frozen=True)
class Recent:
    """One of them. `body` is the finding's JSON where it is no ticket's; `ticket` is None then."""

    kind: Literal["found", "raised", "repaired"]
    at: datetime
    place: str
    cause: str
    lines: int
    ticket: int | None
    area: str | None
    grid: str | None
    was: str | None = None
    grade: str | None = None
    body: Mapping[str, Any] | None = None


def recent(connection: sa.Connection, since: datetime) -> list[Recent]:
    """Newest first within each kind. Of a ticket that was raised twice the last time alone is told."""
    found, raised, repaired = dict[int, Recent](), dict[int, Recent](), dict[int, Recent]()
    hits = sa.select(sa.func.count()).where(ticket_lines.c.ticket_id == tickets.c.id).scalar_subquery()
    of_ticket = (tickets.c.id, tickets.c.place, tickets.c.cause, tickets.c.area, tickets.c.grid)
    query = (
        sa.select(entries.c.at, entries.c.role, entries.c.action, entries.c.version, entries.c.before, entries.c.after)
        .add_columns(*of_ticket, tickets.c.state, hits.label("lines"))
        .join_from(entries, tickets, tickets.c.id == entries.c.ticket_id)
        .where(entries.c.id >= _first(connection, since), entries.c.at >= since)
        .order_by(entries.c.id)
    )
    for row in connection.execute(query):
        was, now = row.before.get("grade"), row.after.get("grade")
        if row.version == 1 and row.role == SYSTEM and row.state not in ("cancelled", "merged"):
            found[row.id] = _recent("found", row)
        elif was is not None and now in URGENT and GRADES.index(now) < GRADES.index(was):
            raised[row.id] = _recent("raised", row, was=was, grade=now)
        elif row.action == "close" and row.state == "closed":
            repaired[row.id] = _recent("repaired", row)
    alone = [*found.values(), *_recorded(connection, since)]
    return [r for kind in (alone, raised.values(), repaired.values()) for r in sorted(kind, key=_newest, reverse=True)]


def _first(connection: sa.Connection, since: datetime) -> int:
    """The first entry from a moment on, near enough: they are numbered as they are written, and times follow."""
    low, high = 0, connection.execute(sa.select(sa.func.max(entries.c.id))).scalar_one() or 0
    while low < high:
        middle = (low + high) // 2
        following = sa.select(entries.c.id, entries.c.at).where(entries.c.id > middle).order_by(entries.c.id).limit(1)
        row = connection.execute(following).one()
        low, high = (row.id, high) if row.at < since else (low, middle)
    return low


def _recorded(connection: sa.Connection, since: datetime) -> list[Recent]:
    """Findings that are no ticket's, each place and cause once."""
    query = sa.select(findings.c.at, findings.c.body).where(findings.c.at >= since, findings.c.ticket_id.is_(None))
    last = {(row.body["place"], row.body["cause"]): row for row in connection.execute(query.order_by(findings.c.id))}
    return [
        Recent("found", row.at, place, cause, len(row.body["lines"]), None, None, None, body=row.body)
        for (place, cause), row in last.items()
    ]


def _recent(
    kind: Literal["found", "raised", "repaired"], row: sa.Row[Any], was: str | None = None, grade: str | None = None
) -> Recent:
    return Recent(kind, row.at, row.place, row.cause, row.lines, row.id, row.area, row.grid, was, grade)


def _newest(told: Recent) -> tuple[datetime, int]:
    return told.at, told.ticket or 0
