"""GET /tickets, /tickets/{id}, /findings; POST /tickets/{id}/transitions. The ledger decides, this tells."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Path, Query, Request, Response

from api.answers import answer, only
from api.auth import Caller, Reader, TicketWorker, parts_in
from api.describe import SPARSE_TOO, errors
from api.parts import Parts
from api.problems import not_found
from api.reach import narrowed
from api.routes.context import figures_in
from api.schemas.tickets import (
    Choice,
    FindingsPage,
    FindingsQuery,
    LogEntry,
    Possible,
    StoredFinding,
    TicketPage,
    TicketRow,
    TicketsPage,
    TicketsQuery,
    TransitionRequest,
)  # fmt: skip
from api.snapshot import Snapshot
from maintenance.ledger import StoredFinding as KeptFinding
from maintenance.ledger import Ticket
from maintenance.rules import Rules
from maintenance.transitions import FINAL, STATES, allowed, row
from plant.place import Place

router = APIRouter(tags=["tickets"])
UNFINISHED = tuple(s for s in STATES if s not in FINAL)
FINDINGS_SHOWN = 100

TicketId = Annotated[int, Path(ge=1, le=2**63 - 1, description="The ticket's number.")]


@router.get(
    "/tickets",
    response_model=TicketsPage,
    responses={**errors(), 200: SPARSE_TOO},
    summary="Tickets that meet filters, by number",
)
async def tickets(request: Request, who: Reader, query: Annotated[TicketsQuery, Query()]) -> Response:
    parts = parts_in(request)
    now = parts.clock()
    areas, wanted = areas_of(who, query.area), only("tickets", TicketRow, query.fields)
    if areas == ():
        return answer(request, TicketsPage(next=None, tickets=[]), only=wanted)
    found = await asyncio.to_thread(
        lambda: parts.ledger.tickets(
            state=UNFINISHED if query.state == "unfinished" else query.state, grade=query.grade, area=areas,
            department=query.department, place=query.place, line=query.line, grid=narrowed(who.grids, query.grid),
            engineer=query.engineer, kind=query.kind, cause=query.cause, escalation=query.escalation, text=query.q,
            overdue_at=now if query.overdue else None, limit=query.limit, after=query.after,
        )
    )  # fmt: skip
    rows = [ticket_row(t, parts) for t in found]
    return answer(request, TicketsPage(next=_next([r.id for r in rows], query.limit), tickets=rows), only=wanted)


@router.get(
    "/tickets/{ticket_id}",
    response_model=TicketPage,
    responses=errors("not-found"),
    summary="A ticket with its lines, evidence, log and findings",
)
async def ticket(request: Request, who: Reader, ticket_id: TicketId) -> Response:
    return answer(request, await asyncio.to_thread(whole, parts_in(request), who, ticket_id))


@router.post(
    "/tickets/{ticket_id}/transitions",
    response_model=TicketPage,
    responses=errors("not-found", "conflict", "transition", "cross-site"),
    summary="Do something with a ticket",
)
async def transition(request: Request, who: TicketWorker, ticket_id: TicketId, asked: TransitionRequest) -> Response:
    """`version` must be the ticket's own: 409 tells that somebody was faster. 422 names what can be done instead."""
    parts = parts_in(request)

    def act() -> TicketPage:
        visible(parts, who, ticket_id)
        if asked.into is not None:
            visible(parts, who, asked.into)
        needed = asked.model_dump(exclude={"action", "version", "note"}, exclude_none=True)
        parts.ledger.act(
            ticket_id, asked.action, actor=who.name, role=who.role, now=parts.clock(), version=asked.version,
            note=asked.note, **needed,
        )  # fmt: skip
        return whole(parts, who, ticket_id)

    told = await asyncio.to_thread(act)
    request.app.state.standing.forget()
    return answer(request, told)


@router.get("/findings", response_model=FindingsPage, responses=errors(), summary="Findings as the analyzer gave them")
async def findings(request: Request, who: Reader, query: Annotated[FindingsQuery, Query()]) -> Response:
    """By number, oldest first."""
    parts = parts_in(request)
    snapshot = await figures_in(request).current() if not who.sight.whole else None

    def find() -> FindingsPage:
        out: list[KeptFinding] = []
        after = query.after
        while len(out) < query.limit:
            batch = parts.ledger.findings(ticket=query.ticket, since=query.since, limit=query.limit, after=after)
            out += [f for f in batch if snapshot is None or sees_finding(snapshot, who, f.body)]
            if len(batch) < query.limit:
                break
            after = batch[-1].id
        out = out[: query.limit]
        return FindingsPage(next=_next([f.id for f in out], query.limit), findings=[_finding(f) for f in out])

    return answer(request, await asyncio.to_thread(find))


