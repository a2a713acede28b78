"""One request to a server: asked again, with the server's hint, while it is overloaded; its refusals as words."""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
import orjson

from plant.batch import StoreUnavailableError

TRIES = 5
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
# 429 and 503 are overload; 500 "timeout" is how 1.x says it, 502 and 504 how a proxy before the server does
_BUSY = {httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.BAD_GATEWAY,
         httpx.codes.GATEWAY_TIMEOUT}  # fmt: skip
_DROPPED = re.compile(r"dropped=(\d+)")


@dataclass(frozen=True)
class Answer:
    """What a server said; header names in small letters."""

    status: int
    content: bytes
    headers: Mapping[str, str]

    @property
    def text(self) -> str:
        """The reason, out of the JSON that the versions wrap it in, at most 300 characters."""
        try:
            told = orjson.loads(self.content)
            reason = told.get("message") or told.get("error") or ""
        except (orjson.JSONDecodeError, AttributeError):
            reason = self.content.decode(errors="replace")
        return str(reason)[:300]

    def refused_lines(self) -> list[tuple[int, str]] | None:
        """Of a write that version 3 took in part: (line from 1, why) of those it did not take; else None."""
        try:
            told = orjson.loads(self.content)
            lines = told.get("data")
            return [(int(one["line_number"]), str(one["error_message"])) for one in lines] if lines else None
        except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError):
            return None

    def dropped(self) -> int:
        """How many points a partial write left out, as far as it says; at least one."""
        found = _DROPPED.search(self.content.decode(errors="replace"))
        return max(1, int(found.group(1))) if found else 1


async def asked(request: Callable[[], Awaitable[Answer]], address: str) -> Answer:
    """The answer, after waiting out an overload. StoreUnavailableError where the server stays away or busy, or
    refuses who asks."""
    wait = FIRST_WAIT_S
    for attempt in range(TRIES):
        answer = await request()
        if answer.status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise StoreUnavailableError(
                f"{address} refuses the user or password (or token): {answer.text}".rstrip(": ")
            )
        if answer.status not in _BUSY and not (answer.status == 500 and b"timeout" in answer.content):
            return answer
        if attempt == TRIES - 1:
            raise StoreUnavailableError(f"{address} is overloaded ({answer.status} {answer.text})")
        hint = _hint(answer.headers.get("retry-after", ""))
        await asyncio.sleep(min(wait * random.uniform(0.75, 1.25) if hint is None else hint, LONGEST_WAIT_S))  # noqa: S311
        wait *= 2
    raise AssertionError("unreachable: the last attempt returns or raises")


def _hint(text: str) -> float | None:
    """Seconds of a Retry-After, which may be a number or a date; None without one."""
    if text.isdigit():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
