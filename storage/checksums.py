"""Checksums of readings that are the same in every store, whatever order its rows come in.

A row's sum is made of its values' (a null adds nothing); a line's day is the sum of its rows modulo 2^64. Equal tables
have equal sums; of two that differ in one value the sums are alike once in about 10^19.
"""

import hashlib

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from storage.keyed import Ints, instants
from storage.windows import DAY

Sums = npt.NDArray[np.uint64]


def row_sums(table: pa.Table) -> Sums:
    """A sum (rows,) of each row's time and values; `line_id` and `seq` do not count, floats do by their bits."""
    total = _mixed(instants(table["time"]).view(np.uint64))
    for name in table.column_names:
        if name not in ("line_id", "time", "seq"):
            column = table[name].combine_chunks()
            hashed = _mixed(_bits(column) ^ _of_text(name))
            total = total + np.where(column.is_valid().to_numpy(zero_copy_only=False), hashed, np.uint64(0))
    return total


def daily_sums(table: pa.Table) -> pa.Table:
    """`line_id`, `day` (days since 1970 UTC), `rows` and `sum` of a table in key order, one row a line's day."""
    if table.num_rows == 0:
        return pa.table({"line_id": pa.array([], pa.string()), "day": [], "rows": [], "sum": []})
    days = instants(table["time"]) // DAY
    ids = table["line_id"].combine_chunks()
    begins = np.ones(len(days), np.bool_)
    other_line = pc.not_equal(ids[1:], ids[:-1]).to_numpy(zero_copy_only=False)
    begins[1:] = other_line | (days[1:] != days[:-1])
    starts = np.flatnonzero(begins)
    return pa.table(
        {
            "line_id": ids.take(pa.array(starts)),
            "day": days[starts],
            "rows": np.diff(np.append(starts, len(days))),
            "sum": np.add.reduceat(row_sums(table), starts),
        }
    )


def _bits(column: pa.Array) -> Sums:
    if pa.types.is_string(column.type):
        encoded = column.dictionary_encode()
        texts = np.array([_of_text(t) for t in ("", *encoded.dictionary.to_pylist())], np.uint64)
        place: Ints = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
        return texts[place + 1]
    values = pc.fill_null(column, 0).to_numpy(zero_copy_only=False)
    if values.dtype.kind == "f":
        positive: npt.NDArray[np.float32] = values.astype(np.float32) + np.float32(0)  # -0.0 is 0.0
        return positive.view(np.uint32).astype(np.uint64)
    whole: Ints = values.astype(np.int64)
    return whole.view(np.uint64)


def _of_text(text: str) -> np.uint64:
    return np.uint64(int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little"))


def _mixed(values: Sums) -> Sums:
    """The finisher of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014)."""
    values = (values + np.uint64(0x9E3779B97F4A7C15)).astype(np.uint64)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
