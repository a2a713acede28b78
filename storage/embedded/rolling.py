"""Keeps the hourly and daily tables up to date: finds the days that new rows touched, computes them anew."""

import json
import os
import time
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from storage.embedded.tables import Log, query
from storage.reading import day_limits
from storage.rollup import LOOK_BACK_DAYS, Readings, roll_up

ROWS_AT_ONCE = 1_500_000


class Rolling:
    """Remembers, in a file beside the tables, up to which arrival everything is rolled up.

    The file moves on only after both tables have the windows: a crash in between computes them once more.
    """

    def __init__(self, mark: Path, raw: Log, levels: Mapping[str, Log], zone: str) -> None:
        self._mark, self._raw, self._levels, self._zone = mark, raw, levels, zone

    def run(self) -> tuple[int, int]:
        """Rows written to the hourly and the daily table."""
        done = self._read_mark()
        touched = self._touched(done)
        rows = {"hour": 0, "day": 0}
        newest = done
        for first, last, lines, seq in self._jobs(touched):
            newest = max(newest, seq)
            for level, count in self._recompute(first, last, lines).items():
                rows[level] += count
        if newest > done:
            self._write_mark(newest)
        return rows["hour"], rows["day"]

    def _touched(self, done: int) -> pa.Table:
        """(line_id, day, seq) of the rows that arrived after `done`; `day` in the operator's zone."""
        return query(
            "SELECT line_id, CAST(timezone($zone, time) AS DATE) AS day, max(seq) AS seq, count(*) AS readings "
            "FROM rows WHERE seq > $done GROUP BY ALL ORDER BY day, line_id",
            self._raw.files(),
            self._raw.schema,
            parameters={"zone": self._zone, "done": done},
        )

    def _jobs(self, touched: pa.Table) -> list[tuple[date, date, pa.Array, int]]:
        """Runs of touched days with their lines, each small enough to be computed in memory.

        A step or change may reach from one day into the next: the day after a touched one is computed too.
        """
        if not len(touched):
            return []
        seq = int(max(touched["seq"].to_pylist()))
        jobs: list[tuple[date, date, pa.Array, int]] = []
        days = sorted(set(touched["day"].to_pylist()))
        per_day = {
            d["day"]: d["n"]
            for d in touched.group_by("day").aggregate([("readings", "sum")]).rename_columns(["day", "n"]).to_pylist()
        }
        run: list[date] = []
        size = 0
        for day in [*days, None]:
            if run and (day is None or size + per_day[day] > ROWS_AT_ONCE or day > run[-1] + timedelta(days=1)):
                within = touched.filter((pa.compute.field("day") >= run[0]) & (pa.compute.field("day") <= run[-1]))
                jobs.append((run[0], run[-1] + timedelta(days=1), pa.compute.unique(within["line_id"]), seq))
                run, size = [], 0
            if day is not None:
                run.append(day)
                size += per_day[day]
        return jobs

    def _recompute(self, first: date, last: date, lines: pa.Array) -> dict[str, int]:
        start, end = day_limits(first, last, self._zone)
        back = start - timedelta(days=LOOK_BACK_DAYS)
        rows = query(
            "SELECT * EXCLUDE (quality) FROM rows WHERE time >= $start AND time < $end "
            "AND line_id IN (SELECT line_id FROM touched)",
            self._raw.files(back.astimezone(UTC), end.astimezone(UTC)),
            self._raw.schema,
            touched=pa.table({"line_id": lines}),
            parameters={"start": back, "end": end},
        )
        readings = Readings.of(rows)
        del rows
        seq = time.time_ns()
        counts = {}
        for level, table in self._levels.items():
            made = roll_up(readings, level, self._zone, _us(start), _us(end))
            stamped = made.add_column(2, "seq", pa.repeat(pa.scalar(seq, pa.int64()), len(made)))
            if len(stamped):
                table.append(stamped)
            counts[level] = len(stamped)
        return counts

    def _read_mark(self) -> int:
        try:
            return int(json.loads(self._mark.read_text())["seq"])
        except FileNotFoundError:
            return 0

    def _write_mark(self, seq: int) -> None:
        temporary = self._mark.with_suffix(".new")
        with temporary.open("w") as file:
            json.dump({"seq": seq}, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._mark)


def _us(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000
