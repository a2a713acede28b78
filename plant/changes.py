"""What devices have shown since the lines files were written: ONTs swapped, moved, gone. A log, and what follows of it.

The collector appends to the log; whoever reads the inventory applies it. A file that was written anew since wins: a
change counts only where the file still says what the device had shown before it.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from plant.serials import normal_serials

ChangeKind = Literal["swap", "move", "removal", "unknown"]
_KINDS = ("swap", "move", "removal", "unknown")


@dataclass(frozen=True)
class PlantChange:
    """`was` and `now` are serials (swap, removal, unknown) or PON ports (move, with the ONT's number there)."""

    time: datetime
    kind: ChangeKind
    device: str
    line_id: str
    was: str | None
    now: str | None
    ont_index: int | None = None


@dataclass
class _Found:
    """A line's newest value, and all that the devices showed before it."""

    before: set[str | None] = field(default_factory=set)
    now: str | None = None
    ont_index: int | None = None


def written(change: PlantChange) -> str:
    """A change as one line of the log."""
    said = {**change.__dict__, "time": change.time.astimezone(UTC).isoformat(timespec="seconds")}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"))


def read_changes(path: Path) -> list[PlantChange]:
    """All of a log, oldest first; empty without one. Lines that cannot be read, as a torn last one, are passed over."""
    try:
        lines = path.read_text("utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    return [change for line in lines if line and (change := _read(line)) is not None]


def with_changes(lines: pa.Table, changes: Iterable[PlantChange]) -> pa.Table:
    """`lines` (plant.inventory.LINE_SCHEMA) with the serial and the place each line's device showed last.

    A line that moved to another port has no known splitter until a lines file names one.
    """
    serials: dict[tuple[str, str], _Found] = {}
    places: dict[tuple[str, str], _Found] = {}
    for change in changes:
        kept = {"swap": serials, "move": places}.get(change.kind)
        if kept is None:
            continue
        found = kept.setdefault((change.device, change.line_id), _Found())
        found.before.add(change.was)
        found.now, found.ont_index = change.now, change.ont_index
    columns = _replaced(lines, serials, "ont_serial") | _replaced(lines, places, "pon")
    for name, column in columns.items():
        lines = lines.set_column(lines.schema.get_field_index(name), lines.schema.field(name), column)
    return lines


def _replaced(lines: pa.Table, found: dict[tuple[str, str], _Found], name: str) -> dict[str, pa.ChunkedArray]:
    """The columns that become others; of a place also the ONT's number and the splitters."""
    if not found:
        return {}
    keys = list(found)
    rows = pc.index_in(pa.array([line_id for _, line_id in keys], pa.string()), value_set=lines["line_id"]).to_pylist()
    form = normal_serials if name == "ont_serial" else _as_it_is  # the log has serials in one form, files have not
    changed: list[tuple[int, _Found]] = []
    for row, (device, line_id) in zip(rows, keys, strict=True):
        change = found[device, line_id]
        if row is None or lines["device"][row].as_py() != device:
            continue
        said = form(pa.array([lines[name][row].as_py()], pa.string()))[0].as_py()
        if said in change.before and said != change.now:
            changed.append((row, change))
    if not changed:
        return {}
    changed.sort(key=lambda c: c[0])
    at = [row for row, _ in changed]
    out = {name: _with(lines[name], at, [c.now for _, c in changed])}
    if name == "pon":
        out["ont_index"] = _with(lines["ont_index"], at, [c.ont_index for _, c in changed])
        for splitter in ("splitter1", "splitter2"):
            out[splitter] = _with(lines[splitter], at, [None] * len(at))
    return out


def _with(column: pa.ChunkedArray, rows: Sequence[int], values: Sequence[Any]) -> pa.ChunkedArray:
    """The column with other values in these rows (ascending)."""
    mask = np.zeros(len(column), bool)
    mask[rows] = True
    whole = pa.concat_arrays(column.chunks) if column.num_chunks != 1 else column.chunk(0)
    return pa.chunked_array([pc.replace_with_mask(whole, pa.array(mask), pa.array(values, column.type))], column.type)


def _as_it_is(values: pa.Array) -> pa.Array:
    return values


def _read(line: str) -> PlantChange | None:
    try:
        said = json.loads(line)
        change = PlantChange(**{**said, "time": datetime.fromisoformat(said["time"])})
    except (ValueError, TypeError, KeyError):
        return None
    well_formed = (
        change.kind in _KINDS
        and change.time.tzinfo is not None
        and isinstance(change.device, str)
        and isinstance(change.line_id, str)
        and isinstance(change.was, str | None)
        and isinstance(change.now, str | None)
        and isinstance(change.ont_index, int | None)
    )
    return change if well_formed else None
