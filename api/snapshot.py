"""The newest figures of all lines, as arrays: what every page but a line's history is answered from."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from api.absence import Reasons
from api.judging import Judged
from api.roster import Mask, Roster, Rows
from api.schemas.service import LinesHealth
from api.sight import Sight
from plant.batch import TIME
from plant.fields import fields
from plant.tree import Level

LINE_FIELDS = tuple(n for n, f in fields().items() if f.of != "pon")
PON_FIELDS = tuple(n for n, f in fields().items() if f.of == "pon")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

_serial = itertools.count(1)


@dataclass(frozen=True)
class Tally:
    """Counts by the places of a level, each (places,), and the place's number by its name."""

    at: Mapping[str, int]
    total: Counts
    up: Counts
    good: Counts
    not_good: Counts


@dataclass(frozen=True)
class Snapshot:
    """Figures of all lines at `as_of`, rows as in the roster. `latest` and `pons` are as the store gave them."""

    as_of: datetime
    roster: Roster
    latest: pa.Table
    pons: pa.Table
    judged: Judged
    reasons: Reasons
    serial: int = field(default_factory=lambda: next(_serial))
    counts: dict[Sight, LinesHealth] = field(default_factory=dict)  # see rows.py
    orders: dict[str, tuple[Rows, npt.NDArray[np.float64]]] = field(default_factory=dict)  # see listing.py

    def values(self, name: str) -> Floats:
        """The newest value of a gauge for each row, NaN where there never was one."""
        return np.asarray(self._of_rows(name).cast(pa.float32()).to_numpy(zero_copy_only=False), np.float32)

    @cached_property
    def at(self) -> pa.Array:
        """For each row the row of `latest`, null where the line never had a reading."""
        return pc.index_in(self.roster.ids, self.latest["line_id"].combine_chunks())

    @cached_property
    def state(self) -> pa.Array:
        return self._of_rows("state")

    @cached_property
    def up(self) -> Mask:
        return np.asarray(pc.fill_null(pc.equal(self.state, "up"), False).to_numpy(zero_copy_only=False), bool)

    def states_among(self, rows: Rows) -> dict[str, int]:
        """Lines by state among these rows; "no_reading" where none was ever told."""
        counted = pc.value_counts(self.state.take(pa.array(rows)))
        return {str(c["values"].as_py() or "no_reading"): int(c["counts"].as_py()) for c in counted}

    @cached_property
    def by_device(self) -> Tally:
        return self._tally(self.roster.tree.device)

    @cached_property
    def by_pon(self) -> Tally:
        return self._tally(self.roster.tree.pon)

    @cached_property
    def ports_of(self) -> Mapping[str, list[str]]:
        """Ports by device, as DEVICE/PON: those of lines and those that only their module is known of.

        A device's id has no slash (docs/inventory.md).
        """
        out: dict[str, list[str]] = {}
        of_modules = (name.removeprefix("pon:") for name in self.pons["line_id"].to_pylist())
        for name in dict.fromkeys((*self.roster.tree.pon.names, *of_modules)):
            out.setdefault(name.partition("/")[0], []).append(name)
        return out

    def _tally(self, level: Level) -> Tally:
        size = len(level.names)

        def count(which: Mask) -> Counts:
            return np.bincount(level.codes[which], minlength=size).astype(np.int64)

        inside, good = level.codes >= 0, self.judged.good
        return Tally(
            {name: i for i, name in enumerate(level.names)},
            count(inside),
            count(inside & self.up),
            count(inside & (good == Judged.GOOD)),
            count(inside & (good == Judged.NOT_GOOD)),
        )

    @cached_property
    def last_reading(self) -> pa.Array:
        """For each row the time of its newest reading of any field."""
        times = [self.latest[f"{n}_time"].cast(pa.int64()) for n in LINE_FIELDS]
        return _single(pc.max_element_wise(*times, skip_nulls=True)).cast(TIME).take(self.at)

    @cached_property
    def told(self) -> list[tuple[str, pa.Array, bool]]:
        """Each column that has a value; whether it is of times, which are given as µs."""
        columns = [(name, _single(self.latest[name])) for name in self.latest.column_names]
        told = [(name, column) for name, column in columns if column.null_count < len(column)]
        return [(n, c.cast(pa.int64()), True) if c.type == TIME else (n, c, False) for n, c in told]

    def newest(self, row: int) -> Mapping[str, Any]:
        """The newest values and times of one row, without fields that no line has; empty where there never was a
        reading."""
        at = self.at[row].as_py()
        if at is None:
            return {}
        told = {name: column[at].as_py() for name, column, _ in self.told}
        return told | {name: moment(told[name]) for name, _, timed in self.told if timed}

    def newest_of_pon(self, pon: str) -> Mapping[str, Any]:
        """As `newest`, for a port written DEVICE/PON."""
        at = pc.index(self.pons["line_id"], pa.scalar(f"pon:{pon}")).as_py()
        return {} if at < 0 else self.pons.slice(at, 1).to_pylist()[0]

    def _of_rows(self, name: str) -> pa.Array:
        return _single(self.latest[name]).take(self.at)


def moment(us: int | None) -> datetime | None:
    """As Arrow would make it of a time, several times faster."""
    return None if us is None else EPOCH + timedelta(microseconds=us)


def _single(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return pa.concat_arrays(whole.chunks) if isinstance(whole, pa.ChunkedArray) else whole
