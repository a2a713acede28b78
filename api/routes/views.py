"""Saved views: GET and POST /views, DELETE /views/{id}, GET /views/{id}/tickets."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from api.answers import answer
from api.auth import Caller, Reader, parts_in
from api.describe import errors
from api.parts import Parts
from api.reach import scope_of
from api.routes.tickets import UNFINISHED, ticket_row
from api.schemas.desk import ViewRequest, ViewRow, ViewsAnswer, ViewsQuery, ViewTicketsQuery
from api.schemas.tickets import TicketsPage
from maintenance.views import View

router = APIRouter(tags=["tickets"])

ViewId = Annotated[int, Path(ge=1, le=2**63 - 1, description="The view's number.")]


@router.get("/views", response_model=ViewsAnswer, responses=errors(), summary="Saved views")
async def views(request: Request, who: Reader, query: Annotated[ViewsQuery, Query()]) -> Response:
    """Of one list: one's own, then those shared with one's role."""
    found = await asyncio.to_thread(parts_in(request).ledger.views.seen_by, who.name, who.role, query.kind)
    return answer(request, ViewsAnswer(views=[_row(view, who) for view in found]))


@router.post("/views", response_model=ViewRow, responses=errors("cross-site"), summary="Save a view under its name")
async def save(request: Request, who: Reader, wanted: ViewRequest) -> Response:
    """Written over the caller's own of that name. Dispatchers and administrators share with roles."""
    parts = parts_in(request)
    view = await asyncio.to_thread(
        lambda: parts.ledger.views.save(
            wanted.name,
            wanted.filters,
            owner=who.name,
            role=who.role,
            now=parts.clock(),
            shared_with=wanted.roles,
            kind=wanted.kind,
        )
    )
    return answer(request, _row(view, who))


@router.delete(
    "/views/{view_id}", status_code=204, responses=errors("not-found", "cross-site"), summary="Delete a view"
)  # fmt: skip
async def drop(request: Request, who: Reader, view_id: ViewId) -> Response:
    """One's own; an administrator also deletes what others have shared."""
    await asyncio.to_thread(parts_in(request).ledger.views.drop, view_id, owner=who.name, role=who.role)
    return Response(status_code=204)


@router.get(
    "/views/{view_id}/tickets", response_model=TicketsPage, responses=errors("not-found"),
    summary="Tickets as a view filters them",
)  # fmt: skip
async def tickets(
    request: Request, who: Reader, view_id: ViewId, query: Annotated[ViewTicketsQuery, Query()]
) -> Response:
    """By number. A shared view shows everybody what he may see."""
    parts = parts_in(request)

    def find() -> TicketsPage:
        view = parts.ledger.views.one(view_id, owner=who.name, role=who.role, kind="tickets")
        wanted = _conditions(view.filters, parts, who)
        found = [] if wanted is None else parts.ledger.tickets(**wanted, limit=query.limit, after=query.after)
        after = found[-1].id if len(found) == query.limit else None
        return TicketsPage(next=after, tickets=[ticket_row(t, parts) for t in found])

    return answer(request, await asyncio.to_thread(find))


def _conditions(filters: Mapping[str, Any], parts: Parts, who: Caller) -> dict[str, Any] | None:
    """What to ask the ledger for; None where the caller may see nothing of it."""
    wanted = dict(filters)
    scope = scope_of(who, None)
    if scope is None:
        return None
    for name, seen in scope.items():
        if seen is None:
            continue
        given = wanted.get(name, list(seen))
        wanted[name] = sorted({*([given] if isinstance(given, str) else given)} & {*seen})
        if not wanted[name]:
            return None
    states = wanted.pop("state", None)
    if states is not None:
        told = [states] if isinstance(states, str) else states
        wanted["state"] = [s for state in told for s in (UNFINISHED if state == "unfinished" else (state,))]
    if wanted.pop("overdue", False):
        wanted["overdue_at"] = parts.clock()
    return wanted


def _row(view: View, who: Caller) -> ViewRow:
    return ViewRow(**view.to_json(), mine=view.owner == who.name)
