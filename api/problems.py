"""Every error as a problem (RFC 9457): what is wrong, and a remedy. One place decides the words and the form."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from maintenance.errors import (
    ConflictError,
    InputError,
    NotAllowedError,
    PlanNotFoundError,
    StaleError,
    TicketNotFoundError,
    TransitionError,
    ViewNotFoundError,
)
from plant.batch import StoreUnavailableError

MEDIA_TYPE = "application/problem+json"
URN = "urn:lightline:problem:"

# slug: (status, title, remedy where the place that raises has none of its own)
KINDS: dict[str, tuple[int, str, str]] = {
    "bad-request": (400, "The request cannot be understood", "see docs/api.md for the form of requests"),
    "unknown-host": (
        400,
        "The service does not answer to this name",
        "use the address it prints at its start, or add the name to allowed_hosts in the settings",
    ),
    "not-signed-in": (
        401,
        "A token is needed",
        "send `Authorization: Bearer TOKEN`; `lightline user add NAME` makes a token",
    ),
    "bad-token": (401, "The token is not valid", "ask for a new one: it may be mistyped, expired or revoked"),
    "not-allowed": (403, "Your role may not do this", "ask an administrator for a token with another role"),
    "no-account": (
        403,
        "A token has no account",
        "accounts are for users with a name: sign in with name and password; a token is looked after by who made it",
    ),
    "cross-site": (
        403,
        "The request did not come from the console",
        "send the header `X-Lightline-Request: 1` from the same address, or use a bearer token",
    ),
    "wrong-sign-in": (401, "Name, password or code is not right", "try again; an administrator can set a new password"),
    "code-needed": (401, "A code of the second factor is needed", "give the code your phone shows, or a recovery code"),
    "unfinished-account": (403, "The account is not ready yet", "finish it on the page Account, or under /account"),
    "not-found": (404, "There is nothing here", "see /api/v1/openapi.json for what there is"),
    "method-not-allowed": (405, "This cannot be done here", "the header Allow names what can"),
    "taken": (409, "There is one already", "choose another name"),
    "conflict": (409, "Somebody changed it since you read it", "read it again, then decide"),
    "busy": (409, "The same request is being worked on", "wait as many seconds as the header Retry-After says"),
    "too-large": (413, "The request is too large", "send less at once"),
    "invalid": (422, "A value is not right", "correct what `errors` names"),
    "transition": (422, "This cannot be done with the ticket now", "do one of `allowed`, or read the ticket again"),
    "other-request": (
        422,
        "The idempotency key came with another request",
        "use a new key for a new request, and the old one only to repeat",
    ),
    "too-many": (429, "Too many failed attempts", "wait as many seconds as the header Retry-After says"),
    "locked": (429, "Too many failed sign-ins", "wait as many seconds as the header Retry-After says"),
    "rate-limit": (429, "Too many requests", "wait as many seconds as the header Retry-After says"),
    "too-soon": (429, "The line was asked for a moment ago", "wait as many seconds as the header Retry-After says"),
    "internal": (
        500,
        "Something went wrong in the service",
        "tell the operator the `request_id`; the log has the rest",
    ),
    "store-down": (503, "The telemetry store cannot be asked", "the page works again when the store does; see /health"),
    "directory-away": (503, "The directory cannot be asked", "sign in with a password, or try again later"),
    "collector-away": (503, "The collector cannot be asked", "start it, and look at /health"),
    "device-silent": (503, "The device cannot be asked now", "see its page, or try again later"),
    "collector-status": (503, "The collector's status cannot be read", "restart the collector"),
}


class ProblemError(Exception):
    """Raised by routes; becomes the answer. `extra` are further members of the problem."""

    def __init__(
        self,
        slug: str,
        detail: str,
        *,
        remedy: str | None = None,
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail)
        self.slug, self.detail, self.remedy = slug, detail, remedy
        self.headers = dict(headers or {})
        self.extra = extra


def problem(
    slug: str,
    detail: str,
    *,
    remedy: str | None = None,
    headers: Mapping[str, str] | None = None,
    status: int | None = None,
    **extra: Any,
) -> Response:
    """The answer for a problem of a kind in KINDS."""
    kind_status, title, usual = KINDS[slug]
    body = {
        "type": URN + slug,
        "title": title,
        "status": status or kind_status,
        "detail": detail,
        "remedy": remedy or usual,
        **extra,
    }
    return Response(orjson.dumps(body), body["status"], dict(headers or {}), MEDIA_TYPE)


def not_found(what: str, ident: str, *, remedy: str) -> ProblemError:
    return ProblemError("not-found", f'there is no {what} "{ident[:200]}", or it is not in your area', remedy=remedy)


def install(app: FastAPI) -> None:
    """Answer every exception with a problem. Those nobody foresaw are answered in api/security.py."""

    async def raised(_: Request, error: ProblemError) -> Response:
        return problem(error.slug, error.detail, remedy=error.remedy, headers=error.headers, **error.extra)

    async def http(_: Request, error: HTTPException) -> Response:
        slugs = {404: "not-found", 405: "method-not-allowed", 413: "too-large"}
        slug = slugs.get(error.status_code, "bad-request")
        detail = {"not-found": "no such path", "method-not-allowed": "the path is right, the method is not"}.get(
            slug, str(error.detail)
        )
        return problem(slug, detail, headers=error.headers, status=error.status_code)

    async def validation(_: Request, error: RequestValidationError) -> Response:
        errors = [{"where": ".".join(str(part) for part in e["loc"]), "message": e["msg"]} for e in error.errors()[:20]]
        first = errors[0] if errors else {"where": "request", "message": "not valid"}
        return problem("invalid", f"{first['where']}: {first['message']}", errors=errors)

    async def store_down(request: Request, error: StoreUnavailableError) -> Response:
        since: datetime = request.app.state.figures.store_failed(error)
        return problem("store-down", str(error), headers={"Retry-After": "10"}, since=since.isoformat())

    app.add_exception_handler(ProblemError, raised)  # type: ignore[arg-type]
    app.add_exception_handler(HTTPException, http)  # type: ignore[arg-type]
    app.add_exception_handler(RequestValidationError, validation)  # type: ignore[arg-type]
    app.add_exception_handler(StoreUnavailableError, store_down)  # type: ignore[arg-type]
    for kind, handler in _LEDGER.items():
        app.add_exception_handler(kind, handler)


async def _ticket_missing(_: Request, error: Exception) -> Response:
    return problem("not-found", str(error), remedy="list /api/v1/tickets to see the numbers there are")


async def _missing(_: Request, error: Exception) -> Response:
    return problem("not-found", str(error), remedy="list what there is, at the same path without the number")


async def _transition(_: Request, error: Exception) -> Response:
    allowed = list(error.allowed) if isinstance(error, TransitionError) else []
    return problem("transition", str(error), allowed=allowed)


async def _conflict(_: Request, error: Exception) -> Response:
    current = error.current if isinstance(error, ConflictError) else None
    return problem("conflict", str(error), current=current)


async def _not_allowed(_: Request, error: Exception) -> Response:
    return problem("not-allowed", str(error))


async def _input(_: Request, error: Exception) -> Response:
    return problem("invalid", str(error), errors=[{"where": "body", "message": str(error)}])


_LEDGER = {
    TicketNotFoundError: _ticket_missing,
    ViewNotFoundError: _missing,
    PlanNotFoundError: _missing,
    TransitionError: _transition,
    ConflictError: _conflict,
    StaleError: _conflict,
    NotAllowedError: _not_allowed,
    InputError: _input,
}
