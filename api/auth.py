"""Who is asking: a bearer token or the console's session cookie, what the role may, which areas it sees."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials

from api.attempts import ALLOWED, FailedAttempts
from api.parts import Parts
from api.problems import ProblemError
from api.roles import RIGHTS, Right, Role, may
from api.tokens import Token, parts_of

COOKIE = "lightline_session"
REQUEST_HEADER = "X-Lightline-Request"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

_bearer = HTTPBearer(
    auto_error=False, scheme_name="token", description="A token made with `lightline user add NAME --role ROLE`."
)
_cookie = APIKeyCookie(
    name=COOKIE, auto_error=False, scheme_name="session", description="The console's session: POST /api/v1/session."
)


@dataclass(frozen=True)
class Caller:
    """Who asks. `areas` None means all areas."""

    name: str
    role: Role
    areas: frozenset[str] | None
    token: Token

    def sees(self, area: str | None) -> bool:
        """Whether what belongs to `area` may be shown; what belongs to none is for those without limits."""
        return self.areas is None or area in self.areas

    def may(self, right: Right) -> bool:
        return may(self.role, right)


def parts_in(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


async def verified(request: Request, text: str) -> Token:
    """The token that `text` is; a problem where it is none, or after too many failures."""
    parts, attempts = parts_in(request), _attempts(request)
    address = request.client.host if request.client else ""
    ident, now = parts_of(text)[0], parts.clock()
    wait = attempts.wait_s(address, ident, now)
    if wait:
        detail = f"{ALLOWED} attempts with a wrong token within a minute"
        raise ProblemError("too-many", detail, headers={"Retry-After": str(wait)})
    token = parts.tokens.recall(text, now) or await asyncio.to_thread(parts.tokens.verify, text, now)
    if token is None:
        attempts.failed(address, ident, now)
        raise ProblemError("bad-token", "the token is unknown, expired or revoked", headers=_challenge())
    return token


def may_sign_in(request: Request) -> None:
    """A problem where the browser says that another site asks: nobody is to be signed in as somebody else."""
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site", "none")
    strange = origin is not None and _netloc(origin) != request.headers.get("host", "").lower()
    if strange or site not in ("same-origin", "none"):
        raise ProblemError("cross-site", "the browser says that another site sent this")


def same_origin(request: Request) -> None:
    """A problem unless a state-changing call with a cookie comes from the console itself."""
    may_sign_in(request)
    if request.headers.get(REQUEST_HEADER) != "1":
        raise ProblemError("cross-site", f"{request.method} with a cookie needs the header {REQUEST_HEADER}: 1")


async def caller(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    session: Annotated[str | None, Depends(_cookie)],
) -> Caller:
    """Who asks; a problem when nobody says so. A token in the header goes before a cookie."""
    if credentials is not None:
        token = await verified(request, credentials.credentials)
    elif session is not None:
        parts = parts_in(request)
        found = await asyncio.to_thread(parts.tokens.verify_session, session, parts.clock())
        if found is None:
            raise ProblemError(
                "not-signed-in", "the session has ended", remedy="sign in again with your token", headers=_challenge()
            )
        if request.method not in SAFE:
            same_origin(request)
        token = found
    else:
        raise ProblemError("not-signed-in", "the request carries neither token nor session", headers=_challenge())
    areas = frozenset(token.areas) if token.areas else None
    return Caller(token.name, token.role, areas, token)


def with_right(right: Right) -> Callable[[Caller], Awaitable[Caller]]:
    """A dependency: the caller, who has this right."""

    async def allowed(who: Annotated[Caller, Depends(caller)]) -> Caller:
        if not who.may(right):
            these = ", ".join(sorted(RIGHTS[right]))
            raise ProblemError("not-allowed", f"role {who.role} may not; these may: {these}")
        return who

    return allowed


Reader = Annotated[Caller, Depends(with_right("read"))]
LineAsker = Annotated[Caller, Depends(with_right("ask"))]
TicketWorker = Annotated[Caller, Depends(with_right("tickets"))]
MetricsReader = Annotated[Caller, Depends(with_right("metrics"))]
HookKeeper = Annotated[Caller, Depends(with_right("hooks"))]


def _attempts(request: Request) -> FailedAttempts:
    attempts: FailedAttempts = request.app.state.attempts
    return attempts


def _challenge() -> dict[str, str]:
    return {"WWW-Authenticate": 'Bearer realm="lightline"'}


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""
