"""What else could keep readings without a server: a plain DuckDB file, SQLite, a folder of Parquet files with pandas.

Each does the least that could be called keeping: rows as they come, durable after each call, an index on (line, time)
where it has one; no rollups, no readers beside the writer (DuckDB), no order (pandas). Our side does all of its work.
Also what encoding line protocol by columns gains over influxdb-client's points and data frames.
"""

import asyncio
import sqlite3
import statistics
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
from influxdb_client.client.write.dataframe_serializer import data_frame_to_list_of_points
from influxdb_client.client.write.point import Point
from influxdb_client.client.write_api import PointSettings

from bench.readings import END, FIELDS, LATEST, ZONE, Readings, Size, ids_of
from bench.result import Result
from plant.batch import Batch
from plant.matrix import ALL
from storage.embedded.store import EmbeddedStore
from storage.influx.line_protocol import encode

ASKED = 5
ENCODED = 20_000  # rows
COLUMNS = ["line_id", "time", *FIELDS]


class Alternative(ABC):
    """`append` is durable on return."""

    name: str

    @abstractmethod
    def append(self, table: pa.Table) -> None: ...

    @abstractmethod
    def series(self, line: str) -> int:
        """Read all fields of one line's 90 days; the number of rows."""

    @abstractmethod
    def latest(self) -> int:
        """Read the newest of three fields of all lines; the number of lines."""


class DuckFile(Alternative):
    name = "a plain DuckDB file"

    def __init__(self, folder: Path) -> None:
        self._database = duckdb.connect(str(folder / "plain.duckdb"), config={"threads": 2})
        self._made = False

    def append(self, table: pa.Table) -> None:
        rows = table.select(COLUMNS)
        self._database.register("rows", rows)
        self._database.execute(
            "INSERT INTO reading SELECT * FROM rows" if self._made else "CREATE TABLE reading AS SELECT * FROM rows"
        )
        self._made = True

    def series(self, line: str) -> int:
        found = self._database.sql("SELECT * FROM reading WHERE line_id = ? ORDER BY time", params=[line])
        return int(found.to_arrow_table().num_rows)

    def latest(self) -> int:
        newest = ", ".join(f"arg_max({n}, time) AS {n}" for n in LATEST)
        found = self._database.sql(f"SELECT line_id, {newest} FROM reading GROUP BY line_id")
        return int(found.to_arrow_table().num_rows)


class SqliteFile(Alternative):
    name = "SQLite"

    def __init__(self, folder: Path) -> None:
        self._database = sqlite3.connect(folder / "plain.sqlite")
        self._database.execute("PRAGMA journal_mode = WAL")
        kinds = ", ".join(f"{n} {'TEXT' if n == 'state' else 'NUMERIC'}" for n in FIELDS)
        self._database.execute(
            f"CREATE TABLE reading (line_id TEXT, time INTEGER, {kinds}, PRIMARY KEY (line_id, time)) WITHOUT ROWID"
        )

    def append(self, table: pa.Table) -> None:
        columns = [table[n].cast(pa.int64()).to_pylist() if n == "time" else table[n].to_pylist() for n in COLUMNS]
        with self._database:
            self._database.executemany(
                f"INSERT OR REPLACE INTO reading VALUES ({', '.join('?' * len(COLUMNS))})", zip(*columns, strict=True)
            )

    def series(self, line: str) -> int:
        return len(self._database.execute("SELECT * FROM reading WHERE line_id = ? ORDER BY time", [line]).fetchall())

    def latest(self) -> int:
        newest = f"SELECT line_id, max(time), {', '.join(LATEST)} FROM reading GROUP BY line_id"
        return len(self._database.execute(newest).fetchall())


class ParquetFolder(Alternative):
    name = "pandas over Parquet files"

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "parquet"
        self._folder.mkdir()

    def append(self, table: pa.Table) -> None:
        frame = table.select(COLUMNS).to_pandas()
        frame.to_parquet(self._folder / f"{len(list(self._folder.iterdir())):05d}.parquet", index=False)

    def series(self, line: str) -> int:
        return len(pd.read_parquet(self._folder, filters=[("line_id", "==", line)]).sort_values("time"))

    def latest(self) -> int:
        frame = pd.read_parquet(self._folder, columns=["line_id", "time", *LATEST])
        return len(frame.sort_values("time").groupby("line_id").last())


def measure(size: Size, folder: Path) -> list[Result]:
    """`append_`, `series_`, `latest_` beside each, and `line_protocol` (rows/s)."""
    folder.mkdir()
    tables = list(Readings(size).all())
    rows = sum(t.num_rows for t in tables)
    lines = ids_of(size)[: size.hourly : max(1, size.hourly // ASKED)][:ASKED]
    ours = asyncio.run(_ours(folder, tables, lines))
    results = []
    for kind in (DuckFile, SqliteFile, ParquetFolder):
        other = kind(folder)
        append = _timed(lambda other=other: [other.append(t) for t in tables])  # type: ignore[misc]
        series = statistics.median([_timed(lambda o=other, one=one: o.series(one)) for one in lines])  # type: ignore[misc]
        latest = statistics.median([_timed(other.latest) for _ in range(ASKED)])
        short = kind.__name__.removesuffix("File").removesuffix("Folder").lower()
        results += [
            Result(f"append_{short}", rows / ours[0], "rows/s", append / ours[0], kind.name),
            Result(f"series_{short}", 1e3 * ours[1], "ms", series / ours[1], kind.name),
            Result(f"latest_{short}", 1e3 * ours[2], "ms", latest / ours[2], kind.name),
        ]
    return results + _encoding(tables[0].slice(0, ENCODED).combine_chunks())


async def _ours(folder: Path, tables: list[pa.Table], lines: list[str]) -> tuple[float, float, float]:
    """Seconds of appending it all, of one line's 90 days, and of the latest of all lines."""
    store = EmbeddedStore(folder / "ours", zone=ZONE, read_only=False)
    began = time.perf_counter()
    for table in tables:
        await store.append([Batch("OLT", "optics", table)])
    append = time.perf_counter() - began
    await store.rollup()
    series, latest = [], []
    for one in lines:
        began = time.perf_counter()
        await store.series(one, FIELDS, END - timedelta(days=90), END + timedelta(days=1), "raw")
        series.append(time.perf_counter() - began)
    for _ in range(ASKED):
        began = time.perf_counter()
        await store.latest(ALL, LATEST)
        latest.append(time.perf_counter() - began)
    await store.close()
    return append, statistics.median(series), statistics.median(latest)


def _encoding(table: pa.Table) -> list[Result]:
    rows = table.select(COLUMNS)
    ours = _timed(lambda: encode("reading", rows))

    def points() -> list[str]:
        return [
            Point.from_dict(
                {
                    "measurement": "reading",
                    "tags": {"line_id": row["line_id"]},
                    "time": row["time"],
                    "fields": {n: row[n] for n in FIELDS},
                }
            ).to_line_protocol()
            for row in rows.to_pylist()
        ]

    def frames() -> list[str]:
        frame = rows.to_pandas().set_index("time")
        made: list[str] = data_frame_to_list_of_points(
            frame, PointSettings(), data_frame_measurement_name="reading", data_frame_tag_columns=["line_id"]
        )
        return made

    return [
        Result("line_protocol", rows.num_rows / ours, "rows/s", _timed(points) / ours, "influxdb-client points"),
        Result("line_protocol_frames", rows.num_rows / ours, "rows/s", _timed(frames) / ours, "influxdb-client frames"),
    ]


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
