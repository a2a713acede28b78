"""POST, GET and DELETE /session: the console signs in with a token and carries a cookie."""

import asyncio
from datetime import datetime

from fastapi import APIRouter, Depends, Request, Response

from api.answers import answer
from api.auth import COOKIE, Reader, may_sign_in, parts_in, verified
from api.describe import errors
from api.parts import Parts
from api.roles import RIGHTS, may
from api.schemas.service import SessionPage, SignIn
from api.tokens import Token

router = APIRouter(tags=["session"], prefix="/session")
PATH = "/api"


@router.post(
    "",
    response_model=SessionPage,
    responses=errors("cross-site", without=("not-allowed", "store-down")),
    summary="Sign in with a token",
    dependencies=[Depends(may_sign_in)],
)
async def sign_in(request: Request, asked: SignIn) -> Response:
    """Sets a cookie that scripts cannot read and other sites cannot send. It ends by itself, or with the token."""
    parts = parts_in(request)
    token = await verified(request, asked.token.get_secret_value())
    secret, ends = await asyncio.to_thread(
        parts.tokens.open_session, token, parts.clock(), parts.settings.session_hours
    )
    response = answer(request, await _page(parts, token, ends))
    response.set_cookie(
        COOKIE,
        secret,
        max_age=int((ends - parts.clock()).total_seconds()),
        path=PATH,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return response


@router.get("", response_model=SessionPage, responses=errors(), summary="Who am I, and what may I do")
async def who_am_i(request: Request, who: Reader) -> Response:
    return answer(request, await _page(parts_in(request), who.token, who.token.expires_at))


@router.delete("", status_code=204, responses=errors("cross-site"), summary="Sign out")
async def sign_out(request: Request, _: Reader) -> Response:
    """Ends the session of the cookie; a bearer token stays what it is."""
    secret = request.cookies.get(COOKIE)
    if secret is not None:
        await asyncio.to_thread(parts_in(request).tokens.close_session, secret)
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, path=PATH, httponly=True, samesite="strict")
    return response


async def _page(parts: Parts, token: Token, ends: datetime | None) -> SessionPage:
    inventory = await asyncio.to_thread(parts.inventory)
    return SessionPage(
        name=token.name,
        role=token.role,
        areas=list(token.areas) or None,
        rights=sorted(right for right in RIGHTS if may(token.role, right)),
        expires_at=ends,
        simulated=inventory.simulated,
    )
