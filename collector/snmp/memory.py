"""What is remembered of a device between polls, so that it is asked for less: names of rows, silent columns."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from collector.profile import Part, Table
from collector.snmp.index import RowNames, row_names
from collector.snmp.walk import Repetitions

ASK_AGAIN_S = 3600.0  # a column that did not answer is asked for again after this
_VARIANTS = 4  # row lists of one table that are remembered: columns may miss instances


@dataclass
class DeviceMemory:
    """One device's. `lookups` holds columns that name rows, by OID; `serials` whether rows by key have been named."""

    repetitions: Repetitions
    clock: Callable[[], float] = time.monotonic
    lookups: dict[str, Mapping[str, str]] = field(default_factory=dict)
    answered: set[str] = field(default_factory=set)
    keys: frozenset[str] = frozenset()
    _absent: dict[str, float] = field(default_factory=dict)
    _names: dict[str, list[tuple[Sequence[str], RowNames]]] = field(default_factory=dict)

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

    def set_lookup(self, oid: str, texts: Mapping[str, str]) -> None:
        if self.lookups.get(oid) != texts:
            self._names.clear()
        self.lookups[oid] = texts

    def names(self, table: Table, parts: Mapping[str, tuple[Part, ...]], rows: Sequence[str]) -> RowNames:
        """Names of a table's rows; the same object for the same rows, so that they are worked out once."""
        variants = self._names.setdefault(table.name, [])
        for known, names in variants:
            if known == rows:
                return names
        names = row_names(table, parts, rows, lambda oid: self.lookups.get(oid, {}))
        variants.insert(0, (rows, names))
        del variants[_VARIANTS:]
        return names
