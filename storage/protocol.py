"""TelemetryStore: where readings live. docs/stores.md says what every implementation must promise."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, Protocol

import pyarrow as pa

from plant.batch import Batch
from plant.matrix import Matrix, Scope

Resolution = Literal["auto", "raw", "hour", "day"]
Level = Literal["raw", "hour", "day"]


@dataclass(frozen=True)
class RollupReport:
    """What one rollup run did: windows recomputed and rows written per level."""

    hourly_rows: int
    daily_rows: int
    seconds: float


@dataclass(frozen=True)
class StoreStatus:
    """Health of a store as a page shows it. `detail` is plain words; `figures` are counts and bytes by name."""

    kind: str
    healthy: bool
    detail: str
    newest_reading: datetime | None
    figures: dict[str, float] = field(default_factory=dict)


class TelemetryStore(Protocol):
    """Readings in, tables and matrices out. All times UTC; days are days of the operator's zone (set at opening).

    Every call raises plant.batch.StoreUnavailableError when the store cannot be reached or is locked, never a partial
    answer.
    """

    async def append(self, batches: Sequence[Batch]) -> None:
        """Durable on return; idempotent on (line_id, time, field): the same batch twice changes nothing, a later
        value for the same key wins, a null never erases a value."""

    async def latest(self, scope: Scope, fields: Sequence[str]) -> pa.Table:
        """One row a line that has any reading: `line_id`, and for each field `f` its newest non-null value and
        `f_time` (timestamp[us, UTC]); sorted by line_id."""

    async def series(
        self, line_id: str, fields: Sequence[str], start: datetime, end: datetime, resolution: Resolution = "auto"
    ) -> pa.Table:
        """One line's readings in [start, end), sorted by time. Raw: `time` and the fields. Hour and day: `time`
        (window start) and `f_<statistic>` columns. "auto" keeps the answer under about 2,000 rows."""

    async def matrix(self, scope: Scope, field: str, statistic: str, first: date, last: date) -> Matrix:
        """lines × days of a daily statistic (see storage/rollup.py), both ends included; lines sorted by id, all of
        the scope's lines present even without readings (for ALL: every line with a reading in the range)."""

    async def reasons(self, start: datetime, end: datetime) -> pa.Table:
        """Why readings in [start, end) are missing, of all lines and ports that any are missing of: `line_id`,
        `quality` and the last `time` it was told of that line; sorted by line_id and time."""

    async def lines_seen(self) -> pa.Array:
        """Every id with a reading, `pon:` ports included, sorted."""

    async def rollup(self) -> RollupReport:
        """Bring hourly and daily tables up to date with everything appended so far; only touched windows move."""

    async def status(self) -> StoreStatus: ...

    async def close(self) -> None: ...


class MovableStore(TelemetryStore, Protocol):
    """A store whose history can be moved to another (storage/moving.py)."""

    async def rows(self, level: Level, line_ids: Sequence[str], start: datetime, end: datetime) -> pa.Table:
        """All that is kept of these lines in [start, end), in key order, one row a key: `line_id`, `time`, and the
        columns that have a value there, in full (raw: `quality` and fields; hour, day: `field_statistic`)."""

    async def put_rollups(self, level: Literal["hour", "day"], rows: pa.Table) -> None:
        """Write rollup rows (as `rows` gives them) that were computed elsewhere; durable on return."""

    async def span(self) -> tuple[datetime, datetime] | None:
        """The first and the last instant of anything kept, rollups included; None where there is nothing."""
