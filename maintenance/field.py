"""What a technician did where there was no reception: taken in later, in order, and nothing of it lost.

A step names the version of the ticket it was decided on. Where the ticket has gone on meanwhile and the step is still
possible, it is done; where it is not, what the technician told stands in the ticket's log. A step is taken once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa
import structlog

from maintenance import acting, database, records
from maintenance.errors import ConflictError, LedgerError, NotAllowedError
from maintenance.rules import Rules
from maintenance.text import moment, name, words
from maintenance.ticket import Ticket
from maintenance.transitions import FIELD

log = structlog.get_logger(__name__)

Outcome = Literal["done", "kept"]
LATE = timedelta(minutes=10)  # what took longer to arrive says so in the log
OLDEST = timedelta(days=14)  # a phone's clock may be wrong: nothing is dated further back


@dataclass(frozen=True)
class FieldStep:
    """One thing done or told on site. `done_at`: when, by the phone; `given`: what the action needs."""

    key: str
    action: str
    version: int
    done_at: datetime
    note: str
    given: Mapping[str, Any]


@dataclass(frozen=True)
class Taken:
    """`kept`: it could not be done (`why`), and stands in the log as it was told."""

    ticket: Ticket
    outcome: Outcome
    why: str


def take_step(
    engine: sa.Engine, rules: Rules, ticket_id: int, step: FieldStep, *, actor: str, role: str, now: datetime
) -> Taken:
    """Take one step. Raises TicketNotFoundError, NotAllowedError, and InputError for what no log could keep.

    ConflictError only where somebody changes the ticket this very moment: send it again.
    """
    now, actor = moment("now", now), name("actor", actor)
    key = f"step:{actor}:{name('key', step.key)}"
    note, done_at = words("note", step.note), moment("done_at", step.done_at)
    if role not in FIELD:
        raise NotAllowedError(f'role "{role[:40]}" may not work on tickets; these may: {", ".join(FIELD)}')
    at = max(min(done_at, now), now - OLDEST)
    with database.writing(engine) as connection:
        ticket = records.one(connection, ticket_id)
        if (known := records.recall(connection, key)) is not None:
            return Taken(ticket, known["outcome"], known["why"])
        told = note if now - at < LATE else f"{note}\n[{at:%Y-%m-%d %H:%M} UTC, version {step.version}]".strip()
        try:
            with connection.begin_nested():
                after = acting.act(
                    connection, rules, ticket_id, [(step.action, step.given)], actor=actor, role=role, now=at,
                    version=ticket.version, note=told,
                )  # fmt: skip
            outcome: Outcome = "done"
            why = ""
        except ConflictError:
            raise
        except LedgerError as error:
            outcome, why = "kept", str(error)
            after = records.change(
                connection, ticket, ticket, action="report", at=now, actor=actor, role=role,
                why=_as_told(step, told, why),
            )  # fmt: skip
        records.keep(connection, key, {"outcome": outcome, "why": why})
    log.info("field_step", ticket=ticket_id, action=step.action[:40], outcome=outcome)
    return Taken(after, outcome, why)


def _as_told(step: FieldStep, told: str, why: str) -> str:
    """What the technician told, in full, and why it could not be done."""
    given = ", ".join(f"{key}: {value}" for key, value in step.given.items())
    text = f"{step.action} ({given}): {told}\nnot done: {why}"
    return words("report", "".join(c for c in text if c != "\x00" and not "\ud800" <= c <= "\udfff")[:8000], limit=8000)
