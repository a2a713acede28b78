"""Two tickets become one: the narrower ends, the wider takes its lines, findings, grade and the nearer deadline."""

from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from maintenance import records
from maintenance.deadlines import Deadlines
from maintenance.errors import InputError, TransitionError
from maintenance.grading import worse
from maintenance.ticket import Ticket
from maintenance.transitions import find, row


def merge(
    connection: sa.Connection, source: Ticket, target: Ticket, deadlines: Deadlines, *, at: datetime, actor: str,
    role: str, why: str,
) -> tuple[Ticket, Ticket]:  # fmt: skip
    """Both tickets after the merge, each with its entry. TransitionError when the target is not to be done any more."""
    if target.id == source.id:
        raise InputError(f"ticket {target.id} cannot be merged into itself; name another one")
    if find(target.state, "absorb") is None:
        raise TransitionError(f"ticket {target.id} is {target.state}; merge into one that is still to be done")
    found = row(source.state, "merge")
    ended = replace(
        source, state=found.target, merged_into=target.id, appointment_at=None, held_by=None, held_since=None,
        shifted_from=None, part=None, expected_at=None,
    )  # fmt: skip
    merged = records.change(
        connection, source, ended, action="merge", at=at, actor=actor, role=role, why=why,
    )  # fmt: skip
    wider = replace(
        target, lines=tuple(sorted({*target.lines, *source.lines})), grade=worse(target.grade, source.grade),
        deadline=min(target.deadline, source.deadline), onset=min(target.onset, source.onset),
    )  # fmt: skip
    wider = records.change(
        connection, target, wider, action="absorb", at=at, actor=actor, role=role,
        why=f"took in ticket {source.id}. {why}",
    )  # fmt: skip
    records.move_findings(connection, source.id, target.id)
    return merged, deadlines.warned(connection, wider, at)
