"""GET /retrofit: old lines replaced and homes covered, against the year's targets."""

import asyncio
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request, Response

from api.answers import answer
from api.auth import Reader, parts_in
from api.describe import errors
from api.schemas.service import Retrofit
from maintenance.retrofit import progress

router = APIRouter(tags=["planning"])


@router.get("/retrofit", response_model=Retrofit, responses=errors(), summary="Progress of retrofit and coverage")
async def retrofit(request: Request, who: Reader) -> Response:
    """Areas are those of the caller; targets and forecasts are the whole operator's."""
    parts = parts_in(request)

    def build() -> Retrofit:
        inventory = parts.inventory()
        today = parts.clock().astimezone(ZoneInfo(inventory.calendar.zone)).date()
        told = progress(inventory, today).to_json()
        return Retrofit(**{**told, "areas": [a for a in told["areas"] if who.sees_area(a["area"])]})

    return answer(request, await asyncio.to_thread(build))
