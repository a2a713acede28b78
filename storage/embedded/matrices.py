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
from storage.embedded.folding import needed, telling_of, unfolded
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
    telling = telling_of(column) or column
    starts = midnights(first, last, zone)
    start, end = int(starts[0]), int(starts[-1])
    if scope.line_ids is None:
        files = daily.snapshot().holding(start, end)
        told = f'"{telling}" IS NOT NULL' if telling in daily.verifier.columns(files) else "false"
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
    # The row of a window that was computed last is the whole truth, in whatever order rows come.
    seqs = np.array(sorted({f.seq for f in files}), np.int64)
    filled_by = np.zeros(values.shape, np.uint16)
    picked = ["line_id", "time", "seq", *needed([column])]
    rows = rows_of(cursor, daily, files, picked, start=start, end=end, lines=lines)
    for batch in rows.to_arrow_reader(ROWS_AT_ONCE):
        table = pa.table(batch)
        row = pc.index_in(table["line_id"], value_set=known)
        cells = unfolded(table, [column])[column]
        if pa.types.is_string(cells.type):
            cells = pc.index_in(cells, value_set=words)
        figures = cells.cast(pa.float32(), safe=False).to_numpy()
        inside = np.flatnonzero(row.is_valid().to_numpy())
        order = np.searchsorted(seqs, table["seq"].to_numpy())[inside].astype(np.uint16)
        if np.any(order[1:] < order[:-1]):
            arrival = np.argsort(order, kind="stable")
            order, inside = order[arrival], inside[arrival]
        line = row.to_numpy()[inside].astype(np.int64)
        day = np.searchsorted(starts, instants(table["time"]), side="right")[inside] - 1
        later = order >= filled_by[line, day]
        line, day = line[later], day[later]
        values[line, day] = figures[inside[later]]
        filled_by[line, day] = order[later]
    dates = np.arange(np.datetime64(first, "D"), np.datetime64(last, "D") + 1)
    return Matrix(field, statistic, np.array(ids.to_pylist(), dtype=object), dates, values)
