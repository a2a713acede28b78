"""Levels in files that last, in two columns: what all of a line's readings have at least, and what each has above it.

Devices tell levels in steps of a hundredth or more. A line's readings lie close together while lines lie far apart, so
`rx_dbm` becomes the whole hundredths `rx_dbm_least`, one for all rows of a line, and `rx_dbm_above`, which seldom needs
more than one byte: half of what the floats take. `rx_dbm` is their sum divided by a hundred, and so equal to what came
in; a column in which any value is not (as of a device that tells thousandths) stays as it is.
"""

from collections.abc import Collection, Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from storage.keyed import Ints, begins_of_lines

LEAST, ABOVE = "_least", "_above"
STEPS = 100  # a unit
FEWEST = 6  # rows a line; with fewer, zstd finds no run to shorten and the least costs more than it saves
_HIGHEST = 2**30  # hundredths, so that least and difference are both 32-bit


def with_parts(schema: pa.Schema) -> pa.Schema:
    """`schema` with the columns that its levels may be kept as."""
    parts = [pa.field(n + part, pa.int32()) for n in _levels(schema) for part in (LEAST, ABOVE)]
    return pa.schema([*schema, *parts])


def whole(names: Iterable[str]) -> frozenset[str]:
    """The columns that a file with the columns `names` tells of, its levels under their own names."""
    return frozenset(n.removesuffix(ABOVE) for n in names if not n.endswith(LEAST))


def with_their_parts(names: Collection[str], there: Iterable[str]) -> list[str]:
    """The columns among `there` that tell of `names`."""
    return [n for n in there if n.removesuffix(LEAST).removesuffix(ABOVE) in names]


def expression(name: str, there: Collection[str]) -> str:
    """How DuckDB reads the column `name` of files that have, all together, the columns `there`."""
    if name + ABOVE not in there:
        return f'"{name}"'
    told = f'CAST(("{name}{LEAST}" + "{name}{ABOVE}") / {STEPS}::DOUBLE AS FLOAT)'
    return f'coalesce("{name}", {told}) AS "{name}"' if name in there else f'{told} AS "{name}"'


def apart(table: pa.Table) -> pa.Table:
    """`table`, which is in the order of its lines, with its levels in parts where that is exact and saves space."""
    starts = np.flatnonzero(begins_of_lines(table["line_id"]))
    if len(starts) * FEWEST > table.num_rows:
        return table
    for name in _levels(table.schema):
        parts = _parts(table[name], starts)
        if parts is not None:
            place = table.column_names.index(name)
            table = table.set_column(place, name + LEAST, parts[0]).add_column(place + 1, name + ABOVE, parts[1])
    return table


def together(table: pa.Table) -> pa.Table:
    """`table` with the levels that are in parts under their own names."""
    for name in [n.removesuffix(ABOVE) for n in table.column_names if n.endswith(ABOVE)]:
        hundredths = pc.add(table[name + LEAST], table[name + ABOVE])
        level = pc.divide(hundredths.cast(pa.float64()), float(STEPS)).cast(pa.float32())
        place = table.column_names.index(name + LEAST)
        table = table.set_column(place, name, level).drop_columns([name + ABOVE])
    return table


def _levels(schema: pa.Schema) -> list[str]:
    return [field.name for field in schema if field.type == pa.float32()]


def _parts(column: pa.ChunkedArray, starts: Ints) -> tuple[pa.Array, pa.Array] | None:
    """The least of each line (rows,) and what is above it (rows, null where `column` is); None if not exact."""
    valid = column.is_valid().to_numpy()
    values = pc.fill_null(column, 0.0).to_numpy()
    steps = np.rint(values.astype(np.float64) * STEPS)
    if np.abs(steps).max() > _HIGHEST or not np.array_equal((steps / STEPS).astype(np.float32), values):
        return None
    hundredths = steps.astype(np.int32)
    least = np.minimum.reduceat(np.where(valid, hundredths, _HIGHEST), starts).astype(np.int32)
    each = np.repeat(least, np.diff(np.append(starts, len(values))))
    above = pa.array(np.where(valid, hundredths - each, 0).astype(np.int32), mask=~valid)
    return pa.array(each), above
