"""POST /lines/{id}/poll, /devices/{id}/poll: a line or a device's states asked for now, by the running collector."""

from collections.abc import Awaitable
from typing import TypeVar

from fastapi import APIRouter, Request, Response

from api.answers import answer
from api.auth import LineAsker, parts_in
from api.describe import errors
from api.problems import ProblemError, not_found
from api.routes.context import figures_in
from api.routes.lines import LineId, row_of
from api.routes.plant import DeviceId, device_of
from api.schemas.lines import LineNow
from api.schemas.plant import DeviceAsked
from collector.asks import CollectorAwayError, LineAnswer

router = APIRouter(tags=["lines"])
T = TypeVar("T")


@router.post(
    "/lines/{line_id:path}/poll",
    response_model=LineNow,
    responses=errors("not-found", "too-soon", "collector-away", "device-silent"),
    summary="One line's figures now",
)
async def poll(request: Request, who: LineAsker, line_id: LineId) -> Response:
    """Asks the device for this line alone; at most once a minute, and rarely for one device. The reading is stored."""
    row_of(await figures_in(request).current(), who, line_id)
    told = await _asked(parts_in(request).ask_line(line_id))
    if told.outcome != "answered" or told.device is None or told.time is None:
        raise _problem(told)
    return answer(
        request,
        LineNow(
            line_id=told.line_id, device=told.device, time=told.time, readings=dict(told.readings),
            quality=dict(told.quality), notes=list(told.notes), requests=told.requests, seconds=told.seconds,
        ),
    )  # fmt: skip


@router.post(
    "/devices/{device_id}/poll",
    response_model=DeviceAsked,
    responses=errors("not-found", "too-soon", "collector-away", "device-silent"),
    summary="A device's states now",
)
async def look(request: Request, who: LineAsker, device_id: DeviceId) -> Response:
    """The collector reads its states next, and stores them; at most once in two minutes. Optics keep their own time:
    reading them loads the device."""
    device_of(await figures_in(request).current(), who, device_id)
    told = await _asked(parts_in(request).look_at(device_id))
    if told.outcome == "unknown_device":
        raise not_found("polled device", device_id, remedy="see its page, or GET /api/v1/collector")
    if told.outcome == "too_soon":
        raise ProblemError("too-soon", told.detail, headers={"Retry-After": f"{told.retry_after_s or 0:.0f}"})
    return answer(request, DeviceAsked(device=device_id, asked_at=parts_in(request).clock()))


async def _asked(asking: Awaitable[T]) -> T:
    try:
        return await asking
    except (CollectorAwayError, ValueError) as error:
        raise ProblemError("collector-away", str(error)) from None
    except TimeoutError:
        raise ProblemError("device-silent", "the collector did not answer in time") from None


def _problem(told: LineAnswer) -> ProblemError:
    headers = {} if told.retry_after_s is None else {"Retry-After": f"{told.retry_after_s:.0f}"}
    slug = "too-soon" if told.outcome == "too_soon" else "device-silent"
    return ProblemError(slug, told.detail or "no answer", headers=headers)
