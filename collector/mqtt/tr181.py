"""TR-181 parameters to figures: which path is which field, in what unit (data in tr181.yaml)."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import yaml

from plant.batch import Reason
from plant.fields import Field, fields
from plant.serials import LONGEST

Pick = Literal["upstream", "lowest", "fastest"]
Value = float | int | str | None
_WHOLE = re.compile(r"[+-]?[0-9]{1,20}")
_COUNTER_END = 1 << 63
_TRUE = ("true", "1")
_FALSE = ("false", "0")


@dataclass(frozen=True)
class Parameter:
    """One parameter of the model. `low`, `high` and `none` are in the unit it is sent in."""

    field: Field
    scale: float = 1.0
    low: float | None = None
    high: float | None = None
    none: tuple[int, ...] = ()
    words: Mapping[str, str] | None = None

    def value(self, sent: Any) -> tuple[Value, Reason | None]:
        """The figure in the field's unit, or None and why. `sent` is text (USP, bulk data) or a JSON value."""
        if self.words:
            word = self.words.get(sent) if isinstance(sent, str) else None
            return (word, None) if word is not None else (None, Reason.UNREADABLE)
        number = whole(sent)
        if number is None:
            return None, Reason.UNREADABLE
        if number in self.none:
            return None, Reason.SENTINEL
        if self.field.kind == "counter":
            return (number, None) if 0 <= number < _COUNTER_END else (None, Reason.OUT_OF_RANGE)
        if (self.low is not None and number < self.low) or (self.high is not None and number > self.high):
            return None, Reason.OUT_OF_RANGE
        return number * self.scale, None


@dataclass(frozen=True)
class ModelObject:
    """An object of the model; keys of `parameters` are paths below it, with {i} for instance numbers."""

    path: str
    pick: Pick
    parameters: Mapping[str, Parameter]


@dataclass(frozen=True)
class Figures:
    """What a set of parameters says. `serials`: what the device calls itself, the best first."""

    values: dict[str, Value]
    quality: str | None
    serials: tuple[str, ...]
    ignored: int  # parameters that are none of ours


@dataclass(frozen=True)
class Model:
    identity: tuple[str, ...]
    objects: tuple[ModelObject, ...]

    def paths(self) -> list[str]:
        """What to ask an agent for: exact parameters with `*` for instances, nothing that would not be used."""
        chosen = [path.replace("{i}", "*") for path in self.identity]
        for o in self.objects:
            names = {*o.parameters, *_CHOSEN_BY[o.pick]}
            chosen += [(o.path + name).replace("{i}", "*") for name in sorted(names)]
        return chosen


_CHOSEN_BY: dict[Pick, tuple[str, ...]] = {
    "upstream": ("Upstream",),
    "lowest": (),
    "fastest": ("Upstream", "Status"),
}


@cache
def model() -> Model:
    """The mapping of tr181.yaml. Raises KeyError on a field that does not exist."""
    loaded = yaml.safe_load((files("collector.mqtt") / "tr181.yaml").read_text(encoding="utf-8"))
    known = fields()
    objects = tuple(
        ModelObject(
            o["path"],
            o["pick"],
            {
                name: Parameter(**{**p, "field": known[p["field"]], "none": tuple(p.get("none", ()))})
                for name, p in o["parameters"].items()
            },
        )
        for o in loaded["objects"]
    )
    return Model(tuple(loaded["identity"]), objects)


@cache
def _places() -> dict[str, tuple[int, int, str]]:
    """Path with {i} → position of the object, how many instance numbers are the object's, name below it."""
    places = {}
    for n, o in enumerate(model().objects):
        for name in (*o.parameters, *_CHOSEN_BY[o.pick]):
            places[o.path + name] = (n, o.path.count("{i}"), name)
    return places


def figures(parameters: Iterable[tuple[str, Any]]) -> Figures:
    """Readings among (path, value) pairs of one device at one time."""
    places, identity = _places(), model().identity
    seen: list[dict[tuple[int, ...], dict[str, Any]]] = [defaultdict(dict) for _ in model().objects]
    serials: dict[str, str] = {}
    ignored = 0
    for path, value in parameters:
        spelled, numbers = spelling(path)
        place = places.get(spelled)
        if place is not None:
            at, depth, name = place
            # A transceiver's number is below the object's own: the lowest of them speaks for the interface.
            below = seen[at][numbers[:depth]]
            if name not in below or numbers < below[name][0]:
                below[name] = (numbers, value)
        elif spelled in identity:
            if isinstance(value, str) and 0 < len(value) <= LONGEST and value.isprintable():
                serials.setdefault(spelled, value)
        else:
            ignored += 1
    values: dict[str, Value] = {}
    reasons: dict[str, Reason | None] = {}
    for o, instances in zip(model().objects, seen, strict=True):
        said = {k: {name: value for name, (_, value) in below.items()} for k, below in sorted(instances.items())}
        for name, sent in _picked(o, said).items():
            p = o.parameters[name]
            value, reason = p.value(sent)
            if values.get(p.field.name) is None:
                values[p.field.name], reasons[p.field.name] = value, reason
    quality = ",".join(f"{name}:{reason.value}" for name, reason in reasons.items() if reason is not None)
    return Figures(values, quality or None, tuple(serials[p] for p in identity if p in serials), ignored)


def _picked(o: ModelObject, instances: Mapping[tuple[int, ...], Mapping[str, Any]]) -> dict[str, Any]:
    """The parameters of the instance that speaks for the line."""
    if not instances:
        return {}
    if o.pick == "fastest":
        (name,) = o.parameters
        ports = [
            said[name]
            for said in instances.values()
            if name in said and said.get("Status", "Up") == "Up" and _flag(said.get("Upstream")) is not True
        ]
        return {name: max(ports, key=lambda sent: whole(sent) or 0)} if ports else {}
    chosen = min(instances)
    if o.pick == "upstream":
        ranks = {True: 0, None: 1, False: 2}
        chosen = min(instances, key=lambda k: (ranks[_flag(instances[k].get("Upstream"))], k))
    return {name: sent for name, sent in instances[chosen].items() if name in o.parameters}


def spelling(path: str) -> tuple[str, tuple[int, ...]]:
    """A path with {i} in place of instance numbers, and the numbers."""
    parts = path.split(".")
    numbers = []
    for n, part in enumerate(parts):
        if part.isascii() and part.isdigit() and len(part) < 10:
            numbers.append(int(part))
            parts[n] = "{i}"
    return ".".join(parts), tuple(numbers)


def whole(sent: Any) -> int | None:
    """A whole number as JSON or as text, None where it is none."""
    if isinstance(sent, bool):
        return None
    if isinstance(sent, int):
        return sent
    if isinstance(sent, str) and _WHOLE.fullmatch(sent):
        return int(sent)
    return None


def _flag(sent: Any) -> bool | None:
    if isinstance(sent, bool) or sent is None:
        return sent
    word = str(sent).lower()
    return True if word in _TRUE else False if word in _FALSE else None
