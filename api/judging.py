"""Judging all lines by the analyzer's coverage formula: gathers what it wants to know, decides nothing."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from analyzer.coverage import COAX, Verdict, judge, reason_names
from analyzer.settings import CoverageLimits, Settings
from api.roster import Roster
from plant.inventory import Inventory
from plant.matrix import ALL, Matrix
from plant.pon_classes import PonClass, default_class, pon_classes
from plant.tree import Level
from storage.protocol import TelemetryStore

FRESH = timedelta(hours=48)  # a line silent for longer than this, while others are read, has no reading
GAUGES = (
    "rx_dbm", "olt_rx_dbm", "eth_speed_mbps", "ds_power_dbmv", "ds_snr_db", "us_power_dbmv", "reflection_dbc",
)  # fmt: skip
LOST = ("fec_uncorrected", "cw_uncorrected")
AT_ONCE = 50_000  # lines: what is computed in one go lets no request be answered meanwhile
COUNT_EVERY_S = 300.0  # a day's increase comes from the rollups, which are made every quarter of an hour


@dataclass(frozen=True)
class Judged:
    """Per row of the roster: `good` is GOOD, NOT_GOOD or NO_READING, `margin_db` NaN where it is not known."""

    GOOD: ClassVar[int] = 1
    NOT_GOOD: ClassVar[int] = 0
    NO_READING: ClassVar[int] = -1

    verdict: Verdict
    good: npt.NDArray[np.int8]
    margin_db: npt.NDArray[np.float32]
    newest: datetime | None

    @classmethod
    def of(cls, verdict: Verdict, newest: datetime | None) -> "Judged":
        good = np.where(verdict.read, verdict.good.astype(np.int8), np.int8(cls.NO_READING)).astype(np.int8)
        return cls(verdict, good, verdict.margin_db.astype(np.float32), newest)

    def why(self, row: int) -> list[str]:
        return reason_names(int(self.verdict.reasons[row])) if self.verdict.read[row] else []


class Judging:
    """Remembers between refreshes what changes slowly: the budgets of the lines and the day's lost codewords."""

    def __init__(self) -> None:
        self.settings = Settings.load()
        self._roster: Roster | None = None
        self._budgets: tuple[list[PonClass], npt.NDArray[np.int64]] = ([], np.empty(0, np.int64))
        self._lost: dict[str, pa.Table] = {}
        self._counted = float("-inf")

    async def judge(self, store: TelemetryStore, roster: Roster, latest: pa.Table) -> Judged:
        """All lines of the roster by their newest readings. Raises StoreUnavailableError."""
        newest = _newest(latest)
        if newest is not None and time.monotonic() - self._counted >= COUNT_EVERY_S:
            began = time.monotonic()
            for name in LOST:
                self._lost[name] = await self._increase(store, name, newest, roster)
            self._counted = began
        return await asyncio.to_thread(self._judge, roster, latest, newest)

    async def _increase(self, store: TelemetryStore, name: str, newest: datetime, roster: Roster) -> pa.Table:
        """Line ids and the larger increase of the last two days: today's is not complete."""
        day = newest.astimezone(ZoneInfo(roster.inventory.calendar.zone)).date()
        matrix = await store.matrix(ALL, name, "increase", day - timedelta(days=1), day)
        return await asyncio.to_thread(_largest, matrix)

    def _judge(self, roster: Roster, latest: pa.Table, newest: datetime | None) -> Judged:
        if roster is not self._roster:
            self._budgets, self._roster = budgets(roster), roster
        classes, codes = self._budgets
        at = pc.index_in(roster.ids, latest["line_id"].combine_chunks())
        oldest = newest - FRESH if newest is not None else None
        told: dict[str, npt.NDArray[Any]] = {n: _floats(_fresh(latest, n, at, oldest)) for n in GAUGES}
        told["state"] = _words(_fresh(latest, "state", at, oldest))
        for name, table in self._lost.items():
            found = pc.index_in(roster.ids, table["line_id"].combine_chunks())
            told[name] = _floats(table["lost"].combine_chunks().take(found))
        technology = _words(roster.table["technology"])
        sold = _floats(roster.table["sold_mbps"].combine_chunks())
        parts = []
        for begin in range(0, max(len(roster), 1), AT_ONCE):
            of = slice(begin, begin + AT_ONCE)
            some = {name: values[of] for name, values in told.items()}
            parts.append(judge(some, technology[of], classes, codes[of], sold[of], self.settings))
        return Judged.of(_together(parts), newest)


