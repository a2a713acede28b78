"""What a fibre path is expected to lose, part by part (data in loss_budget.yaml)."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

import yaml

from plant.pon_classes import PonClass

PartKind = Literal["fibre", "splitter1", "splitter2", "connectors"]


@dataclass(frozen=True)
class LossData:
    """dB; `fibre_db_per_km` by wavelength in nm, `splitter_db` by the number of its legs."""

    fibre_db_per_km: Mapping[int, float]
    splitter_db: Mapping[int, float]
    connector_db: float
    connectors: int
    tolerance_db: float


@dataclass(frozen=True)
class Part:
    """One part of the path. `size`: metres of fibre, legs of a splitter, or number of connectors."""

    kind: PartKind
    size: float
    down_db: float
    up_db: float


@cache
def loss_data() -> LossData:
    return LossData(**yaml.safe_load((files("plant") / "loss_budget.yaml").read_text(encoding="utf-8")))


def legs_of(behind: int) -> int:
    """The smallest splitter that can have so many behind it; it may be a larger one with free legs."""
    sizes = sorted(loss_data().splitter_db)
    return next((size for size in sizes if size >= behind), sizes[-1])


def expected_parts(
    pon_class: PonClass, distance_m: float | None, splitter1: int | None, splitter2: int | None
) -> list[Part]:
    """Parts of which enough is known. `splitter1` and `splitter2`: how many hang behind each, None where not known."""
    data = loss_data()
    parts = []
    if distance_m is not None:
        down, up = (data.fibre_db_per_km[nm] * distance_m / 1000 for nm in (pon_class.down_nm, pon_class.up_nm))
        parts.append(Part("fibre", distance_m, down, up))
    stages: tuple[tuple[PartKind, int | None], ...] = (("splitter1", splitter1), ("splitter2", splitter2))
    for kind, behind in stages:
        if behind is not None:
            legs = legs_of(max(2, behind))
            parts.append(Part(kind, legs, data.splitter_db[legs], data.splitter_db[legs]))
    lost = data.connectors * data.connector_db
    return [*parts, Part("connectors", data.connectors, lost, lost)]
