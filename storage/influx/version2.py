"""A bucket of an InfluxDB 2.x server, through influxdb-client; questions in InfluxQL through a DBRP mapping.

A retention policy of 1.x is a bucket of its own here: BUCKET/POLICY, mapped so that the same InfluxQL finds it.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import httpx
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.domain.bucket_retention_rules import BucketRetentionRules
from influxdb_client.domain.dbrp_create import DBRPCreate
from influxdb_client.rest import ApiException
from influxdb_client.service.dbr_ps_service import DBRPsService
from influxdb_client.service.write_service import WriteService
from urllib3.exceptions import HTTPError

from plant.batch import StoreUnavailableError
from storage.influx.asking import Answer, asked
from storage.influx.client import LONGEST_ANSWER_S, InfluxClient

T = TypeVar("T")
DEFAULT_POLICY = "autogen"


class Influx2Client(InfluxClient):
    """`database` is the bucket. The token needs read and write on it; to make it, also on buckets and DBRPs."""

    name = "InfluxDB 2.x"
    major = 2

    def __init__(self, address: str, org: str, bucket: str, token: str | None) -> None:
        super().__init__(address, bucket, None, token)
        self.org = org
        self._api = InfluxDBClient(address, token or "", org=org, timeout=int(1e3 * LONGEST_ANSWER_S), retries=False)
        self._writing = WriteService(self._api.api_client)

    def _credentials(self, user: str | None, password: str | None) -> dict[str, Any]:
        return {"headers": {"Authorization": f"Token {password or ''}"}}

    async def exists(self) -> bool:
        """Whether the bucket is there, may be seen with this token, and is mapped for /query."""
        return await self._bucket(self.database) is not None and await super().exists()

    async def create(self) -> None:
        if await self._bucket(self.database) is None:
            await self._make(self.database, None)
        await self._map(self.database, DEFAULT_POLICY)

    async def keep(self, policy: str, days: int | None) -> None:
        name = f"{self.database}/{policy}"
        bucket = await self._bucket(name)
        if bucket is None:
            await self._make(name, days)
            await self._map(name, policy)
        else:
            bucket.retention_rules = _rules(days)
            await self._call(lambda: self._api.buckets_api().update_bucket(bucket))

    async def forget(self, measurement: str, before_ns: int) -> None:
        start, stop = (datetime.fromtimestamp(s, UTC) for s in (0, before_ns // 1_000_000_000))
        predicate = f'_measurement="{measurement}"'
        await self._call(lambda: self._api.delete_api().delete(start, stop, predicate, self.database, self.org))

    async def _bucket(self, name: str) -> Any:
        try:
            return await self._call(lambda: self._api.buckets_api().find_bucket_by_name(name))
        except StoreUnavailableError as error:
            if "404" in str(error):  # how some versions say that there is no bucket of the name
                return None
            raise

    async def _make(self, name: str, days: int | None) -> None:
        rules = _rules(days)
        await self._call(lambda: self._api.buckets_api().create_bucket(bucket_name=name, retention_rules=rules))

    async def _map(self, bucket: str, policy: str) -> None:
        """Tell /query that (database, policy) is that bucket."""
        found = await self._bucket(bucket)
        mapping = DBRPCreate(
            org=self.org, bucket_id=found.id, database=self.database, retention_policy=policy,
            default=policy == DEFAULT_POLICY,
        )  # fmt: skip
        await self._call(lambda: DBRPsService(self._api.api_client).post_dbrp(mapping))

    async def _post(self, body: bytes, precision: str, policy: str | None) -> Answer:
        bucket = self.database if policy is None else f"{self.database}/{policy}"
        return await self._tried(
            lambda: self._writing.post_write(
                self.org, bucket, body, precision=precision, content_encoding="gzip",
                content_type="text/plain; charset=utf-8",
            )
        )  # fmt: skip

    async def _call(self, work: Callable[[], T]) -> T:
        """What `work` gives, an overload waited out. StoreUnavailableError with the server's reason."""
        given: list[T] = []
        answer = await asked(lambda: self._tried(lambda: given.append(work())), self.address)
        if answer.status >= httpx.codes.BAD_REQUEST:
            raise StoreUnavailableError(f"InfluxDB refused: {answer.status} {answer.text}")
        return given[-1]

    async def _tried(self, work: Callable[[], object]) -> Answer:
        """Run `work` in a thread; what the server refused as its answer."""
        try:
            await asyncio.to_thread(work)
        except ApiException as error:
            headers = {str(k).lower(): str(v) for k, v in dict(error.headers or {}).items()}
            content = error.body if isinstance(error.body, bytes) else str(error.body or "").encode()
            return Answer(int(error.status or 0), content, headers)
        except (HTTPError, OSError) as error:
            raise StoreUnavailableError(f"{self.address} does not answer: {type(error).__name__}") from None
        return Answer(httpx.codes.NO_CONTENT, b"", {})

    async def close(self) -> None:
        await super().close()
        await asyncio.to_thread(self._api.close)


def _rules(days: int | None) -> list[BucketRetentionRules]:
    return [BucketRetentionRules(type="expire", every_seconds=0 if days is None else days * 86_400)]
