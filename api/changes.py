"""Changes as a stream of server-sent events: tickets, findings, health, readings; each as the reader may see it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import orjson

from api.caller import Caller
from api.figures import Figures
from api.healthy import health_of
from api.newest import Newest
from api.parts import Parts
from api.routes.tickets import sees_finding
from api.schemas.service import Health
from api.standing import Standing
from maintenance.changes import Change, Mark
from plant.batch import StoreUnavailableError

EVERY_S = 1.0  # between looks at what is new
HEALTH_S = 10.0  # between looks at health
BEAT_S = 15.0  # a comment, so that proxies keep the line open; and the reader's rights are looked at again


async def stream(
    parts: Parts,
    figures: Figures,
    standing: Standing,
    newest: Newest,
    who: Caller,
    after: Mark | None,
    still: Callable[[], bool],
) -> AsyncIterator[bytes]:
    """Events after a mark, or from now on. Ends after `stream_s`, or when the reader may no longer; he comes again."""
    mark = after if after is not None else await asyncio.to_thread(parts.ledger.newest)
    ends = time.monotonic() + parts.settings.stream_s
    yield b"retry: 2000\n" + _event("ready", mark, {"as_of": parts.clock().isoformat()})
    told, read, looked, beaten = "", None, float("-inf"), time.monotonic()
    while True:
        if await newest() != mark or after is not None:
            after = None
            for change in await asyncio.to_thread(parts.ledger.changes, mark, parts.clock()):
                mark = change.mark
                if await _seen(figures, who, change):
                    yield _event(change.kind, mark, change.body)
        now = time.monotonic()
        if now - looked >= HEALTH_S:
            looked = now
            health = await _health(parts, figures, standing, who)
            if health is not None and health != told:
                told = health
                yield _event("health", mark, orjson.Fragment(health))
            taken = figures.newest_reading
            if taken is not None and taken != read:
                read = taken
                yield _event("readings", mark, {"newest": taken.isoformat()})
        if now >= ends:
            return
        if now - beaten >= BEAT_S:
            beaten = now
            if not await asyncio.to_thread(still):
                return
            # with the mark: what was passed over because he may not see it need not be read again
            yield f"id: {mark.entry}-{mark.finding}\n: still here\n\n".encode()
        await asyncio.sleep(min(EVERY_S, max(0.0, ends - now)))


def mark_of(text: str) -> Mark:
    """The mark an event's id is. ValueError for what is none."""
    entry, dash, finding = text.partition("-")
    if not (dash and all(p.isascii() and p.isdigit() and len(p) <= 18 for p in (entry, finding))):
        raise ValueError("it is no id of an event; leave it out to begin with what happens now")
    return Mark(int(entry), int(finding))


async def _seen(figures: Figures, who: Caller, change: Change) -> bool:
    if who.sight.whole:
        return True
    if change.kind == "ticket":
        return who.sees(change.area, change.grid)
    return sees_finding(await figures.current(), who, change.body)


async def _health(parts: Parts, figures: Figures, standing: Standing, who: Caller) -> str | None:
    """What of health is told: what is on the overview, without the moments that change all the time."""
    try:
        health: Health = await health_of(parts, figures, standing, who.sight)
    except StoreUnavailableError:
        return None
    return health.model_dump_json(include={"state", "lines", "tickets", "parts", "store_down_since"})


def _event(kind: str, mark: Mark, body: object) -> bytes:
    return f"id: {mark.entry}-{mark.finding}\nevent: {kind}\ndata: ".encode() + orjson.dumps(body) + b"\n\n"