def _largest(matrix: Matrix) -> pa.Table:
    values = np.fmax.reduce(matrix.values, axis=1) if matrix.values.size else np.empty(0, np.float32)
    begins = range(0, len(values), AT_ONCE)
    ids = [pa.array(matrix.line_ids[begin : begin + AT_ONCE], pa.string()) for begin in begins]
    return pa.table({"line_id": pa.chunked_array(ids, pa.string()), "lost": pa.array(values, pa.float32())})


def _together(parts: list[Verdict]) -> Verdict:
    return Verdict(**{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Verdict)})


def budget_of(inventory: Inventory, device_id: str | None, technology: str | None) -> PonClass | None:
    """A line's budget: that of its device where told and of the line's technology, else its technology's default."""
    device = inventory.devices.get(device_id) if device_id is not None else None
    chosen = pon_classes().get(device.pon_class) if device is not None and device.pon_class else None
    if technology is not None and (chosen is None or chosen.technology != technology):
        return default_class(technology) if any(c.technology == technology for c in pon_classes().values()) else None
    return chosen


def budgets(roster: Roster) -> tuple[list[PonClass], npt.NDArray[np.int64]]:
    """The power budgets there are, and for each row the one it has (−1: none)."""
    classes = list(pon_classes().values())
    devices, technology = roster.tree.device, _level(roster.table["technology"])
    table = np.full((len(technology.names) + 1, len(devices.names) + 1), -1, np.int64)
    for t, tech in enumerate((*technology.names, None)):
        for d, name in enumerate((*devices.names, None)):
            chosen = budget_of(roster.inventory, name, tech)
            if chosen is not None:
                table[t, d] = classes.index(chosen)
    return classes, table[technology.codes, devices.codes]


def limits_of(
    inventory: Inventory, device_id: str | None, technology: str | None, coverage: CoverageLimits
) -> Mapping[str, tuple[float | None, float | None]]:
    """Between which values a line's figures are to be, by field; None: no limit on that side. Empty: none is known."""
    if technology == COAX:
        power, sent = coverage.coax_ds_power_dbmv, coverage.coax_us_power_dbmv
        return {
            "ds_power_dbmv": (-power, power), "ds_snr_db": (coverage.coax_ds_snr_db, None),
            "us_power_dbmv": (sent[0], sent[1]), "reflection_dbc": (None, coverage.coax_reflection_dbc),
        }  # fmt: skip
    budget = budget_of(inventory, device_id, technology)
    return {} if budget is None else {"rx_dbm": budget.ont_rx, "olt_rx_dbm": budget.olt_rx, "tx_dbm": budget.ont_tx}


def _level(column: pa.ChunkedArray | pa.Array) -> Level:
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    encoded = whole.dictionary_encode()
    codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int32)
    return Level(tuple(encoded.dictionary.to_pylist()), codes)


def _newest(latest: pa.Table) -> datetime | None:
    times = [pc.max(latest[n]).as_py() for n in latest.column_names if n.endswith("_time")]
    return max((t for t in times if t is not None), default=None)


def _fresh(latest: pa.Table, name: str, at: pa.Array, oldest: datetime | None) -> pa.Array:
    """The newest values of a field by row, null where they are older than `oldest`."""
    values, times = latest[name].combine_chunks(), latest[f"{name}_time"].combine_chunks()
    if oldest is not None:
        recent = pc.greater_equal(times, pa.scalar(oldest, times.type))
        values = pc.if_else(recent, values, pa.scalar(None, values.type))
    return values.take(at)


def _words(values: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.object_]:
    """Few different words as objects, None for null: each is made once, however many lines have it."""
    level = _level(values)
    return np.array([*level.names, None], dtype=object)[level.codes]


def _floats(values: pa.Array) -> npt.NDArray[np.float64]:
    return np.asarray(values.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)


def limits(settings: Settings) -> Mapping[str, Any]:
    """The formula's parameters, by name."""
    return {**vars(settings.coverage), "fresh_hours": FRESH.total_seconds() / 3600}
