"""Power budgets per PON class (data in pon_classes.yaml)."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml


@dataclass(frozen=True)
class PonClass:
    """Wavelengths in nm, (low, high) power ranges in dBm, and the operator's weak-light limits in dBm."""

    name: str
    technology: str
    down_nm: int
    up_nm: int
    olt_tx: tuple[float, float]
    ont_rx: tuple[float, float]
    ont_tx: tuple[float, float]
    olt_rx: tuple[float, float]
    weak_dbm: float
    warn_dbm: float


@cache
def pon_classes() -> dict[str, PonClass]:
    """All classes by name; the first of a technology is its default."""
    loaded = yaml.safe_load((files("plant") / "pon_classes.yaml").read_text(encoding="utf-8"))
    return {name: _pon_class(name, entry) for name, entry in loaded.items()}


def _pon_class(name: str, entry: dict[str, Any]) -> PonClass:
    ranges = {k: tuple(v) for k, v in entry.items() if isinstance(v, list)}
    return PonClass(**{"name": name, **entry, **ranges})


def default_class(technology: str) -> PonClass:
    """The budget assumed for a technology when neither device nor inventory names a class."""
    return next(c for c in pon_classes().values() if c.technology == technology)
