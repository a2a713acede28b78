"""Vendor knowledge as data: profiles, one YAML file a device family, checked against profiles/schema.json when loaded.

The form is described in docs/profiles.md. A profile that is wrong is refused as a whole, with file, line and remedy.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as default
from importlib.resources import as_file, files
from pathlib import Path
from string import Formatter
from typing import Any, Literal

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from collector.trap_rules import TrapRule, TrapRuleError, trap_rules
from plant.document import Node, compose
from plant.fields import Field, fields
from plant.problems import Report

TIERS = ("status", "errors", "pon", "optics", "identity")
# Seconds between polls where a profile says nothing else: state and errors are in the OLT's memory, optics make it ask
# each ONT (OMCI), names hardly change.
CADENCE_S: Mapping[str, float] = {"status": 300, "errors": 900, "pon": 900, "optics": 3600, "identity": 86400}


Take = Literal["first", "most", "least", "sum"]


class ProfileError(ValueError):
    """A profile file is wrong; the message names file, line and remedy."""


@dataclass(frozen=True)
class Bits:
    """Bits of a sub-identifier; with `is_`, the value they must have."""

    of: str
    shift: int = 0
    bits: int = 63
    is_: int | None = None


@dataclass(frozen=True)
class Part:
    """One way to work out a name: bits of a sub-identifier, or what another column says at the same index.

    A number is ((of >> shift) & mask) // divide % modulo + add. With `column`, the value at the sub-identifiers `at`,
    or the first group of `pattern` in it; no match is no part. `through` are columns in between: the value of the
    first says at which row to look in the next (entPhysicalContainedIn: the name of what holds a sensor).
    """

    of: Bits | None = None
    divide: int = 1
    modulo: int | None = None
    add: int = 0
    when: Bits | None = None
    column: str | None = None
    at: tuple[str, ...] = ()
    pattern: re.Pattern[str] | None = None
    through: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that tell it."""
        return () if self.column is None else (*self.through, self.column)


@dataclass(frozen=True)
class SubId:
    """An element of an index: a number, or octets (with their length in front, unless `length` fixes it)."""

    name: str
    octets: bool = False
    length: int | None = None
    serial: bool = False


@dataclass(frozen=True)
class Column:
    """How one field is read. `oids` are alternatives: the first that answers is taken. See docs/profiles.md."""

    field: Field
    tier: str
    oids: tuple[str, ...] = ()
    part: str | None = None
    scale: float = 1.0
    offset: float = 0.0
    above: tuple[float, float, float] | None = None  # limit of the raw value, scale and offset beyond it
    signed: int | None = None
    power: Literal["mW", "uW"] | None = None
    none: frozenset[str] = frozenset()  # as text: numbers and words alike
    least: float | None = None  # raw values below are no reading
    most: float | None = None
    map: Mapping[str, str | float | None] = default(default_factory=dict)
    pattern: re.Pattern[str] | None = None
    while_up: bool = False
    exponent: tuple[str, str] | None = None  # parts: entPhySensorScale and entPhySensorPrecision of each row


@dataclass(frozen=True)
class Table:
    """Columns that share an index. `pon`, `ont` and `key` are templates over sub-identifiers and parts.

    `key` tells rows of several tables that belong together. `only` names parts a row must have; where it is `lenient`,
    a part that no row has is not asked for (the column that tells it may be missing). `take` says what several rows
    with one key come to.
    """

    name: str
    of: Literal["line", "pon"]
    index: tuple[SubId, ...]
    pon: str
    ont: str | None
    key: str
    columns: tuple[Column, ...]
    only: tuple[str, ...] = ()
    lenient: bool = False
    take: Take = "first"

    @property
    def numbers(self) -> tuple[str, ...] | None:
        """Names of the index; None where it is not of numbers alone."""
        return None if any(one.octets for one in self.index) else tuple(one.name for one in self.index)

    def names(self) -> set[str]:
        """Parts and sub-identifiers this table needs for its rows."""
        found = set(_names_in(self.pon)) | set(_names_in(self.key)) | set(_names_in(self.ont or ""))
        found |= {c.part for c in self.columns if c.part} | set(self.only)
        return found | {part for c in self.columns for part in c.exponent or ()}


@dataclass(frozen=True)
class Shows:
    """Values of a column of which one at least must match, for a profile that any device could answer otherwise."""

    column: str
    pattern: re.Pattern[str]


