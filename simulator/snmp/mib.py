"""The agent's view of its objects: columns of pre-encoded varbinds in lexicographic order, found by bisection.

A column is encoded when it is first asked for after its values have changed, as one run of bytes with offsets: a
GETBULK inside a column is then one slice.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from simulator.snmp import ber
from simulator.snmp.message import varbind

Values = Callable[[], Sequence[bytes | None]]  # encoded values, one a row; None where the instance is missing


@dataclass(frozen=True)
class Cells:
    """Encoded varbinds of one column: `run[offsets[i]:offsets[i + 1]]` is the instance `rows[i]`."""

    rows: Sequence[ber.Oid]
    run: bytes
    offsets: list[int]


class Rows:
    """The instances of a table, ascending: their sub-identifiers, and the same as bytes. Shared by its columns."""

    def __init__(self, ids: Sequence[ber.Oid]) -> None:
        if any(a >= b for a, b in pairwise(ids)):
            raise ValueError("a table's rows must ascend")
        self.ids = ids
        self.bodies = [b"".join(map(ber.sub_identifier, i)) for i in ids]


class Column:
    """`base` is the column's OID; `values` gives encoded values, one a row, None where the instance is missing.

    A `live` column is encoded at every request (sysUpTime), the others when asked for after `expire`.
    """

    def __init__(self, base: ber.Oid, rows: Rows, values: Values, *, live: bool = False) -> None:
        self.base = base
        self.live = live
        self._rows = rows
        self._values = values
        self._cells: Cells | None = None

    def expire(self) -> None:
        self._cells = None

    def cells(self) -> Cells:
        if self._cells is None or self.live:
            self._cells = self._encode()
        return self._cells

    def _encode(self) -> Cells:
        ids, bodies, answered = self._rows.ids, self._rows.bodies, self._values()
        values = [v for v in answered if v is not None]
        if len(values) < len(answered):
            present = [i for i, v in enumerate(answered) if v is not None]
            ids, bodies = [ids[i] for i in present], [bodies[i] for i in present]
        base = ber.oid_body(self.base)
        parts: list[bytes] = []
        offsets = [0]
        at = 0
        for body, value in zip(bodies, values, strict=True):
            name = len(base) + len(body)
            size = name + len(value) + 2
            cell = _SHORT[size] + _NAME[name] + base + body + value if size < 0x80 else varbind(base + body, value)
            parts.append(cell)
            at += len(cell)
            offsets.append(at)
        return Cells(ids, b"".join(parts), offsets)


_SHORT = [b"\x30" + bytes((n,)) for n in range(0x80)]
_NAME = [b"\x06" + bytes((n,)) for n in range(0x80)]


class Mib:
    """All columns of one agent, by OID. ValueError where one column's OID is a prefix of another's."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = sorted(columns, key=lambda c: c.base)
        self._bases = [c.base for c in self.columns]
        for a, b in pairwise(self._bases):
            if b[: len(a)] == a:
                raise ValueError(f"column {a} holds column {b}")

    def expire(self) -> None:
        """Values have changed: encode again what is asked for."""
        for column in self.columns:
            column.expire()

    def get(self, name: bytes) -> bytes:
        """The varbind of one instance, or the exception value RFC 3416 wants."""
        oid = ber.parse_oid(name)
        i = bisect_right(self._bases, oid) - 1
        if i < 0 or oid[: len(self._bases[i])] != self._bases[i]:
            return varbind(name, _NO_OBJECT)
        cells = self.columns[i].cells()
        instance = oid[len(self._bases[i]) :]
        row = bisect_left(cells.rows, instance)
        if row == len(cells.rows) or cells.rows[row] != instance:
            return varbind(name, _NO_INSTANCE)
        return cells.run[cells.offsets[row] : cells.offsets[row + 1]]

    def after(self, oid: ber.Oid) -> tuple[int, int] | None:
        """(column, row) of the first instance greater than `oid`; None at the end."""
        i = max(bisect_right(self._bases, oid) - 1, 0)
        while i < len(self.columns):
            cells = self.columns[i].cells()
            base = self._bases[i]
            head = oid[: len(base)]
            if head <= base:
                row = bisect_right(cells.rows, oid[len(base) :]) if head == base else 0
                if row < len(cells.rows):
                    return i, row
            i += 1
        return None

    def next(self, name: bytes) -> tuple[bytes, ber.Oid | None]:
        """The varbind after `name` and its OID; endOfMibView and None at the end."""
        found = self.after(ber.parse_oid(name))
        if found is None:
            return varbind(name, _END), None
        column, row = found
        cells = self.columns[column].cells()
        return cells.run[cells.offsets[row] : cells.offsets[row + 1]], self._bases[column] + cells.rows[row]

    def walk(self, name: bytes, count: int, room: int) -> bytes:
        """Up to `count` varbinds after `name`, at most `room` bytes of them; ends with endOfMibView at the end."""
        out: list[bytes] = []
        found = self.after(ber.parse_oid(name))
        last = name
        while count > 0:
            if found is None:
                end = varbind(last, _END)
                out.append(end if len(end) <= room else b"")
                break
            column, row = found
            cells = self.columns[column].cells()
            base = cells.offsets[row]
            stop = min(row + count, len(cells.rows))
            if cells.offsets[stop] - base > room:
                stop = bisect_right(cells.offsets, base + room, row, stop + 1) - 1
            piece = cells.run[base : cells.offsets[stop]]
            out.append(piece)
            room -= len(piece)
            count -= stop - row
            if stop < len(cells.rows):
                break
            end_of_column = self._bases[column] + cells.rows[-1]
            last = ber.oid_body(end_of_column)
            found = self.after(end_of_column)
        return b"".join(out)


_NO_OBJECT = bytes((ber.NO_SUCH_OBJECT, 0))
_NO_INSTANCE = bytes((ber.NO_SUCH_INSTANCE, 0))
_END = bytes((ber.END_OF_MIB, 0))
