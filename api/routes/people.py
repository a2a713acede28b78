"""/users, /tokens and /audit: for administrators."""

import asyncio
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from api.answers import answer
from api.auditing import note
from api.auth import AuditReader, Caller, PeopleKeeper, parts_in
from api.describe import errors
from api.once import IdempotencyKey, once
from api.parts import Parts
from api.people.limits import limits
from api.people.users import NameTakenError, User, key_of
from api.problems import ProblemError, not_found
from api.schemas.people import (
    AuditEntry,
    AuditPage,
    AuditQuery,
    GivenPassword,
    MadeToken,
    NewToken,
    NewUser,
    TokenRow,
    TokensPage,
    UserChange,
    UserRow,
    UsersPage,
)  # fmt: skip
from api.tokens import Token

router = APIRouter(tags=["people"])
Ident = Annotated[str, Path(pattern="^[0-9a-f]{12}$")]


@router.get("/users", response_model=UsersPage, responses=errors(), summary="All users")
async def users(request: Request, _: PeopleKeeper) -> Response:
    found = await asyncio.to_thread(parts_in(request).people.users.everybody)
    return answer(request, UsersPage(users=[user_row(u) for u in found]))


@router.post(
    "/users", response_model=UserRow, status_code=201,
    responses=errors("cross-site", "taken", "other-request", "busy"), summary="Make a user",
)  # fmt: skip
async def make_user(request: Request, who: PeopleKeeper, asked: NewUser, key: IdempotencyKey = None) -> Response:
    """Without a password nobody can sign in as this user until one is set."""
    return await once(request, who, key, lambda _: _made_user(request, who, asked), password=True)


async def _made_user(request: Request, who: Caller, asked: NewUser) -> Response:
    parts = parts_in(request)
    areas, grids = await limits_of(parts, asked.areas, asked.grids)
    password = asked.password.get_secret_value() if asked.password else None
    try:
        made = await asyncio.to_thread(
            lambda: parts.people.users.create(
                asked.name, asked.role, parts.clock(), areas=areas, grids=grids, password=password, must_change=True
            )
        )
    except NameTakenError as error:
        raise ProblemError("taken", str(error)) from None
    except ValueError as error:
        raise taken("body", error) from None
    await note(request, "user_made", who, target=made.name, role=made.role, areas=areas, grids=grids)
    response = answer(request, user_row(made))
    response.status_code = 201
    return response


@router.get("/users/{user_id}", response_model=UserRow, responses=errors("not-found"), summary="A user")
async def user(request: Request, _: PeopleKeeper, user_id: Ident) -> Response:
    return answer(request, user_row(await _found(request, user_id)))


@router.patch(
    "/users/{user_id}", response_model=UserRow, responses=errors("cross-site", "not-found"), summary="Change a user"
)
async def change_user(request: Request, who: PeopleKeeper, user_id: Ident, asked: UserChange) -> Response:
    """Holds for what the user does next, also where he is signed in already."""
    parts, before = parts_in(request), await _found(request, user_id)
    to: dict[str, Any] = asked.model_dump(exclude_none=True)
    if who.user is not None and who.user.id == user_id and ({"role", "state"} & set(to)):
        raise ProblemError("not-allowed", "nobody changes his own role or state", remedy="ask another administrator")
    if "areas" in to or "grids" in to:
        to["areas"], to["grids"] = await limits_of(parts, to.get("areas", []), to.get("grids", []))
    changed = await asyncio.to_thread(lambda: parts.people.users.change(user_id, parts.clock(), **to))
    await note(request, "user_changed", who, target=before.name, **to)
    return answer(request, user_row(changed or before))


@router.put(
    "/users/{user_id}/password", status_code=204, responses=errors("cross-site", "not-found"), summary="Set a password"
)
async def set_password(request: Request, who: PeopleKeeper, user_id: Ident, asked: GivenPassword) -> Response:
    """The user changes it when signing in next; every session of his ends."""
    parts, found = parts_in(request), await _found(request, user_id)
    new = asked.password.get_secret_value()
    try:
        await asyncio.to_thread(lambda: parts.people.users.set_password(user_id, new, parts.clock(), must_change=True))
    except ValueError as error:
        raise taken("body.password", error) from None
    await note(request, "password_set", who, target=found.name)
    return Response(status_code=204)


@router.delete(
    "/users/{user_id}/second-factor", status_code=204, responses=errors("cross-site", "not-found"),
    summary="Take the second factor off",
)  # fmt: skip
async def drop_second_factor(request: Request, who: PeopleKeeper, user_id: Ident) -> Response:
    """For who lost phone and recovery codes."""
    parts, found = parts_in(request), await _found(request, user_id)
    await asyncio.to_thread(parts.people.users.drop_second_factor, user_id, parts.clock())
    await note(request, "second_factor_dropped", who, target=found.name)
    return Response(status_code=204)


@router.delete(
    "/users/{user_id}/lock",
    status_code=204,
    responses=errors("cross-site", "not-found"),
    summary="Let a user try again",
)
async def unlock(request: Request, who: PeopleKeeper, user_id: Ident) -> Response:
    """Failed sign-ins of this name are forgotten; those of an address stand."""
    found = await _found(request, user_id)
    await asyncio.to_thread(parts_in(request).people.failures.forget, key_of(found.name))
    await note(request, "unlocked", who, target=found.name)
    return Response(status_code=204)


