"""InfluxQL: conditions, and answers as Arrow tables."""

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from plant.batch import TIME
from plant.matrix import Scope
from storage.influx.line_protocol import line_of, tag_of

FEW_LINES = 40  # up to so many are named in a question; of more, all are read and the rest left aside
LINES_AT_ONCE = 100  # in a question that names all of its lines

Answer = list[dict[str, Any]]


def quoted(text: str) -> str:
    """A string in InfluxQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def between(start: int | None, end: int | None) -> str:
    """A condition on time, from µs (written as ns, which all versions take); empty where neither is given."""
    parts = [f"time >= {start * 1000}"] if start is not None else []
    parts += [f"time < {end * 1000}"] if end is not None else []
    return " AND ".join(parts)


def of_lines(line_ids: Sequence[str]) -> str:
    """A condition that names these lines."""
    return "(" + (" OR ".join(f"line_id = {quoted(tag_of(i))}" for i in line_ids) or "line_id = ''") + ")"


def where(scope: Scope, *conditions: str) -> str:
    """The WHERE of a question about a scope; a large one is not named, its rows are chosen from the answer."""
    if scope.line_ids is None:
        named = ["line_id !~ /^pon:/"]
    else:
        named = [of_lines(scope.line_ids)] if len(scope.line_ids) <= FEW_LINES else []
    found = [c for c in (*named, *conditions) if c]
    return f" WHERE {' AND '.join(found)}" if found else ""


def portions(line_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Lines in groups small enough to be named."""
    for begin in range(0, len(line_ids), LINES_AT_ONCE):
        yield line_ids[begin : begin + LINES_AT_ONCE]


def by_line(answer: Answer, scope: Scope) -> Iterator[tuple[str, list[list[Any]]]]:
    """Line id and rows of each series of an answer grouped by line, for lines of the scope."""
    wanted = set(scope.line_ids) if scope.line_ids is not None else None
    for series in answer:
        line = line_of(series["tags"]["line_id"])
        if wanted is None or line in wanted:
            yield line, series["values"]


def table_of(answer: Answer, schema: pa.Schema) -> pa.Table:
    """line_id, time and the columns of `schema` (in the order they were asked for) of an answer grouped by line."""
    ids: list[str] = []
    columns: list[list[Any]] = [[] for _ in range(len(schema) + 1)]
    for series in answer:
        ids += [line_of(series["tags"]["line_id"])] * len(series["values"])
        for column, told in zip(columns, zip(*series["values"], strict=True), strict=True):
            column.extend(told)
    arrays = {"line_id": pa.array(ids, pa.string()), "time": pa.array(columns[0], pa.int64()).cast(TIME)}
    for field, values in zip(schema, columns[1:], strict=True):
        arrays[field.name] = typed(values, field.type)
    return pa.table(arrays)


def typed(values: list[Any], kind: pa.DataType) -> pa.Array:
    """JSON values as a column: whole numbers come without their point."""
    if pa.types.is_floating(kind):
        return pa.array([None if v is None else float(v) for v in values], pa.float64()).cast(kind)
    return pa.array(values, kind)