@dataclass(frozen=True)
class Profile:
    """One device family. `source` tells what the profile was proved on.

    A profile with `shows` is a fall-back: it is tried only where no other fits.
    """

    name: str
    title: str
    source: Literal["recording", "synthetic", "both"]
    sys_object_id: tuple[str, ...]
    answers: tuple[str, ...]
    parts: Mapping[str, tuple[Part, ...]]
    tables: tuple[Table, ...]
    cadence_s: Mapping[str, float]
    technology: str | None = None
    cpu: str | None = None
    notes: str = ""
    traps: tuple[TrapRule, ...] = ()
    shows: tuple[Shows, ...] = ()
    floor_s: Mapping[str, float] = default(default_factory=dict)  # tier → seconds, whatever an inventory asks for

    def columns(self, of: Literal["line", "pon"] | None = None) -> Iterator[tuple[Table, Column]]:
        for table in self.tables:
            if of is None or table.of == of:
                for column in table.columns:
                    yield table, column

    @property
    def tiers(self) -> dict[str, float]:
        """Seconds between polls of each tier that has columns."""
        used = {c.tier for _, c in self.columns()}
        told = {t: self.cadence_s.get(t, CADENCE_S[t]) for t in TIERS if t in used}
        return {t: max(seconds, self.floor_s.get(t, 0)) for t, seconds in told.items()}


def load_profiles(folder: Path | None = None) -> Mapping[str, Profile]:
    """All profiles by name: those that come with Lightline, or those of a folder. Raises ProfileError."""
    if folder is not None:
        return _load_folder(folder)
    with as_file(files("collector") / "profiles") as own:
        return _load_folder(own)


def _load_folder(folder: Path) -> dict[str, Profile]:
    schema = json.loads((files("collector") / "profiles" / "schema.json").read_text(encoding="utf-8"))
    validator = Draft202012Validator(schema)
    return {p.stem: _load(p, validator) for p in sorted(folder.glob("*.yaml"))}


def _load(path: Path, validator: Draft202012Validator) -> Profile:
    report = Report()
    root = compose(path, report)
    if root is None or report.failed:
        raise ProfileError("\n".join(str(p) for p in report.problems()))
    said = plain(root)
    error = best_match(validator.iter_errors(said))
    if error is not None:
        raise ProfileError(place_in(path, root, list(error.absolute_path), error.message))
    return _Reader(path, root).profile(said)


def plain(node: Node) -> Any:
    """A document as values alone."""
    if isinstance(node.value, dict):
        return {key: plain(inner) for key, (_, inner) in node.value.items()}
    if isinstance(node.value, list):
        return [plain(inner) for inner in node.value]
    return node.value


def place_in(path: Path, root: Node, place: Sequence[str | int], message: str) -> str:
    """`file:line: place: message` with the line of the innermost key that exists."""
    node, line = root, root.line
    for step in place:
        if isinstance(node.value, dict) and step in node.value:
            line, node = node.value[str(step)]
        elif isinstance(node.value, list) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.line
        else:
            break
    where = ".".join(map(str, place)) or "the profile"
    return f"{path}:{line}: {where}: {message}; docs/profiles.md describes the form"


def _names_in(template: str) -> list[str]:
    return [name for _, name, _, _ in Formatter().parse(template) if name]


