"""From the rest of an OID to slot, port and ONT: sub-identifiers, parts of them, and the templates that name rows.

Arrays in, arrays out. A name is an int64 array, or an Arrow string array where it came as text; what cannot be told is
-1 or null.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from string import Formatter
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from collector.profile import Bits, Part, SubId, Table
from collector.snmp.text import octets_as_text, serial_text

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
Name: TypeAlias = "IntArray | pa.Array"
Lookup = Callable[[str], Mapping[str, str]]  # a column's OID → its values as text, by the rest of their OIDs

_LARGEST = 2**32 - 1  # of a sub-identifier


@dataclass(frozen=True)
class RowNames:
    """The rows of one table: `kept` says which of the OIDs fit the index; pon, ont and key are theirs, in order."""

    kept: BoolArray
    pon: pa.Array  # string
    ont: pa.Array  # int64
    key: pa.Array  # string
    parts: Mapping[str, Name]


def row_names(
    table: Table, parts: Mapping[str, tuple[Part, ...]], rows: Sequence[str], lookup: Lookup = lambda _: {}
) -> RowNames:
    """Names of the rows of a table, from the rest of their OIDs after the column's. `lookup` answers other columns."""
    names, kept = sub_identifiers(table.index, rows)
    for part in sorted(table.names() - names.keys()):
        names[part] = _part(parts[part], names, lookup)
    asked = [n for n in table.only if not (table.lenient and _looks_up(parts.get(n, ()))) or _any_known(names[n])]
    if asked:
        chosen = np.logical_and.reduce([_known(names[one]) for one in asked])
        kept[np.flatnonzero(kept)[~chosen]] = False
        names = {name: _select(values, chosen) for name, values in names.items()}
    n = int(kept.sum())
    pon = render(table.pon, names, n)
    ont = pa.nulls(n, pa.int64()) if table.ont is None else render(table.ont, names, n)
    return RowNames(kept, pon, _whole(ont), render(table.key, names, n), names)


def sub_identifiers(index: Sequence[SubId], rows: Sequence[str]) -> tuple[dict[str, Name], BoolArray]:
    """Each element of the index over the rows that fit it, and which do."""
    if any(one.octets for one in index):
        return _with_octets(index, rows)
    texts = pa.array(rows, pa.string())
    shape = r"^\d{1,10}" + r"\.\d{1,10}" * (len(index) - 1) + "$"
    kept = np.array(pc.match_substring_regex(texts, shape), dtype=bool)
    fitting = texts if kept.all() else texts.filter(pa.array(kept))
    numbers = pc.split_pattern(fitting, ".").flatten().cast(pa.int64()).to_numpy().reshape(-1, len(index))
    small = (numbers <= _LARGEST).all(axis=1)
    if not small.all():
        kept[np.flatnonzero(kept)[~small]] = False
        numbers = numbers[small]
    return {one.name: np.ascontiguousarray(numbers[:, n]) for n, one in enumerate(index)}, kept


def _with_octets(index: Sequence[SubId], rows: Sequence[str]) -> tuple[dict[str, Name], BoolArray]:
    found = [_cut(index, row) for row in rows]
    kept = np.array([one is not None for one in found], dtype=bool)
    fitting = [one for one in found if one is not None]
    names: dict[str, Name] = {}
    for n, one in enumerate(index):
        values = [row[n][0] for row in fitting]
        names[one.name] = pa.array(values, pa.string()) if one.octets else np.array(values, dtype=np.int64)
        if one.octets:
            names[_raw(one.name)] = pa.array([row[n][1] for row in fitting], pa.string())
    return names, kept


def _raw(name: str) -> str:
    """Where the sub-identifiers of octets are kept beside their text: other columns' rows are found by them."""
    return f".{name}"


