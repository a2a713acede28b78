"""GET /session/directory and its way back: signing in with the operator's directory."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from api import cookies
from api.auditing import note
from api.auth import parts_in
from api.describe import Responses, errors
from api.people.directory import AwayError, Directory, Identity, RefusedError
from api.people.users import NameTakenError, User
from api.problems import ProblemError
from api.routes.sessions import opened

router = APIRouter(tags=["session"], prefix="/session/directory")
COOKIE = "lightline_directory"
PATH = "/api/v1/session/directory"
RESPONSES: Responses = {
    **errors(
        "not-found", "directory-away", without=("not-signed-in", "not-allowed", "too-many", "rate-limit", "store-down")
    ),
    303: {"description": "To the directory, or from it to the console; `refused` in the fragment says why not."},
}  # fmt: skip
Text = Annotated[str | None, Query(max_length=4000)]


@router.get("", status_code=303, response_class=Response, responses=RESPONSES, summary="To the directory")
async def begin(request: Request) -> Response:
    """Sends the browser to the directory, which sends it back."""
    directory = _directory(request)
    try:
        address, secret = await directory.begin(_back(request), parts_in(request).clock())
    except AwayError as error:
        await note(request, "sign_in", way="directory", outcome="refused", why=str(error)[:300])
        raise ProblemError("directory-away", "the directory does not answer as it should") from None
    response = RedirectResponse(address, 303)
    tls = cookies.over_tls(request)
    # Lax: it has to come back with the way from the directory, which is another site
    response.set_cookie(
        _cookie(tls), secret, max_age=600, path="/" if tls else PATH, httponly=True, samesite="lax", secure=tls
    )
    return response


@router.get(
    "/back",
    status_code=303,
    response_class=Response,
    responses=RESPONSES,
    summary="Back from the directory",
)
async def back(
    request: Request, state: Text = None, code: Text = None, iss: Text = None, error: Text = None
) -> Response:
    """Signs in whom the directory vouches for, by its groups. Other parameters that it adds are not looked at."""
    directory = _directory(request)
    tls = cookies.over_tls(request)
    try:
        if error is not None or not state or not code:
            raise RefusedError(f"the directory signed nobody in: {(error or 'no code')[:100]}")
        secret = request.cookies.get(_cookie(tls), "")
        identity = await directory.finish(state, code, iss, secret, parts_in(request).clock())
        user = await _user(request, directory, identity)
        response = await opened(request, "directory", user=user, response=RedirectResponse("/", 303))
    except (RefusedError, NameTakenError, AwayError) as why:
        await note(request, "sign_in", way="directory", outcome="refused", why=str(why)[:300])
        response = RedirectResponse(f"/#/?refused={'away' if isinstance(why, AwayError) else 'directory'}", 303)
    response.delete_cookie(_cookie(tls), path="/" if tls else PATH, httponly=True, samesite="lax", secure=tls)
    return response


async def _user(request: Request, directory: Directory, identity: Identity) -> User:
    """The user, as the directory describes him today."""
    parts = parts_in(request)
    found = await asyncio.to_thread(
        lambda: parts.people.users.from_directory(
            directory.settings.issuer, identity.subject, identity.name, identity.role, parts.clock(),
            areas=identity.areas, grids=identity.grids,
        )
    )  # fmt: skip
    if found is None:
        raise RefusedError("an administrator disabled this user here")
    return found


def _directory(request: Request) -> Directory:
    directory: Directory | None = request.app.state.directory
    if directory is None:
        raise ProblemError("not-found", "no directory is set up here", remedy="see oidc_issuer in docs/settings.md")
    return directory


def _back(request: Request) -> str:
    """The address we were asked by, which is one of `allowed_hosts`."""
    return f"{request.url.scheme}://{request.url.netloc}{PATH}/back"


def _cookie(tls: bool) -> str:
    return f"__Host-{COOKIE}" if tls else COOKIE
