"""TMF621 Trouble Ticket Management 4.0: list, read, create, change, and listeners. Mapping: docs/tmforum.md."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from api.auth import Caller, HookKeeper, Reader, TicketWorker, parts_in
from api.describe import errors
from api.once import IdempotencyKey, once
from api.parts import Parts
from api.problems import ProblemError, not_found
from api.schemas.tmf import (
    FieldsQuery,
    HubAnswer,
    HubRequest,
    TroubleTicket,
    TroubleTicketCreate,
    TroubleTicketsQuery,
    TroubleTicketUpdate,
)
from api.tmf import trouble
from api.tmf.mapping import mapping
from api.tmf.selecting import page_answer, selected, within
from maintenance.by_hand import Request as Wish
from maintenance.exchange import Wanted, tickets_page
from maintenance.hooks.subscriptions import Subscriptions, WebhookNotFoundError
from maintenance.ownership import Whereabouts
from maintenance.ticket import Ticket
from maintenance.transitions import allowed
from plant.place import Place

router = APIRouter(prefix="/tmf-api/troubleTicket/v4", tags=["tmforum"])

Number = Annotated[int, Path(ge=1, le=2**63 - 1, description="The ticket's number.")]


@router.get(
    "/troubleTicket", response_model=list[TroubleTicket], responses=errors(), summary="TMF621: list trouble tickets"
)
async def trouble_tickets(request: Request, who: Reader, query: Annotated[TroubleTicketsQuery, Query()]) -> Response:
    """By number. `X-Total-Count` tells how many there are, `X-Result-Count` how many of them came."""
    words, parts = mapping().trouble_ticket, parts_in(request)
    kind = None if query.ticketType is None else words.kind(query.ticketType)
    grade = None if query.severity is None else words.grade(query.severity)
    nothing = (query.ticketType, query.severity) != (None, None) and None in (
        (kind if query.ticketType else ""), (grade if query.severity else ""),
    )  # fmt: skip
    wanted = Wanted(
        states=None if query.status is None else words.states(query.status), grades=None if grade is None else (grade,),
        kinds=None if kind is None else (kind,), areas=within(who.areas),
        grids=within(who.grids), since=query.updated_since,
    )  # fmt: skip
    total, found = (0, []) if nothing else await asyncio.to_thread(
        tickets_page, parts.ledger.engine, wanted, query.offset, query.limit
    )  # fmt: skip
    rows = [trouble.trouble_ticket(ticket.to_json()) for ticket in found]
    return page_answer(rows, total, query.fields, TroubleTicket)


@router.get(
    "/troubleTicket/{number}", response_model=TroubleTicket, responses=errors("not-found"),
    summary="TMF621: one trouble ticket",
)  # fmt: skip
async def trouble_ticket(
    request: Request, who: Reader, number: Number, query: Annotated[FieldsQuery, Query()]
) -> Response:
    """With the history of its status and its notes."""
    told = await asyncio.to_thread(_whole, parts_in(request), who, number)
    return selected(told, query.fields, TroubleTicket)


@router.post(
    "/troubleTicket", status_code=201, response_model=TroubleTicket,
    responses=errors("cross-site", "other-request", "busy"), summary="TMF621: open a trouble ticket",
)  # fmt: skip
async def create(
    request: Request, who: TicketWorker, wanted: TroubleTicketCreate, key: IdempotencyKey = None
) -> Response:
    """A complaint about a line with an unfinished ticket is told there, and that ticket is given back. The same
    `externalId` from the same caller is the same ticket."""
    parts = parts_in(request)
    wish = _wish(wanted)

    def opened(kept: str | None) -> dict[str, Any]:
        inventory = parts.inventory()
        place = Place.parse(wish.place)
        whereabouts = Whereabouts(inventory, [place], wish.lines)
        lines = wish.lines or whereabouts.lines_of(place)
        owner = whereabouts.owner(place, lines, wish.cause or "unknown", parts.ledger.rules.responsibility)
        if not who.sees(owner.area, owner.grid):
            raise not_found("place", wish.place, remedy="look it up with /api/v1/lines?q=")
        own = f"tmf621:{who.name}:{wanted.externalId}" if wanted.externalId else kept
        ticket = parts.ledger.open_by_hand(
            wish, inventory, actor=who.name, role=who.role, now=parts.clock(), key=own and own[:200]
        )
        return _whole(parts, who, ticket.id)

    async def work(kept: str | None) -> Response:
        told = await asyncio.to_thread(opened, kept)
        request.app.state.standing.forget()
        return selected(told, None, TroubleTicket, status=201, headers={"Location": told["href"]})

    return await once(request, who, key, work)


@router.patch(
    "/troubleTicket/{number}", response_model=TroubleTicket,
    responses=errors("not-found", "conflict", "transition", "cross-site"), summary="TMF621: change a trouble ticket",
)  # fmt: skip
async def change(request: Request, who: TicketWorker, number: Number, wanted: TroubleTicketUpdate) -> Response:
    """As far as the ledger's table goes; only new readings close a ticket. One change at a time."""
    parts = parts_in(request)

    def act() -> dict[str, Any]:
        ticket = _visible(parts, who, number)
        action, note, given = _action(ticket, wanted, who)
        parts.ledger.act(
            number, action, actor=who.name, role=who.role, now=parts.clock(), version=ticket.version, note=note, **given
        )
        return _whole(parts, who, number)

    told = await asyncio.to_thread(act)
    request.app.state.standing.forget()
    return selected(told, None, TroubleTicket)


