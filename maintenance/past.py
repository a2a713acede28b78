"""What was unfinished at moments of the past, from the log: a ticket's state and deadline as they were then."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from maintenance.tables import entries, ticket_lines, tickets
from maintenance.transitions import FINAL, TO_DO

_CHUNK = 500  # ids in one IN (…)


@dataclass(frozen=True)
class Unfinished:
    """A ticket that was unfinished at a moment. `lines` are those it hits today: it may have hit fewer then."""

    area: str | None
    grid: str | None
    late: bool
    lines: tuple[str, ...]


def unfinished_at(connection: sa.Connection, moments: Sequence[datetime]) -> list[list[Unfinished]]:
    """For each of the moments, which rise, what was unfinished at it."""
    going = sa.or_(tickets.c.state.not_in(sorted(FINAL)), tickets.c.changed_at > moments[0])
    query = sa.select(tickets.c.id, tickets.c.area, tickets.c.grid).where(tickets.c.opened_at <= moments[-1], going)
    rows = connection.execute(query).all()
    ids = [row.id for row in rows]
    steps, lines = _steps(connection, ids), _lines(connection, ids)
    out: list[list[Unfinished]] = [[] for _ in moments]
    for row in rows:
        state, deadline, log = None, None, steps[row.id]
        at = 0
        for moment, found in zip(moments, out, strict=True):
            while at < len(log) and log[at][0] <= moment:
                state, deadline = log[at][1], log[at][2] or deadline
                at += 1
            if state is not None and state not in FINAL:
                late = state in TO_DO and deadline is not None and deadline < moment
                found.append(Unfinished(row.area, row.grid, late, lines[row.id]))
    return out


def _steps(connection: sa.Connection, ids: Sequence[int]) -> dict[int, list[tuple[datetime, str, datetime | None]]]:
    """By ticket, in order: when, the state after it, and the deadline where it became another."""
    steps: dict[int, list[tuple[datetime, str, datetime | None]]] = defaultdict(list)
    for start in range(0, len(ids), _CHUNK):
        query = (
            sa.select(entries.c.ticket_id, entries.c.at, entries.c.to_state, entries.c.after)
            .where(entries.c.ticket_id.in_(ids[start : start + _CHUNK]))
            .order_by(entries.c.ticket_id, entries.c.version)
        )
        for ticket_id, at, state, after in connection.execute(query):
            told = after.get("deadline")
            steps[ticket_id].append((at, state, datetime.fromisoformat(told) if told else None))
    return steps


def _lines(connection: sa.Connection, ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    found: dict[int, list[str]] = defaultdict(list)
    for start in range(0, len(ids), _CHUNK):
        query = sa.select(ticket_lines).where(ticket_lines.c.ticket_id.in_(ids[start : start + _CHUNK]))
        for row in connection.execute(query):
            found[row.ticket_id].append(row.line_id)
    return defaultdict(tuple, {ticket: tuple(lines) for ticket, lines in found.items()})
