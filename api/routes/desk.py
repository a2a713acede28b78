"""POST /tickets, POST /tickets/bulk, GET /queue: what a dispatcher opens, does with many, and does first."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.answers import answer
from api.auth import Reader, TicketWorker, parts_in
from api.describe import errors
from api.once import IdempotencyKey, once
from api.problems import not_found
from api.reach import reached, reaches_place, scope_of
from api.routes.tickets import ticket_row
from api.schemas.desk import ManyAnswer, ManyRequest, QueueAnswer, QueueQuery, Refused, TicketRequest
from api.schemas.tickets import TicketRow
from maintenance.by_hand import Request as Wish
from maintenance.errors import LedgerError

router = APIRouter(tags=["tickets"])


@router.post(
    "/tickets", status_code=201, response_model=TicketRow,
    responses=errors("not-found", "cross-site", "other-request", "busy"), summary="Open a ticket by hand",
)  # fmt: skip
async def open_ticket(
    request: Request, who: TicketWorker, wanted: TicketRequest, key: IdempotencyKey = None
) -> Response:
    """What a technician asks for is proposed. A complaint about a line with an unfinished ticket is told there: that
    ticket is given back, with a grade and a deadline no worse than the complaint's own."""
    parts = parts_in(request)
    wish = Wish(**{**wanted.model_dump(), "lines": tuple(wanted.lines)})

    def opened(kept: str | None) -> TicketRow:
        inventory = parts.inventory()
        if not reaches_place(parts, who, inventory, wish.place, wish.lines):
            raise not_found("place", wish.place, remedy="look it up with /api/v1/lines?q=")
        own = kept and kept[:200]
        ticket = parts.ledger.open_by_hand(wish, inventory, actor=who.name, role=who.role, now=parts.clock(), key=own)
        return ticket_row(ticket, parts)

    async def work(kept: str | None) -> Response:
        told = await asyncio.to_thread(opened, kept)
        request.app.state.standing.forget()
        return _created(told, f"/api/v1/tickets/{told.id}")

    return await once(request, who, key, work)


def _created(told: TicketRow, where: str) -> Response:
    return Response(told.model_dump_json(), 201, {"Location": where}, "application/json")


@router.post(
    "/tickets/bulk", response_model=ManyAnswer, responses=errors("cross-site"), summary="One action on many tickets",
)  # fmt: skip
async def many(request: Request, who: TicketWorker, asked: ManyRequest) -> Response:
    """Each ticket by itself: what cannot be done is told with the reason, the rest is done."""
    parts = parts_in(request)

    def act() -> ManyAnswer:
        needed = asked.model_dump(exclude={"tickets", "action", "note"}, exclude_none=True)
        if asked.into is not None:
            reached(parts, who, asked.into)
        versions: dict[int, int] = {}
        refused: dict[int, str] = {}
        for one in asked.tickets:
            try:
                found = parts.ledger.ticket(one.id)
            except LedgerError as error:
                refused[one.id] = str(error)
                continue
            if who.sees(found.area, found.grid):
                versions[one.id] = one.version
            else:
                refused[one.id] = f"ticket {one.id} is not in the ledger; list the tickets to see the numbers there are"
        done, why = parts.ledger.act_on_many(
            versions, asked.action, actor=who.name, role=who.role, now=parts.clock(), note=asked.note, **needed
        )
        refusals = [Refused(id=number, why=words) for number, words in sorted({**refused, **why}.items())]
        return ManyAnswer(done=[ticket_row(t, parts) for t in done], refused=refusals)

    told = await asyncio.to_thread(act)
    request.app.state.standing.forget()
    return answer(request, told)


@router.get("/queue", response_model=QueueAnswer, responses=errors(), summary="What is to be repaired, in order")
async def queue(request: Request, who: Reader, query: Annotated[QueueQuery, Query()]) -> Response:
    """Graded response: by grade and deadline, in a storm or holiday as the mode says; what is held back comes last."""
    parts = parts_in(request)
    scope = scope_of(who, query.area, query.grid)
    if scope is None:
        return answer(request, QueueAnswer(tickets=[]))
    found = await asyncio.to_thread(
        lambda: parts.ledger.queue(
            parts.clock(), area=scope["area"], grid=scope["grid"], engineer=query.engineer, limit=query.limit
        )
    )
    return answer(request, QueueAnswer(tickets=[ticket_row(t, parts) for t in found]))
