"""How an answer leaves: a model as JSON with an ETag, kept for the next one who asks the same of the same figures."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
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
OFTEN, MOST_RENEWED = 3, 20  # askings of one answer that make it worth while; answers


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


@dataclass
class _Kept:
    """An answer, how it was made, and how often it was given."""

    body: bytes
    write: Callable[[Snapshot], bytes]
    given: int = 1


class KeptAnswers:
    """Answers by question, the least asked leave first. They die with their snapshot; what many asked of it is
    answered from the next one before that is shown, so that nobody waits for it."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Question, _Kept] = OrderedDict()
        self._bytes = 0
        self._serial = 0
        self._next: dict[Question, _Kept] = {}
        self._making: dict[Question, asyncio.Task[bytes]] = {}

    async def give(
        self, request: Request, who: Caller, snapshot: Snapshot, *, store_down: bool,
        build: Callable[[Snapshot], BaseModel], only: Only | None = None,
    ) -> Response:  # fmt: skip
        """The kept answer, or a new one; `build` computes it in a thread, once for all who wait for it."""
        self._go_on_with(snapshot.serial)
        question = Question(
            request.url.path, request.url.query, who.sight, who.may("customers"), store_down, snapshot.serial
        )
        kept = self._kept.get(question)
        if kept is None:
            body = await self._made(question, lambda figures: _written(build(figures), only), snapshot)
        else:
            kept.given += 1
            self._kept.move_to_end(question)
            body = kept.body
        return _tagged(request, body, SPARSE if only is not None else JSON)

    async def renew(self, snapshot: Snapshot) -> None:
        """Answer what was asked often of the present figures from the next ones, which nobody has been shown yet."""
        often = [(q, k) for q, k in self._kept.items() if k.given >= OFTEN and not q.store_down][-MOST_RENEWED:]
        self._next = {
            replace(question, serial=snapshot.serial): _Kept(await asyncio.to_thread(kept.write, snapshot), kept.write)
            for question, kept in often
        }

    async def _made(self, question: Question, write: Callable[[Snapshot], bytes], snapshot: Snapshot) -> bytes:
        task = self._making.get(question)
        if task is None:
            task = self._making[question] = asyncio.create_task(asyncio.to_thread(write, snapshot))
            task.add_done_callback(lambda _: self._making.pop(question))
        body = await asyncio.shield(task)  # who goes away takes nothing from the others
        self._keep(question, _Kept(body, write))
        return body

    def _go_on_with(self, serial: int) -> None:
        if serial <= self._serial:
            return
        self._kept.clear()
        self._bytes, self._serial = 0, serial
        coming, self._next = self._next, {}
        for question, kept in coming.items():
            self._keep(question, kept)

    def _keep(self, question: Question, kept: _Kept) -> None:
        if len(kept.body) > LARGEST_KEPT or question.serial != self._serial or question in self._kept:
            return
        self._kept[question] = kept
        self._bytes += len(kept.body)
        while self._bytes > KEPT_BYTES:
            self._bytes -= len(self._kept.popitem(last=False)[1].body)
