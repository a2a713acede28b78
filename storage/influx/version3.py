"""A database of an InfluxDB 3 server: line protocol to /api/v3/write_lp, questions in InfluxQL.

`influxdb-client` has no endpoint of version 3, so this speaks HTTP itself. Version 3 names what 1.x calls a retention
policy of a database DATABASE/POLICY, a database of its own with a retention period that is set when it is made.
"""

from typing import Any

import httpx

from plant.batch import StoreUnavailableError
from storage.influx.asking import Answer
from storage.influx.client import InfluxClient

_PRECISION = {"us": "microsecond", "ns": "nanosecond"}


class Influx3Client(InfluxClient):
    """The token needs read and write; an admin's makes the database, else the server does at the first write."""

    name = "InfluxDB 3"
    major = 3

    def __init__(self, address: str, database: str, token: str | None) -> None:
        super().__init__(address, database, None, token)

    def _credentials(self, user: str | None, password: str | None) -> dict[str, Any]:
        return {"headers": {"Authorization": f"Bearer {password}"} if password else {}}

    async def create(self) -> None:
        await self._make(self.database, None)

    async def keep(self, policy: str, days: int | None) -> None:
        """Make the database of the policy; one that is there keeps its period, which cannot be changed."""
        await self._make(f"{self.database}/{policy}", days)

    async def _make(self, name: str, days: int | None) -> None:
        about = {"db": name} if days is None else {"db": name, "retention_period": f"{days}d"}
        answer = await self._send("POST", "/api/v3/configure/database", json=about)
        if answer.status == httpx.codes.CONFLICT or "already exists" in answer.text:
            return
        if answer.status >= httpx.codes.BAD_REQUEST:
            raise StoreUnavailableError(f"the database {name} cannot be made: {answer.status} {answer.text}")

    async def forget(self, measurement: str, before_ns: int) -> None:
        """Version 3 has no deletion of points; what was emptied stays."""

    async def _post(self, body: bytes, precision: str, policy: str | None) -> Answer:
        where = {
            "db": self.database if policy is None else f"{self.database}/{policy}",
            "precision": _PRECISION[precision], "accept_partial": "true",
        }  # fmt: skip
        headers = {"Content-Encoding": "gzip", "Content-Type": "text/plain; charset=utf-8"}
        return await self._once("POST", "/api/v3/write_lp", params=where, content=body, headers=headers)
