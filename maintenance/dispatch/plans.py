"""Plans kept in the ledger's database: made, looked at, applied or left; for a month."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Protocol

import sqlalchemy as sa

from maintenance import database
from maintenance.acting import Step
from maintenance.dispatch.desk import DayPlan
from maintenance.dispatch.rules import Roster
from maintenance.errors import (
    ConflictError,
    InputError,
    LedgerError,
    NotAllowedError,
    PlanNotFoundError,
    StaleError,
)
from maintenance.tables import plans as table
from maintenance.text import moment, name
from maintenance.ticket import Ticket
from maintenance.transitions import DESK

KEPT = timedelta(days=31)


@dataclass(frozen=True)
class KeptPlan:
    """`areas` None: of all areas. `urgent`: the ticket it was made for, if for one. `body` is DayPlan's JSON."""

    id: int
    at: datetime
    actor: str
    first: date
    days: int
    areas: Sequence[str] | None
    urgent: int | None
    body: Mapping[str, Any]
    applied_at: datetime | None = None
    applied_by: str | None = None


class Tickets(Protocol):
    """The part of the ledger that a plan is applied through."""

    def ticket(self, ticket_id: int) -> Ticket: ...

    def act_in_turn(
        self, ticket_id: int, steps: Sequence[Step], *, actor: str, role: str, now: datetime, version: int,
        note: str = "",
    ) -> Ticket: ...  # fmt: skip


class Plans:
    """All kept plans. Safe to share between threads."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def keep(
        self, made: DayPlan, *, actor: str, first: date, days: int, areas: Sequence[str] | None, now: datetime,
        urgent: int | None = None, roster: Roster | None = None,
    ) -> KeptPlan:  # fmt: skip
        """`roster`: who it was made for, where it was not those of the inventory."""
        now = moment("now", now)
        values = {
            "at": now, "actor": name("actor", actor), "first": first, "days": days,
            "areas": None if areas is None else sorted(areas), "urgent": urgent,
            "body": {**made.to_json(), "roster": None if roster is None else roster.model_dump(mode="json")},
        }  # fmt: skip
        with database.writing(self._engine) as connection:
            connection.execute(sa.delete(table).where(table.c.at < now - KEPT))
            key = connection.execute(sa.insert(table).values(values)).inserted_primary_key
        return self.one(int(key[0]) if key else 0)

    def one(self, plan_id: int) -> KeptPlan:
        """Raises PlanNotFoundError."""
        with database.reading(self._engine) as connection:
            found = connection.execute(sa.select(table).where(table.c.id == plan_id)).mappings().one_or_none()
        if found is None:
            raise PlanNotFoundError(plan_id)
        return KeptPlan(**found)

    def latest(self, limit: int = 50) -> list[KeptPlan]:
        """Newest first."""
        query = sa.select(table).order_by(table.c.id.desc()).limit(limit)
        with database.reading(self._engine) as connection:
            return [KeptPlan(**row) for row in connection.execute(query).mappings()]

    def change(self, plan: KeptPlan, body: Mapping[str, Any]) -> KeptPlan:
        """Keep what somebody changed in a plan. StaleError where it is not as he saw it, or was applied since."""
        unused = sa.and_(table.c.id == plan.id, table.c.applied_at.is_(None))
        with database.writing(self._engine, alone=True) as connection:
            now = connection.execute(sa.select(table.c.body).where(unused)).scalar_one_or_none()
            if now != plan.body:
                raise StaleError(f"plan {plan.id} was changed or applied meanwhile; look at it again")
            connection.execute(sa.update(table).where(unused).values(body=dict(body)))
        return self.one(plan.id)

    def claim(self, plan_id: int, *, actor: str, role: str, now: datetime) -> KeptPlan:
        """Note that a plan is applied. InputError where it was before; of two at once, one applies it."""
        if role not in DESK:
            raise NotAllowedError(f'role "{role[:40]}" may not apply plans; these may: {", ".join(DESK)}')
        unused = sa.and_(table.c.id == plan_id, table.c.applied_at.is_(None))
        with database.writing(self._engine) as connection:
            claimed = sa.update(table).where(unused).values(applied_at=moment("now", now), applied_by=actor)
            won = connection.execute(claimed).rowcount == 1
        plan = self.one(plan_id)
        if not won:
            raise InputError(f"plan {plan_id} was applied by {plan.applied_by} at {plan.applied_at}; make a new one")
        return plan


def apply(
    ledger: Tickets, body: Mapping[str, Any], *, actor: str, role: str, now: datetime
) -> tuple[list[int], dict[int, str]]:
    """Assign and schedule the tickets of a plan (DayPlan's JSON), each by itself: those done, and why others not.

    First those that give way, so that nobody is promised twice; a ticket that changed since the plan is left alone.
    """
    done: list[int] = []
    refused: dict[int, str] = {}
    moved = {m["ticket"]: m for m in body["moved"]}
    wanted = {a["ticket"]: a for a in body["appointments"] if not a["fixed"]}
    for number in (*moved, *(n for n in wanted if n not in moved)):
        version = moved[number]["version"] if number in moved else wanted[number]["version"]
        try:
            ticket = ledger.ticket(number)
            if ticket.version != version:
                raise ConflictError(number, version, ticket.version)
            visit = wanted.get(number)
            note = _note(visit, gives_way=number in moved)
            ledger.act_in_turn(
                number, steps_to(ticket, visit), actor=actor, role=role, now=now, version=version, note=note
            )
            done.append(number)
        except LedgerError as error:
            refused[number] = str(error)
    return done, refused


def _note(visit: Mapping[str, Any] | None, *, gives_way: bool) -> str:
    if visit is not None and visit.get("by"):
        return f"put there by hand: {visit['by']}"
    return "gives way to an urgent visit" if gives_way else ""


def steps_to(ticket: Ticket, visit: Mapping[str, Any] | None) -> list[Step]:
    """What makes a ticket's visit that of `engineer` `at` a time; without a visit, what ends its appointment."""
    if visit is None:
        return [("assign", {"engineer": ticket.engineer})]  # who has it, keeps it
    at: Step = ("schedule", {"appointment_at": datetime.fromisoformat(visit["at"])})
    first: list[Step] = [("resume", {})] if ticket.state == "waiting_customer" else []
    if ticket.state == "scheduled" and ticket.engineer == visit["engineer"]:
        return [at]
    return [*first, ("assign", {"engineer": visit["engineer"]}), at]
