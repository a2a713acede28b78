"""Rollup rows as the files keep them: a statistic that another one of its row tells is left out.

An hour of hourly readings has one reading a field, and its least, greatest, mean and quantiles are that reading. Kept
in full they would be six sevenths of the hourly table. So a null in a file stands for: of a gauge, "the median"; of a
state's share, "all if the last word is that word, else none"; of a count, "one"; of changes, "none" - where the row
has a median, or a last word; where it has not, the field had no reading and everything of it is null.
"""

from collections.abc import Sequence
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc

from plant.fields import Field, fields
from storage.schema import column_type, statistics

_TELLING = {"gauge": "median", "state": "last", "text": "last"}
_WORD_OF_SHARE = {"up_share": "up", "los_share": "los"}


def folded(rows: pa.Table) -> pa.Table:
    """Rollup rows without what `unfolded` can restore. Columns with nothing left are left out."""
    for field, telling in _telling(rows.column_names):
        for statistic in statistics(field):
            name = f"{field.name}_{statistic}"
            if name == telling or name not in rows.column_names:
                continue
            place = rows.column_names.index(name)
            column = rows.column(place)
            told = pc.equal(column, _implied(field, statistic, rows[telling]))
            if pc.all(told, skip_nulls=True).as_py():
                rows = rows.remove_column(place)
            elif pc.any(told).as_py():
                rows = rows.set_column(place, name, pc.if_else(told, pa.scalar(None, column.type), column))
    return rows


def needed(names: Sequence[str]) -> list[str]:
    """The columns to read from files so that `unfolded` can give `names`, each once."""
    telling = (telling_of(n) for n in names)
    return list(dict.fromkeys([*names, *(t for t in telling if t is not None)]))


def unfolded(rows: pa.Table, names: Sequence[str]) -> pa.Table:
    """`rows`, which have the columns `needed(names)`, with every column of `names` in full."""
    for name in names:
        telling = telling_of(name)
        if telling is not None and telling != name:
            place = rows.column_names.index(name)
            field, statistic = _parsed(name)
            rows = rows.set_column(place, name, pc.coalesce(rows[name], _implied(field, statistic, rows[telling])))
    return rows


def telling_of(name: str) -> str | None:
    """The column that tells what a null in the rollup column `name` stands for; None where a null is a null."""
    field, _ = _parsed(name)
    return f"{field.name}_{_TELLING[field.kind]}" if field.kind in _TELLING else None


def _implied(field: Field, statistic: str, telling: pa.ChunkedArray) -> pa.ChunkedArray:
    """What a null of this statistic stands for, in each row; null where the field had no reading."""
    kind = column_type(field, statistic)
    if statistic in _WORD_OF_SHARE:
        return pc.equal(telling, _WORD_OF_SHARE[statistic]).cast(kind)
    if statistic in ("count", "changes"):
        always = pa.scalar(1 if statistic == "count" else 0, kind)
        return pc.if_else(pc.is_valid(telling), always, pa.scalar(None, kind))
    return telling


def _telling(names: Sequence[str]) -> list[tuple[Field, str]]:
    """Fields with a telling column among `names`, and that column."""
    candidates = [(f, f"{f.name}_{_TELLING[f.kind]}") for f in fields().values() if f.kind in _TELLING]
    return [(field, telling) for field, telling in candidates if telling in names]


@cache
def _parsed(name: str) -> tuple[Field, str]:
    """The field and the statistic of a rollup column."""
    return next((f, s) for f in fields().values() for s in statistics(f) if name == f"{f.name}_{s}")
