"""What enters a store: batches become one table in key order, or are refused as a whole."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from plant.batch import Batch
from plant.fields import fields
from storage.keyed import by_key, last_of_each_field
from storage.reading import EARLIEST, LATEST

LONGEST_ID = 1000  # characters; an index key of InfluxDB ends at 64 KB


def take_in(batches: Sequence[Batch]) -> pa.Table:
    """line_id, time, quality and the fields that have a value, in key order, one row a key; the later batch wins.

    NaN and infinite values become null; rows that say nothing are left out. ValueError names a batch that has a row
    without line or time, with a line id that no store can keep, or at an absurd time: nothing is written then.
    """
    tables = []
    for batch in batches:
        if len(batch):
            _check(batch)
            tables.append(batch.table)
    if not tables:
        return pa.table({n: pa.array([], t) for n, t in _KEY.items()})
    together = pa.concat_tables(tables, promote_options="default").combine_chunks()
    ordered, repeats = by_key(_without_nothing(_finite(together)))
    return last_of_each_field(ordered, repeats)


_KEY = {"line_id": pa.string(), "time": pa.timestamp("us", "UTC"), "quality": pa.string()}


def _check(batch: Batch) -> None:
    table = batch.table
    if table["line_id"].null_count or table["time"].null_count:
        raise ValueError(f"batch of {batch.device}: a row lacks its line or its time")
    limits = pc.min_max(table["time"]).as_py()
    if limits["min"] < EARLIEST or limits["max"] >= LATEST:
        raise ValueError(
            f"batch of {batch.device}: times reach from {limits['min']} to {limits['max']}; "
            f"readings are kept from {EARLIEST:%Y} to before {LATEST:%Y}: look at the device's clock"
        )
    ids = pc.unique(table["line_id"]) if _suspicious(table["line_id"]) else pa.array([], pa.string())
    length = pc.utf8_length(ids)
    bad = pc.or_(
        pc.or_(pc.equal(length, 0), pc.greater(length, LONGEST_ID)), pc.match_substring_regex(ids, r"[\x00-\x1f\x7f]")
    )
    if pc.any(bad).as_py():
        shown = str(ids.filter(bad)[0].as_py())[:60]
        raise ValueError(
            f"batch of {batch.device}: {shown!r} cannot name a line; an id has 1 to {LONGEST_ID} characters, "
            "none of them a control character"
        )


def _suspicious(ids: pa.ChunkedArray) -> bool:
    """Whether an id may be empty, too long, or hold a control character: a look at bytes, not at each id."""
    for chunk in ids.chunks:
        if not len(chunk):
            continue
        limits = pc.min_max(pc.binary_length(chunk)).as_py()
        offsets = np.frombuffer(chunk.buffers()[1], np.int32)[chunk.offset : chunk.offset + len(chunk) + 1]
        content = np.frombuffer(chunk.buffers()[2], np.uint8)[offsets[0] : offsets[-1]] if limits["max"] else _NOTHING
        if not limits["min"] or limits["max"] > LONGEST_ID or np.any(content < 0x20) or np.any(content == 0x7F):
            return True
    return False


_NOTHING = np.zeros(0, np.uint8)


def _finite(table: pa.Table) -> pa.Table:
    for index, column in enumerate(table.schema):
        if pa.types.is_floating(column.type):
            finite = pc.is_finite(table.column(index))
            if not pc.all(finite, skip_nulls=True).as_py():
                values = pc.if_else(finite, table.column(index), pa.scalar(None, column.type))
                table = table.set_column(index, column, values)
    return table


def _without_nothing(table: pa.Table) -> pa.Table:
    """Leave out columns that are null throughout, and rows that say nothing at all."""
    present = [n for n in fields() if n in table.column_names and table[n].null_count < table.num_rows]
    table = table.select(["line_id", "time", "quality", *present])
    something = np.zeros(table.num_rows, np.bool_)
    for name in ("quality", *present):
        something |= table[name].is_valid().to_numpy()
    return table if something.all() else table.filter(pa.array(something))
