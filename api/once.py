"""Idempotency keys: a creating call that carries `Idempotency-Key` is done once, however often it is told.

The one piece all creating routes use: they take `key: IdempotencyKey = None` and hand what they do to `once`.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated

import orjson
from fastapi import Header, Request, Response

from api.auth import Caller, parts_in
from api.problems import ProblemError
from maintenance.once import KeptAnswer, Once, OtherRequestError

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
SLOW = {"n": 1 << 15, "r": 8, "p": 1, "maxmem": 64 << 20}  # of scrypt: 32 MB and a tenth of a second a guess
WAIT_S, LOOK_S = 15.0, 0.05  # for the answer that another is working on

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias=HEADER, min_length=1, max_length=200, pattern=r"^[!-~]+$",
        description="The same key with the same request within 24 hours gives the same answer and does nothing anew.",
    ),
]  # fmt: skip

Work = Callable[[str | None], Awaitable[Response]]
"""What is to be done. It is given the key as the ledger may keep it, None where there is none."""


async def once(
    request: Request, who: Caller, key: str | None, work: Work, *, without: Sequence[str] = (), password: bool = False
) -> Response:
    """Do `work`, or give the answer it had. Only what succeeded is kept; after a refusal the key is free again.

    Members of the answer `without` which it is kept are secrets: they are told the first time and null afterwards.
    `password`: the request may bring one, so it is remembered by a slow hash.

    A problem for a key that was used for another request (422), or whose request takes too long elsewhere (409).
    """
    if key is None:
        return await work(None)
    parts = parts_in(request)
    store = Once(parts.ledger.engine)
    scope = who.key if who.user is not None else f"token:{who.name}"  # a program goes on with its next token
    digest = await _digest(request, f"{scope}:{key}" if password else None)
    waited = 0.0
    while True:
        try:
            known = await asyncio.to_thread(store.begin, scope, key, digest, parts.clock())
        except OtherRequestError:
            raise ProblemError("other-request", f'the key "{key}" came with another request before') from None
        if known is None:
            break
        if known.status is not None:
            return _again(known)
        if waited >= WAIT_S:
            raise ProblemError("busy", "the same request is being worked on", headers={"Retry-After": "5"})
        await asyncio.sleep(LOOK_S)
        waited += LOOK_S
    try:
        response = await work(f"{scope}:{key}")
    except BaseException:
        await asyncio.shield(asyncio.to_thread(store.release, scope, key))
        raise
    kept = _kept(bytes(response.body), without)
    await asyncio.shield(asyncio.to_thread(store.finish, scope, key, response.status_code, kept))
    return response


def _again(known: KeptAnswer) -> Response:
    return Response(known.body, known.status or 200, {REPLAYED: "true"}, "application/json")


def _kept(body: bytes, without: Sequence[str]) -> str:
    return orjson.dumps({**orjson.loads(body), **dict.fromkeys(without)}).decode() if without else body.decode()


async def _digest(request: Request, salt: str | None) -> str:
    """Of all that the request says: its method, where it goes, and its body; slow with a salt, to guess from it."""
    said = f"{request.method} {request.url.path}?{request.url.query}\n".encode() + await request.body()
    if salt is None:
        return hashlib.sha256(said).hexdigest()
    return await asyncio.to_thread(lambda: hashlib.scrypt(said, salt=salt.encode(), dklen=32, **SLOW).hex())
