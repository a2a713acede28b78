"""Boosted trees over what was told and where, tried where labels are many (LightGBM, extra `learning`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from analyzer.learning.labels import KINDS, NAMED, Labels, Limits, Reals
from analyzer.learning.pooled import floored, logit

TREES = 80
COMMON: dict[str, Any] = {"learning_rate": 0.05, "num_leaves": 7, "min_data_in_leaf": 20, "lambda_l2": 5.0,
                          "verbosity": -1, "num_threads": 1, "deterministic": True, "seed": 1}  # fmt: skip


def installed() -> bool:
    return find_spec("lightgbm") is not None


@dataclass(frozen=True)
class Boosted:
    """`target` is cause or worth; `text` the trees as LightGBM writes them; `areas`, `makers` give the codes.

    Trees correct physics rather than replace it: they begin at its log odds.
    """

    target: str
    text: str
    areas: tuple[str, ...]
    makers: tuple[str, ...]
    slips: float
    floor: float
    clip: float

    def __call__(self, labels: Labels) -> Reals:
        """Probabilities of the named causes (n, causes), or the chance that a trip finds a fault (n,)."""
        import lightgbm  # noqa: PLC0415 - an extra

        raw = np.asarray(lightgbm.Booster(model_str=self.text).predict(self._features(labels), raw_score=True))
        if self.target == "worth":
            logs = logit(labels.worth, self.clip) + raw
            return np.asarray(np.clip(1 / (1 + np.exp(-logs)), self.clip, 1 - self.clip))
        weight = floored(labels.told, self.floor) * np.exp(raw - raw.max(axis=1, keepdims=True))
        return np.asarray(weight / weight.sum(axis=1, keepdims=True))

    def _features(self, labels: Labels) -> Reals:
        area = [self.areas.index(a) if a in self.areas else -1 for a in labels.area]
        maker = [self.makers.index(m) if m in self.makers else -1 for m in labels.maker]
        plain = [logit(labels.worth, self.clip), np.log(np.maximum(labels.lines, 1)), labels.kind % len(KINDS)]
        return np.column_stack([np.log(floored(labels.told, self.floor)), *plain, area, maker])

    def to_json(self) -> dict[str, Any]:
        return {"kind": "boosted", **vars(self), "areas": list(self.areas), "makers": list(self.makers)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Boosted":
        return cls(str(data["target"]), str(data["text"]), tuple(data["areas"]), tuple(data["makers"]),
                   float(data["slips"]), float(data["floor"]), float(data["clip"]))  # fmt: skip


def fit(target: str, labels: Labels, limits: Limits) -> Boosted:
    """Trees for `target` (cause or worth) from labels that all have it. ImportError without LightGBM."""
    import lightgbm  # noqa: PLC0415 - an extra

    areas = tuple(sorted({str(a) for a in labels.area if a}))
    makers = tuple(sorted({str(m) for m in labels.maker if m}))
    empty = Boosted(target, "", areas, makers, 0.0, limits.share_floor, limits.worth_clip)
    features = empty._features(labels)
    at = features.shape[1]
    if target == "worth":
        start, y = logit(labels.worth, limits.worth_clip), labels.fault
        wanted = {**COMMON, "objective": "binary", "boost_from_average": False}
    else:
        start, y = np.log(floored(labels.told, empty.floor)), labels.cause.astype(np.float64)
        wanted = {**COMMON, "objective": "multiclass", "num_class": len(NAMED), "boost_from_average": False}
    data = lightgbm.Dataset(features, y, init_score=start, categorical_feature=[at - 3, at - 2, at - 1])
    return Boosted(**{**vars(empty), "text": lightgbm.train(wanted, data, TREES).model_to_string()})