def unfinished_of_line(parts: Parts, who: Caller, line_id: str) -> list[TicketRow]:
    """Unfinished tickets that hit a line, as far as the caller sees them."""
    found = parts.ledger.tickets(
        state=UNFINISHED, line=line_id, area=narrowed(who.areas, None), grid=narrowed(who.grids, None)
    )
    return [ticket_row(t, parts) for t in found]


def ticket_row(ticket: Ticket, parts: Parts) -> TicketRow:
    told = {name: getattr(ticket, name) for name in TicketRow.model_fields if hasattr(ticket, name)}
    told |= {"onset": ticket.onset.isoformat(), "line_count": len(ticket.lines)}
    return TicketRow(**{**told, "overdue": ticket.overdue(parts.clock())})


def whole(parts: Parts, who: Caller, ticket_id: int) -> TicketPage:
    found = visible(parts, who, ticket_id)
    rules = parts.ledger.rules
    return TicketPage(
        ticket=ticket_row(found, parts),
        lines=list(found.lines),
        evidence=dict(found.evidence),
        forecast=dict(found.forecast) if found.forecast is not None else None,
        bring_en=rules.causes[found.cause].bring_en,
        bring_zh=rules.causes[found.cause].bring_zh,
        possible=possible_of(found, who, rules),
        log=[LogEntry(**entry.to_json()) for entry in parts.ledger.log(ticket_id)],
        findings=[_finding(f) for f in parts.ledger.findings(ticket=ticket_id, limit=FINDINGS_SHOWN)],
    )


def possible_of(ticket: Ticket, who: Caller, rules: Rules) -> list[Possible]:
    """What the caller may ask for now, and what it must be given."""
    rows, codes = [row(ticket.state, action) for action in allowed(ticket.state, who.role)], codes_of(rules)
    return [
        Possible(
            action=t.action,
            to=t.target,
            needs=list(t.needs),
            choices={need: codes[need] for need in t.needs if need in codes},
        )
        for t in rows
    ]


def codes_of(rules: Rules) -> dict[str, list[Choice]]:
    """What may be answered where an action needs a code; a cause of the analyzer is a cause code too."""
    known = {"cause_code": {**rules.causes, **rules.codes.cause_codes}, "action_code": rules.codes.action_codes}
    return {
        need: [Choice(code=code, en=told.en, zh=told.zh) for code, told in codes.items()]
        for need, codes in known.items()
    }


def visible(parts: Parts, who: Caller, ticket_id: int) -> Ticket:
    """The ticket; what is in another area is not there. Raises TicketNotFoundError or a problem."""
    found = parts.ledger.ticket(ticket_id)
    if not who.sees(found.area, found.grid):
        raise not_found("ticket", str(ticket_id), remedy="list /api/v1/tickets to see the numbers there are")
    return found


def areas_of(who: Caller, asked: str | None) -> Sequence[str] | None:
    """Areas to ask the ledger for: None for all, empty where the caller may see none of them."""
    if who.areas is None:
        return None if asked is None else (asked,)
    return tuple(sorted(who.areas)) if asked is None else tuple({asked} & who.areas)


def sees_finding(snapshot: Snapshot, who: Caller, body: Any) -> bool:
    """Whether all that hangs from a finding's place may be shown."""
    place = Place.parse(body["place"])
    if place.kind == "area":
        return who.grids is None and who.sees_area(place.id)
    tree = snapshot.roster.tree
    rows = tree.rows_of(place)
    if not len(rows):
        known = [tree.row[line] for line in body["lines"] if line in tree.row]
        if not known:
            return False
        rows = np.asarray(known, np.int64)
    return bool(snapshot.roster.within(who.sight)[rows].all())


def _finding(kept: KeptFinding) -> StoredFinding:
    return StoredFinding(**kept.to_json())


def _next(ids: Sequence[int], limit: int) -> int | None:
    return ids[-1] if len(ids) == limit else None
