"""The outermost layer: headers on every answer, host names, body sizes, and a problem for what nobody foresaw."""

import asyncio
import re
import secrets
import time
import traceback
from collections.abc import Awaitable, Callable, Iterable
from urllib.parse import parse_qsl

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.deprecation import Retiring
from api.problems import problem

log = structlog.get_logger(__name__)

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(self), microphone=(), payment=(), usb=()",
}

HSTS = "max-age=63072000; includeSubDomains"
PHOTO = re.compile(r"/api/v1/visits/[0-9]{1,19}/photos")
LARGER = {"/api/v1/ledger/import": 16 << 20}  # bytes: a department's list of some hundred thousand rows

BODY_S = 60.0  # for as many bytes as most requests may bring; in proportion where more are allowed

HOST = re.compile(r"(?P<name>[a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")

Observe = Callable[[Scope, int, float], None]
Changed = Callable[[Scope, int], Awaitable[None]]


class Guard:
    """Pure ASGI middleware around the whole application.

    `observe` gets scope, status and seconds of each request; `changed` scope and status, to keep what was changed.
    """

    def __init__(
        self, app: ASGIApp, *, hosts: Iterable[str], max_body: int, max_photo: int, observe: Observe, changed: Changed,
        retiring: Retiring,
    ) -> None:  # fmt: skip
        self._app, self._hosts = app, frozenset(hosts)
        self._max_body, self._max_photo = max_body, max_photo
        self._observe, self._changed, self._retiring = observe, changed, retiring

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, request_id = time.monotonic(), secrets.token_hex(8)
        status = 500
        started = False
        api = scope["path"].startswith("/api/")

        async def sending(message: Message) -> None:
            nonlocal status, started
            if message["type"] == "http.response.start":
                status, started = message["status"], True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers["X-Request-Id"] = request_id
                for name, value in self._retiring.headers(scope).items():
                    headers[name] = value
                if scope.get("scheme") == "https":
                    headers.setdefault("Strict-Transport-Security", HSTS)
                if api:
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            photo = PHOTO.fullmatch(scope["path"])
            most = self._max_photo if photo else LARGER.get(scope["path"], self._max_body)
            refusal = self._refusal(Headers(scope=scope), most) or _told_twice(scope["query_string"])
            if refusal is not None:
                await refusal(scope, receive, sending)
            else:
                await self._app(scope, self._limited(receive, most), sending)
        except Exception as error:  # noqa: BLE001  the last place that can answer
            # as text: a traceback with local variables would show tokens and customers
            trace = "".join(traceback.format_exception(error))
            log.error("request_failed", method=scope["method"], request_id=request_id, trace=trace)
            if not started:
                answer = problem("internal", "the service failed to answer", request_id=request_id)
                await answer(scope, receive, sending)
        finally:
            self._observe(scope, status, time.monotonic() - began)
            await self._changed(scope, status)

    def _refusal(self, headers: Headers, most: int) -> Response | None:
        host = headers.get("host", "")
        if not self._known(host):
            return problem("unknown-host", f'the request is addressed to "{host[:100]}"')
        length = headers.get("content-length", "0")
        if length.isascii() and length.isdigit() and int(length) > most:
            return self._too_large(most)
        return None

    def _known(self, host: str) -> bool:
        written = HOST.fullmatch(host.lower())
        return written is not None and written["name"].strip("[]") in self._hosts

    def _limited(self, receive: Receive, most: int) -> Receive:
        taken, coming, ends = 0, True, 0.0
        patience = BODY_S * max(1.0, most / self._max_body)

        async def receiving() -> Message:
            nonlocal taken, coming, ends
            if not coming:  # what is waited for now is that the other goes away
                return await receive()
            ends = ends or time.monotonic() + patience
            try:
                async with asyncio.timeout(ends - time.monotonic()):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(400, f"the request did not come within {patience:.0f} s") from None
            coming = bool(message.get("more_body", False))
            taken += len(message.get("body", b""))
            if taken > most:
                raise HTTPException(413, self._limit(most))
            return message

        return receiving

    def _too_large(self, most: int) -> Response:
        return problem("too-large", self._limit(most), headers={"Connection": "close"})

    def _limit(self, most: int) -> str:
        return f"a request may bring {most} bytes"


def _told_twice(query: bytes) -> Response | None:
    """A problem where a parameter stands twice in the address: whichever counted, somebody meant the other."""
    seen: set[str] = set()
    for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name in seen:
            where = f"query.{name[:100]}"
            return problem(
                "invalid", f"{where}: it is given twice", errors=[{"where": where, "message": "given twice"}]
            )
        seen.add(name)
    return None