@router.post(
    "/hub", status_code=201, response_model=HubAnswer, responses=errors("cross-site", "other-request", "busy"),
    summary="TMF621: tell a listener of trouble tickets",
)  # fmt: skip
async def listen(request: Request, who: HookKeeper, wanted: HubRequest, key: IdempotencyKey = None) -> Response:
    """Delivered as webhooks are, without a signature. TM Forum's listeners have no way to check one."""
    parts = parts_in(request)

    async def work(_: str | None) -> Response:
        made = await asyncio.to_thread(
            lambda: Subscriptions(parts.ledger.engine).subscribe(
                wanted.callback, secret=None, kinds=(), areas=(), actor=who.name, now=parts.clock(), form="tmf621"
            )
        )
        told = HubAnswer(id=str(made.id), callback=made.url)
        return Response(told.model_dump_json(), 201, media_type="application/json")

    return await once(request, who, key, work)


@router.delete(
    "/hub/{number}", status_code=204, response_class=Response, responses=errors("not-found", "cross-site"),
    summary="TMF621: tell a listener no more",
)  # fmt: skip
async def forget(request: Request, _: HookKeeper, number: Number) -> Response:
    try:
        await asyncio.to_thread(Subscriptions(parts_in(request).ledger.engine).end, number)
    except WebhookNotFoundError:
        raise not_found("listener", str(number), remedy="list /api/v1/webhooks to see the numbers there are") from None
    return Response(status_code=204)


def _wish(wanted: TroubleTicketCreate) -> Wish:
    """What the ledger is asked for. A problem where it has no word for it."""
    words = mapping().trouble_ticket
    kind, grade = words.kind(wanted.ticketType), words.grade(wanted.severity)
    if kind is None or grade is None:
        known = ", ".join(words.ticket_type) if kind is None else ", ".join(words.severity.values())
        name = "ticketType" if kind is None else "severity"
        raise ProblemError("invalid", f"{name} is none of ours; send one of: {known}",
                           errors=[{"where": f"body.{name}", "message": f"one of: {known}"}])  # fmt: skip
    named = [(entity.referred_type, entity.id) for entity in wanted.relatedEntity]
    lines = [ident for referred, ident in named if referred == "line"]
    others = [f"{referred}:{ident}" for referred, ident in named if referred != "line"]
    try:
        place = str(Place.parse(others[0] if others else f"line:{lines[0]}"))
    except ValueError as error:
        raise ProblemError("invalid", f"relatedEntity: {error}",
                           errors=[{"where": "body.relatedEntity", "message": str(error)}]) from None  # fmt: skip
    note = trouble.words_with(wanted.description, wanted.externalId)
    return Wish(kind, place, note, tuple(lines), grade=grade)


def _action(ticket: Ticket, wanted: TroubleTicketUpdate, who: Caller) -> tuple[str, str, dict[str, Any]]:
    """The action that is meant, its words and what else it is given. A problem where none is or several are."""
    meant = [name for name in ("status", "note", "relatedParty") if getattr(wanted, name) is not None]
    if len(meant) != 1:
        raise ProblemError("invalid", "send one change: status, note, or relatedParty with the engineer",
                           errors=[{"where": "body", "message": "one of: status, note, relatedParty"}])  # fmt: skip
    if wanted.note is not None:
        return "note", wanted.note[0].text, {}
    if wanted.relatedParty is not None:
        return (
            "assign",
            wanted.statusChangeReason,
            {"engineer": wanted.relatedParty[0].name or wanted.relatedParty[0].id},
        )
    ways = mapping().trouble_ticket.patch.get(wanted.status or "", ())
    can = allowed(ticket.state)
    action = next((way for way in ways if way in can), None)
    if action is None:
        why = "resolving needs cause and action codes: POST /api/v1/tickets/{id}/transitions; closing follows readings"
        raise ProblemError("transition", f"status {wanted.status} cannot be asked for while the ticket is "
                           f"{ticket.state}; {why}", allowed=list(allowed(ticket.state, who.role)))  # fmt: skip
    if action == "wait_parts":
        given = {"part": wanted.statusChangeReason[:200], "expected_at": wanted.expectedResolutionDate}
        return action, "", {name: value for name, value in given.items() if value}
    return action, wanted.statusChangeReason, {}


def _whole(parts: Parts, who: Caller, number: int) -> dict[str, Any]:
    ticket = _visible(parts, who, number)
    return trouble.whole(ticket, parts.ledger.log(number))


def _visible(parts: Parts, who: Caller, number: int) -> Ticket:
    found = parts.ledger.ticket(number)
    if not who.sees(found.area, found.grid):
        raise not_found("ticket", str(number), remedy="list the trouble tickets to see the numbers there are")
    return found
