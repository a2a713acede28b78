"""What people decided of suggested splitters: a log, applied to the lines files by whoever reads the inventory.

The files stay as they are and win: a correction counts only where a line still stands where it stood, and under the
splitters it had, when it was accepted.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import orjson
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import AwareDatetime, TypeAdapter, ValidationError

from plant.suggested import Pair

FILE = "plant-corrections.jsonl"  # beside the plant's log, in the data folder
Verdict = Literal["accept", "decline", "undo"]


@dataclass(frozen=True)
class Decision:
    """`id`: the suggestion's. `splitters`: what its lines get; `was`: what each line had. Both of `accept` alone."""

    verdict: Verdict
    id: str
    at: AwareDatetime
    who: str
    pon: str
    lines: tuple[str, ...]
    splitters: Pair = (None, None)
    was: Mapping[str, Pair] = field(default_factory=dict)


_DECISION: TypeAdapter[Decision] = TypeAdapter(Decision)


def add_decision(path: Path, decision: Decision) -> None:
    """On disk when this returns. One write: two people at once leave two whole lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab", buffering=0) as out:
        out.write(b"\n" + orjson.dumps(asdict(decision)) + b"\n")
        os.fsync(out.fileno())


def read_decisions(path: Path) -> list[Decision]:
    """All of them, oldest first; a torn line is passed over."""
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    out = []
    for line in lines:
        try:
            out += [_DECISION.validate_json(line)] if line else []
        except ValidationError:
            continue
    return out


def standing(decisions: Iterable[Decision]) -> list[Decision]:
    """Those in force: the last of each suggestion, unless it was undone; in the order in which they were made."""
    last: dict[str, Decision] = {}
    for decision in decisions:
        last.pop(decision.id, None)
        if decision.verdict != "undo":
            last[decision.id] = decision
    return list(last.values())


def with_corrections(lines: pa.Table, decisions: Iterable[Decision]) -> pa.Table:
    """`lines` (plant.inventory.LINE_SCHEMA) with the splitters that were accepted."""
    accepted = [d for d in standing(decisions) if d.verdict == "accept"]
    if not accepted:
        return lines
    wanted = sorted({line for d in accepted for line in d.lines})
    rows = dict(
        zip(wanted, pc.index_in(pa.array(wanted, pa.string()), value_set=lines["line_id"]).to_pylist(), strict=True)
    )
    now: dict[int, Pair] = {}
    for decision in accepted:
        for line in decision.lines:
            row = rows[line]
            if row is None or _port(lines, row) != decision.pon:
                continue
            if now.get(row, _splitters(lines, row)) == decision.was.get(line):
                now[row] = decision.splitters
    if not now:
        return lines
    for stage, name in enumerate(("splitter1", "splitter2")):
        values = lines[name].to_pylist()
        for row, pair in now.items():
            values[row] = pair[stage]
        lines = lines.set_column(
            lines.schema.get_field_index(name), lines.schema.field(name), [pa.array(values, pa.string())]
        )
    return lines


def in_force(lines: pa.Table, decision: Decision) -> int:
    """Of how many lines the inventory, as it is now, says what was accepted."""
    found = lines.filter(pc.is_in(lines["line_id"], pa.array(decision.lines, pa.string())))
    return sum(
        _port(found, row) == decision.pon and _splitters(found, row) == decision.splitters for row in range(len(found))
    )


def before(lines: pa.Table, pon: str, names: Iterable[str]) -> dict[str, Pair]:
    """What these lines have now, of those that hang from the port."""
    found = lines.filter(pc.is_in(lines["line_id"], pa.array(list(names), pa.string())))
    return {
        found["line_id"][row].as_py(): _splitters(found, row) for row in range(len(found)) if _port(found, row) == pon
    }


def _port(lines: pa.Table, row: int) -> str:
    return f"{lines['device'][row].as_py()}/{lines['pon'][row].as_py()}"


def _splitters(lines: pa.Table, row: int) -> Pair:
    return lines["splitter1"][row].as_py(), lines["splitter2"][row].as_py()