class _Reader:
    """Turns checked YAML into dataclasses; what a schema cannot say is checked here."""

    def __init__(self, path: Path, root: Node) -> None:
        self._path, self._root = path, root

    def _fail(self, place: Sequence[str | int], message: str) -> ProfileError:
        return ProfileError(place_in(self._path, self._root, place, message))

    def profile(self, said: Mapping[str, Any]) -> Profile:
        parts = {
            name: tuple(self._part(one, ["parts", name]) for one in (ways if isinstance(ways, list) else [ways]))
            for name, ways in said.get("parts", {}).items()
        }
        tables = tuple(self._table(name, table, parts) for name, table in said["tables"].items())
        return Profile(
            name=self._path.stem,
            title=said["title"],
            source=said["source"],
            sys_object_id=tuple(said["matches"].get("sys_object_id", ())),
            answers=tuple(said["matches"]["answers"]),
            parts=parts,
            tables=tables,
            cadence_s=said.get("cadence", {}),
            technology=said.get("technology"),
            cpu=said.get("cpu"),
            notes=said.get("notes", ""),
            traps=self._traps(said.get("traps", {}), tables),
            floor_s=said.get("floor", {}),
            shows=tuple(
                Shows(one["column"], self._compiled(one["pattern"], ["matches", "shows"]))
                for one in said["matches"].get("shows", ())
            ),
        )

    def _traps(self, said: Mapping[str, Any], tables: Sequence[Table]) -> tuple[TrapRule, ...]:
        try:
            return trap_rules(said, {t.name: t.numbers for t in tables})
        except TrapRuleError as error:
            raise self._fail(["traps", *error.place], error.message) from None

    def _part(self, said: Mapping[str, Any], place: list[str | int]) -> Part:
        when = said.get("when")
        return Part(
            of=Bits(said["of"], said.get("shift", 0), said.get("bits", 63)) if "of" in said else None,
            divide=said.get("divide", 1),
            modulo=said.get("modulo"),
            add=said.get("add", 0),
            when=Bits(when["of"], when.get("shift", 0), when.get("bits", 63), when.get("is")) if when else None,
            column=said.get("column"),
            at=tuple(said.get("at", ())),
            pattern=self._pattern(said.get("pattern"), place),
            through=tuple(said.get("through", ())),
        )

    def _table(self, name: str, said: Mapping[str, Any], parts: Mapping[str, tuple[Part, ...]]) -> Table:
        place: list[str | int] = ["tables", name]
        index = tuple(
            SubId(one)
            if isinstance(one, str)
            else SubId(one["octets"], octets=True, length=one.get("length"), serial=one.get("as") == "serial")
            for one in said["index"]
        )
        pon, ont = said["pon"], said.get("ont")
        key = said.get("key") or (f"{pon}/{ont}" if ont else pon)
        table = Table(
            name=name,
            of=said["of"],
            index=index,
            pon=pon,
            ont=ont,
            key=key,
            columns=tuple(
                self._column(field_, column, [*place, "columns", field_]) for field_, column in said["columns"].items()
            ),
            only=tuple([said["only"]] if isinstance(said.get("only"), str) else said.get("only", ())),
            lenient=isinstance(said.get("only"), str),
            take=said.get("take", "first"),
        )
        own = {one.name for one in index}
        for needed in sorted(table.names()):
            if needed not in own and needed not in parts:
                raise self._fail(place, f'"{needed}" is neither in the index nor among the parts')
            for way in parts.get(needed, ()) if needed not in own else ():
                wants = {*way.at, *([way.of.of] if way.of else []), *([way.when.of] if way.when else [])}
                if not wants <= own:
                    raise self._fail(place, f'the part "{needed}" needs {sorted(wants - own)} in the index')
        return table

    def _column(self, name: str, said: Mapping[str, Any], place: list[str | int]) -> Column:
        known = fields()
        if name not in known:
            raise self._fail(place, f'"{name}" is not a field; plant/fields.yaml has: {", ".join(known)}')
        kind = known[name]
        for word in said.get("map", {}).values():
            if word is not None and kind.words and word not in kind.words:
                raise self._fail(place, f'"{word}" is no word of {name}; it has: {", ".join(kind.words)}')
        above = said.get("above")
        oid = said.get("oid", [])
        return Column(
            field=kind,
            tier=said["tier"],
            oids=(oid,) if isinstance(oid, str) else tuple(oid),
            part=said.get("part"),
            scale=float(said.get("scale", 1)),
            offset=float(said.get("offset", 0)),
            above=(above["limit"], float(above.get("scale", 1)), float(above.get("offset", 0))) if above else None,
            signed=said.get("signed"),
            power=said.get("power"),
            none=frozenset(str(value) for value in said.get("none", ())),
            least=said.get("least"),
            most=said.get("most"),
            map=said.get("map", {}),
            pattern=self._pattern(said.get("pattern"), place),
            while_up="while" in said,
            exponent=(said["exponent"]["scale"], said["exponent"]["precision"]) if "exponent" in said else None,
        )

    def _compiled(self, text: str, place: Sequence[str | int]) -> re.Pattern[str]:
        try:
            return re.compile(text)
        except re.error as error:
            raise self._fail(place, f"the pattern is not a regular expression: {error}") from None

    def _pattern(self, text: str | None, place: Sequence[str | int]) -> re.Pattern[str] | None:
        if text is None:
            return None
        made = self._compiled(text, place)
        if made.groups != 1:
            raise self._fail(place, "the pattern needs exactly one group: what is to be read")
        return made
