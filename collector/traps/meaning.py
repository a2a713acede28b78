"""From a notification to what it says of which line: rules of the device's profile, else of others, else standard."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import yaml

from collector.profile import Profile, Table
from collector.snmp.index import row_names
from collector.snmp.text import number_in, octets_as_text, serial_text
from collector.trap_rules import Reference, TrapField, TrapRule, same_trap, trap_rules
from collector.traps.decoding import Notification, Value
from plant.batch import Reason
from plant.fields import Field, fields

_ENTERPRISES = "1.3.6.1.4.1."


@dataclass(frozen=True)
class Meaning:
    """What a trap says. `values` are readings of the line at (pon, ont) or with `serial`; `quality` why one is none.

    `of`: whether the place is a line or a PON port. All of it may be missing: then it is an event of the device.
    """

    name: str
    look: bool
    of: str = "line"
    pon: str | None = None
    ont: int | None = None
    serial: str | None = None
    values: Mapping[str, float | str] = field(default_factory=dict)
    quality: str | None = None


class Meanings:
    """All rules there are, by trap."""

    def __init__(self, profiles: Mapping[str, Profile]) -> None:
        self._rules: dict[str, list[tuple[TrapRule, Profile | None]]] = {}
        for rule, profile in _all(profiles.values()):
            for oid in rule.oids:
                self._rules.setdefault(oid, []).append((rule, profile))

    def of(self, said: Notification, profile: str | None) -> Meaning | None:
        """None where no rule knows the trap. `profile`: the sender's, where it is known."""
        for rule, of in self._known(same_trap(said.trap), profile):
            if all(_fits(said, key, among) for key, among in rule.when.items()):
                return _meaning(said, rule, of)
        return None

    def _known(self, trap: str, profile: str | None) -> Iterator[tuple[TrapRule, Profile | None]]:
        known = self._rules.get(trap, ())
        own = [one for one in known if one[1] is not None and one[1].name == profile]
        yield from own
        if not own and trap.startswith(_ENTERPRISES):  # a maker's own numbers mean the same on all its gear
            yield from (one for one in known if one[1] is not None)
        yield from (one for one in known if one[1] is None)


def _all(profiles: Iterable[Profile]) -> Iterator[tuple[TrapRule, Profile | None]]:
    for profile in profiles:
        yield from ((rule, profile) for rule in profile.traps)
    standard: dict[str, Any] = yaml.safe_load((files("collector") / "traps" / "standard.yaml").read_text("utf-8"))
    yield from ((rule, None) for rule in trap_rules(standard["traps"], {}))


def _found(said: Notification, reference: Reference) -> tuple[str, Value] | None:
    """A value of the trap with its OID."""
    if isinstance(reference, int):
        return said.values[reference - 1] if reference <= len(said.values) else None
    return next((one for one in said.values if one[0] == reference or one[0].startswith(f"{reference}.")), None)


def _text(value: Value) -> str | None:
    if isinstance(value, bytes):
        return octets_as_text(value)
    return None if value is None else str(value)


def _fits(said: Notification, reference: Reference, among: frozenset[str]) -> bool:
    found = _found(said, reference)
    return found is not None and _text(found[1]) in among


def _meaning(said: Notification, rule: TrapRule, profile: Profile | None) -> Meaning:
    pon: str | None = None
    ont: int | None = None
    of = "line"
    table = next((t for t in profile.tables if t.name == rule.table), None) if profile is not None else None
    if table is not None and profile is not None:
        of = table.of
        row = _row(said, rule, table)
        if row is not None:
            pon, ont = _place(said, table, profile, row)
    values, why = _values(said, rule.fields)
    return Meaning(rule.name, rule.look, of, pon, ont, _serial(said, rule.serial), values, why)


def _row(said: Notification, rule: TrapRule, table: Table) -> str | None:
    """The row of the table that the trap speaks of, as it stands at the end of an OID."""
    if rule.row is not None:
        found = _found(said, rule.row)
        return None if found is None or not isinstance(rule.row, str) else found[0].removeprefix(f"{rule.row}.")
    numbers = [_found(said, rule.index[one.name]) for one in table.index]
    texts = [None if one is None else _text(one[1]) for one in numbers]
    return ".".join(t for t in texts if t is not None) if all(t is not None and t.isdigit() for t in texts) else None


def _place(said: Notification, table: Table, profile: Profile, row: str) -> tuple[str | None, int | None]:
    """PON port and ONT number; other columns that the index needs (ifDescr) are looked for among the trap's values."""

    def lookup(column: str) -> dict[str, str]:
        told = ((oid.removeprefix(f"{column}."), _text(v)) for oid, v in said.values if oid.startswith(f"{column}."))
        return {rest: text for rest, text in told if text is not None}

    names = row_names(table, profile.parts, [row], lookup)
    if not names.kept.all() or not len(names.pon):
        return None, None
    return names.pon[0].as_py(), names.ont[0].as_py()


def _serial(said: Notification, among: Iterable[Reference]) -> str | None:
    for reference in among:
        found = _found(said, reference)
        if found is not None and isinstance(found[1], bytes):
            return serial_text(found[1])
    return None


def _values(said: Notification, wanted: Mapping[str, TrapField]) -> tuple[dict[str, float | str], str | None]:
    out: dict[str, float | str] = {}
    why: list[str] = []
    for name, one in wanted.items():
        if one.word is not None:
            out[name] = one.word
            continue
        assert one.of is not None  # noqa: S101 - the schema says so
        found = _found(said, one.of)
        number = None if found is None else _number(found[1], one, fields()[name])
        if isinstance(number, float):
            out[name] = number
        else:
            why.append(f"{name}:{number or Reason.NO_ANSWER}")
    return out, ",".join(why) or None


def _number(value: Value, one: TrapField, kind: Field) -> float | Reason:
    if isinstance(value, int):
        number = value * one.scale + one.offset
    else:
        text = _text(value)
        read = None if text is None else number_in(text, kind.unit)
        if read is None:
            return Reason.UNREADABLE
        number = read[0] if read[1] else read[0] * one.scale + one.offset
    inside = (kind.low is None or number >= kind.low) and (kind.high is None or number <= kind.high)
    return float(number) if inside else Reason.OUT_OF_RANGE
