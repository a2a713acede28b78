"""HTTP to an InfluxDB server: writing that gives up one bad point, not a batch; queries as columns."""

import asyncio
import gzip
import re
from collections.abc import Sequence
from typing import Any

import httpx
import orjson
import structlog

from plant.batch import StoreUnavailableError

log = structlog.get_logger(__name__)

TRIES = 4
FIRST_WAIT_S = 0.5
MANY_DROPPED = 100  # more are told as a number: the server has kept the others, and naming each costs many requests
_DROPPED = re.compile(r"dropped=(\d+)")


class InfluxClient:
    """One database of one server. `refused` counts points the server would not take, each logged with its reason."""

    def __init__(self, address: str, database: str, user: str | None, password: str | None) -> None:
        auth = (user, password or "") if user else None
        self.database = database
        self.refused = 0
        self._http = httpx.AsyncClient(base_url=address, auth=auth, timeout=httpx.Timeout(120, connect=5))
        self._turns = asyncio.Semaphore(2)

    async def command(self, text: str) -> dict[str, Any]:
        """A statement that changes something. Raises StoreUnavailableError."""
        return await self._ask("POST", {"q": text, "db": self.database})

    async def query(self, text: str, epoch: str = "u") -> list[dict[str, Any]]:
        """The series of a query: dicts with `name`, `tags`, `columns`, `values`; times as µs since 1970 or as told."""
        answer = await self._ask("GET", {"q": text, "db": self.database, "epoch": epoch})
        return [s for result in answer.get("results", []) for s in result.get("series", [])]

    async def database_exists(self) -> bool:
        """Asked as a user who may only read could: listing databases takes an administrator."""
        try:
            await self.query("SHOW FIELD KEYS FROM reading LIMIT 1")
        except StoreUnavailableError as error:
            if "database not found" in str(error):
                return False
            raise
        return True

    async def _ask(self, method: str, parameters: dict[str, str]) -> dict[str, Any]:
        # The statement travels in the body: it may be longer than an address may be.
        body = {"q": parameters.pop("q")}
        response = await self._send("POST", "/query", params=parameters, data=body)
        if response.status_code != httpx.codes.OK:
            raise StoreUnavailableError(f"{method} /query: {response.status_code} {response.text[:300]}")
        answer: dict[str, Any] = await asyncio.to_thread(orjson.loads, response.content)
        errors = [r["error"] for r in answer.get("results", []) if "error" in r] + [answer.get("error")]
        if any(errors):
            raise StoreUnavailableError(f"InfluxDB refused: {next(e for e in errors if e)}")
        return answer

    async def write(self, lines: Sequence[str], precision: str = "u") -> None:
        """Write points; on return the server has them, or has refused single ones for good.

        A refusal of a part is taken apart by halves, so that one bad point costs one point and is named.
        """
        if not lines:
            return
        body = await asyncio.to_thread(_packed, lines)
        async with self._turns:
            response = await self._send(
                "POST",
                "/write",
                params={"db": self.database, "precision": precision},
                content=body,
                headers={"Content-Encoding": "gzip"},
            )
        if response.status_code == httpx.codes.NO_CONTENT:
            return
        if response.status_code in (httpx.codes.BAD_REQUEST, httpx.codes.UNPROCESSABLE_ENTITY):
            dropped = _dropped(response.text)
            if len(lines) == 1 or dropped > MANY_DROPPED:
                self.refused += dropped
                log.warning("the server refused points", why=response.text[:300], dropped=dropped, of=len(lines))
                return
            middle = len(lines) // 2
            await self.write(lines[:middle], precision)
            await self.write(lines[middle:], precision)
            return
        raise StoreUnavailableError(f"/write: {response.status_code} {response.text[:300]}")

    async def _send(self, method: str, path: str, **how: Any) -> httpx.Response:
        """One request; tried again, with the server's hint, while it is overloaded."""
        wait = FIRST_WAIT_S
        for attempt in range(TRIES):
            try:
                response = await self._http.request(method, path, **how)
            except httpx.HTTPError as error:
                raise StoreUnavailableError(f"{self._http.base_url} does not answer: {type(error).__name__}") from None
            if response.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
                raise StoreUnavailableError(f"{self._http.base_url} refuses the user or password")
            busy = response.status_code in (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE)
            if not busy or attempt == TRIES - 1:
                return response
            hint = response.headers.get("Retry-After", "")
            await asyncio.sleep(min(float(hint) if hint.isdigit() else wait, 30))
            wait *= 2
        raise AssertionError("unreachable: the last attempt returns")

    async def close(self) -> None:
        await self._http.aclose()


def _packed(lines: Sequence[str]) -> bytes:
    return gzip.compress("\n".join(lines).encode(), compresslevel=1)


def _dropped(text: str) -> int:
    found = _DROPPED.search(text)
    return max(1, int(found.group(1))) if found else 1
