"""GET /events: changes as they happen, as server-sent events."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse

from api.auth import Caller, Reader, parts_in, still
from api.changes import mark_of, stream
from api.describe import Responses, errors
from api.parts import Parts
from api.problems import ProblemError
from api.routes.context import figures_in

router = APIRouter(tags=["service"])
STREAM: Responses = {
    **errors(),
    200: {
        "description": "Events `ready`, `ticket`, `finding`, `health`, `readings`; `data` is JSON.",
        "content": {
            "text/event-stream": {
                "schema": {
                    "type": "object",
                    "description": "One event.",
                    "properties": {
                        "id": {"type": "string", "pattern": "^[0-9]+-[0-9]+$"},
                        "event": {"enum": ["ready", "ticket", "finding", "health", "readings"]},
                        "data": {"type": "string", "description": "JSON.", "contentMediaType": "application/json"},
                        "retry": {"type": "integer"},
                    },
                    "required": ["id", "event", "data"],
                },
                "example": {"id": "12-40", "event": "ticket", "data": '{"ticket": 7, "action": "assign"}'},
            }
        },
    },
}
Id = Annotated[str | None, Query(max_length=40, description="As the header, for programs that cannot set it.")]


@router.get("/events", response_class=StreamingResponse, responses=STREAM, summary="Changes as they happen")
async def events(
    request: Request,
    who: Reader,
    last_event_id: Annotated[str | None, Header(max_length=40, description="Go on after this event.")] = None,
    after: Id = None,
) -> StreamingResponse:
    """With `Last-Event-ID`, which browsers send by themselves, nothing is left out, also over a restart.

    The stream ends after a quarter of an hour, and its reader comes again: so rights are never older than that.
    """
    parts, given = parts_in(request), last_event_id or after
    try:
        mark = mark_of(given) if given else None
    except ValueError as error:
        where = "header.last-event-id" if last_event_id else "query.after"
        raise ProblemError("invalid", f"{where}: {error}", errors=[{"where": where, "message": str(error)}]) from None
    state = request.app.state
    body = stream(parts, figures_in(request), state.standing, state.newest, who, mark, partial(_still, parts, who))
    return StreamingResponse(body, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


def _still(parts: Parts, who: Caller) -> bool:
    """Whether the reader may do now what he could when he came, no more and no less."""
    if who.session is not None:
        session = parts.people.sessions.known(who.session.id, parts.clock())
        now = still(parts, session) if session is not None else None
    else:
        token = parts.tokens.in_force(who.token.id, parts.clock()) if who.token is not None else None
        now = Caller.of_token(token) if token is not None else None
    return now is not None and (now.sight, now.role, now.rights) == (who.sight, who.role, who.rights)
