"""GET and POST /modes, POST /modes/{id}/end: storms and holidays, begun and ended by hand."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from api.answers import answer
from api.auth import Reader, TicketWorker, parts_in
from api.describe import errors
from api.once import IdempotencyKey, once
from api.parts import Parts
from api.problems import not_found
from api.reach import desk_only, whole_areas
from api.schemas.desk import ModeAnswer, ModeRequest, ModeRow, ModesAnswer, Responded
from maintenance.modes import Mode

router = APIRouter(tags=["tickets"])

ModeId = Annotated[int, Path(ge=1, le=2**63 - 1, description="The mode's number.")]


@router.get("/modes", response_model=ModesAnswer, responses=errors(), summary="Storm and holiday modes")
async def modes(request: Request, who: Reader) -> Response:
    """In force and to come; of the caller's areas, and those of all areas."""
    parts = parts_in(request)
    found = await asyncio.to_thread(parts.ledger.modes, parts.clock())
    return answer(
        request, ModesAnswer(modes=[_row(m, parts) for m in found if m.area is None or who.sees_area(m.area)])
    )


@router.post(
    "/modes", status_code=201, response_model=ModeAnswer,
    responses=errors("not-found", "cross-site", "other-request", "busy"), summary="Begin a storm or holiday mode",
)  # fmt: skip
async def begin(request: Request, who: TicketWorker, wanted: ModeRequest, key: IdempotencyKey = None) -> Response:
    """Turns the queue, holds inspections back and gives urgent work to the emergency crews, until it ends."""
    parts = parts_in(request)

    def begun() -> ModeAnswer:
        desk_only(who, "begin or end a mode")
        whole_areas(who)
        if not (who.areas is None if wanted.area is None else who.sees_area(wanted.area)):
            raise not_found("area", wanted.area or "all", remedy="see /api/v1/system for the areas there are")
        inventory, now = parts.inventory(), parts.clock()
        mode = parts.ledger.begin_mode(
            wanted.mode, inventory, area=wanted.area, until=wanted.until, begins=wanted.begins, actor=who.name,
            role=who.role, why=wanted.why, now=now,
        )  # fmt: skip
        response = parts.ledger.respond(inventory, now)
        return ModeAnswer(mode=_row(mode, parts), response=Responded(**response.to_json()))

    async def work(_: str | None) -> Response:
        told = await asyncio.to_thread(begun)
        request.app.state.standing.forget()
        return Response(told.model_dump_json(), 201, {}, "application/json")

    return await once(request, who, key, work)


@router.post(
    "/modes/{mode_id}/end", response_model=ModeAnswer, responses=errors("not-found", "cross-site"),
    summary="End a mode before its time",
)  # fmt: skip
async def end(request: Request, who: TicketWorker, mode_id: ModeId) -> Response:
    """What it held back gets its time back, what it shifted goes back to its engineer."""
    parts = parts_in(request)

    def ended() -> ModeAnswer:
        desk_only(who, "begin or end a mode")
        whole_areas(who)
        now = parts.clock()
        known = {mode.id: mode for mode in parts.ledger.modes(now)}
        found = known.get(mode_id)
        if found is None or not (who.areas is None if found.area is None else who.sees_area(found.area)):
            raise not_found("mode", str(mode_id), remedy="list /api/v1/modes to see those in force and to come")
        mode = parts.ledger.end_mode(mode_id, actor=who.name, role=who.role, now=now)
        response = parts.ledger.respond(parts.inventory(), now)
        return ModeAnswer(mode=_row(mode, parts), response=Responded(**response.to_json()))

    told = await asyncio.to_thread(ended)
    request.app.state.standing.forget()
    return answer(request, told)


def _row(mode: Mode, parts: Parts) -> ModeRow:
    told = {name: getattr(mode, name) for name in ModeRow.model_fields if name != "in_force"}
    return ModeRow(**told, in_force=mode.in_force(parts.clock()))
