"""What devices have shown since the lines files were written: ONTs swapped, moved, gone. A log, and what follows of it.

The collector appends to the log; whoever reads the inventory applies it. A file that was written anew since wins: a
change counts only where the file still says what the device had shown before it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import AwareDatetime, TypeAdapter, ValidationError

from plant.serials import normal_serials

EventKind = Literal["swap", "move", "removal", "unknown", "trap"]


@dataclass(frozen=True)
class PlantEvent:
    """Something that changed in the plant: `was` and `now` are serials (swap, removal, unknown) or PON ports (move).

    `ont_index` is the ONT's number at the port it moved to. Of a trap, `now` is what it said, and `line_id` a line,
    `pon:DEVICE/PON`, or empty where it spoke of the device.
    """

    kind: EventKind
    device: str
    line_id: str
    was: str | None
    now: str | None
    time: AwareDatetime
    ont_index: int | None = None


_LINE: TypeAdapter[PlantEvent] = TypeAdapter(PlantEvent)


@dataclass
class _Found:
    """A line's newest value, and all that the devices showed before it."""

    before: set[str | None] = field(default_factory=set)
    now: str | None = None
    ont_index: int | None = None

    def applies_to(self, said: str | None) -> bool:
        """Whether a file that says this is older than the change."""
        return said in self.before and said != self.now


def written(events: Iterable[PlantEvent]) -> bytes:
    """Events for the end of a log, a line of JSON each.

    Begins with a line's end: what was torn before must not take the next with it.
    """
    return b"\n" + b"\n".join(orjson.dumps(asdict(event)) for event in events) + b"\n"


def read_events(path: Path) -> list[PlantEvent]:
    """All of a log, oldest first; empty without one. Lines that cannot be read, as a torn last one, are passed over."""
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    return [event for line in lines if line and (event := event_of(line)) is not None]


def event_of(line: bytes) -> PlantEvent | None:
    """The event a line of a log tells; None where it cannot be read."""
    try:
        return _LINE.validate_json(line)
    except ValidationError:
        return None


def with_changes(lines: pa.Table, events: Iterable[PlantEvent]) -> pa.Table:
    """`lines` (plant.inventory.LINE_SCHEMA) with the serial and the place each line's device showed last.

    A line that moved to another port has no known splitter until a lines file names one.
    """
    found: dict[tuple[str, str, str], _Found] = {}  # by column, device and line
    for event in events:
        column = {"swap": "ont_serial", "move": "pon"}.get(event.kind)
        if column is not None:
            value = found.setdefault((column, event.device, event.line_id), _Found())
            value.before.add(event.was)
            value.now, value.ont_index = event.now, event.ont_index
    if not found:
        return lines
    ids = pa.array([line_id for _, _, line_id in found], pa.string())
    rows = pc.index_in(ids, value_set=lines["line_id"]).to_pylist()
    changed: dict[str, dict[int, _Found]] = {"ont_serial": {}, "pon": {}}
    for row, ((column, device, _), value) in zip(rows, found.items(), strict=True):
        if row is not None and lines["device"][row].as_py() == device and value.applies_to(_said(lines, column, row)):
            changed[column][row] = value
    for name, values in _columns(changed["ont_serial"], changed["pon"]):
        at = lines.schema.get_field_index(name)
        lines = lines.set_column(at, lines.schema.field(name), _with(lines[name], values))
    return lines


def _said(lines: pa.Table, column: str, row: int) -> str | None:
    """What the file says; serials in the one form that the log has them in."""
    said: str | None = lines[column][row].as_py()
    if column == "pon" or said is None:
        return said
    normal: str | None = normal_serials(pa.array([said], pa.string()))[0].as_py()
    return normal


def _columns(swaps: Mapping[int, _Found], moves: Mapping[int, _Found]) -> Iterable[tuple[str, Mapping[int, Any]]]:
    """The columns that become others, with their new values by row."""
    if swaps:
        yield "ont_serial", {row: value.now for row, value in swaps.items()}
    if moves:
        yield "pon", {row: value.now for row, value in moves.items()}
        yield "ont_index", {row: value.ont_index for row, value in moves.items()}
        for splitter in ("splitter1", "splitter2"):
            yield splitter, dict.fromkeys(moves)


def _with(column: pa.ChunkedArray, values: Mapping[int, Any]) -> pa.ChunkedArray:
    """The column with other values in these rows."""
    rows = sorted(values)
    mask = np.zeros(len(column), bool)
    mask[rows] = True
    whole = pa.concat_arrays(column.chunks) if column.num_chunks != 1 else column.chunk(0)
    new = pa.array([values[row] for row in rows], column.type)
    return pa.chunked_array([pc.replace_with_mask(whole, pa.array(mask), new)], column.type)
