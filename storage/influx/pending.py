"""The journal of windows whose rollups are due, kept in the database: a point for what one append touched.

It is written after the readings and before the append returns: what was acknowledged is rolled up, however the process
ends. A point that has been dealt with is emptied, not deleted: another process may write one meanwhile.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import orjson
import pyarrow as pa

from plant.batch import TIME
from storage.influx.client import InfluxClient
from storage.keyed import codes_of, instants
from storage.windows import HOUR

PENDING = "rollup_pending"
LONGEST_TEXT = 40_000  # bytes of a string field; the server takes 64 KB
MOST_RUNS = 200  # of hours of one line; of more, only their first and last hour are told
ROWS_AT_ONCE = 2_000_000  # touched hours in memory
POINTS_AT_ONCE = 5_000
KEEP_S = 86_400  # how long emptied points stay

Runs = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Due:
    """`stamps` (ns) of the points, and what they touch: `line_id` and `time` (the hour)."""

    stamps: list[int]
    touched: pa.Table


class Journal:
    """Reads and writes the points. Stamps are nanoseconds and never repeat within a process."""

    def __init__(self, client: InfluxClient) -> None:
        self._client = client
        self._stamp = 0

    async def note(self, rows: pa.Table) -> None:
        """Remember the windows of these readings (in key order)."""
        lines = []
        for text in _texts(_runs_of(rows)):
            self._stamp = max(self._stamp + 1, time.time_ns())
            lines.append(f"{PENDING} windows={_quoted(text)} {self._stamp}")
        await self._client.write(lines, "ns")

    async def newest(self) -> int:
        """The newest stamp there is (ns); 0 without any. Not the clock's: it may have been wrong at the time."""
        answer = await self._client.query(f"SELECT last(windows) FROM {PENDING}", epoch="ns")
        return int(answer[0]["values"][0][0]) if answer else 0

    async def due(self, up_to: int) -> Due:
        """What is noted with stamps to `up_to` and not dealt with: the oldest, about ROWS_AT_ONCE hours of lines."""
        answer = await self._client.query(
            f"SELECT windows FROM {PENDING} WHERE windows != '' AND time <= {up_to} LIMIT {POINTS_AT_ONCE}", epoch="ns"
        )
        stamps: list[int] = []
        ids: list[str] = []
        hours: list[np.ndarray] = []
        total = 0
        for stamp, text in answer[0]["values"] if answer else []:
            if total >= ROWS_AT_ONCE:
                break
            stamps.append(stamp)
            for entry in orjson.loads(text):
                touched = np.concatenate([np.arange(first, last + 1) for first, last in entry["hours"]])
                ids += entry["lines"]
                hours += [touched] * len(entry["lines"])
                total += len(touched) * len(entry["lines"])
        lengths = [len(h) for h in hours]
        line = pa.array(ids, pa.string()).take(pa.array(np.repeat(np.arange(len(ids)), lengths)))
        at = np.concatenate(hours).astype(np.int64) * HOUR if hours else np.zeros(0, np.int64)
        return Due(stamps, pa.table({"line_id": line, "time": pa.array(at).cast(TIME)}))

    async def done(self, due: Due) -> None:
        """Empty the points, and delete those emptied long ago."""
        await self._client.write([f'{PENDING} windows="" {stamp}' for stamp in due.stamps], "ns")
        if due.stamps:
            oldest = min(*due.stamps, time.time_ns() - KEEP_S * 1_000_000_000)
            await self._client.forget(PENDING, oldest)


def _runs_of(rows: pa.Table) -> dict[Runs, list[str]]:
    """Runs of hours → the lines that have readings in just those."""
    lines, ids = codes_of(rows["line_id"])
    hour = instants(rows["time"]) // HOUR
    begins = np.ones(len(lines), np.bool_)
    begins[1:] = (lines[1:] != lines[:-1]) | (hour[1:] > hour[:-1] + 1)
    ends = np.append(begins[1:], True)
    of_line: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for line, first, last in zip(
        lines[begins].tolist(), hour[begins].tolist(), hour[ends].tolist(), strict=True
    ):  # fmt: skip
        of_line[line].append((first, last))
    names = ids.to_pylist()
    found: defaultdict[Runs, list[str]] = defaultdict(list)
    for line, runs in of_line.items():
        short = runs if len(runs) <= MOST_RUNS else [(runs[0][0], runs[-1][1])]
        found[tuple(short)].append(names[line])
    return found


def _texts(touched: dict[Runs, list[str]]) -> Iterator[str]:
    """JSON of at most about LONGEST_TEXT bytes each."""
    for runs, lines in touched.items():
        for part in _within(lines, LONGEST_TEXT):
            yield orjson.dumps([{"hours": runs, "lines": part}]).decode()


def _within(lines: Iterable[str], most: int) -> Iterator[list[str]]:
    part: list[str] = []
    size = 0
    for line in lines:
        length = 2 * len(line.encode()) + 3  # a quotation mark within takes two
        if part and size + length > most:
            yield part
            part, size = [], 0
        part.append(line)
        size += length
    if part:
        yield part


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
