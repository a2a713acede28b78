"""/account: one's own password, second factor, sessions and tokens. For users who signed in by name."""

import asyncio
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from api.answers import answer
from api.auditing import note
from api.auth import AccountOwner, Caller, address_of, parts_in
from api.describe import errors
from api.people import totp
from api.people.limits import limits
from api.people.users import User, key_of
from api.problems import ProblemError, not_found
from api.routes.people import shown_once, taken, token_row, user_row
from api.schemas.people import (
    AccountPage,
    Confirmation,
    GivenCode,
    MadeToken,
    NewOwnToken,
    PasswordChange,
    RecoveryPage,
    SecretPage,
    SessionRow,
    SessionsPage,
    TokensPage,
)  # fmt: skip

router = APIRouter(tags=["account"], prefix="/account")
Ident = Annotated[str, Path(pattern="^[0-9a-f]{12}$")]
OWN = "no-account"
REFUSED = (OWN, "cross-site", "wrong-sign-in", "locked")


@router.get("", response_model=AccountPage, responses=errors(OWN), summary="My account")
async def account(request: Request, who: AccountOwner) -> Response:
    parts, user = parts_in(request), _user(who)
    left = await asyncio.to_thread(parts.people.users.recovery_codes_left, user.id)
    return answer(
        request, AccountPage(user=user_row(user), recovery_codes_left=left, sessions=await _sessions(request, who))
    )


@router.post("/password", status_code=204, responses=errors(*REFUSED), summary="Change my password")
async def change_password(request: Request, who: AccountOwner, asked: PasswordChange) -> Response:
    """Every other session of mine ends."""
    user, parts = _user(who), parts_in(request)
    await confirmed(request, who, asked.present.get_secret_value())
    new = asked.password.get_secret_value()
    if new == asked.present.get_secret_value():
        raise taken("body.password", ValueError("that is the present password; choose another"))
    try:
        await asyncio.to_thread(
            parts.people.users.set_password, user.id, new, parts.clock(), keep=who.session.id if who.session else None
        )
    except ValueError as error:
        raise taken("body.password", error) from None
    await note(request, "password_changed", who, target=user.name)
    return Response(status_code=204)


@router.post("/second-factor", response_model=SecretPage, responses=errors(*REFUSED), summary="Begin a second factor")
async def begin_second_factor(request: Request, who: AccountOwner, asked: Confirmation) -> Response:
    """It counts once a code of it was given."""
    user = _user(who)
    await confirmed(request, who, asked.password.get_secret_value())
    secret = await asyncio.to_thread(parts_in(request).people.users.begin_second_factor, user.id)
    if secret is None:
        raise taken("body", ValueError("there is a second factor already; take it off first"))
    await note(request, "second_factor_begun", who, target=user.name)
    return answer(request, SecretPage(secret=secret, address=totp.address(secret, user.name)))


@router.put("/second-factor", response_model=RecoveryPage, responses=errors(*REFUSED), summary="Confirm it with a code")
async def confirm_second_factor(request: Request, who: AccountOwner, asked: GivenCode) -> Response:
    """Tells the recovery codes, once. Every other session of mine ends."""
    user, parts = _user(who), parts_in(request)
    keep = who.session.id if who.session else None
    users = parts.people.users
    codes = await asyncio.to_thread(users.confirm_second_factor, user.id, asked.code, parts.clock(), keep=keep)
    if codes is None:
        raise taken("body.code", ValueError("the code is not right; is the phone's clock?"))
    await note(request, "second_factor_set", who, target=user.name)
    return answer(request, RecoveryPage(recovery_codes=codes))


@router.delete("/second-factor", status_code=204, responses=errors(*REFUSED), summary="Take the second factor off")
async def drop_second_factor(request: Request, who: AccountOwner, asked: Confirmation) -> Response:
    """Every other session of mine ends."""
    user, parts = _user(who), parts_in(request)
    await confirmed(request, who, asked.password.get_secret_value())
    keep = who.session.id if who.session else None
    await asyncio.to_thread(parts.people.users.drop_second_factor, user.id, parts.clock(), keep=keep)
    await note(request, "second_factor_dropped", who, target=user.name)
    return Response(status_code=204)


@router.get("/sessions", response_model=SessionsPage, responses=errors(OWN), summary="Where I am signed in")
async def sessions(request: Request, who: AccountOwner) -> Response:
    return answer(request, SessionsPage(sessions=await _sessions(request, who)))


