"""How an answer leaves: a model as JSON with an ETag, kept for the next one who asks the same of the same figures."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response
from pydantic import BaseModel

from api.caller import Caller
from api.problems import ProblemError
from api.sight import Sight
from api.snapshot import Snapshot

JSON, GEOJSON = "application/json", "application/geo+json"
SPARSE = "application/vnd.lightline.sparse+json"  # a page of which the asker wanted some fields only
KEPT_BYTES = 32 << 20
LARGEST_KEPT = 1 << 20


@dataclass(frozen=True)
class Only:
    """Of the rows in a member of a page only these fields; the rest of the page stays."""

    member: str
    names: tuple[str, ...]


def only(member: str, row: type[BaseModel], fields: str | None) -> Only | None:
    """What `fields` of a query asks for; a problem for a name that the row has not."""
    if fields is None:
        return None
    names = tuple(dict.fromkeys(fields.split(",")))
    if strange := [name for name in names if name not in row.model_fields]:
        known = ", ".join(row.model_fields)
        raise ProblemError(
            "invalid", f'query.fields: "{strange[0][:40]}" is not among: {known}',
            errors=[{"where": "query.fields", "message": "no such field"}],
        )  # fmt: skip
    return Only(member, names)


def answer(request: Request, model: BaseModel, *, only: Only | None = None, media: str = JSON) -> Response:
    """The model as JSON; NaN and infinities become null. 304 where the asker has it already."""
    return _tagged(request, _written(model, only), SPARSE if only is not None else media)


def _written(model: BaseModel, only: Only | None) -> bytes:
    if only is None:
        return model.model_dump_json().encode()
    wanted: dict[str, Any] = dict.fromkeys(type(model).model_fields, True)
    wanted[only.member] = {"__all__": set(only.names)}
    return model.model_dump_json(include=wanted).encode()


def _tagged(request: Request, body: bytes, media: str) -> Response:
    # weak: the bytes on the wire may be compressed
    tag = f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    given = [t.strip() for t in request.headers.get("if-none-match", "").split(",")]
    if tag in given or "*" in given:
        return Response(status_code=304, headers={"ETag": tag})
    return Response(body, media_type=media, headers={"ETag": tag})


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
        self, request: Request, who: Caller, snapshot: Snapshot, *, store_down: bool, build: Callable[[], BaseModel],
        only: Only | None = None,
    ) -> Response:  # fmt: skip
        """The kept answer, or a new one; `build` computes it in a thread."""
        if snapshot.serial > self._serial:
            self._kept.clear()
            self._bytes, self._serial = 0, snapshot.serial
        question = Question(
            request.url.path, request.url.query, who.sight, who.may("customers"), store_down, snapshot.serial
        )
        body = self._kept.get(question)
        if body is None:
            body = await asyncio.to_thread(lambda: _written(build(), only))
            self._keep(question, body)
        else:
            self._kept.move_to_end(question)
        return _tagged(request, body, SPARSE if only is not None else JSON)

    def _keep(self, question: Question, body: bytes) -> None:
        if len(body) > LARGEST_KEPT or question.serial != self._serial or question in self._kept:
            return
        self._kept[question] = body
        self._bytes += len(body)
        while self._bytes > KEPT_BYTES:
            self._bytes -= len(self._kept.popitem(last=False)[1])
