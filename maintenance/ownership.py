"""Who answers for a place: area, grid, department and engineer from the inventory and the responsibility matrix."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from maintenance.rules import Responsibility
from maintenance.ticket import Party
from plant.inventory import Inventory
from plant.place import Place
from plant.splitters import splitter_ids


@dataclass(frozen=True)
class Owner:
    """`department` is never empty; `engineer` is None where the department decides who goes."""

    area: str | None
    grid: str | None
    party: Party
    department: str
    engineer: str | None


class Whereabouts:
    """The part of the inventory that some places need: their lines, with device and grid. Built once a batch."""

    def __init__(self, inventory: Inventory, places: Sequence[Place], line_ids: Iterable[str]) -> None:
        self._inventory = inventory
        table = _with_splitter_ids(inventory.lines)
        wanted = pa.array(sorted({*line_ids, *(p.id for p in places if p.kind == "line")}), pa.string())
        mask = pc.is_in(table["line_id"], value_set=wanted)
        for place in places:
            if place.kind not in ("line", "area"):
                mask = pc.or_(mask, _under(table, place))
        columns = ("line_id", "device", "pon", "splitter1", "splitter2", "grid", "important")
        self._rows = {row["line_id"]: row for row in table.select(columns).filter(mask).to_pylist()}

    def lines_of(self, place: Place) -> tuple[str, ...]:
        """The lines the inventory knows behind a place, for a finding that does not name them; empty for an area."""
        if place.kind == "line":
            return (place.id,)
        return tuple(sorted(i for i, row in self._rows.items() if _is_under(row, place)))

    def important(self, lines: Sequence[str]) -> int:
        """How many of the lines are of important customers."""
        return sum(bool(row["important"]) for i in lines if (row := self._rows.get(i)))

    def device_of(self, place: Place, lines: Sequence[str]) -> str | None:
        """The OLT, CMTS or node that serves a place, None where the inventory does not know it."""
        devices = self._inventory.devices
        if place.kind in ("olt", "node") and place.id in devices:
            return place.id
        found = Counter(row["device"] for i in lines if (row := self._rows.get(i)))
        if found:
            return str(found.most_common(1)[0][0])
        # a line found on a device and in no file is named DEVICE/PON/INDEX, a port DEVICE/PON
        named = [d for d in devices if any(i.startswith(f"{d}/") for i in (place.id, *lines[:1]))]
        return max(named, key=len) if named else None

    def owner(self, place: Place, lines: Sequence[str], cause: str, matrix: Responsibility) -> Owner:
        """The owner of a problem at `place` that hits `lines`."""
        party = matrix.party(cause, place.kind)
        rule = matrix.parties[party]
        grids = Counter(row["grid"] for i in lines if (row := self._rows.get(i)) and row["grid"] is not None)
        grid = min(grids, key=lambda g: (-grids[g], g)) if grids else None
        area_id = place.id if place.kind == "area" else None
        if area_id is None and (device := self.device_of(place, lines)) is not None:
            known = self._inventory.devices.get(device)
            area_id = known.area if known else None
        if area_id is None and grid is not None:
            area_id = next((a.id for a in self._inventory.areas.values() if any(g.id == grid for g in a.grids)), None)
        area = self._inventory.areas.get(area_id) if area_id is not None else None
        department = (area.department if area else "") if rule.department == "area" else rule.department
        engineer = None
        if rule.engineer == "grid" and area is not None:
            engineer = next((g.engineer for g in area.grids if g.id == grid), None)
        return Owner(area_id, grid, party, department or matrix.fallback_department, engineer)


def _with_splitter_ids(lines: pa.Table) -> pa.Table:
    for name, ids in zip(("splitter1", "splitter2"), splitter_ids(lines), strict=True):
        lines = lines.set_column(lines.column_names.index(name), name, ids)
    return lines


def _under(table: pa.Table, place: Place) -> pa.ChunkedArray:
    """Mask of the lines behind a PON, splitter, OLT or node."""
    if place.kind == "pon":
        device, _, pon = place.id.partition("/")
        return _true(pc.and_(pc.equal(table["device"], device), pc.equal(table["pon"], pon)))
    if place.kind == "splitter":
        both = (pc.fill_null(pc.equal(table[c], place.id), False) for c in ("splitter1", "splitter2"))
        return pc.or_(*both)
    return _true(pc.equal(table["device"], place.id))


def _true(mask: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.fill_null(mask, False)


def _is_under(row: dict[str, str | None], place: Place) -> bool:
    if place.kind == "pon":
        return place.id == f"{row['device']}/{row['pon']}"
    if place.kind == "splitter":
        return place.id in (row["splitter1"], row["splitter2"])
    return place.kind in ("olt", "node") and row["device"] == place.id
