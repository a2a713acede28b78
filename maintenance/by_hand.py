"""Tickets that people open: complaints, installations, retrofit jobs, troubles somebody saw. Rules: by_hand.yaml."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import get_args

import pyarrow.compute as pc
import sqlalchemy as sa

from maintenance import people, queries, records
from maintenance.deadlines import Deadlines, keep_calendar
from maintenance.errors import InputError, NotAllowedError
from maintenance.grading import raised, worse
from maintenance.ownership import Whereabouts
from maintenance.rules import Rules
from maintenance.taking import WIDTH
from maintenance.text import name, words
from maintenance.ticket import GRADES, Grade, Ticket, TicketKind
from maintenance.transitions import FIELD, find
from plant.finding import CAUSES
from plant.inventory import Inventory
from plant.place import Place


@dataclass(frozen=True)
class Request:
    """What a person asks for. `lines` may be left to the place; grade and cause to the rules; engineer to the grid."""

    kind: TicketKind
    place: str
    note: str
    lines: Sequence[str] = ()
    cause: str | None = None
    grade: Grade | None = None
    engineer: str | None = None


class ByHand:
    """One request on its way into the ledger, inside one transaction."""

    def __init__(self, connection: sa.Connection, rules: Rules, inventory: Inventory, now: datetime) -> None:
        self._connection, self._rules, self._inventory, self._now = connection, rules, inventory, now
        keep_calendar(connection, inventory.calendar)
        people.keep_people(connection, inventory, now)
        self._deadlines = Deadlines(inventory.calendar, rules)

    def open(self, request: Request, actor: str, role: str) -> Ticket:
        """The ticket opened or proposed, or the unfinished one that a complaint belongs to."""
        if role not in FIELD:
            raise NotAllowedError(f'role "{role[:40]}" may not open tickets; these may: {", ".join(FIELD)}')
        wanted, place = self._checked(request)
        whereabouts = Whereabouts(self._inventory, [place], wanted.lines)
        lines = tuple(sorted({*wanted.lines} or {*whereabouts.lines_of(place)}))
        if wanted.engineer is not None:
            people.refuse_gone(self._connection, wanted.engineer)
        self._known(place, lines, job=self._rules.by_hand.kinds[wanted.kind].job)
        ticket = self._new(wanted, place, lines, whereabouts)
        if wanted.kind == "complaint" and (covering := self._covering(place, lines)) is not None:
            return self._complain(covering, ticket, wanted.note, actor, role)
        proposed = role in self._rules.by_hand.propose
        ticket = replace(ticket, state="proposed" if proposed else "open")
        ticket = records.insert(
            self._connection, ticket, actor=actor, role=role, why=wanted.note, action="propose" if proposed else "open"
        )
        return self._deadlines.warned(self._connection, ticket, self._now)

    def _checked(self, request: Request) -> tuple[Request, Place]:
        if request.kind not in get_args(TicketKind):
            raise InputError(f'kind "{request.kind[:40]}" is not among: {", ".join(get_args(TicketKind))}')
        if request.grade is not None and request.grade not in GRADES:
            raise InputError(f'grade "{request.grade[:40]}" is not among: {", ".join(GRADES)}')
        if request.cause is not None and request.cause not in CAUSES:
            raise InputError(f'cause "{request.cause[:40]}" is not among: {", ".join(CAUSES)}')
        try:
            place = Place.parse(name("place", request.place))
        except ValueError as error:
            raise InputError(f"place: {error}") from None
        checked = replace(
            request, note=name("note", words("note", request.note), limit=4000),
            lines=tuple(name("line", line) for line in request.lines),
            engineer=None if request.engineer is None else name("engineer", request.engineer),
        )  # fmt: skip
        return checked, place

    def _known(self, place: Place, lines: tuple[str, ...], *, job: bool) -> None:
        """InputError for a slip of the pen. The line of a job may be yet to be built, the rest must be there."""
        if place.kind == "area":
            known = place.id in self._inventory.areas
        elif place.kind in ("olt", "node"):
            known = place.id in self._inventory.devices
        else:
            known = bool(lines) if place.kind != "line" else self._has_line(place.id) or job
        if not known:
            raise InputError(f"{place} is not in the inventory; look it up, or add it there first")
        if strange := [line for line in lines if not (job or self._has_line(line))]:
            raise InputError(f"line {strange[0]} is not in the inventory; look it up, or add it there first")

    def _has_line(self, line: str) -> bool:
        return bool(pc.any(pc.equal(self._inventory.lines["line_id"], line)).as_py())

    def _new(self, wanted: Request, place: Place, lines: tuple[str, ...], whereabouts: Whereabouts) -> Ticket:
        row = self._rules.by_hand.kinds[wanted.kind]
        cause = wanted.cause or row.cause
        owner = whereabouts.owner(place, lines, cause, self._rules.responsibility)
        day = self._deadlines.local_day(self._now)
        important = whereabouts.important(lines)
        urgency = raised(row.grade, important, self._rules.grading)
        ticket = Ticket(
            id=0, kind=wanted.kind, place=str(place), lines=lines, cause=cause, probability=1.0,
            grade=wanted.grade or urgency, state="open", area=owner.area, grid=owner.grid, party=owner.party,
            department=owner.department, engineer=wanted.engineer or owner.engineer, deadline=self._now,
            opened_at=self._now, changed_at=self._now, version=1, title_en=f"{row.en} at {place}",
            title_zh=f"{row.zh}：{place}", onset=day, score=0.0, repeat_of=None if row.job else self._repeat_of(lines),
            evidence={"important_customers": {"value": important, "unit": ""}} if important else {},
        )  # fmt: skip
        return replace(ticket, deadline=self._deadlines(ticket, self._now))

    def _covering(self, place: Place, lines: tuple[str, ...]) -> Ticket | None:
        """The unfinished trouble these lines are part of: the widest, then the oldest."""
        found = records.load(self._connection, queries.of_lines(lines)) if lines else []
        found = [t for t in found if find(t.state, "complain") and not self._rules.by_hand.kinds[t.kind].job]
        whole = [t for t in found if t.place == str(place) or set(lines) <= set(t.lines)]
        return min(whole, key=lambda t: (WIDTH[t.place.partition(":")[0]], t.id), default=None)

    def _repeat_of(self, lines: tuple[str, ...]) -> int | None:
        """The last repair on one of these lines, where it is so recent that it cannot have lasted."""
        since = self._now - timedelta(days=self._rules.taking.repeat_days)
        found = records.load(self._connection, queries.of_lines(lines)) if lines else []
        done = [t for t in found if t.closed_at and t.closed_at > since and not self._rules.by_hand.kinds[t.kind].job]
        return max(done, key=lambda t: (t.closed_at, t.id)).id if done else None

    def _complain(self, covering: Ticket, asked: Ticket, note: str, actor: str, role: str) -> Ticket:
        """The complaint in the log of the ticket that covers it, as urgent as it would have been alone."""
        told = covering.evidence.get("complaints")
        before = told.get("value", 0) if isinstance(told, dict) else 0
        after = replace(
            covering, grade=worse(covering.grade, asked.grade), deadline=min(covering.deadline, asked.deadline),
            evidence={**covering.evidence, "complaints": {"value": before + 1, "unit": ""}},
        )  # fmt: skip
        return records.change(
            self._connection, covering, after, action="complain", at=self._now, actor=actor, role=role, why=note
        )
