"""The session's cookie. Over TLS its name begins with __Host-: browsers take such a one from this host alone."""

from datetime import datetime

from fastapi import Request, Response

COOKIE = "lightline_session"
SAFE_COOKIE = f"__Host-{COOKIE}"
PATH = "/api"  # of the plain one; browsers want a __Host- cookie to be for all paths


def over_tls(request: Request) -> bool:
    """Whether the browser speaks TLS, with us or with the proxy on this machine that passes it on."""
    return bool(request.scope["scheme"] == "https")


def session_secret(request: Request) -> str | None:
    """What the browser's cookie holds; the plain one is not looked at over TLS, where a neighbour could plant it."""
    return request.cookies.get(SAFE_COOKIE if over_tls(request) else COOKIE)


def give(request: Request, response: Response, secret: str, ends: datetime, now: datetime) -> None:
    """Scripts cannot read it, and other sites cannot send it."""
    tls = over_tls(request)
    response.set_cookie(
        SAFE_COOKIE if tls else COOKIE, secret, max_age=int((ends - now).total_seconds()), path="/" if tls else PATH,
        httponly=True, samesite="strict", secure=tls,
    )  # fmt: skip


def take(request: Request, response: Response) -> None:
    tls = over_tls(request)
    response.delete_cookie(
        SAFE_COOKIE if tls else COOKIE, path="/" if tls else PATH, httponly=True, samesite="strict", secure=tls
    )
