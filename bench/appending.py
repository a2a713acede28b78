"""What appending costs us and InfluxDB, portion by portion."""

import time
from dataclasses import dataclass

import pyarrow as pa

from bench.influx_peer import Influx
from bench.result import Result
from plant.batch import Batch
from storage.embedded.store import EmbeddedStore


@dataclass
class Spent:
    """Seconds: ours, InfluxDB's to encode and to write. `rows` are ours, `their_rows` those that it was given."""

    rows: int = 0
    ours: float = 0.0
    their_rows: int = 0
    encoding: float = 0.0
    writing: float = 0.0

    async def append(self, store: EmbeddedStore, other: Influx | None, table: pa.Table) -> None:
        """Let both take a portion, InfluxDB only if it is given."""
        began = time.perf_counter()
        await store.append([Batch("OLT", "optics", table)])
        self.ours += time.perf_counter() - began
        self.rows += table.num_rows
        if other is None:
            return
        began = time.perf_counter()
        bodies = other.encoded("reading", table)
        encoded = time.perf_counter()
        await other.write(bodies)
        self.writing += time.perf_counter() - encoded
        self.encoding += encoded - began
        self.their_rows += table.num_rows

    def result(self, name: str, against: str, encoding: float) -> Result:
        """Our rows a second, beside theirs with so many seconds of `encoding`."""
        rate = self.rows / self.ours
        if not self.their_rows:
            return Result(name, rate, "rows/s")
        return Result(name, rate, "rows/s", rate / (self.their_rows / (self.writing + encoding)), against)
