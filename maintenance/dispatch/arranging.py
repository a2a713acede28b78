"""Moving a visit, done: appointments of the ledger changed together, or a plan that is not applied yet."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from maintenance import acting, database, records
from maintenance.dispatch.board import Consequences, Placed
from maintenance.dispatch.plans import KeptPlan, steps_to
from maintenance.dispatch.work import Pin
from maintenance.errors import InputError
from maintenance.rules import Rules
from maintenance.text import moment, name
from maintenance.ticket import Ticket


def agree(
    engine: sa.Engine, rules: Rules, told: Consequences, *, actor: str, role: str, now: datetime
) -> list[Ticket]:  # fmt: skip
    """Make every appointment that a move changes, all of them or none; each stands in its ticket's log.

    Raises what `Ledger.act` does: ConflictError where a ticket changed since the consequences were told.
    """
    now, actor = moment("now", now), name("actor", actor)
    changes, versions = _given(told)
    done: list[Ticket] = []
    with database.writing(engine) as connection:
        records.lock(connection, sorted(changes))
        for number, (engineer, at) in changes.items():
            ticket = records.one(connection, number)
            steps = steps_to(ticket, {"engineer": engineer, "at": at.isoformat()})
            note = "" if number == told.ticket else f"makes room for ticket {told.ticket}"
            done.append(
                acting.act(
                    connection, rules, number, steps, actor=actor, role=role, now=now, version=versions[number],
                    note=note,
                )
            )  # fmt: skip
    return done


def placed_in(plan: KeptPlan) -> dict[int, Placed]:
    """The visits of a plan."""
    return {
        a["ticket"]: Placed(a["ticket"], a["engineer"], datetime.fromisoformat(a["at"]), a["fixed"], a.get("by"))
        for a in plan.body["appointments"]
    }


def pins_of(plan: KeptPlan) -> dict[int, Pin]:
    """The visits that somebody put where they are."""
    return {n: Pin(p.engineer, p.at, p.by) for n, p in placed_in(plan).items() if p.by is not None}


def moved_in(plan: KeptPlan, told: Consequences, tickets: Mapping[int, Ticket], *, actor: str) -> dict[str, Any]:
    """The plan's body with the move in it: the visit, and those pushed that were agreed, are now somebody's word."""
    changes, versions = _given(told)
    body = plan.body
    visits = {a["ticket"]: dict(a) for a in body["appointments"]}
    gives_way = {m["ticket"]: dict(m) for m in body["moved"]}
    for number, (engineer, at) in changes.items():
        old = visits.get(number)
        by_hand = number == told.ticket or (old is not None and (old["fixed"] or old.get("by")))
        visits[number] = {
            "ticket": number, "version": versions[number], "engineer": engineer, "at": at.isoformat(), "fixed": False,
            "by": name("actor", actor) if by_hand else None,
        }  # fmt: skip
        ticket = tickets[number]
        if ticket.state == "scheduled" and ticket.appointment_at is not None:
            gives_way[number] = {
                "ticket": number, "version": versions[number], "engineer_before": ticket.engineer,
                "at_before": ticket.appointment_at.isoformat(), "engineer": engineer, "at": at.isoformat(),
            }  # fmt: skip
    left = {n: why for n, why in body["unplanned"].items() if int(n) not in visits}
    return {
        **body, "appointments": sorted(visits.values(), key=lambda a: (a["at"], a["ticket"])), "unplanned": left,
        "moved": [gives_way[n] for n in sorted(gives_way)],
        "travel_minutes": body["travel_minutes"] + told.travel - told.travel_before,
    }  # fmt: skip


def _given(told: Consequences) -> tuple[Mapping[int, tuple[str, datetime]], Mapping[int, int]]:
    if told.changes is None or told.versions is None:
        raise InputError(f"ticket {told.ticket} cannot be moved there: {told.refused}")
    return told.changes, told.versions