def _cut(index: Sequence[SubId], row: str) -> list[tuple[int | str, str]] | None:
    """One row's elements, decoded and as they stand in the OID; None where it does not fit the index."""
    try:
        left = [int(part) for part in row.split(".")]
    except ValueError:
        return None
    out: list[tuple[int | str, str]] = []
    for one in index:
        if not left:
            return None
        if not one.octets:
            number = left.pop(0)
            out.append((number, str(number)))
            continue
        before = left
        length = one.length if one.length is not None else left[0]
        left = left if one.length is not None else left[1:]
        octets, left = left[:length], left[length:]
        if not octets or len(octets) < length or max(octets) > 255:
            return None
        raw = bytes(octets)
        text = serial_text(raw) if one.serial else octets_as_text(raw)
        if text is None:
            return None
        out.append((text, ".".join(map(str, before[: len(before) - len(left)]))))
    return None if left else out


def _bits(bits: Bits, names: Mapping[str, Name]) -> IntArray:
    value = names[bits.of]
    assert isinstance(value, np.ndarray)  # noqa: S101 - octets have no bits; the profile's index says so
    return (value >> bits.shift) & ((1 << bits.bits) - 1)


def _part(ways: Sequence[Part], names: Mapping[str, Name], lookup: Lookup) -> Name:
    """The first way that applies, row by row."""
    if ways[0].column is not None:
        return pc.coalesce(*(_looked_up(way, names, lookup) for way in ways))
    n = len(next(iter(names.values())))
    out = np.full(n, -1, np.int64)
    open_ = np.ones(n, dtype=bool)
    for way in ways:
        if way.of is None:
            continue
        applies = open_ if way.when is None else open_ & (_bits(way.when, names) == way.when.is_)
        number = _bits(way.of, names) // way.divide
        number = number if way.modulo is None else number % way.modulo
        out = np.where(applies, number + way.add, out)
        open_ = open_ & ~applies
    return out


def _looked_up(way: Part, names: Mapping[str, Name], lookup: Lookup) -> pa.Array:
    assert way.column is not None  # noqa: S101
    said = lookup(way.column)
    if way.pattern is not None:
        found = {row: way.pattern.search(text) for row, text in said.items()}
        said = {row: match[1] for row, match in found.items() if match is not None}
    at = pc.binary_join_element_wise(*(_text(names.get(_raw(name), names[name])) for name in way.at), ".")
    for between in way.through:
        next_ = lookup(between)
        at = pa.array([None if one is None else next_.get(one) for one in at.to_pylist()], pa.string())
    where = pc.index_in(at, value_set=pa.array(list(said), pa.string()), skip_nulls=True)
    return pa.array(list(said.values()), pa.string()).take(where)


def render(template: str, names: Mapping[str, Name], n: int) -> pa.Array:
    """`0/{slot}/{port}` as strings, null where a name is not known."""
    pieces: list[pa.Array | pa.Scalar] = []
    for literal, name, _, _ in Formatter().parse(template):
        if literal:
            pieces.append(pa.scalar(literal))
        if name:
            pieces.append(_text(names[name]))
    if len(pieces) == 1 and isinstance(pieces[0], pa.Array):
        return pieces[0]
    if not any(isinstance(piece, pa.Array) for piece in pieces):
        return pa.array([template] * n, pa.string())
    return pc.binary_join_element_wise(*pieces, "")


def _text(values: Name) -> pa.Array:
    if isinstance(values, np.ndarray):
        return pa.array(values, mask=values < 0).cast(pa.string())
    return values


def _whole(texts: pa.Array) -> pa.Array:
    if texts.type == pa.int64():
        return texts
    digits = pc.fill_null(pc.match_substring_regex(texts, r"^\d{1,18}$"), False)
    return pc.if_else(digits, texts, pa.scalar(None, pa.string())).cast(pa.int64())


def _known(values: Name) -> BoolArray:
    if isinstance(values, np.ndarray):
        return values >= 0
    return np.array(values.is_valid(), dtype=bool)


def _looks_up(ways: Sequence[Part]) -> bool:
    return any(way.column is not None for way in ways)


def _any_known(values: Name) -> bool:
    return bool(_known(values).any())


def _select(values: Name, chosen: BoolArray) -> Name:
    return values[chosen] if isinstance(values, np.ndarray) else values.filter(pa.array(chosen))
