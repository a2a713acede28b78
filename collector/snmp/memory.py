"""What is remembered of a device between polls, so that it is asked for less: names of rows, silent columns."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from collector.asking import Place
from collector.profile import Part, Table
from collector.snmp.index import RowNames, row_names
from collector.snmp.walk import Repetitions

ASK_AGAIN_S = 3600.0  # a column that did not answer is asked for again after this
_VARIANTS = 4  # row lists of one table that are remembered: columns may miss instances


@dataclass
class DeviceMemory:
    """One device's. `lookups` holds columns that name rows, by OID; `keys` the keys of its lines at the last poll.

    Rows are kept as Arrow arrays: of a thousand devices, lists of a million strings take five times the memory, and
    the garbage collector would look through them again and again.
    """

    repetitions: Repetitions
    clock: Callable[[], float] = time.monotonic
    lookups: dict[str, Mapping[str, str]] = field(default_factory=dict)
    answered: set[str] = field(default_factory=set)
    keys: pa.Array = field(default_factory=lambda: pa.array([], pa.string()))
    _absent: dict[str, float] = field(default_factory=dict)
    _names: dict[str, list[tuple[pa.Array, RowNames]]] = field(default_factory=dict)

    def is_absent(self, oid: str) -> bool:
        """Whether the column did not answer a while ago: then it is left alone."""
        return self._absent.get(oid, 0.0) > self.clock()

    def told(self, oid: str, rows: int) -> None:
        """A column was walked and brought so many rows."""
        if rows:
            self.answered.add(oid)
            self._absent.pop(oid, None)
        elif oid not in self.answered:
            self._absent[oid] = self.clock() + ASK_AGAIN_S

    def forget_absent(self) -> None:
        self._absent.clear()

    def knows(self, keys: pa.Array) -> bool:
        """Whether all these lines were there at the last poll."""
        return self.keys.equals(keys) or bool(pc.all(pc.is_in(keys, value_set=self.keys)).as_py())

    def set_lookup(self, oid: str, texts: Mapping[str, str]) -> None:
        if self.lookups.get(oid) != texts:
            self._names.clear()
        self.lookups[oid] = texts

    def rows_of(self, table: Table, place: Place) -> tuple[str, ...]:
        """The rest of the OIDs of a line's rows in a table, as the last polls named them."""
        found: dict[str, None] = {}
        serials = [one.name for one in table.index if one.serial]
        for texts, names in self._names.get(table.name, ()):
            if place.ont is not None:
                here = pc.and_(pc.equal(names.pon, pa.scalar(place.pon, pa.string())), pc.equal(names.ont, place.ont))
            elif serials and place.serial is not None:
                here = pc.equal(names.parts[serials[0]], place.serial)
            else:
                continue
            found |= dict.fromkeys(texts.filter(pa.array(names.kept)).filter(pc.fill_null(here, False)).to_pylist())
        return tuple(found)

    def names(self, table: Table, parts: Mapping[str, tuple[Part, ...]], rows: Sequence[str]) -> RowNames:
        """Names of a table's rows; the same object for the same rows, so that they are worked out once."""
        variants = self._names.setdefault(table.name, [])
        texts = pa.array(rows, pa.string())
        for known, names in variants:
            if known.equals(texts):
                return names
        names = row_names(table, parts, rows, lambda oid: self.lookups.get(oid, {}))
        variants.insert(0, (texts, names))
        del variants[_VARIANTS:]
        return names
