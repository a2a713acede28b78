"""The readings that the stores are measured with: a plant's polls, and a few lines with each hour of ninety days."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from plant.batch import TIME

END = datetime(2026, 6, 1, tzinfo=UTC)
ZONE = "Asia/Shanghai"
GAUGES = {
    "rx_dbm": -21.0, "tx_dbm": 2.2, "olt_rx_dbm": -23.0, "bias_ma": 14.0, "voltage_v": 3.3, "temp_c": 45.0,
    "distance_m": 4000.0,
}  # fmt: skip
FIELDS = [*GAUGES, "fec_corrected", "bip_errors", "state"]
LATEST = ["rx_dbm", "olt_rx_dbm", "state"]
ROWS_A_CALL = 50_000


@dataclass(frozen=True)
class Size:
    """`lines` read at each of `polls` moments `step` apart; of them the first `hourly` also each hour for 90 days."""

    lines: int
    polls: int
    step: timedelta
    hourly: int

    @property
    def first_day(self) -> date:
        return (END - timedelta(days=90)).date()


def ids_of(size: Size) -> list[str]:
    """The lines' ids, as an OLT counts them."""
    return [f"GZ-OLT-{n // 4096:02d}/{n // 128 % 32}/{n % 128:03d}" for n in range(size.lines)]


class Readings:
    """Portions as a spool would hand them on: one poll of all lines after the other; then the hourly lines."""

    def __init__(self, size: Size) -> None:
        self._size = size
        self._chance = np.random.default_rng(7)
        self._ids = pa.array(ids_of(size))
        self._levels = self._chance.normal(0, 1.5, (size.lines, len(GAUGES))).astype(np.float32)

    def all(self) -> Iterator[pa.Table]:
        size = self._size
        for poll in range(size.polls):
            yield from self.poll(END - (size.polls - 1 - poll) * size.step)
        times = (END.timestamp() - 3600 * np.arange(90 * 24, 0, -1)).astype(np.int64) * 1_000_000
        each = max(1, ROWS_A_CALL // len(times))
        for begin in range(0, size.hourly, each):
            line = np.arange(begin, min(begin + each, size.hourly))
            yield self._table(np.repeat(line, len(times)), np.tile(times, len(line)))

    def poll(self, at: datetime) -> Iterator[pa.Table]:
        for begin in range(0, self._size.lines, ROWS_A_CALL):
            line = np.arange(begin, min(begin + ROWS_A_CALL, self._size.lines))
            yield self._table(line, np.full(len(line), int(at.timestamp() * 1e6)))

    def _table(self, line: np.ndarray, time_us: np.ndarray) -> pa.Table:
        columns: dict[str, pa.Array] = {"line_id": self._ids.take(pa.array(line)), "time": pa.array(time_us).cast(TIME)}
        for at, (name, usual) in enumerate(GAUGES.items()):
            noise = self._chance.normal(0, 0.1, len(line)).astype(np.float32)
            columns[name] = pa.array(np.round(usual + self._levels[line, at] + noise, 2).astype(np.float32))
        hours = time_us // 3_600_000_000
        for name, rate in (("fec_corrected", 40), ("bip_errors", 1)):
            columns[name] = pa.array(hours % 100_000 * rate + line % 50)
        columns["state"] = pc.if_else(pa.array(self._chance.random(len(line)) < 0.998), "up", "down")
        columns["quality"] = pa.nulls(len(line), pa.string())
        return pa.table(columns)
