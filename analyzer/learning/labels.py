"""Labels as arrays: what was told of each finding, by physics alone, and what its visit showed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import yaml

from plant.finding import CAUSES
from plant.labels import LABEL_SCHEMA

NAMED: tuple[str, ...] = tuple(c for c in CAUSES if c != "unknown")
KINDS = ("line", "splitter", "pon", "olt", "node", "area")

Reals = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Names = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Limits:
    """See learning.yaml."""

    least_labels: int
    least_checked: int
    least_of_each: int
    checked_share: float
    confidence: float
    least_gain: float
    many_labels: int
    telling_z: float
    noise_limit: float
    spread: float
    pooled: float
    slope_spread: float
    worth_clip: float
    share_floor: float
    drift_least: int
    drift_psi: float
    drift_p: float

    @classmethod
    @cache
    def load(cls) -> "Limits":
        return cls(**yaml.safe_load((files("analyzer.learning") / "learning.yaml").read_text(encoding="utf-8")))


@dataclass(frozen=True)
class Labels:
    """n labels. `told` (n, named causes) are physics' probabilities without `unknown`, rows sum to one; `cause` (n,)
    indexes NAMED, −1 where not labelled; `fault` (n,) is 1, 0 or NaN; `worth` (n,) physics' chance that a trip finds
    one. `area`, `maker` are names or None; `told_on`, `known_on` days.
    """

    told: Reals
    worth: Reals
    score: Reals
    lines: Ints
    kind: Ints
    area: Names
    maker: Names
    cause: Ints
    fault: Reals
    told_on: npt.NDArray[np.datetime64]
    known_on: npt.NDArray[np.datetime64]

    @classmethod
    def of(cls, table: pa.Table) -> "Labels":
        """From a table of plant.labels.LABEL_SCHEMA. ValueError names a column that is missing or a cause unknown."""
        missing = [f.name for f in LABEL_SCHEMA if f.name not in table.column_names]
        if missing:
            raise ValueError(f"the table of labels lacks {', '.join(missing)}; its columns are in plant/labels.py")
        rows = table.select(LABEL_SCHEMA.names).to_pylist(maps_as_pydicts="strict")
        strange = sorted({str(r["cause"]) for r in rows} - {"None", *CAUSES})
        if strange:
            raise ValueError(f'labels name the cause "{strange[0]}", which is not among: {", ".join(CAUSES)}')
        return cls(
            told=told_by([r["causes"] for r in rows]),
            worth=np.array([r["worth"] for r in rows], np.float64),
            score=np.array([r["score"] for r in rows], np.float64),
            lines=np.array([len(r["lines"]) for r in rows], np.int64),
            kind=np.array([kind_of(r["place"]) for r in rows], np.int64),
            area=np.array([r["area"] for r in rows], object),
            maker=np.array([r["maker"] for r in rows], object),
            cause=np.array([NAMED.index(r["cause"]) if r["cause"] in NAMED else -1 for r in rows], np.int64),
            fault=np.array([np.nan if r["fault"] is None else float(r["fault"]) for r in rows], np.float64),
            told_on=np.array([r["told_on"] for r in rows], "datetime64[D]"),
            known_on=np.array([r["known_on"] for r in rows], "datetime64[D]"),
        )

    def __len__(self) -> int:
        return len(self.told)

    def part(self, rows: npt.NDArray[Any]) -> "Labels":
        return Labels(**{name: values[rows] for name, values in vars(self).items()})

    def counts(self) -> dict[str, dict[str, int]]:
        """How many labels there are by area, maker and cause."""
        causes = Counter(NAMED[c] for c in self.cause if c >= 0)
        return {
            "area": dict(Counter(str(a) if a else "unknown" for a in self.area)),
            "maker": dict(Counter(str(m) if m else "mixed or unknown" for m in self.maker)),
            "cause": dict(causes.most_common()),
        }


def told_by(causes: Sequence[Mapping[str, float]]) -> Reals:
    """Probabilities of the named causes (n, causes), `unknown` left out; even where nothing else was told."""
    out = np.array([[row.get(name, 0.0) for name in NAMED] for row in causes], np.float64).reshape(-1, len(NAMED))
    total = out.sum(axis=1, keepdims=True)
    return np.where(total > 0, out / np.where(total > 0, total, 1), 1 / len(NAMED))


def kind_of(place: str) -> int:
    kind = place.partition(":")[0]
    return KINDS.index(kind) if kind in KINDS else 0