@router.delete(
    "/users/{user_id}/sessions", status_code=204, responses=errors("cross-site", "not-found"),
    summary="Sign a user out everywhere",
)  # fmt: skip
async def end_sessions(request: Request, who: PeopleKeeper, user_id: Ident) -> Response:
    found = await _found(request, user_id)
    await asyncio.to_thread(parts_in(request).people.sessions.end, user_id)
    await note(request, "sessions_ended", who, target=found.name)
    return Response(status_code=204)


@router.get("/tokens", response_model=TokensPage, responses=errors(), summary="All tokens")
async def tokens(request: Request, _: PeopleKeeper) -> Response:
    """Of programs and of users; never their secrets."""
    found = await asyncio.to_thread(parts_in(request).tokens.list)
    return answer(request, TokensPage(tokens=[token_row(t) for t in found]))


@router.post(
    "/tokens",
    response_model=MadeToken,
    status_code=201,
    responses=errors("cross-site", "other-request", "busy"),
    summary="A token for a program",
)
async def make_token(request: Request, who: PeopleKeeper, asked: NewToken, key: IdempotencyKey = None) -> Response:
    """Told once: the same key again makes no other, and its answer has the row alone."""
    return await once(request, who, key, lambda _: _made_token(request, who, asked), without=["token"])


async def _made_token(request: Request, who: Caller, asked: NewToken) -> Response:
    parts = parts_in(request)
    areas, grids = await limits_of(parts, asked.areas, asked.grids)
    now = parts.clock()
    ends = now + timedelta(days=min(asked.days, limits().tokens.longest_days))
    try:
        text = await asyncio.to_thread(
            lambda: parts.tokens.create(
                asked.name, asked.role, areas=areas, grids=grids, rights=asked.rights, expires_at=ends, now=now
            )
        )
    except ValueError as error:
        raise taken("body", error) from None
    return await shown_once(request, who, text, now, role=asked.role, areas=areas, grids=grids)


@router.delete(
    "/tokens/{token_id}", status_code=204, responses=errors("cross-site", "not-found"), summary="End a token"
)
async def end_token(request: Request, who: PeopleKeeper, token_id: Ident) -> Response:
    """With every session that was opened with it."""
    parts = parts_in(request)
    if not await asyncio.to_thread(parts.tokens.revoke, token_id, parts.clock()):
        raise not_found("token in force", token_id, remedy="GET /api/v1/tokens lists them")
    await note(request, "token_revoked", who, target=token_id)
    return Response(status_code=204)


@router.get("/audit", response_model=AuditPage, responses=errors(), summary="Who did what, newest first")
async def audit(request: Request, _: AuditReader, query: Annotated[AuditQuery, Query()]) -> Response:
    """Sign-ins, good and refused; users and tokens; every call that changes something; customers shown by need."""
    found = await asyncio.to_thread(
        lambda: parts_in(request).people.audit.page(
            limit=query.limit, before=query.before, actor=query.actor, event=query.event, outcome=query.outcome,
            since=query.since,
        )
    )  # fmt: skip
    entries = [AuditEntry(**{**vars(entry), "detail": dict(entry.detail)}) for entry in found]
    return answer(request, AuditPage(next=found[-1].id if len(found) == query.limit else None, entries=entries))


async def limits_of(parts: Parts, areas: list[str], grids: list[str]) -> tuple[list[str], list[str]]:
    """Areas and grids of the inventory, with the areas that the grids lie in; a problem for what is not there."""
    inventory = await asyncio.to_thread(parts.inventory)
    home = {grid.id: area.id for area in inventory.areas.values() for grid in area.grids}
    for where, asked, known in (("body.areas", areas, inventory.areas), ("body.grids", grids, home)):
        if strange := [name for name in asked if name not in known]:
            names = ", ".join(sorted(known)[:50])
            raise taken(where, ValueError(f'"{strange[0][:100]}" is not among: {names}'))
    return sorted({*areas, *(home[grid] for grid in grids)}), sorted(set(grids))


def taken(where: str, error: ValueError) -> ProblemError:
    """A value that cannot be taken, with the reason."""
    return ProblemError("invalid", f"{where}: {error}", errors=[{"where": where, "message": str(error)}])


def user_row(user: User) -> UserRow:
    return UserRow(**{**vars(user), "areas": list(user.areas), "grids": list(user.grids)})


async def shown_once(request: Request, who: Caller, text: str, now: datetime, **detail: Any) -> Response:
    """The answer to who made the token `text` just now; the audit has it, with `detail`."""
    made = await asyncio.to_thread(parts_in(request).tokens.verify, text, now)
    assert made is not None  # noqa: S101  it was made just now
    await note(request, "token_made", who, target=made.id, name=made.name, **detail)
    response = answer(request, MadeToken(token=text, row=token_row(made)))
    response.status_code = 201
    return response


def token_row(token: Token) -> TokenRow:
    return TokenRow(
        id=token.id, name=token.name, user=token.user_id, role=token.role, areas=list(token.areas),
        grids=list(token.grids), rights=list(token.rights) if token.rights is not None else None,
        created_at=token.created_at, expires_at=token.expires_at, revoked_at=token.revoked_at,
        last_used_at=token.last_used_at,
    )  # fmt: skip


async def _found(request: Request, user_id: str) -> User:
    found = await asyncio.to_thread(parts_in(request).people.users.get, user_id)
    if found is None:
        raise not_found("user", user_id, remedy="GET /api/v1/users lists them")
    return found
