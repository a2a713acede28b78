"""The columns of raw and rolled-up readings, the same in every store."""

from collections.abc import Iterable
from functools import cache

import pyarrow as pa

from plant.batch import TIME
from plant.fields import Field, fields

GAUGE = ("count", "min", "max", "mean", "median", "q10", "q90")
COUNTER = ("count", "increase")
STATE = ("count", "up_share", "los_share", "changes", "last")
TEXT = ("count", "last", "changes")
LEVELS = ("hour", "day")


def statistics(field: Field) -> tuple[str, ...]:
    """The rollup statistics of a field, by its kind."""
    return {"gauge": GAUGE, "counter": COUNTER, "state": STATE, "text": TEXT}[field.kind]


def column_type(field: Field, statistic: str) -> pa.DataType:
    """The type of the column `field_statistic`."""
    if statistic in ("count", "changes"):
        return pa.int32()
    if statistic == "increase":
        return pa.int64()
    return pa.string() if statistic == "last" else pa.float32()


@cache
def raw_schema() -> pa.Schema:
    """`line_id`, `time`, `quality` and every field; `seq` orders what was appended when, so that the later wins."""
    of_fields = [(name, field.arrow) for name, field in fields().items()]
    return pa.schema(
        [("line_id", pa.string()), ("time", TIME), ("quality", pa.string()), ("seq", pa.int64()), *of_fields]
    )


@cache
def rollup_schema() -> pa.Schema:
    """`line_id`, `time` (the window's start), `seq`, and `field_statistic` for every field and statistic."""
    columns = [
        (f"{name}_{statistic}", column_type(field, statistic))
        for name, field in fields().items()
        for statistic in statistics(field)
    ]
    return pa.schema([("line_id", pa.string()), ("time", TIME), ("seq", pa.int64()), *columns])


def check_statistic(name: str, statistic: str) -> Field:
    """The field, if it has that statistic; ValueError says which there are."""
    known = fields()
    if name not in known:
        raise ValueError(f'"{name}" is not a field; see plant/fields.yaml')
    if statistic not in statistics(known[name]):
        raise ValueError(f'{name} has no statistic "{statistic}"; it has: {", ".join(statistics(known[name]))}')
    if statistic == "last" and not known[name].words:
        raise ValueError(f'{name} has no list of words that would make its "last" a number; ask for "changes"')
    return known[name]


def statistics_of(names: Iterable[str]) -> list[str]:
    """All rollup columns of these fields."""
    known = fields()
    return [f"{n}_{s}" for n in names for s in statistics(known[n])]


def check_fields(names: Iterable[str]) -> None:
    """ValueError where one of them is no field."""
    known = fields()
    for name in names:
        if name not in known:
            raise ValueError(f'"{name}" is not a field; see plant/fields.yaml')
