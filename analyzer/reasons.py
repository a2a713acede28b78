"""Say why: probabilities over causes from everything seen at a place (naive Bayes; likelihoods in causes.yaml)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import yaml

SHAPES = ("step", "ramp", "episodes")


@dataclass(frozen=True)
class Signs:
    """What is seen at a place. `down`/`up`: (shift dB, standard error), None where not read or nothing moved.

    `across`: standard error of what the two do not share, dB, NaN where it is not known apart from theirs.

    `seen`: symptom → whether it is there; a symptom that could not be measured is left out and speaks for nothing.
    `young`: so few days since the onset that what comes in episodes still looks like a step or a ramp.
    """

    level: str
    down: tuple[float, float] | None = None
    up: tuple[float, float] | None = None
    shape: str | None = None
    seen: Mapping[str, bool] = field(default_factory=dict)
    young: bool = False
    across: float = float("nan")


@cache
def likelihoods() -> dict[str, dict[str, Any]]:
    loaded: dict[str, dict[str, Any]] = yaml.safe_load((files("analyzer") / "causes.yaml").read_text(encoding="utf-8"))
    return loaded


def angle(signs: Signs) -> tuple[float, float] | None:
    """atan2(up, down) in degrees with its standard error; None when a side is missing or both are within noise."""
    if signs.down is None or signs.up is None:
        return None
    (d, ds), (u, us) = signs.down, signs.up
    size = float(np.hypot(d, u))
    if not np.isfinite(size) or size < 1.5 * max(ds, us) or size == 0:
        return None
    error = signs.across if np.isfinite(signs.across) else max(ds, us)
    return float(np.degrees(np.arctan2(u, d))), float(np.degrees(error / size))


def weigh(signs: Signs) -> dict[str, float]:
    """Probability of every cause that can be at this level; they sum to one, `unknown` among them."""
    seen_angle = angle(signs)
    logs: dict[str, float] = {}
    for cause, entry in likelihoods().items():
        prior = entry["prior"].get(signs.level)
        if prior is None:
            continue
        log = float(np.log(prior))
        if seen_angle is not None:
            log += _angle_log(entry["angle"], *seen_angle)
        if signs.shape is not None:
            chances = entry["shape"]
            unseen = chances[2] / 2 if signs.young and signs.shape != SHAPES[2] else 0.0
            log += float(np.log(chances[SHAPES.index(signs.shape)] + unseen))
        for symptom, there in signs.seen.items():
            chance = entry["seen"].get(symptom, 0.1)
            log += float(np.log(chance if there else 1 - chance))
        logs[cause] = log
    top = max(logs.values())
    weights = {cause: float(np.exp(log - top)) for cause, log in logs.items()}
    total = sum(weights.values())
    return dict(sorted(((c, w / total) for c, w in weights.items()), key=lambda item: -item[1]))


def _angle_log(expected: list[float] | None, value: float, se: float) -> float:
    """Log density per degree. A hundredth is spread evenly: meters misbehave in ways no signature names."""
    flat = 1 / 180
    if expected is None:
        return float(np.log(flat))
    spread = float(np.hypot(expected[1], se))
    bell = float(np.exp(-0.5 * ((value - expected[0]) / spread) ** 2) / (spread * np.sqrt(2 * np.pi)))
    return float(np.log(0.97 * bell + 0.03 * flat))
