"""What every store does alike: bounds of time, resolutions, days, cells into a matrix."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from plant.fields import fields
from plant.matrix import Matrix, Scope
from storage.keyed import instants
from storage.protocol import Resolution
from storage.windows import midnights

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)


def resolution_for(asked: Resolution, start: datetime, end: datetime) -> str:
    """ "auto": raw to two days, hours to eighty days, days beyond."""
    if asked != "auto":
        return asked
    span = end - start
    if span <= timedelta(days=2):
        return "raw"
    return "hour" if span <= timedelta(days=80) else "day"


def matrix_of(
    cells: pa.Table, scope: Scope, field: str, statistic: str, first: date, last: date, zone: ZoneInfo
) -> Matrix:
    """Cells (`line_id`, `time` of the day's start, `value`), all within the days asked for, as lines × days."""
    if scope.line_ids is None:
        ids = pc.unique(cells["line_id"])
        ids = ids.filter(pc.invert(pc.starts_with(ids, "pon:")))
        ids = ids.take(pc.sort_indices(ids))
    else:
        ids = pa.array(sorted(scope.line_ids), pa.string())
    starts = midnights(first, last, zone)
    values = np.full((len(ids), len(starts) - 1), np.nan, np.float32)
    row = pc.index_in(cells["line_id"], value_set=ids)
    known = row.is_valid().to_numpy()
    value = cells["value"]
    if pa.types.is_string(value.type):
        value = pc.index_in(value, pa.array(fields()[field].words, pa.string()))
    day = np.searchsorted(starts, instants(cells["time"]), side="right") - 1
    values[row.drop_null().to_numpy(), day[known]] = value.cast(pa.float32(), safe=False).to_numpy()[known]
    dates = np.arange(np.datetime64(first, "D"), np.datetime64(last, "D") + 1)
    return Matrix(field, statistic, np.array(ids.to_pylist(), dtype=object), dates, values)
