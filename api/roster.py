"""Roster: the lines of the inventory and those only devices know, as one table with its plant tree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from api.sight import Sight
from plant.inventory import LINE_SCHEMA, Inventory
from plant.tree import Level, PlantTree

Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Roster:
    """`inventory` as it was given; `tree` over its lines, followed by the `strangers` that are in no file."""

    inventory: Inventory
    strangers: tuple[str, ...]
    tree: PlantTree

    @classmethod
    def build(cls, inventory: Inventory, strangers: Sequence[str]) -> "Roster":
        """`strangers`: ids with readings that the inventory lacks; DEVICE/PON/INDEX where a device listed them."""
        whole = pa.concat_tables([inventory.lines.cast(LINE_SCHEMA), _rows_of(strangers)]).combine_chunks()
        return cls(inventory, tuple(strangers), PlantTree(replace(inventory, lines=whole)))

    def __len__(self) -> int:
        return len(self.tree)

    @property
    def table(self) -> pa.Table:
        return self.tree.inventory.lines

    @property
    def known_count(self) -> int:
        """Rows before this one are lines of the inventory."""
        return len(self) - len(self.strangers)

    @cached_property
    def ids(self) -> pa.Array:
        return pa.array(self.tree.line_ids, pa.string())

    @cached_property
    def names(self) -> Mapping[tuple[str, str], str]:
        """What areas and grids are called, by ("area" or "grid", id)."""
        areas = self.inventory.areas.values()
        return {("area", a.id): a.name for a in areas} | {("grid", g.id): g.name for a in areas for g in a.grids}

    @cached_property
    def rank(self) -> Rows:
        """The place of each row in the order of line ids."""
        order = pc.sort_indices(self.ids).to_numpy().astype(np.int64)
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        return rank

    @cached_property
    def _sorted(self) -> dict[str, tuple[Rows, Rows]]:
        """By level: its rows grouped by place and within by line id, and where each place begins."""
        out = {}
        for name in ("splitter2", "splitter1", "pon"):
            level: Level = getattr(self.tree, name)
            order = np.lexsort((self.rank, level.codes)).astype(np.int64)
            out[name] = (order, np.searchsorted(level.codes[order], np.arange(len(level.names) + 1)).astype(np.int64))
        return out

    def beside(self, row: int) -> tuple[str | None, Rows]:
        """The nearest node above a line, as kind:id, and the other lines behind it, by id; None where none is known."""
        for name, (order, begins) in self._sorted.items():
            level: Level = getattr(self.tree, name)
            code = int(level.codes[row])
            if code >= 0:
                found = order[begins[code] : begins[code + 1]]
                return f"{name.rstrip('12')}:{level.names[code]}", found[found != row]
        return None, np.empty(0, np.int64)

    def prepare(self) -> None:
        """Compute what pages need, before the first one asks."""
        _ = self._sorted, self._public_text, self._customers_text, self.tree.row, self.tree.area, self.tree.grid

    @cached_property
    def _public_text(self) -> pa.Array:
        parts = [pc.fill_null(self._column(n), "") for n in ("line_id", "ont_serial", "device", "pon")]
        return pc.utf8_lower(pc.binary_join_element_wise(*parts, " "))

    @cached_property
    def _customers_text(self) -> pa.Array:
        return pc.utf8_lower(pc.fill_null(self._column("customer_ref"), ""))

    def matching(self, text: str, *, customers: bool) -> Mask:
        """Rows whose id, serial, device and PON (or customer's reference) contain the text, whatever its case."""
        wanted = text.strip().lower()
        hit = pc.match_substring(self._public_text, wanted)
        if customers:
            hit = pc.or_(hit, pc.match_substring(self._customers_text, wanted))
        return np.asarray(hit.to_numpy(zero_copy_only=False), bool)

    def within(self, sight: Sight) -> Mask:
        """Rows that may be shown."""
        seen = np.ones(len(self), bool)
        for level, names in ((self.tree.area, sight.areas), (self.tree.grid, sight.grids)):
            if names is not None:
                seen &= at_any(level, names)
        return seen

    def _column(self, name: str) -> pa.Array:
        column = self.table[name].combine_chunks()
        return pa.concat_arrays(column.chunks) if isinstance(column, pa.ChunkedArray) else column


def at_any(level: Level, names: frozenset[str]) -> Mask:
    """Rows that hang from one of the places `names` of a level."""
    wanted = np.array([*(name in names for name in level.names), False])
    return np.asarray(wanted[level.codes], bool)


def _rows_of(strangers: Sequence[str]) -> pa.Table:
    parts = [line_id.split("/") for line_id in strangers]
    listed = [len(p) >= 3 and all(p) for p in parts]
    columns = {
        "line_id": pa.array(strangers, pa.string()),
        "device": pa.array([p[0] if ok else None for p, ok in zip(parts, listed, strict=True)], pa.string()),
        "pon": pa.array(["/".join(p[1:-1]) if ok else None for p, ok in zip(parts, listed, strict=True)], pa.string()),
    }
    arrays = [columns.get(f.name, pa.nulls(len(strangers), f.type)) for f in LINE_SCHEMA]
    return pa.table(arrays, schema=LINE_SCHEMA)
