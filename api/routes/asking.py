"""POST /lines/{id}/poll: one line asked for now, by the running collector."""

from fastapi import APIRouter, Request, Response

from api.answers import answer
from api.auth import LineAsker, parts_in
from api.describe import errors
from api.problems import ProblemError
from api.routes.context import figures_in
from api.routes.lines import LineId, row_of
from api.schemas.lines import LineNow
from collector.asks import CollectorAwayError, LineAnswer

router = APIRouter(tags=["lines"])


@router.post(
    "/lines/{line_id:path}/poll",
    response_model=LineNow,
    responses=errors("not-found", "too-soon", "collector-away", "device-silent"),
    summary="One line's figures now",
)
async def poll(request: Request, who: LineAsker, line_id: LineId) -> Response:
    """Asks the device for this line alone; at most once a minute, and rarely for one device. The reading is stored."""
    row_of(await figures_in(request).current(), who, line_id)
    try:
        told = await parts_in(request).ask_line(line_id)
    except (CollectorAwayError, ValueError) as error:
        raise ProblemError("collector-away", str(error)) from None
    except TimeoutError:
        raise ProblemError("device-silent", "the collector did not answer in time") from None
    if told.outcome != "answered" or told.device is None or told.time is None:
        raise _problem(told)
    return answer(
        request,
        LineNow(
            line_id=told.line_id, device=told.device, time=told.time, readings=dict(told.readings),
            quality=dict(told.quality), notes=list(told.notes), requests=told.requests, seconds=told.seconds,
        ),
    )  # fmt: skip


def _problem(told: LineAnswer) -> ProblemError:
    headers = {} if told.retry_after_s is None else {"Retry-After": f"{told.retry_after_s:.0f}"}
    slug = "too-soon" if told.outcome == "too_soon" else "device-silent"
    return ProblemError(slug, told.detail or "no answer", headers=headers)
