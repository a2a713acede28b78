"""Who is asking: a bearer token or the console's session cookie, what the role may, which part of the plant it sees."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials

from api.attempts import ALLOWED, FailedAttempts
from api.caller import Caller
from api.cookies import COOKIE, session_secret
from api.parts import Parts
from api.people.sessions import Session
from api.problems import ProblemError
from api.rates import Rates
from api.roles import RIGHTS, Right
from api.tokens import Token, parts_of

__all__ = ["COOKIE", "REQUEST_HEADER", "Caller"]

REQUEST_HEADER = "X-Lightline-Request"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

_bearer = HTTPBearer(
    auto_error=False, scheme_name="token", description="A token made with `lightline user add NAME --role ROLE`."
)
_cookie = APIKeyCookie(
    name=COOKIE, auto_error=False, scheme_name="session", description="The console's session: POST /api/v1/session."
)


def parts_in(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


def address_of(request: Request) -> str:
    return request.client.host if request.client else ""


async def verified(request: Request, text: str) -> Token:
    """The token that `text` is; a problem where it is none, or after too many failures."""
    parts, attempts = parts_in(request), _attempts(request)
    address = address_of(request)
    ident, now = parts_of(text)[0], parts.clock()
    wait = attempts.wait_s(address, ident, now)
    if wait:
        detail = f"{ALLOWED} attempts with a wrong token within a minute"
        raise ProblemError("too-many", detail, headers={"Retry-After": str(wait)})
    token = parts.tokens.recall(text, now) or await asyncio.to_thread(parts.tokens.verify, text, now)
    if token is None:
        attempts.failed(address, ident, now)
        await _audit_refused(request, ident)
        raise ProblemError("bad-token", "the token is unknown, expired or revoked", headers=challenge())
    return token


async def _audit_refused(request: Request, ident: str) -> None:
    """Ten lines a minute from an address: who tries ids at random must not fill the disk."""
    parts, attempts, address = parts_in(request), _attempts(request), address_of(request)
    now, all_of_them = parts.clock(), "audit"
    if attempts.wait_s(address, all_of_them, now):
        return
    attempts.failed(address, all_of_them, now)
    audit = parts.people.audit
    await asyncio.to_thread(
        audit.add, "token_refused", now, way="token", outcome="refused", target=ident, address=address
    )


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
    _: Annotated[str | None, Depends(_cookie)],
) -> Caller:
    """Who asks; a problem when nobody says so, or asks too much. A token in the header goes before a cookie."""
    parts, secret = parts_in(request), session_secret(request)
    if credentials is not None:
        token = await verified(request, credentials.credentials)
        who = Caller.of_token(token)
    elif secret is not None:
        found = await asyncio.to_thread(_in_session, parts, secret)
        if found is None:
            raise ProblemError("not-signed-in", "the session has ended", remedy="sign in again", headers=challenge())
        if request.method not in SAFE:
            same_origin(request)
        who = found
    else:
        raise ProblemError("not-signed-in", "the request carries neither token nor session", headers=challenge())
    request.state.caller = who
    rates: Rates = request.app.state.rates
    wait = rates.wait_s(who.key, parts.clock())
    if wait:
        detail = f"more than {rates.per_s:g} requests a second, after {rates.burst:g} at once"
        raise ProblemError("rate-limit", detail, headers={"Retry-After": str(wait)})
    return who


def _in_session(parts: Parts, secret: str) -> Caller | None:
    """Who is signed in with this cookie, as he is now."""
    now = parts.clock()
    session = parts.people.sessions.find(secret, now, parts.settings.idle)
    if session is None:
        return None
    return still(parts, session)


def still(parts: Parts, session: Session) -> Caller | None:
    """Who a session is of; None where his token ended or he was disabled."""
    if session.token_id is not None:
        token = parts.tokens.in_force(session.token_id, parts.clock())
        return Caller.of_token(token, session) if token is not None else None
    user = parts.people.users.get(session.user_id or "")
    if user is None or user.state != "active":
        return None
    return Caller.of_user(user, session, second_factor=user.role in parts.settings.second_factor)


def with_right(right: Right) -> Callable[[Caller], Awaitable[Caller]]:
    """A dependency: the caller, who has this right."""

    async def allowed(who: Annotated[Caller, Depends(caller)]) -> Caller:
        if who.unfinished and right != "self":
            raise ProblemError("unfinished-account", who.unfinished)
        if not who.may(right):
            these = ", ".join(sorted(RIGHTS[right]))
            token = " and this token was made without the right" if who.role in RIGHTS[right] else ""
            raise ProblemError("not-allowed", f"role {who.role} may not{token}; these may: {these}")
        return who

    return allowed


async def _own(who: Annotated[Caller, Depends(caller)]) -> Caller:
    if who.user is None or who.session is None:
        raise ProblemError("no-account", f'"{who.name}" is a token, and was not signed in by name and password')
    return who


Reader = Annotated[Caller, Depends(with_right("read"))]
LineAsker = Annotated[Caller, Depends(with_right("ask"))]
TicketWorker = Annotated[Caller, Depends(with_right("tickets"))]
MetricsReader = Annotated[Caller, Depends(with_right("metrics"))]
HookKeeper = Annotated[Caller, Depends(with_right("hooks"))]
CustomerReader = Annotated[Caller, Depends(with_right("customers"))]
Exporter = Annotated[Caller, Depends(with_right("export"))]
PeopleKeeper = Annotated[Caller, Depends(with_right("people"))]
AuditReader = Annotated[Caller, Depends(with_right("audit"))]
SettingsReader = Annotated[Caller, Depends(with_right("settings"))]
RulesKeeper = Annotated[Caller, Depends(with_right("rules"))]
PlantKeeper = Annotated[Caller, Depends(with_right("plant"))]
SignedIn = Annotated[Caller, Depends(caller)]  # whatever he may
AccountOwner = Annotated[Caller, Depends(_own)]


def _attempts(request: Request) -> FailedAttempts:
    attempts: FailedAttempts = request.app.state.attempts
    return attempts


def challenge() -> dict[str, str]:
    return {"WWW-Authenticate": 'Bearer realm="lightline"'}


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""
