"""What every store does alike: accept batches, choose a resolution, turn cells into a matrix."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from plant.batch import Batch
from plant.fields import fields
from plant.matrix import Matrix, Scope
from storage.protocol import Resolution

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)


def accepted(batch: Batch) -> pa.Table:
    """The batch's rows with NaN and infinities as null. ValueError for rows without a line or with an absurd time."""
    table = batch.table
    if table["line_id"].null_count or table["time"].null_count:
        raise ValueError(f"batch of {batch.device}: a row lacks its line or its time")
    limits = pc.min_max(table["time"]).as_py()
    if limits["min"] < EARLIEST or limits["max"] >= LATEST:
        raise ValueError(f"batch of {batch.device}: times reach from {limits['min']} to {limits['max']}")
    for i, column in enumerate(table.schema):
        if pa.types.is_floating(column.type):
            values = table.column(i)
            finite = pc.is_finite(values)
            if not pc.all(finite, skip_nulls=True).as_py():
                table = table.set_column(i, column, pc.if_else(finite, values, pa.scalar(None, column.type)))
    return table


def resolution_for(asked: Resolution, start: datetime, end: datetime) -> str:
    """ "auto": raw to two days, hours to eighty days, days beyond."""
    if asked != "auto":
        return asked
    span = end - start
    if span <= timedelta(days=2):
        return "raw"
    return "hour" if span <= timedelta(days=80) else "day"


def day_limits(first: date, last: date, zone: str) -> tuple[datetime, datetime]:
    """UTC [start of the first day, start of the day after the last) in the operator's zone."""
    tz = ZoneInfo(zone)
    after = last + timedelta(days=1)
    return (
        datetime.combine(first, time(), tz).astimezone(UTC),
        datetime.combine(after, time(), tz).astimezone(UTC),
    )


def matrix_of(cells: pa.Table, scope: Scope, field: str, statistic: str, first: date, last: date, zone: str) -> Matrix:
    """Cells (`line_id`, `time` of the day's start, `value`) as lines × days."""
    days = (last - first).days + 1
    if scope.line_ids is None:
        ids = pc.unique(cells["line_id"]).filter(pc.invert(pc.starts_with(pc.unique(cells["line_id"]), "pon:")))
        ids = ids.take(pc.sort_indices(ids))
    else:
        ids = pa.array(sorted(scope.line_ids), pa.string())
    dates = np.arange(np.datetime64(first, "D"), np.datetime64(first, "D") + days)
    out = np.full((len(ids), days), np.nan, np.float32)
    row = pc.index_in(cells["line_id"], ids)
    local = pc.local_timestamp(cells["time"].cast(pa.timestamp("us", tz=zone)))
    day = local.cast(pa.date32(), safe=False).cast(pa.int32()).to_numpy() - int(dates[0].astype(np.int64))
    value = cells["value"]
    if pa.types.is_string(value.type):
        value = pc.index_in(value, pa.array(fields()[field].words, pa.string())).cast(pa.float32())
    known = pc.is_valid(row).to_numpy()
    rows = pc.fill_null(row, 0).to_numpy()
    out[rows[known], day[known]] = value.cast(pa.float32()).to_numpy()[known]
    return Matrix(field, statistic, np.array(ids.to_pylist(), dtype=object), dates, out)
