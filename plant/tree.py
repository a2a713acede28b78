"""The plant tree over an inventory's lines: which lines hang from a place, and where a line hangs."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from plant.inventory import Inventory
from plant.matrix import Scope
from plant.place import Place
from plant.splitters import splitter_ids

Codes = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Level:
    """One level of the tree: `names` of its places and, per line, the index into them (−1 where not known)."""

    names: tuple[str, ...]
    codes: Codes


class PlantTree:
    """Arrays over the lines of an inventory, in its order. What a splitter is called: plant/splitters.py."""

    def __init__(self, inventory: Inventory) -> None:
        self.inventory = inventory
        self.line_ids: list[str] = inventory.lines["line_id"].to_pylist()

    def __len__(self) -> int:
        return len(self.line_ids)

    @cached_property
    def device(self) -> Level:
        return _level(self._column("device"))

    @cached_property
    def pon(self) -> Level:
        return _level(_joined(self._column("device"), self._column("pon")))

    @cached_property
    def splitter1(self) -> Level:
        return _level(self._splitters[0])

    @cached_property
    def splitter2(self) -> Level:
        return _level(self._splitters[1])

    @cached_property
    def _splitters(self) -> tuple[pa.Array, pa.Array]:
        return splitter_ids(self.inventory.lines)

    @cached_property
    def grid(self) -> Level:
        return _level(self._column("grid"))

    @cached_property
    def area(self) -> Level:
        """From the line's grid, else from its device."""
        names = tuple(self.inventory.areas)
        at = {name: i for i, name in enumerate(names)}
        of_grid = {g.id: at[a.id] for a in self.inventory.areas.values() for g in a.grids}
        of_device = {d.id: at[d.area] for d in self.inventory.devices.values() if d.area in at}
        by_grid = _through(self.grid, of_grid)
        return Level(names, np.where(by_grid >= 0, by_grid, _through(self.device, of_device)).astype(np.int32))

    @cached_property
    def row(self) -> dict[str, int]:
        """Line id to its row in the arrays."""
        return {line_id: i for i, line_id in enumerate(self.line_ids)}

    def rows_of(self, place: Place) -> npt.NDArray[np.int64]:
        """Rows of the lines that hang from a place; empty for a place the inventory does not know."""
        if place.kind == "line":
            return np.array([self.row[place.id]] if place.id in self.row else [], np.int64)
        if place.kind == "splitter":
            level = self.splitter2 if place.id in self.splitter2.names else self.splitter1
        else:
            level = {"pon": self.pon, "olt": self.device, "node": self.device, "area": self.area}[place.kind]
        if place.id not in level.names:
            return np.array([], np.int64)
        return np.flatnonzero(level.codes == level.names.index(place.id))

    def lines_of(self, place: Place) -> tuple[str, ...]:
        return tuple(self.line_ids[i] for i in self.rows_of(place))

    def rows(
        self, *, area: str | None = None, grid: str | None = None, device: str | None = None, pon: str | None = None
    ) -> npt.NDArray[np.int64]:
        """Rows of the lines that fit every criterion given; `pon` is written `DEVICE/PON`."""
        keep = np.ones(len(self), bool)
        for wanted, level in ((area, "area"), (grid, "grid"), (device, "device"), (pon, "pon")):
            if wanted is not None:
                found: Level = getattr(self, level)
                keep &= found.codes == (found.names.index(wanted) if wanted in found.names else -2)
        return np.flatnonzero(keep)

    def scope(
        self, *, area: str | None = None, grid: str | None = None, device: str | None = None, pon: str | None = None
    ) -> Scope:
        """As `rows`, for questions to a store."""
        return Scope(tuple(self.line_ids[i] for i in self.rows(area=area, grid=grid, device=device, pon=pon)))

    def breadcrumb(self, line_id: str) -> list[tuple[str, str]]:
        """(level, id) from area to line, leaving out what is not known. KeyError for an unknown line."""
        at = self.row[line_id]
        out = []
        for name in ("area", "grid", "device", "pon", "splitter1", "splitter2"):
            level: Level = getattr(self, name)
            if level.codes[at] >= 0:
                out.append((name, level.names[level.codes[at]]))
        return [*out, ("line", line_id)]

    def pons(self) -> tuple[str, ...]:
        """All PON ports, as `DEVICE/PON`."""
        return self.pon.names

    def _column(self, name: str) -> pa.Array:
        column = self.inventory.lines[name].combine_chunks()
        return pa.concat_arrays(column.chunks) if isinstance(column, pa.ChunkedArray) else column


def _joined(*parts: pa.Array) -> pa.Array:
    """Parts joined by slashes; null where one is null."""
    return pc.binary_join_element_wise(*parts, "/", null_handling="emit_null")


def _level(values: pa.Array) -> Level:
    encoded = values.dictionary_encode()
    codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int32)
    return Level(tuple(encoded.dictionary.to_pylist()), codes)


def _through(level: Level, to: dict[str, int]) -> Codes:
    """Codes of another level by a mapping of names; −1 where there is none."""
    table = np.array([*(to.get(name, -1) for name in level.names), -1], np.int32)
    return table[level.codes]
