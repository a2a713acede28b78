"""Pages of tickets and findings by offset, with their number: as other systems' standards ask for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from maintenance import database, records
from maintenance.tables import findings, tickets
from maintenance.ticket import StoredFinding, Ticket


@dataclass(frozen=True)
class Wanted:
    """Conditions, all of which hold; None is any. `since`: changed (findings: found) at or after it."""

    states: Sequence[str] | None = None
    not_states: Sequence[str] | None = None
    grades: Sequence[str] | None = None
    kinds: Sequence[str] | None = None
    areas: Sequence[str] | None = None
    grids: Sequence[str] | None = None
    since: datetime | None = None


def tickets_page(engine: sa.Engine, wanted: Wanted, offset: int, limit: int) -> tuple[int, list[Ticket]]:
    """How many tickets there are such, and those of the page, by number."""
    conditions = _conditions(wanted)
    if wanted.since is not None:
        conditions.append(tickets.c.changed_at >= wanted.since)
    with database.reading(engine) as connection:
        total = connection.execute(sa.select(sa.func.count()).select_from(tickets).where(*conditions)).scalar_one()
        query = sa.select(tickets).where(*conditions).order_by(tickets.c.id).offset(offset).limit(limit)
        return int(total), records.load(connection, query)


def findings_page(
    engine: sa.Engine, wanted: Wanted, offset: int, limit: int, *, number: int | None = None
) -> tuple[int, list[tuple[StoredFinding, Ticket | None]]]:
    """How many findings there are such, and those of the page with the ticket that covers each, by number.

    Conditions are on the ticket; a finding that was only recorded meets those on no area and no state but open ones.
    """
    joined = findings.outerjoin(tickets, findings.c.ticket_id == tickets.c.id)
    conditions = [sa.or_(tickets.c.id.is_(None), condition) if wanted.not_states else condition
                  for condition in _conditions(wanted)]  # fmt: skip
    if wanted.areas is not None or wanted.grids is not None:
        conditions.append(tickets.c.id.is_not(None))
    if wanted.since is not None:
        conditions.append(findings.c.at >= wanted.since)
    if number is not None:
        conditions.append(findings.c.id == number)
    with database.reading(engine) as connection:
        count = sa.select(sa.func.count()).select_from(joined).where(*conditions)
        total = int(connection.execute(count).scalar_one())
        query = sa.select(findings).select_from(joined).where(*conditions).order_by(findings.c.id)
        rows = connection.execute(query.offset(offset).limit(limit)).mappings().all()
        covering = sorted({row["ticket_id"] for row in rows if row["ticket_id"] is not None})
        of = {t.id: t for t in records.load(connection, sa.select(tickets).where(tickets.c.id.in_(covering)))}
    found = [StoredFinding(row["id"], row["at"], row["ticket_id"], row["body"]) for row in rows]
    return total, [(one, of.get(one.ticket) if one.ticket is not None else None) for one in found]


def _conditions(wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    columns: list[tuple[sa.Column[Any], Sequence[str] | None]] = [
        (tickets.c.state, wanted.states), (tickets.c.grade, wanted.grades), (tickets.c.kind, wanted.kinds),
        (tickets.c.area, wanted.areas), (tickets.c.grid, wanted.grids),
    ]  # fmt: skip
    out: list[sa.ColumnElement[bool]] = [column.in_(list(values)) for column, values in columns if values is not None]
    if wanted.not_states is not None:
        out.append(tickets.c.state.not_in(list(wanted.not_states)))
    return out
