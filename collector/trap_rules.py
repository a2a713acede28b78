"""What a trap means, as data: the `traps` of a profile, or of collector/traps/standard.yaml. See docs/profiles.md.

The form is checked by profiles/schema.json; what a schema cannot say is checked here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from plant.fields import fields

Reference = str | int  # a value of the trap: by its OID (without the instance), or by its place, from 1


class TrapRuleError(ValueError):
    """A rule is wrong; `place` are the keys that lead there."""

    def __init__(self, place: Sequence[str | int], message: str) -> None:
        super().__init__(message)
        self.place, self.message = tuple(place), message


@dataclass(frozen=True)
class TrapField:
    """A field that the trap tells: always `word`, or the number at `of` as `raw × scale + offset`."""

    word: str | None = None
    of: Reference | None = None
    scale: float = 1.0
    offset: float = 0.0


@dataclass(frozen=True)
class TrapRule:
    """One meaning of a trap. Several rules may share an OID: the first whose `when` fits is taken.

    `row` names the value whose instance is the row of `table`; else `index` says which value is which sub-identifier.
    """

    name: str
    oids: tuple[str, ...]
    when: Mapping[Reference, frozenset[str]] = field(default_factory=dict)
    table: str | None = None
    row: Reference | None = None
    index: Mapping[str, Reference] = field(default_factory=dict)
    serial: tuple[Reference, ...] = ()
    fields: Mapping[str, TrapField] = field(default_factory=dict)
    look: bool = True


def same_trap(oid: str) -> str:
    """One form for a trap's OID: senders of version 1 put a 0 before the last number, others may leave it out."""
    head, _, last = oid.rpartition(".")
    return f"{head.removesuffix('.0')}.{last}"


def trap_rules(said: Mapping[str, Any], tables: Mapping[str, Sequence[str] | None]) -> tuple[TrapRule, ...]:
    """Rules from checked YAML. `tables`: index names by table, None where an index is not of numbers alone.

    Raises TrapRuleError.
    """
    return tuple(_rule(name, one, tables) for name, one in said.items())


def _rule(name: str, said: Mapping[str, Any], tables: Mapping[str, Sequence[str] | None]) -> TrapRule:
    table, row, index = said.get("table"), said.get("row"), said.get("index", {})
    if table is not None:
        if table not in tables:
            raise TrapRuleError([name, "table"], f'"{table}" is no table of this profile: {", ".join(tables) or "-"}')
        names = tables[table]
        if row is None and (names is None or set(index) != set(names)):
            wanted = "row" if names is None else f"row, or index with {', '.join(names)}"
            raise TrapRuleError([name], f'"{table}" needs {wanted}, to tell which row of it is meant')
    oid, serial = said["oid"], said.get("serial", [])
    return TrapRule(
        name=name,
        oids=tuple(same_trap(one) for one in ([oid] if isinstance(oid, str) else oid)),
        when={
            _reference(key): frozenset(str(value) for value in values) for key, values in said.get("when", {}).items()
        },
        table=table,
        row=row,
        index=index,
        serial=tuple(serial) if isinstance(serial, list) else (serial,),
        fields={key: _field(key, value, [name, "fields", key]) for key, value in said.get("fields", {}).items()},
        look=said.get("look", True),
    )


def _reference(text: str) -> Reference:
    """Keys of YAML are texts here: "4" is a place, "1.3.…" an OID."""
    return int(text) if text.isdigit() else text


def _field(name: str, said: Any, place: list[str | int]) -> TrapField:
    known = fields()
    if name not in known:
        raise TrapRuleError(place, f'"{name}" is not a field; plant/fields.yaml has: {", ".join(known)}')
    kind = known[name].kind
    if isinstance(said, str):
        if kind not in ("state", "text") or (known[name].words and said not in known[name].words):
            raise TrapRuleError(place, f'"{said}" is no word of {name}; it has: {", ".join(known[name].words)}')
        return TrapField(word=said)
    if kind != "gauge":
        raise TrapRuleError(place, f"{name} is no level that a trap could tell as a number")
    return TrapField(None, said["of"], float(said.get("scale", 1)), float(said.get("offset", 0)))
