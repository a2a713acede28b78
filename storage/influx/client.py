"""A database of an InfluxDB server: writing that gives up one bad point, not a batch; queries as columns.

Each major version writes in its own way (storage/influx/version2.py, version3.py); all answer InfluxQL at /query, from
which 2.x learns by a mapping which bucket is meant.
"""

import asyncio
import gzip
import re
from collections.abc import Sequence
from typing import Any

import httpx
import orjson
import structlog

from plant.batch import StoreUnavailableError
from storage.influx.asking import Answer, asked

log = structlog.get_logger(__name__)

LONGEST_ANSWER_S = 120.0  # a question about a million lines may take a minute; a server that takes longer is away
MANY_DROPPED = 100  # more are told as a number: the server has kept the others, and naming each costs many requests
# How 1.x says that it takes no new line. The readings must wait, as they would be lost: no refusal of single points.
_OUT_OF_SERIES = ("max-series-per-database", "max-values-per-tag")
_VERSION = re.compile(r"v?(\d+)\.")
_REFUSALS = (httpx.codes.BAD_REQUEST, httpx.codes.UNPROCESSABLE_ENTITY)


class InfluxClient:
    """One database of a 1.x server. `refused` counts points the server would not take, logged with its reason.

    A `policy` is a retention policy of the database; none is its default one, which keeps for ever.
    """

    name = "InfluxDB 1.x"
    major = 1

    def __init__(self, address: str, database: str, user: str | None, password: str | None) -> None:
        self.address, self.database = address, database
        self.refused = 0
        self._http = httpx.AsyncClient(
            base_url=address, timeout=httpx.Timeout(LONGEST_ANSWER_S, connect=5), **self._credentials(user, password)
        )
        self._turns = asyncio.Semaphore(2)

    def _credentials(self, user: str | None, password: str | None) -> dict[str, Any]:
        return {"auth": (user, password or "") if user else None}

    async def check_version(self) -> None:
        """StoreUnavailableError where the server says that it is of another major version than the address."""
        told = (await self._send("GET", "/ping")).headers.get("x-influxdb-version", "")
        found = _VERSION.match(told)
        if found and int(found[1]) != self.major:
            raise StoreUnavailableError(
                f"{self.address} is InfluxDB {told.removeprefix('v')}, and the address of the store says {self.name}; "
                f"write it as influx{found[1]}:// (docs/stores.md has the forms)"
            )

    async def exists(self) -> bool:
        """Whether the database is there; asked as a user who may only read could."""
        try:
            await self.query("SHOW FIELD KEYS FROM reading LIMIT 1")
        except StoreUnavailableError as error:
            if "database not found" in str(error).lower():
                return False
            raise
        return True

    async def create(self) -> None:
        """Make the database."""
        await self._command(f"CREATE DATABASE {_name(self.database)}")

    async def keep(self, policy: str, days: int | None) -> None:
        """Make the retention policy, or give it another duration; None is for ever."""
        how = (
            f"{_name(policy)} ON {_name(self.database)} DURATION {'INF' if days is None else f'{days}d'} REPLICATION 1"
        )
        try:
            await self._command(f"CREATE RETENTION POLICY {how}")
        except StoreUnavailableError as error:
            if "already exists" not in str(error):
                raise
            await self._command(f"ALTER RETENTION POLICY {how}")

    async def forget(self, measurement: str, before_ns: int) -> None:
        """Delete the points of a measurement before that time, where the server can."""
        await self._command(f"DELETE FROM {measurement} WHERE time < {before_ns}")

    async def _command(self, text: str) -> None:
        await self._ask({"q": text, "db": self.database})

    async def query(self, text: str, epoch: str = "u", policy: str | None = None) -> list[dict[str, Any]]:
        """The series of a query: dicts with `name`, `tags`, `columns`, `values`; times as µs since 1970 or as told."""
        where = {} if policy is None else {"rp": policy}
        answer = await self._ask({"q": text, "db": self.database, "epoch": epoch, **where})
        return [s for result in answer.get("results", []) for s in result.get("series", [])]

    async def _ask(self, parameters: dict[str, str]) -> dict[str, Any]:
        # The statement travels in the body: it may be longer than an address may be.
        body = {"q": parameters.pop("q")}
        response = await self._send("POST", "/query", params=parameters, data=body)
        if response.status != httpx.codes.OK:
            raise StoreUnavailableError(f"/query: {response.status} {response.text}")
        answer: dict[str, Any] = await asyncio.to_thread(orjson.loads, response.content)
        errors = [r["error"] for r in answer.get("results", []) if "error" in r] + [answer.get("error")]
        if any(errors):
            raise StoreUnavailableError(f"InfluxDB refused: {next(e for e in errors if e)}")
        return answer

    async def write(self, lines: Sequence[str], precision: str = "us", policy: str | None = None) -> None:
        """Write points; on return the server has them, or has refused single ones for good.

        `precision` is "us" or "ns". A refusal of a part is taken apart by halves, or as the server names its lines, so
        that one bad point costs one point. A body that is too large for the server goes in halves too.
        """
        if not lines:
            return
        body = await asyncio.to_thread(_packed, lines)
        async with self._turns:
            answer = await asked(lambda: self._post(body, precision, policy), self.address)
        if answer.status in (httpx.codes.NO_CONTENT, httpx.codes.OK):
            return
        if any(limit in answer.text for limit in _OUT_OF_SERIES):
            raise StoreUnavailableError(
                f"{self.address} is out of series: {answer.text}; set that limit to 0 in the server's configuration "
                "(docs/stores.md has the settings of a large plant)"
            )
        too_large = answer.status == httpx.codes.REQUEST_ENTITY_TOO_LARGE
        if answer.status in _REFUSALS or (too_large and len(lines) == 1):
            named = answer.refused_lines()
            if named is not None:
                for number, why in named[:MANY_DROPPED]:
                    self._give_up(f"line {number}: {why}", 1, len(lines))
                if len(named) > MANY_DROPPED:
                    self._give_up("as before", len(named) - MANY_DROPPED, len(lines))
                return
            if len(lines) == 1 or answer.dropped() > MANY_DROPPED:
                self._give_up(answer.text, answer.dropped(), len(lines))
                return
        elif not too_large:
            raise StoreUnavailableError(f"writing: {answer.status} {answer.text}")
        middle = len(lines) // 2
        await self.write(lines[:middle], precision, policy)
        await self.write(lines[middle:], precision, policy)

    def _give_up(self, why: str, dropped: int, of: int) -> None:
        self.refused += dropped
        log.warning("the server refused points", why=why, dropped=dropped, of=of)

    async def _post(self, body: bytes, precision: str, policy: str | None) -> Answer:
        """One request with gzipped line protocol."""
        where = {"db": self.database, "precision": {"us": "u"}.get(precision, precision)}
        where |= {} if policy is None else {"rp": policy}
        return await self._once("POST", "/write", params=where, content=body, headers={"Content-Encoding": "gzip"})

    async def _send(self, method: str, path: str, **how: Any) -> Answer:
        return await asked(lambda: self._once(method, path, **how), self.address)

    async def _once(self, method: str, path: str, **how: Any) -> Answer:
        try:
            response = await self._http.request(method, path, **how)
        except httpx.HTTPError as error:
            raise StoreUnavailableError(f"{self.address} does not answer: {type(error).__name__}") from None
        return Answer(response.status_code, response.content, {k.lower(): v for k, v in response.headers.items()})

    async def close(self) -> None:
        await self._http.aclose()


def _packed(lines: Sequence[str]) -> bytes:
    return gzip.compress("\n".join(lines).encode(), compresslevel=1)


def _name(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
