"""What modes do to tickets while they last, and how it is undone: held back and released, shifted and shifted back.

Done by comparing what should be with what is, so that it can be called as often as one likes and after any stop.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from maintenance import modes, records
from maintenance.calendar import WorkingCalendar
from maintenance.mode_rules import ModeRules
from maintenance.modes import Mode
from maintenance.tables import entries, tickets
from maintenance.ticket import Ticket
from maintenance.transitions import FINAL, SYSTEM, find
from plant.inventory import Inventory

ACTOR = "graded response"


@dataclass(frozen=True)
class Response:
    """Numbers of the tickets held back, released, shifted to a crew and shifted back; and of those handed over, since
    their engineer left the inventory."""

    held: list[int] = field(default_factory=list)
    released: list[int] = field(default_factory=list)
    shifted: list[int] = field(default_factory=list)
    returned: list[int] = field(default_factory=list)
    handed_over: list[int] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self)}


class Responder:
    """One pass over the tickets, inside one transaction."""

    def __init__(
        self, connection: sa.Connection, rules: ModeRules, calendar: WorkingCalendar, inventory: Inventory,
        now: datetime,
    ) -> None:  # fmt: skip
        self._connection, self._rules, self._calendar, self._now = connection, rules, calendar, now
        self._crews = {area.id: area.crews for area in inventory.areas.values()}
        self._going = modes.in_force(connection, now)

    def respond(self) -> Response:
        done = Response()
        for ticket in self._candidates():
            mode = modes.over(ticket.area, self._going)
            held = self._hold(ticket, mode, done)
            self._shift(held, mode, done)
        return done

    def _candidates(self) -> Sequence[Ticket]:
        found = {t.id: t for t in records.load(self._connection, modes.touched())}
        if self._going:
            going = sa.select(tickets).where(tickets.c.state.not_in(sorted({*FINAL, "resolved", "verified"})))
            areas = {mode.area for mode in self._going}
            if None not in areas:
                going = going.where(tickets.c.area.in_(sorted(a for a in areas if a is not None)))
            found |= {t.id: t for t in records.load(self._connection, going)}
        return [found[number] for number in sorted(found)]

    def _hold(self, ticket: Ticket, mode: Mode | None, done: Response) -> Ticket:
        row = self._rules.kinds[mode.mode].hold_back if mode else None
        wanted = row is not None and ticket.kind in row.kinds and ticket.grade in row.grades
        if wanted and mode and ticket.held_by is None and find(ticket.state, "hold_back"):
            done.held.append(ticket.id)
            after = replace(ticket, held_by=mode.id, held_since=self._now)
            return self._change(ticket, after, "hold_back", f"held back: {mode.mode} mode {mode.id}, {mode.why}")
        if ticket.held_by is not None and not wanted:
            done.released.append(ticket.id)
            return self._release(ticket)
        return ticket

    def _release(self, ticket: Ticket) -> Ticket:
        """Free again, with the working time that was left to its deadline when it was held back."""
        since = ticket.held_since or self._now
        left = self._calendar.working_hours_between(since, ticket.deadline)
        deadline = ticket.deadline
        if left > 0:
            deadline = max(deadline, self._calendar.add_working_hours(self._now, left))
        after = replace(
            ticket, held_by=None, held_since=None, deadline=deadline,
            escalation=None if deadline > ticket.deadline else ticket.escalation,
        )  # fmt: skip
        return self._change(ticket, after, "release", f"no longer held back by mode {ticket.held_by}")

    def _shift(self, ticket: Ticket, mode: Mode | None, done: Response) -> None:
        crews = self._crews.get(ticket.area or "", ())
        wanted = mode is not None and bool(crews) and ticket.grade in self._rules.kinds[mode.mode].shift
        if (
            wanted
            and mode
            and find(ticket.state, "shift")
            and ticket.shifted_from is None
            and ticket.engineer not in crews
        ):
            if self._person_decided(ticket, mode.begins_at):
                return
            crew = crews[ticket.id % len(crews)]
            after = replace(ticket, engineer=crew, shifted_from=ticket.engineer or "")
            self._change(ticket, after, "shift", f"to the emergency crew: {mode.mode} mode {mode.id}, {mode.why}")
            done.shifted.append(ticket.id)
        elif ticket.shifted_from is not None and not wanted:
            after = replace(ticket, engineer=ticket.shifted_from or None, shifted_from=None)
            self._change(ticket, after, "shift_back", "back from the emergency crew")
            done.returned.append(ticket.id)

    def _person_decided(self, ticket: Ticket, since: datetime) -> bool:
        """Somebody has given it to whom it is with since the mode began: they knew."""
        by_person = sa.select(entries.c.id).where(
            entries.c.ticket_id == ticket.id, entries.c.action == "assign", entries.c.at >= since
        )
        return self._connection.execute(by_person.limit(1)).first() is not None

    def _change(self, old: Ticket, new: Ticket, action: str, why: str) -> Ticket:
        return records.change(
            self._connection, old, new, action=action, at=self._now, actor=ACTOR, role=SYSTEM, why=why
        )
