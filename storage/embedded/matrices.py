"""Lines × days from the daily table, filled batch by batch."""

from datetime import date
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from plant.fields import fields
from plant.matrix import Matrix, Scope
from storage.embedded.duck import rows_of
from storage.embedded.table import LogTable
from storage.keyed import instants
from storage.windows import midnights

ROWS_AT_ONCE = 1_000_000


def daily_matrix(
    cursor: duckdb.DuckDBPyConnection,
    daily: LogTable,
    scope: Scope,
    field: str,
    statistic: str,
    first: date,
    last: date,
    zone: ZoneInfo,
) -> Matrix:
    """See TelemetryStore.matrix. Holds the answer and one batch of rows at a time."""
    column = f"{field}_{statistic}"
    starts = midnights(first, last, zone)
    start, end = int(starts[0]), int(starts[-1])
    if scope.line_ids is None:
        files = daily.snapshot().holding(start, end)
        told = f'"{column}" IS NOT NULL' if column in daily.verifier.columns(files) else "false"
        condition = f"NOT starts_with(line_id, 'pon:') AND {told}"
        rows = rows_of(cursor, daily, files, ["line_id"], start=start, end=end, condition=condition)
        ids = rows.distinct().order("line_id").to_arrow_table()["line_id"].combine_chunks()
        lines = None
    else:
        lines = sorted(scope.line_ids)
        ids = pa.array(lines, pa.string())
        between = (lines[0], lines[-1]) if lines else ("", "")
        files = daily.snapshot().holding(start, end, between)
    values = np.full((len(ids), len(starts) - 1), np.nan, np.float32)
    words = pa.array(fields()[field].words, pa.string())
    known = pa.array(ids.to_pylist(), pa.string())
    # The files come in the order they were written, and the row of a window that was computed last is the whole truth:
    # filling in that order leaves it in place.
    rows = rows_of(cursor, daily, files, ["line_id", "time", column], start=start, end=end, lines=lines)
    for batch in rows.to_arrow_reader(ROWS_AT_ONCE):
        row = pc.index_in(batch["line_id"], value_set=known)
        cells = batch[column]
        if pa.types.is_string(cells.type):
            cells = pc.index_in(cells, value_set=words)
        inside = row.is_valid().to_numpy(zero_copy_only=False)
        day = np.searchsorted(starts, instants(batch["time"]), side="right") - 1
        figures = cells.cast(pa.float32(), safe=False).to_numpy(zero_copy_only=False)
        values[row.drop_null().to_numpy(zero_copy_only=False), day[inside]] = figures[inside]
    dates = np.arange(np.datetime64(first, "D"), np.datetime64(last, "D") + 1)
    return Matrix(field, statistic, np.array(ids.to_pylist(), dtype=object), dates, values)
