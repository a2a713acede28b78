"""InfluxDB 1.x as a plain HTTP client sees it."""

import asyncio

import httpx
import numpy as np
import pyarrow as pa

from bench.readings import END, ROWS_A_CALL, ZONE, Size
from plant.batch import TIME
from plant.matrix import Scope
from storage.embedded.store import EmbeddedStore
from storage.influx.line_protocol import encode
from storage.windows import midnights, zone_named

POINTS_A_REQUEST = 5_000


class Influx:
    """The server as a plain HTTP client sees it."""

    def __init__(self, address: str, database: str = "bench") -> None:
        self._database = database
        self._http = httpx.AsyncClient(base_url=f"http://{address}", timeout=600)
        self._made = False

    async def ask(self, text: str) -> None:
        answer = await self._http.post("/query", params={"db": self._database, "epoch": "u"}, data={"q": text})
        if answer.status_code != httpx.codes.OK or b'"series"' not in answer.content:
            raise RuntimeError(f"InfluxDB: {answer.status_code} {answer.text[:300]}")

    async def write(self, bodies: list[bytes]) -> None:
        """Two requests at a time, which keeps a server on two cores busy."""
        if not self._made:
            await self._http.post("/query", data={"q": f"CREATE DATABASE {self._database}"})
            self._made = True
        waiting = iter(bodies)

        async def post() -> None:
            for body in waiting:
                for _ in range(10):
                    answer = await self._http.post(
                        "/write", params={"db": self._database, "precision": "u"}, content=body
                    )
                    if answer.status_code != httpx.codes.INTERNAL_SERVER_ERROR:  # "timeout": busy with its files
                        break
                if answer.status_code != httpx.codes.NO_CONTENT:
                    raise RuntimeError(f"InfluxDB: {answer.status_code} {answer.text[:300]}")

        await asyncio.gather(post(), post())

    @staticmethod
    def encoded(measurement: str, table: pa.Table) -> list[bytes]:
        lines = encode(measurement, table)
        return ["\n".join(lines[i : i + POINTS_A_REQUEST]).encode() for i in range(0, len(lines), POINTS_A_REQUEST)]

    async def write_daily(self, store: EmbeddedStore, scope: Scope, size: Size) -> None:
        """The medians that our matrix has, as daily points."""
        matrix = await store.matrix(scope, "rx_dbm", "median", size.first_day, END.date())
        row, day = np.nonzero(np.isfinite(matrix.values))
        starts = midnights(size.first_day, END.date(), zone_named(ZONE))
        for begin in range(0, len(row), ROWS_A_CALL):
            part = slice(begin, begin + ROWS_A_CALL)
            table = pa.table(
                {
                    "line_id": pa.array(matrix.line_ids[row[part]], pa.string()),
                    "time": pa.array(starts[day[part]]).cast(TIME),
                    "rx_dbm_median": pa.array(matrix.values[row[part], day[part]]),
                }
            )
            await self.write(self.encoded("reading_daily", table))

    async def close(self) -> None:
        await self._http.aclose()
