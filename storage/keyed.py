"""Tables keyed by (line_id, time): order, neighbours with the same key, and what remains of them."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def instants(column: pa.ChunkedArray | pa.Array) -> Ints:
    """A timestamp column without nulls as int64 microseconds since 1970 UTC."""
    values = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    result: Ints = values.cast(pa.int64()).to_numpy(zero_copy_only=False)
    return result


def distinct(values: Ints) -> Ints:
    """The different values, ascending. Many times faster than np.unique, which hashes."""
    ordered = np.sort(values)
    return ordered[np.append(True, ordered[1:] != ordered[:-1])] if len(ordered) else ordered


def codes_of(column: pa.ChunkedArray | pa.Array) -> tuple[Ints, pa.Array]:
    """Ranks (rows,) of a string column without nulls, and the distinct strings in byte order they point into."""
    values = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    encoded = values.dictionary_encode()
    order = pc.sort_indices(encoded.dictionary)
    rank = np.empty(len(order), np.int64)
    rank[order.to_numpy(zero_copy_only=False)] = np.arange(len(order))
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    return rank[codes], encoded.dictionary.take(order)


def begins_of_lines(column: pa.ChunkedArray) -> Flags:
    """True (rows,) where an id is another than that of the row before; for ids whose equals lie together."""
    ids = column.combine_chunks()
    ids = pa.concat_arrays(ids.chunks) if isinstance(ids, pa.ChunkedArray) else ids
    begins = np.ones(len(ids), np.bool_)
    begins[1:] = pc.not_equal(ids[1:], ids[:-1]).to_numpy(zero_copy_only=False)
    return begins


def _ascending(table: pa.Table) -> bool:
    """Whether each key is greater than the one before, told at a twentieth of what sorting costs."""
    ids = table["line_id"].combine_chunks()
    ids = pa.concat_arrays(ids.chunks) if isinstance(ids, pa.ChunkedArray) else ids
    if pc.all(pc.less(ids[:-1], ids[1:])).as_py():
        return True
    if not pc.all(pc.less_equal(ids[:-1], ids[1:])).as_py():
        return False
    times = instants(table["time"])
    return bool(np.all((times[1:] > times[:-1]) | pc.less(ids[:-1], ids[1:]).to_numpy(zero_copy_only=False)))


def by_key(table: pa.Table, arrival: Ints | None = None) -> tuple[pa.Table, Flags]:
    """`table` in the order of (line_id, time), and where a key repeats.

    Rows of one key are in the order of `arrival` (rows,), of those alike and without it in the order they had. The
    flags (rows,) are true where a row has the key of the row before it.
    """
    if table.num_rows == 0 or _ascending(table):
        return table, np.zeros(table.num_rows, np.bool_)
    codes, _ = codes_of(table["line_id"])
    times = instants(table["time"])
    earliest = int(times.min())
    span = int(times.max()) - earliest + 1
    if (int(codes.max()) + 1) * span < 2**63:
        key = codes * span + (times - earliest)
        if np.all(key[1:] > key[:-1]):
            return table, np.zeros(len(key), np.bool_)
        if arrival is None or np.all(arrival[1:] >= arrival[:-1]):
            order = np.argsort(key, kind="stable")
        else:
            first = np.argsort(arrival, kind="stable")
            order = first[np.argsort(key[first], kind="stable")]
    else:
        order = np.lexsort((times, codes) if arrival is None else (arrival, times, codes))
    codes, times = codes[order], times[order]
    repeats = np.zeros(len(codes), np.bool_)
    repeats[1:] = (codes[1:] == codes[:-1]) & (times[1:] == times[:-1])
    return table.take(pa.array(order)), repeats


def repeated(table: pa.Table) -> Flags:
    """Flags (rows,) of a table already in key order: true where a row has the key of the row before it."""
    flags = np.zeros(table.num_rows, np.bool_)
    if table.num_rows > 1:
        times = instants(table["time"])
        same = np.flatnonzero(times[1:] == times[:-1])
        if len(same):
            ids = table["line_id"].combine_chunks()
            equal = pc.equal(ids.take(pa.array(same)), ids.take(pa.array(same + 1)))
            flags[same + 1] = equal.to_numpy(zero_copy_only=False)
    return flags


def last_of_each_field(table: pa.Table, repeats: Flags) -> pa.Table:
    """One row a key: for every column the last value that is not null. A null never erases a value."""
    if not repeats.any():
        return table
    starts = np.flatnonzero(~repeats)
    rows = np.arange(table.num_rows, dtype=np.int64)
    columns = []
    for column in table.columns:
        valid = column.is_valid().to_numpy()
        last = np.maximum.reduceat(np.where(valid, rows, -1), starts)
        columns.append(column.take(pa.array(last, mask=last < 0)))
    return pa.table(columns, schema=table.schema)


def last_row(table: pa.Table, repeats: Flags) -> pa.Table:
    """One row a key: the last one, whole."""
    if not repeats.any():
        return table
    ends = np.append(~repeats[1:], True)
    return table.filter(pa.array(ends))
