"""Walked columns of several tables become one table of lines and one of PON ports, each with its quality column."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from collector.profile import Column, Table, Take
from collector.snmp.decode import REASONS, Codes, Decoded, decode, reason_code, sensor_values
from collector.snmp.index import Name, RowNames
from collector.snmp.walk import Walked
from plant.batch import Reason

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

_NO_ANSWER = reason_code(Reason.NO_ANSWER)
_NOT_UP = reason_code(Reason.NOT_UP)


@dataclass(frozen=True)
class Answer:
    """A column that was read: its table's row names, and what came. `walked` is None for a part of the index."""

    table: Table
    column: Column
    names: RowNames
    walked: Walked | None


@dataclass(frozen=True)
class Rows:
    """Fields of lines (or ports), row by row. `key` tells the rows apart; order as the device told them."""

    key: pa.Array
    pon: pa.Array
    ont: pa.Array
    fields: dict[str, Decoded] = field(default_factory=dict)
    up: BoolArray | None = None  # None: the device does not tell state


def merge(answers: Sequence[Answer], while_up: bool) -> Rows:
    """Join the answers of one kind by key. Where `while_up`, the state column (if any) rules which readings count."""
    key, pon, ont = _all_rows(answers)
    rows = Rows(key, pon, ont)
    place = {id(a.names): _places(a.names.key, key) for a in answers}
    fields: dict[str, Decoded] = {}
    for answer in answers:
        decoded = _decoded(answer)
        if decoded is None:
            continue
        aligned = _aligned(decoded, place[id(answer.names)], len(key), answer.table.take)
        name = answer.column.field.name
        fields[name] = aligned if name not in fields else _either(fields[name], aligned)
    state = fields.get("state")
    up = None if state is None else np.array(pc.fill_null(pc.equal(state.values, "up"), False), dtype=bool)
    if up is not None and while_up:
        for answer in answers:
            name = answer.column.field.name
            if answer.column.while_up and name in fields:
                fields[name] = _only_where(fields[name], up)
    rows.fields.update(fields)
    return Rows(key, pon, ont, fields, up)


def table_of(rows: Rows, wanted: Sequence[str], kind: Literal["line", "pon"]) -> pa.Table:
    """The table that a poll hands over: pon, for lines ont and ont_serial, the wanted fields, quality."""
    columns: dict[str, pa.Array] = {"pon": rows.pon}
    if kind == "line":
        columns["ont"] = rows.ont
        serial = rows.fields.get("ont_serial")
        columns["ont_serial"] = pa.nulls(len(rows.key), pa.string()) if serial is None else serial.values
    names = [name for name in dict.fromkeys(wanted) if name in rows.fields and name not in columns]
    columns |= {name: rows.fields[name].values for name in names}
    columns["quality"] = quality([(name, rows.fields[name].codes) for name in names], len(rows.key))
    return pa.table(columns)


def quality(codes: Sequence[tuple[str, Codes]], n: int) -> pa.Array:
    """`field:reason` pairs joined by commas, null where every reading stands."""
    said = []
    for name, code in codes:
        if code.any():
            words = pa.array(["", *(f",{name}:{reason}" for reason in REASONS)], pa.string())
            said.append(words.take(pa.array(code)))
    if not said:
        return pa.nulls(n, pa.string())
    joined = pc.binary_join_element_wise(*said, "")
    return pc.if_else(pc.equal(joined, ""), pa.scalar(None, pa.string()), pc.utf8_slice_codeunits(joined, 1))


def unanswered(rows: Rows, columns: Sequence[Column]) -> None:
    """Add fields that a device answered before and left out now."""
    n = len(rows.key)
    for column in columns:
        nothing = Decoded(pa.nulls(n, column.field.arrow), np.full(n, _NO_ANSWER, np.int8))
        rows.fields.setdefault(column.field.name, nothing)


def counted(lines: Rows, told: Collection[str]) -> pa.Table:
    """ONTs registered and up on each PON port, counted from the lines' states, unless the device has `told` them."""
    if lines.up is None or lines.pon.null_count == len(lines.pon):
        return pa.table({"pon": pa.array([], pa.string())})
    each = pa.table({"pon": lines.pon, "up": pa.array(lines.up.astype(np.int32)), "one": np.ones(len(lines.up))})
    sums = (
        each.filter(each["pon"].is_valid())
        .group_by("pon", use_threads=False)
        .aggregate([("up", "sum"), ("one", "sum")])
    )
    columns = {"pon": sums["pon"].combine_chunks()}
    for name, summed in (("onts_up", "up_sum"), ("onts_total", "one_sum")):
        if name not in told:
            columns[name] = sums[summed].combine_chunks().cast(pa.float32())
    return pa.table(columns)


