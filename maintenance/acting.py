"""What a person decided, done inside one transaction: one action, or several in turn, all of them or none."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from maintenance import people, records
from maintenance.actions import applied, inputs, permitted
from maintenance.deadlines import Deadlines
from maintenance.errors import ConflictError
from maintenance.merging import merge
from maintenance.rules import Rules
from maintenance.splitting import split
from maintenance.ticket import Ticket

Step = tuple[str, Mapping[str, Any]]
"""An action and what it needs."""


def act(
    connection: sa.Connection, rules: Rules, ticket_id: int, steps: Sequence[Step], *, actor: str, role: str,
    now: datetime, version: int, note: str,
) -> Ticket:  # fmt: skip
    """The ticket after the steps. Raises what `Ledger.act` says; then nothing was done."""
    others = [given["into"] for _, given in steps if type(given.get("into")) is int]
    if others:
        records.lock(connection, [ticket_id, *others])
    ticket = records.one(connection, ticket_id)
    if version != ticket.version:
        raise ConflictError(ticket_id, version, ticket.version)
    for action, needed in steps:
        ticket = _step(connection, rules, ticket, action, needed, actor=actor, role=role, now=now, note=note)
    return ticket


def _step(
    connection: sa.Connection, rules: Rules, ticket: Ticket, action: str, needed: Mapping[str, Any], *, actor: str,
    role: str, now: datetime, note: str,
) -> Ticket:  # fmt: skip
    found = permitted(ticket, action, role)
    given = inputs(ticket, found, note, needed, rules)
    if "engineer" in given:
        people.refuse_gone(connection, given["engineer"])
    at, deadlines = max(now, ticket.changed_at), Deadlines.kept(connection, rules)
    if "into" in given:
        target = records.one(connection, given["into"])
        return merge(connection, ticket, target, deadlines, at=at, actor=actor, role=role, why=note)[0]
    if "lines" in given:
        return split(connection, ticket, given["lines"], at=at, actor=actor, role=role, why=note)[0]
    after = applied(ticket, found, given, at, deadlines)
    after = records.change(connection, ticket, after, action=action, at=at, actor=actor, role=role, why=note)
    return deadlines.warned(connection, after, at)
