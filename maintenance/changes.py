"""What changed since a mark: entries of the log and findings, in the order they were written, none left out.

Both are only ever added to, so a mark is two numbers. Where several processes write to PostgreSQL, a later number may
be seen before an earlier one: what follows a hole waits until the hole is filled, or too old to be filled any more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from maintenance.tables import entries, findings, tickets

MOST = 500  # changes told at once
HOLE = timedelta(seconds=10)  # no transaction of ours lasts longer


@dataclass(frozen=True, order=True)
class Mark:
    """Up to which entry and which finding everything was told."""

    entry: int = 0
    finding: int = 0


@dataclass(frozen=True)
class Change:
    """One of them. `mark` is where to go on after it; `area` and `grid` are those of the ticket, where there is one."""

    kind: str
    mark: Mark
    area: str | None
    grid: str | None
    body: Mapping[str, Any]


def newest(connection: sa.Connection) -> Mark:
    last = (connection.execute(sa.select(sa.func.max(t.c.id))).scalar_one() or 0 for t in (entries, findings))
    return Mark(*last)


def since(connection: sa.Connection, mark: Mark, now: datetime) -> list[Change]:
    """At most MOST entries and as many findings after the mark; entries first."""
    query = (
        sa.select(entries, tickets.c.area, tickets.c.grid, tickets.c.grade, tickets.c.place)
        .join(tickets, tickets.c.id == entries.c.ticket_id)
        .where(entries.c.id > mark.entry)
        .order_by(entries.c.id)
        .limit(MOST)
    )
    out: list[Change] = []
    for row in _whole(connection.execute(query).mappings().all(), mark.entry, now):
        mark = Mark(row["id"], mark.finding)
        body = {
            "ticket": row["ticket_id"], "version": row["version"], "action": row["action"], "grade": row["grade"],
            "place": row["place"], "from_state": row["from_state"], "to_state": row["to_state"],
            "at": row["at"].isoformat(),
        }  # fmt: skip
        out.append(Change("ticket", mark, row["area"], row["grid"], body))
    found = sa.select(findings).where(findings.c.id > mark.finding).order_by(findings.c.id).limit(MOST)
    for row in _whole(connection.execute(found).mappings().all(), mark.finding, now):
        mark = Mark(mark.entry, row["id"])
        told = row["body"]
        body = {
            "finding": row["id"], "ticket": row["ticket_id"], "place": told["place"], "cause": told["cause"],
            "lines": told["lines"], "at": row["at"].isoformat(),
        }  # fmt: skip
        out.append(Change("finding", mark, None, None, body))
    return out


def _whole(rows: Sequence[sa.RowMapping], last: int, now: datetime) -> list[sa.RowMapping]:
    """The rows up to the first hole that may still be filled."""
    out = []
    for row in rows:
        if row["id"] != last + 1 and now - row["at"] < HOLE:
            break
        last = row["id"]
        out.append(row)
    return out
