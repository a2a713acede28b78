"""Splitters that the lines tell and no lines file names: found by the analysis, kept for people to decide."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import TypeAdapter, ValidationError

from plant.splitters import is_plant_wide

Pair = tuple[str | None, str | None]  # first and second splitter, as a lines file names them


@dataclass(frozen=True)
class Suggestion:
    """Lines of one port (`pon`, DEVICE/PON) that move together: `correlation` over `days`.

    `named`: the splitters the inventory names for them, None among them for lines without one; `rest`: lines it hangs
    on one of these that do not move with them.
    """

    pon: str
    lines: tuple[str, ...]
    correlation: float
    days: int
    named: tuple[str | None, ...]
    rest: tuple[str, ...]

    @property
    def id(self) -> str:
        """The same port and the same lines, the same id."""
        return hashlib.blake2b("\n".join((self.pon, *sorted(self.lines))).encode(), digest_size=6).hexdigest()

    def resembles(self, pon: str, lines: Sequence[str]) -> bool:
        """Whether it is nearly the same leg: a line more or less is no new thought."""
        ours, theirs = set(self.lines), set(lines)
        return pon == self.pon and len(ours & theirs) >= 0.8 * len(ours | theirs)


@dataclass(frozen=True)
class Suggested:
    """`as_of`: the day it was looked back from; None before the first look."""

    as_of: date | None = None
    suggestions: tuple[Suggestion, ...] = ()


_SUGGESTED: TypeAdapter[Suggested] = TypeAdapter(Suggested)


def read_suggested(path: Path) -> Suggested:
    """What was kept; nothing where there is no file. Raises ValueError where it cannot be read."""
    try:
        return _SUGGESTED.validate_json(path.read_bytes())
    except FileNotFoundError:
        return Suggested()
    except ValidationError as error:
        raise ValueError(f"{path} cannot be read; the next analysis writes it anew") from error


def keep_suggested(path: Path, found: Suggested) -> None:
    """Replace the file at once."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(orjson.dumps(asdict(found)))
    temporary.replace(path)


@dataclass(frozen=True)
class Proposal:
    """The splitters that all lines of a suggestion would get. `joins`: the second one is in the files already; else
    `name` is new, and may be another."""

    pair: Pair
    name: str
    joins: bool

    def named(self, name: str) -> Pair:
        """With a name of one's own."""
        first, second = self.pair
        return (first, name) if second == self.name else (name, second)


def proposal(lines: pa.Table, suggestion: Suggestion) -> Proposal:
    """What the inventory's lines (plant.inventory.LINE_SCHEMA) make of a suggestion.

    Most of the lines stand under one second splitter: the others join it. Else it is a new splitter: the second one
    below the first that most of them have, or the first where none has any.
    """
    port = lines.filter(_at_port(lines, suggestion.pon))
    rows = port.filter(pc.is_in(port["line_id"], pa.array(suggestion.lines, pa.string())))
    pairs = Counter(zip(rows["splitter1"].to_pylist(), rows["splitter2"].to_pylist(), strict=True))
    known = Counter({pair: n for pair, n in pairs.items() if pair[1] is not None})
    if known and (len(known) == 1 or known.most_common(1)[0][1] > len(suggestion.lines) / 2):
        pair = known.most_common(1)[0][0]
        return Proposal(pair, str(pair[1]), joins=True)
    firsts = Counter(first for first, _ in pairs.elements() if first is not None)
    name = _new_name(lines, port, suggestion.id)
    if firsts:
        return Proposal((firsts.most_common(1)[0][0], name), name, joins=False)
    return Proposal((None, name) if known else (name, None), name, joins=False)


def taken(lines: pa.Table, pon: str) -> set[str]:
    """Names that a new splitter of this port may not have."""
    where = lines if is_plant_wide(lines) else lines.filter(_at_port(lines, pon))
    return {n for stage in ("splitter1", "splitter2") for n in pc.unique(where[stage]).to_pylist() if n}


def _new_name(lines: pa.Table, port: pa.Table, ident: str) -> str:
    """As the plant's splitters are called: unique in the plant, or a number within the port (plant/splitters.py)."""
    if is_plant_wide(lines):
        return f"X-{ident}"
    used = {n for stage in ("splitter1", "splitter2") for n in port[stage].to_pylist()}
    return next(name for n in range(1, len(port) + 2) if (name := f"X{n}") not in used)


def _at_port(lines: pa.Table, pon: str) -> pa.ChunkedArray:
    device, _, port = pon.partition("/")
    return pc.fill_null(pc.and_(pc.equal(lines["device"], device), pc.equal(lines["pon"], port)), False)
