"""One ticket becomes two: some of its lines leave it for a ticket of their own, which keeps owner, grade and deadline.

The analyzer still sees one trouble; `taking` leaves the lines with the ticket a person has given them to.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from maintenance import records
from maintenance.errors import InputError
from maintenance.ticket import Ticket


def split(
    connection: sa.Connection, ticket: Ticket, lines: Sequence[str], *, at: datetime, actor: str, role: str, why: str
) -> tuple[Ticket, Ticket]:
    """The ticket without `lines`, and the new one with them. InputError unless both keep a line.

    The new ticket is open again: nobody has been assigned or given an appointment for it.
    """
    leaving = set(lines)
    if strange := sorted(leaving - set(ticket.lines)):
        raise InputError(f"ticket {ticket.id} does not hit {', '.join(strange[:5])}; name lines of the ticket")
    if len(leaving) == len(ticket.lines):
        raise InputError(f"ticket {ticket.id} would be left without a line; leave it at least one")
    own = tuple(sorted(leaving))
    place = f"line:{own[0]}" if len(own) == 1 else ticket.place
    new = replace(
        ticket, id=0, lines=own, place=place, state="open", opened_at=at, changed_at=at, version=1,
        split_from=ticket.split_from or ticket.id, appointment_at=None, cause_code=None, action_code=None, reopened=0,
        part=None, expected_at=None,
        title_en=ticket.title_en.replace(ticket.place, place), title_zh=ticket.title_zh.replace(ticket.place, place),
    )  # fmt: skip
    left = records.change(
        connection, ticket, replace(ticket, lines=tuple(i for i in ticket.lines if i not in leaving)),
        action="split", at=at, actor=actor, role=role, why=why,
    )  # fmt: skip
    new = records.insert(
        connection, replace(new, opened_at=left.changed_at, changed_at=left.changed_at), actor=actor, role=role,
        why=f"split from ticket {ticket.id}. {why}",
    )  # fmt: skip
    return left, new
