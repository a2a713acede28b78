"""How an answer leaves: a model as JSON with an ETag, kept for the next one who asks the same of the same figures."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from fastapi import Request, Response
from pydantic import BaseModel

from api.caller import Caller
from api.sight import Sight
from api.snapshot import Snapshot

KEPT_BYTES = 32 << 20
LARGEST_KEPT = 1 << 20


def answer(request: Request, model: BaseModel) -> Response:
    """The model as JSON; NaN and infinities become null. 304 where the asker has it already."""
    return _tagged(request, model.model_dump_json().encode())


def _tagged(request: Request, body: bytes) -> Response:
    # weak: the bytes on the wire may be compressed
    tag = f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    given = [t.strip() for t in request.headers.get("if-none-match", "").split(",")]
    if tag in given or "*" in given:
        return Response(status_code=304, headers={"ETag": tag})
    return Response(body, media_type="application/json", headers={"ETag": tag})


@dataclass(frozen=True)
class Question:
    """What was asked, by whom as far as it changes the answer, and of which figures."""

    path: str
    query: str
    sight: Sight
    customers: bool
    store_down: bool
    serial: int


class KeptAnswers:
    """Answers by question, the least asked leave first. They die with their snapshot."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Question, bytes] = OrderedDict()
        self._bytes = 0
        self._serial = 0

    async def give(
        self, request: Request, who: Caller, snapshot: Snapshot, *, store_down: bool, build: Callable[[], BaseModel]
    ) -> Response:
        """The kept answer, or a new one; `build` computes it in a thread."""
        if snapshot.serial > self._serial:
            self._kept.clear()
            self._bytes, self._serial = 0, snapshot.serial
        question = Question(
            request.url.path, request.url.query, who.sight, who.may("customers"), store_down, snapshot.serial
        )
        body = self._kept.get(question)
        if body is None:
            body = await asyncio.to_thread(lambda: build().model_dump_json().encode())
            self._keep(question, body)
        else:
            self._kept.move_to_end(question)
        return _tagged(request, body)

    def _keep(self, question: Question, body: bytes) -> None:
        if len(body) > LARGEST_KEPT or question.serial != self._serial or question in self._kept:
            return
        self._kept[question] = body
        self._bytes += len(body)
        while self._bytes > KEPT_BYTES:
            self._bytes -= len(self._kept.popitem(last=False)[1])