@router.delete(
    "/sessions", status_code=204, responses=errors(OWN, "cross-site"), summary="Sign out everywhere but here"
)
async def end_sessions(request: Request, who: AccountOwner) -> Response:
    user = _user(who)
    keep = who.session.id if who.session else None
    await asyncio.to_thread(lambda: parts_in(request).people.sessions.end(user.id, keep=keep))
    await note(request, "sessions_ended", who, target=user.name)
    return Response(status_code=204)


@router.delete(
    "/sessions/{session_id}",
    status_code=204,
    responses=errors(OWN, "cross-site", "not-found"),
    summary="End one session",
)
async def end_session(request: Request, who: AccountOwner, session_id: Ident) -> Response:
    user = _user(who)
    if not await asyncio.to_thread(lambda: parts_in(request).people.sessions.end(user.id, only=session_id)):
        raise not_found("session", session_id, remedy="GET /api/v1/account/sessions lists yours")
    await note(request, "session_ended", who, target=user.name, session=session_id)
    return Response(status_code=204)


@router.get("/tokens", response_model=TokensPage, responses=errors(OWN), summary="My tokens")
async def tokens(request: Request, who: AccountOwner) -> Response:
    found = await asyncio.to_thread(parts_in(request).tokens.list, _user(who).id)
    return answer(request, TokensPage(tokens=[token_row(t) for t in found]))


@router.post("/tokens", response_model=MadeToken, status_code=201, responses=errors(*REFUSED), summary="Make a token")
async def make_token(request: Request, who: AccountOwner, asked: NewOwnToken) -> Response:
    """It can do what I can, as far as `rights` go, and ends with me."""
    user, parts = _user(who), parts_in(request)
    if who.unfinished:
        raise ProblemError("unfinished-account", who.unfinished)
    if not user.directory:
        await confirmed(request, who, asked.password.get_secret_value() if asked.password else "")
    now = parts.clock()
    ends = now + timedelta(days=min(asked.days, limits().tokens.longest_days))
    try:
        text = await asyncio.to_thread(
            lambda: parts.tokens.create(
                asked.name, user.role, areas=user.areas, grids=user.grids, rights=asked.rights, user_id=user.id,
                expires_at=ends, now=now,
            )
        )  # fmt: skip
    except ValueError as error:
        raise taken("body", error) from None
    return await shown_once(request, who, text, now)


@router.delete(
    "/tokens/{token_id}", status_code=204, responses=errors(OWN, "cross-site", "not-found"), summary="End a token"
)
async def end_token(request: Request, who: AccountOwner, token_id: Ident) -> Response:
    parts = parts_in(request)
    if not await asyncio.to_thread(lambda: parts.tokens.revoke(token_id, parts.clock(), user_id=_user(who).id)):
        raise not_found("token in force", token_id, remedy="GET /api/v1/account/tokens lists yours")
    await note(request, "token_revoked", who, target=token_id)
    return Response(status_code=204)


async def confirmed(request: Request, who: Caller, password: str) -> None:
    """A problem unless it is the caller's password; wrong ones count as failed sign-ins."""
    parts, user, address = parts_in(request), _user(who), address_of(request)
    now, key = parts.clock(), key_of(user.name)
    if wait := await asyncio.to_thread(parts.people.failures.wait_s, key, address, now):
        raise ProblemError("locked", "too many wrong passwords", headers={"Retry-After": str(wait)})
    if not await asyncio.to_thread(parts.people.users.knows_password, user.id, password):
        await asyncio.to_thread(parts.people.failures.failed, key, address, now)
        await note(request, "password_asked", who, outcome="refused", target=user.name)
        raise ProblemError("wrong-sign-in", "that is not your password", remedy="give the password you sign in with")


async def _sessions(request: Request, who: Caller) -> list[SessionRow]:
    parts = parts_in(request)
    present = who.session.id if who.session else None
    found = await asyncio.to_thread(parts.people.sessions.of_user, _user(who).id, parts.clock(), parts.settings.idle)
    return [
        SessionRow(
            id=s.id, present=s.id == present, way=s.way, created_at=s.created_at, seen_at=s.seen_at,
            expires_at=s.expires_at, address=s.address, agent=s.agent,
        )
        for s in found
    ]  # fmt: skip


def _user(who: Caller) -> User:
    assert who.user is not None  # noqa: S101  AccountOwner saw to it
    return who.user
