"""Engineers and crews who have left the inventory: their tickets go to who answers for the streets now.

Only who was there before can be gone: a name from a roster, or one a dispatcher wrote, is nobody the inventory misses.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from maintenance import records
from maintenance.errors import InputError
from maintenance.tables import tickets
from maintenance.ticket import Ticket
from maintenance.transitions import SYSTEM, TO_DO, row
from plant.inventory import Inventory

KEY = "people"
ACTOR = "inventory"


def keep_people(connection: sa.Connection, inventory: Inventory, now: datetime) -> dict[str, str]:
    """Remember who is there; who has gone, with the day since when (ISO)."""
    here = sorted(_people(inventory))
    known = records.recall(connection, KEY) or {"here": [], "gone": {}}
    gone = dict(known["gone"]) | {name: now.date().isoformat() for name in known["here"] if name not in known["gone"]}
    gone = {name: since for name, since in sorted(gone.items()) if name not in here}
    records.keep(connection, KEY, {"here": here, "gone": gone})
    return gone


def refuse_gone(connection: sa.Connection, engineer: str) -> None:
    """InputError for who has left the inventory."""
    known = records.recall(connection, KEY)
    if known is not None and (since := known["gone"].get(engineer)) is not None:
        others = ", ".join(known["here"][:12]) or "nobody yet"
        raise InputError(f'engineer "{engineer}" left the inventory on {since}; these are there: {others}')


def hand_over(connection: sa.Connection, inventory: Inventory, now: datetime) -> list[Ticket]:
    """Tickets of those who have gone, handed to the grid's engineer or left to the department; the same again changes
    nothing. An appointment stays: the customer has been promised it."""
    gone = keep_people(connection, inventory, now)
    if not gone:
        return []
    theirs = sa.select(tickets).where(tickets.c.state.in_(sorted(TO_DO)), tickets.c.engineer.in_(sorted(gone)))
    theirs = theirs.order_by(tickets.c.id)
    return [_handed(connection, ticket, inventory, gone, now) for ticket in records.load(connection, theirs)]


def _handed(
    connection: sa.Connection, ticket: Ticket, inventory: Inventory, gone: Mapping[str, str], now: datetime
) -> Ticket:
    area = inventory.areas.get(ticket.area or "")
    successor = next((g.engineer for g in area.grids if g.id == ticket.grid), None) if area else None
    found = row(ticket.state, "hand_over")
    to = successor or f"{ticket.department}, which decides who goes"
    why = f"{ticket.engineer} left the inventory on {gone[str(ticket.engineer)]}; now with {to}"
    after = replace(ticket, state=found.target, engineer=successor, shifted_from=None)
    return records.change(
        connection, ticket, after, action="hand_over", at=now, actor=ACTOR, role=SYSTEM, why=why,
    )  # fmt: skip


def _people(inventory: Inventory) -> set[str]:
    found = {crew for area in inventory.areas.values() for crew in area.crews}
    return found | {g.engineer for area in inventory.areas.values() for g in area.grids if g.engineer}
