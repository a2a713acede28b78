"""TMF642 Alarm Management 4.0: list and read alarms. Mapping: docs/tmforum.md."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from api.auth import Reader, parts_in
from api.describe import errors
from api.problems import not_found
from api.schemas.tmf import Alarm, AlarmsQuery, FieldsQuery
from api.tmf.alarms import alarm
from api.tmf.mapping import mapping
from api.tmf.selecting import page_answer, selected, within
from maintenance.exchange import Wanted, findings_page

router = APIRouter(prefix="/tmf-api/alarm/v4", tags=["tmforum"])

Number = Annotated[int, Path(ge=1, le=2**63 - 1, description="The finding's number.")]


@router.get("/alarm", response_model=list[Alarm], responses=errors(), summary="TMF642: list alarms")
async def alarms(request: Request, who: Reader, query: Annotated[AlarmsQuery, Query()]) -> Response:
    """Findings of the analyzer, by number. `X-Total-Count` tells how many there are."""
    parts, over = parts_in(request), mapping().alarm.cleared
    wanted = Wanted(
        states=over if query.state == "cleared" else None, not_states=over if query.state == "raised" else None,
        areas=within(who.areas), grids=within(who.grids), since=query.reported_since,
    )  # fmt: skip
    total, found = await asyncio.to_thread(findings_page, parts.ledger.engine, wanted, query.offset, query.limit)
    zone = (await asyncio.to_thread(parts.inventory)).calendar.zone
    rows = [alarm(one, ticket, parts.ledger.rules, zone) for one, ticket in found]
    return page_answer(rows, total, query.fields, Alarm)


@router.get("/alarm/{number}", response_model=Alarm, responses=errors("not-found"), summary="TMF642: one alarm")
async def one_alarm(request: Request, who: Reader, number: Number, query: Annotated[FieldsQuery, Query()]) -> Response:
    parts = parts_in(request)
    _, found = await asyncio.to_thread(
        lambda: findings_page(
            parts.ledger.engine, Wanted(areas=within(who.areas), grids=within(who.grids)), 0, 1, number=number
        )
    )
    if not found:
        raise not_found("alarm", str(number), remedy="list the alarms to see the numbers there are")
    zone = (await asyncio.to_thread(parts.inventory)).calendar.zone
    return selected(alarm(*found[0], parts.ledger.rules, zone), query.fields, Alarm)
