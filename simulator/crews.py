"""Crews that close tickets as people do: right, wrong and missing cause codes, and trips that find nothing."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import yaml


@dataclass(frozen=True)
class Visited:
    """What a crew writes: whether it found something, and which cause it names (None where left open)."""

    fault: bool
    cause: str | None
    days: int


@cache
def habits() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((files("simulator") / "crews.yaml").read_text(encoding="utf-8"))
    return loaded


def visit(cause: str | None, area: int, causes: tuple[str, ...], rng: np.random.Generator) -> Visited:
    """A trip to a fault of `cause`, or to none. `area`: whose crew; `causes`: the codes a careless one picks from."""
    told = habits()
    low, high = told["days"]
    days = int(rng.integers(low, high + 1))
    if cause is None or rng.random() < told["unseen"].get(cause, 0.0):
        return Visited(False, None, days)
    if rng.random() < _of(told["missing"], area):
        return Visited(True, None, days)
    if rng.random() < _of(told["careless"], area):
        return Visited(True, str(rng.choice(causes)), days)
    return Visited(True, cause, days)


def _of(shares: list[float], area: int) -> float:
    return shares[area % len(shares)]