def beside(ports: pa.Table, more: pa.Table) -> pa.Table:
    """Add columns of `more` (by pon) to a table of PON ports, with rows for ports it lacks."""
    extra = [name for name in more.column_names if name not in ports.column_names]
    if not extra or not more.num_rows:
        return ports
    have = ports["pon"].combine_chunks()
    new = more["pon"].filter(pc.invert(pc.is_in(more["pon"], value_set=have))).combine_chunks()
    pon = pa.concat_arrays([have, new])
    at = pc.index_in(pon, value_set=more["pon"].combine_chunks())
    columns = {"pon": pon}
    for name in ports.column_names[1:]:
        columns[name] = pa.concat_arrays([ports[name].combine_chunks(), pa.nulls(len(new), ports[name].type)])
    quality_column = columns.pop("quality", pa.nulls(len(pon), pa.string()))
    columns |= {name: more[name].combine_chunks().take(at) for name in extra}
    return pa.table({**columns, "quality": quality_column})


def _all_rows(answers: Sequence[Answer]) -> tuple[pa.Array, pa.Array, pa.Array]:
    """Every key once, with its pon and ont, in the order they came; pon and ont from whichever table knows them."""
    distinct = list({id(a.names): a.names for a in answers}.values())
    if not distinct:
        return pa.array([], pa.string()), pa.array([], pa.string()), pa.array([], pa.int64())
    every = pa.concat_arrays([names.key for names in distinct])
    key = pc.unique(pc.drop_null(every))
    if len(distinct) == 1 and len(key) == len(every):
        return key, distinct[0].pon, distinct[0].ont
    pon, ont = pa.nulls(len(key), pa.string()), pa.nulls(len(key), pa.int64())
    for names in distinct:
        at = pc.index_in(key, value_set=names.key, skip_nulls=True)
        pon, ont = pc.coalesce(pon, names.pon.take(at)), pc.coalesce(ont, names.ont.take(at))
    return key, pon, ont


def _places(keys: pa.Array, among: pa.Array) -> IntArray:
    return np.asarray(pc.fill_null(pc.index_in(keys, value_set=among, skip_nulls=True), -1)).astype(np.int64)


def _decoded(answer: Answer) -> Decoded | None:
    """The column's readings over the rows of its table."""
    if answer.walked is None:
        values = _as_list(answer.names.parts[answer.column.part or ""])
        return decode(answer.column, values) if values else None
    raw = answer.walked.values
    if not answer.names.kept.all():
        raw = [value for value, keep in zip(raw, answer.names.kept.tolist(), strict=True) if keep]
    if answer.column.exponent is not None:
        scale, precision = (_as_list(answer.names.parts[part]) for part in answer.column.exponent)
        raw = sensor_values(raw, scale, precision)
    return decode(answer.column, raw) if raw else None


def _as_list(part: Name) -> list[int | str | None]:
    values: list[int | str | None] = (part if isinstance(part, pa.Array) else pa.array(part, mask=part < 0)).to_pylist()
    return values


def _aligned(decoded: Decoded, place: IntArray, n: int, take: Take) -> Decoded:
    """Readings at their rows; rows the column did not answer for get the reason."""
    if take == "sum" and pa.types.is_integer(decoded.values.type):
        decoded, place = _summed(decoded, place)
    if len(place) == n and np.array_equal(place, np.arange(n)):
        return decoded
    source = np.full(n, -1, np.int64)
    order = np.arange(len(place))
    if take in ("most", "least") and pa.types.is_floating(decoded.values.type):
        size = np.asarray(decoded.values.to_numpy(zero_copy_only=False), np.float64)
        order = np.lexsort((order, np.nan_to_num(-size if take == "most" else size, nan=np.inf)))
    order = order[place[order] >= 0][::-1]  # the first to claim a row is written last
    source[place[order]] = order
    missing = source < 0
    values = decoded.values.take(pa.array(source, mask=missing))
    codes = np.where(missing, _NO_ANSWER, decoded.codes[np.where(missing, 0, source)]).astype(np.int8)
    return Decoded(values, codes)


def _summed(decoded: Decoded, place: IntArray) -> tuple[Decoded, IntArray]:
    """One row a place: counters added up, and none where one of them is missing."""
    rows, at = np.unique(place, return_inverse=True)
    missing = decoded.codes != 0
    whole = np.asarray(pc.fill_null(decoded.values, 0)).astype(np.int64)
    totals = np.zeros(len(rows), np.int64)
    np.add.at(totals, at, whole)
    codes = np.zeros(len(rows), np.int8)
    np.maximum.at(codes, at, decoded.codes)
    broken = np.zeros(len(rows), dtype=bool)
    np.logical_or.at(broken, at, missing)
    return Decoded(pa.array(totals, pa.int64(), mask=broken), codes), rows


def _either(first: Decoded, second: Decoded) -> Decoded:
    """The first reading where there is one, else the second: a field that two tables can tell."""
    use = first.values.is_valid()
    codes = np.where(np.array(use), first.codes, np.where(second.codes == _NO_ANSWER, first.codes, second.codes))
    return Decoded(pc.if_else(use, first.values, second.values), codes.astype(np.int8))


def _only_where(decoded: Decoded, up: BoolArray) -> Decoded:
    codes = np.where(up, decoded.codes, _NOT_UP).astype(np.int8)
    return Decoded(pc.if_else(pa.array(up), decoded.values, pa.scalar(None, decoded.values.type)), codes)


def lookup_table(walked: Walked, texts: Sequence[str | None]) -> Mapping[str, str]:
    """A column's values as text by the rest of their OIDs."""
    return {row: text for row, text in zip(walked.rows, texts, strict=True) if text is not None}
