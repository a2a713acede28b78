"""What is exported, as tables: lines as the list shows them, tickets, readings."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from api.masking import SHOWN
from api.roster import Rows
from api.rows import GOODS
from api.schemas.tickets import TicketRow
from api.snapshot import Snapshot
from plant.tree import Level
from storage.protocol import Level as Resolution
from storage.protocol import TelemetryStore

ROWS = 50_000  # of a batch of lines
MOMENT = pa.timestamp("us", "UTC")
_TEXTS = ("device", "pon", "splitter1", "splitter2", "grid", "technology")

LINES = pa.schema(
    [
        ("line_id", pa.string()), ("known", pa.bool_()), ("area", pa.string()),
        *((name, pa.string()) for name in _TEXTS),
        ("sold_mbps", pa.int64()), ("ont_serial", pa.string()), ("customer_ref", pa.string()), ("state", pa.string()),
        ("rx_dbm", pa.float32()), ("olt_rx_dbm", pa.float32()), ("margin_db", pa.float32()), ("good", pa.string()),
        ("last_reading", MOMENT),
    ]
)  # fmt: skip

_MOMENTS = ("deadline", "opened_at", "changed_at", "resolved_at", "closed_at", "appointment_at")
_NUMBERS = ("id", "line_count", "version", "repeat_of", "merged_into", "reopened")
_OTHERS = {"probability": pa.float64(), "score": pa.float64(), "overdue": pa.bool_()}


def _ticket_type(name: str) -> pa.DataType:
    return MOMENT if name in _MOMENTS else pa.int64() if name in _NUMBERS else _OTHERS.get(name, pa.string())


TICKETS = pa.schema([(name, _ticket_type(name)) for name in TicketRow.model_fields])


async def line_tables(snapshot: Snapshot, rows: Rows, *, customers: bool) -> AsyncIterator[pa.Table]:
    """These rows, in this order; customers' references masked, or null."""
    for start in range(0, len(rows), ROWS):
        yield _lines(snapshot, rows[start : start + ROWS], customers=customers)


def _lines(snapshot: Snapshot, rows: Rows, *, customers: bool) -> pa.Table:
    at = pa.array(rows)
    told = snapshot.roster.table.take(at)
    latest = snapshot.latest.select(["ont_serial"]).take(snapshot.at.take(at))
    margin = snapshot.judged.margin_db[rows]
    goods = pa.array(GOODS).take(pa.array(np.where(snapshot.judged.good[rows] < 0, 2, snapshot.judged.good[rows])))
    columns: dict[str, Any] = {
        "line_id": told["line_id"],
        "known": pa.array(rows < snapshot.roster.known_count),
        "area": _names(snapshot.roster.tree.area, rows),
        **{name: told[name] for name in _TEXTS},
        "sold_mbps": told["sold_mbps"],
        "ont_serial": pc.coalesce(latest["ont_serial"], told["ont_serial"]),
        "customer_ref": _masked(told["customer_ref"]) if customers else pa.nulls(len(rows), pa.string()),
        "state": snapshot.state.take(at),
        "rx_dbm": pa.array(snapshot.values("rx_dbm")[rows], from_pandas=True),
        "olt_rx_dbm": pa.array(snapshot.values("olt_rx_dbm")[rows], from_pandas=True),
        "margin_db": pa.array(margin, from_pandas=True),
        "good": goods,
        "last_reading": snapshot.last_reading.take(at),
    }
    return pa.table({f.name: columns[f.name].cast(f.type) for f in LINES}, schema=LINES)


def ticket_table(rows: Sequence[TicketRow]) -> pa.Table:
    return pa.Table.from_pylist([row.model_dump() for row in rows], schema=TICKETS)


async def reading_tables(
    store: TelemetryStore, line_ids: Sequence[str], names: Sequence[str], start: Any, end: Any, level: Resolution,
    schema: pa.Schema,
) -> AsyncIterator[pa.Table]:  # fmt: skip
    """One table a line. Raises StoreUnavailableError."""
    for line_id in line_ids:
        series = await store.series(line_id, names, start, end, level)
        if not series.num_rows:
            continue
        columns = {
            f.name: pa.repeat(line_id, series.num_rows) if f.name == "line_id"
            else series[f.name].cast(f.type) if f.name in series.column_names
            else pa.nulls(series.num_rows, f.type)
            for f in schema
        }  # fmt: skip
        yield pa.table(columns, schema=schema)


def _masked(references: pa.ChunkedArray) -> pa.ChunkedArray:
    """As api/masking.py masks one."""
    ends = pc.utf8_slice_codeunits(references, -SHOWN, None)
    shown = pc.if_else(pc.greater(pc.utf8_length(references), 2 * SHOWN), ends, "")
    return pc.binary_join_element_wise("•••", shown, "")


def _names(level: Level, rows: Rows) -> pa.Array:
    codes = level.codes[rows]
    return pa.array(level.names, pa.string()).take(pa.array(codes, mask=codes < 0))
