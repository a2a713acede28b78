"""POST, GET and DELETE /session: the console signs in with a token or a name, and carries a cookie."""

import asyncio
from datetime import datetime, timedelta

from fastapi import APIRouter, Depends, Request, Response

from api import cookies
from api.answers import answer
from api.auditing import note
from api.auth import Caller, SignedIn, address_of, challenge, may_sign_in, parts_in, verified
from api.describe import errors
from api.parts import Parts
from api.people.sessions import Visitor, Way
from api.people.users import User, key_of
from api.problems import ProblemError
from api.roles import RIGHTS
from api.schemas.people import SessionPage, SignIn, WaysPage
from api.tokens import Token

router = APIRouter(tags=["session"], prefix="/session")


@router.post(
    "",
    response_model=SessionPage,
    responses=errors("cross-site", "wrong-sign-in", "code-needed", "locked", without=("not-allowed", "store-down")),
    summary="Sign in with a token, or with name and password",
    dependencies=[Depends(may_sign_in)],
)
async def sign_in(request: Request, asked: SignIn) -> Response:
    """Sets a cookie that scripts cannot read and other sites cannot send. It ends by itself, or with token or user."""
    if asked.token is not None and asked.name is None:
        token = await verified(request, asked.token.get_secret_value())
        return await opened(request, "token", token=token)
    if asked.token is not None or asked.name is None or asked.password is None:
        raise ProblemError(
            "invalid", "body: give either a token, or a name and a password",
            errors=[{"where": "body", "message": "a token, or a name and a password"}],
        )  # fmt: skip
    user = await _known(request, asked.name, asked.password.get_secret_value(), asked.code or "")
    return await opened(request, "second_factor" if user.second_factor else "password", user=user)


async def _known(request: Request, name: str, password: str, code: str) -> User:
    """The user; a problem that tells nobody whether the name, the password or the code was wrong."""
    parts, address = parts_in(request), address_of(request)
    now, account = parts.clock(), key_of(name)
    people = parts.people
    wait = await asyncio.to_thread(people.failures.wait_s, account, address, now)
    if wait > 0:
        await note(request, "sign_in", actor=_shown(parts, name), way="password", outcome="refused", why="locked")
        raise ProblemError("locked", "too many failed sign-ins", headers={"Retry-After": str(wait)})
    found = await asyncio.to_thread(people.users.sign_in, name, password, code, now)
    if found == "code_needed":
        raise ProblemError("code-needed", "the password is right; now the code", headers=challenge())
    if not isinstance(found, User):
        await asyncio.to_thread(people.failures.failed, account, address, now)
        await note(request, "sign_in", actor=_shown(parts, name), way="password", outcome="refused", why="wrong")
        raise ProblemError("wrong-sign-in", "name, password or code is not right", headers=challenge())
    await asyncio.to_thread(people.failures.forget, account)
    return found


def _shown(parts: Parts, name: str) -> str:
    """The name for the audit, where somebody is called so: people type passwords into the field of the name."""
    found = parts.people.users.named(name)
    return found.name if found else ""


async def opened(
    request: Request,
    way: Way,
    *,
    token: Token | None = None,
    user: User | None = None,
    response: Response | None = None,
) -> Response:
    """A new session, whatever the browser carried before; its page, or the response given, with the cookie."""
    parts = parts_in(request)
    now = parts.clock()
    ends = now + timedelta(hours=parts.settings.session_hours)
    if token is not None and token.expires_at is not None:
        ends = min(ends, token.expires_at)
    visitor = Visitor(address_of(request), request.headers.get("user-agent", ""))
    before = cookies.session_secret(request)

    def begin() -> tuple[str, Caller]:
        secret = parts.people.sessions.open(
            now, ends, way, visitor, token_id=token.id if token else None, user_id=user.id if user else None,
            replaces=before,
        )  # fmt: skip
        session = parts.people.sessions.find(secret, now, parts.settings.idle)
        assert session is not None  # noqa: S101  it was opened just now
        if token is not None:
            return secret, Caller.of_token(token, session)
        assert user is not None  # noqa: S101  one of the two is given
        return secret, Caller.of_user(user, session, second_factor=user.role in parts.settings.second_factor)

    secret, who = await asyncio.to_thread(begin)
    await note(request, "sign_in", who)
    response = response or answer(request, await _page(parts, who))
    cookies.give(request, response, secret, ends, now)
    return response


@router.get("", response_model=SessionPage, responses=errors(), summary="Who am I, and what may I do")
async def who_am_i(request: Request, who: SignedIn) -> Response:
    return answer(request, await _page(parts_in(request), who))


@router.delete("", status_code=204, responses=errors("cross-site"), summary="Sign out")
async def sign_out(request: Request, who: SignedIn) -> Response:
    """Ends the session of the cookie; a bearer token stays what it is."""
    secret = cookies.session_secret(request)
    if secret is not None:
        await asyncio.to_thread(parts_in(request).people.sessions.close, secret)
        await note(request, "sign_out", who)
    response = Response(status_code=204)
    cookies.take(request, response)
    return response


@router.get(
    "/ways",
    response_model=WaysPage,
    responses=errors(without=("not-signed-in", "not-allowed", "too-many", "rate-limit", "invalid", "store-down")),
    summary="How one can sign in here",
)
async def ways(request: Request) -> Response:
    """For the page that asks for it; needs no token."""
    parts = parts_in(request)
    directory = parts.settings.directory
    everybody = await asyncio.to_thread(parts.people.users.everybody)
    return answer(
        request,
        WaysPage(
            password=any(u.has_password for u in everybody),
            directory=directory.label if directory is not None else None,
        ),
    )


async def _page(parts: Parts, who: Caller) -> SessionPage:
    inventory = await asyncio.to_thread(parts.inventory)
    ends: datetime | None = who.session.expires_at if who.session else who.token.expires_at if who.token else None
    return SessionPage(
        name=who.name,
        role=who.role,
        areas=sorted(who.areas) if who.areas is not None else None,
        grids=sorted(who.grids) if who.grids is not None else None,
        rights=sorted(right for right in RIGHTS if who.may(right)),
        expires_at=ends,
        simulated=inventory.simulated,
        account=who.user is not None,
        unfinished=None if not who.unfinished else "password" if who.user and who.user.must_change else "second_factor",
    )
