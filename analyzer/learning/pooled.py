"""Pooled recalibration: physics' log odds, with shifts of causes, areas and makers that are drawn towards none.

    cause:  log p(k) = slope · log q(k) + shift(k) + shift(area, k) + shift(maker, k)
    trip:   logit p = slope · logit w + shift + shift(cause told) + shift(area) + shift(maker)

q and w are what physics told. Every shift has a normal prior about zero, the slope one about one (partial pooling: an
area or maker with few labels is treated like all others), so no label means no change. A share ε of the cause codes is
taken for slips that say nothing, spread evenly over the causes; it is found by expectation and maximisation.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize

from analyzer.learning.labels import NAMED, Ints, Labels, Limits, Names, Reals

ROUNDS = 12  # of expectation and maximisation
EVEN = 1 / len(NAMED)


@dataclass(frozen=True)
class PooledCause:
    """`shift` (causes,); `areas` and `makers` name → (causes,). `slips`: share of codes that say nothing."""

    slope: float
    shift: Reals
    areas: Mapping[str, Reals]
    makers: Mapping[str, Reals]
    slips: float
    floor: float

    def __call__(self, labels: Labels) -> Reals:
        """Probabilities of the named causes (n, causes)."""
        logs = self.slope * np.log(floored(labels.told, self.floor)) + self.shift
        logs = logs + _shifts(labels.area, self.areas, len(NAMED)) + _shifts(labels.maker, self.makers, len(NAMED))
        return softmax(logs)

    def to_json(self) -> dict[str, Any]:
        return {"kind": "pooled", "slope": self.slope, "shift": self.shift.tolist(), "areas": _plain(self.areas),
                "makers": _plain(self.makers), "slips": self.slips,
                "floor": self.floor}  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "PooledCause":
        return cls(float(data["slope"]), _row(data["shift"]), _rows(data["areas"]), _rows(data["makers"]),
                   float(data["slips"]), float(data["floor"]))  # fmt: skip


@dataclass(frozen=True)
class PooledWorth:
    """`causes` (causes,) by the cause told first; `areas`, `makers` name → (1,)."""

    slope: float
    shift: float
    causes: Reals
    areas: Mapping[str, Reals]
    makers: Mapping[str, Reals]
    clip: float

    def __call__(self, labels: Labels) -> Reals:
        """Chance that a trip finds a fault (n,)."""
        logs = self.slope * logit(labels.worth, self.clip) + self.shift + self.causes[labels.told.argmax(axis=1)]
        logs = logs + _shifts(labels.area, self.areas, 1)[:, 0] + _shifts(labels.maker, self.makers, 1)[:, 0]
        return np.asarray(np.clip(1 / (1 + np.exp(-logs)), self.clip, 1 - self.clip))

    def to_json(self) -> dict[str, Any]:
        return {"kind": "pooled", "slope": self.slope, "shift": self.shift, "causes": self.causes.tolist(),
                "areas": _plain(self.areas), "makers": _plain(self.makers), "clip": self.clip}  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "PooledWorth":
        return cls(float(data["slope"]), float(data["shift"]), _row(data["causes"]), _rows(data["areas"]),
                   _rows(data["makers"]), float(data["clip"]))  # fmt: skip


def slips_of(p: Reals, labels: Labels) -> float:
    """Share of the codes that say nothing, given probabilities (n, causes): expectation and maximisation."""
    share, at = 0.05, np.arange(len(labels))
    own = p[at, labels.cause]
    for _ in range(50):
        meant = (1 - share) * own / ((1 - share) * own + share * EVEN)
        share = float(np.clip(1 - meant.mean(), 0.005, 0.995))
    return share


def fit_cause(labels: Labels, limits: Limits) -> PooledCause:
    """From labels that all have a cause."""
    logs = np.log(floored(labels.told, limits.share_floor))
    areas, area = _coded(labels.area)
    makers, maker = _coded(labels.maker)
    k, n = len(NAMED), len(labels)
    at, one = np.arange(n), np.eye(len(NAMED))[labels.cause]
    prior = np.concatenate([[limits.slope_spread], np.full(k, limits.spread),
                            np.full((len(areas) + len(makers)) * k, limits.pooled)])  # fmt: skip
    mean = np.zeros(len(prior))
    mean[0] = 1.0

    def split(x: Reals) -> tuple[float, Reals, Reals, Reals]:
        end = 1 + k * (1 + len(areas))
        of_areas = np.vstack([x[1 + k : end].reshape(-1, k), np.zeros((1, k))])  # the last row is for no area
        return float(x[0]), x[1 : 1 + k], of_areas, np.vstack([x[end:].reshape(-1, k), np.zeros((1, k))])

    def probabilities(x: Reals) -> Reals:
        slope, shift, of_areas, of_makers = split(x)
        return softmax(slope * logs + shift + of_areas[area] + of_makers[maker])

    slips, x = slips_of(np.exp(logs), labels), mean.copy()
    for _ in range(ROUNDS):

        def loss(x: Reals, slips: float = slips) -> tuple[float, Reals]:
            p = probabilities(x)
            own = (1 - slips) * p[at, labels.cause]
            seen = own + slips * EVEN
            pull = (own / seen)[:, None] * (p - one)  # of the log loss by the log odds (n, causes)
            by_area, by_maker = np.zeros((len(areas) + 1, k)), np.zeros((len(makers) + 1, k))
            np.add.at(by_area, area, pull)
            np.add.at(by_maker, maker, pull)
            grad = np.concatenate([[float((pull * logs).sum())], pull.sum(axis=0), by_area[:-1].ravel(),
                                   by_maker[:-1].ravel()])  # fmt: skip
            off = (x - mean) / prior
            return float(-np.log(seen).sum() + 0.5 * (off**2).sum()), grad + off / prior

        x = minimize(loss, x, jac=True, method="L-BFGS-B").x
        before, slips = slips, slips_of(probabilities(x), labels)
        if abs(slips - before) < 1e-3:
            break
    slope, shift, of_areas, of_makers = split(x)
    return PooledCause(slope, shift, dict(zip(areas, of_areas, strict=False)),
                       dict(zip(makers, of_makers, strict=False)), slips, limits.share_floor)  # fmt: skip


def fit_worth(labels: Labels, limits: Limits) -> PooledWorth:
    """From labels that all say whether there was a fault."""
    told = logit(labels.worth, limits.worth_clip)
    first = labels.told.argmax(axis=1)
    areas, area = _coded(labels.area)
    makers, maker = _coded(labels.maker)
    k, a, m = len(NAMED), len(areas), len(makers)
    design = np.zeros((len(labels), 2 + k + a + m + 2))  # a column each for no area and no maker, dropped
    rows = np.arange(len(labels))
    design[:, 0], design[:, 1] = told, 1
    design[rows, 2 + first] = 1
    design[rows, np.where(area < a, 2 + k + area, design.shape[1] - 2)] = 1
    design[rows, np.where(maker < m, 2 + k + a + maker, design.shape[1] - 1)] = 1
    design = design[:, :-2]
    prior = np.concatenate([[limits.slope_spread, 2 * limits.spread], np.full(k + a + m, limits.pooled)])
    mean = np.zeros(len(prior))
    mean[0] = 1.0

    def loss(x: Reals) -> tuple[float, Reals]:
        z = design @ x
        off = (x - mean) / prior
        p = 1 / (1 + np.exp(-z))
        value = float((np.logaddexp(0, z) - labels.fault * z).sum() + 0.5 * (off**2).sum())
        return value, design.T @ (p - labels.fault) + off / prior

    x = minimize(loss, mean, jac=True, method="L-BFGS-B").x
    end = 2 + k + a
    return PooledWorth(float(x[0]), float(x[1]), x[2 : 2 + k], dict(zip(areas, x[2 + k : end, None], strict=True)),
                       dict(zip(makers, x[end:, None], strict=True)), limits.worth_clip)  # fmt: skip


def floored(told: Reals, floor: float) -> Reals:
    """No cause is impossible."""
    return np.asarray((1 - floor) * told + floor * EVEN)


def logit(p: Reals, clip: float) -> Reals:
    inside = np.clip(p, clip, 1 - clip)
    return np.asarray(np.log(inside / (1 - inside)))


def softmax(logs: Reals) -> Reals:
    out = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(out / out.sum(axis=1, keepdims=True))


def _coded(names: Names) -> tuple[list[str], Ints]:
    """The names there are, and the row of each; nameless ones have the row after the last."""
    known = sorted({str(n) for n in names if n is not None})
    index = {name: i for i, name in enumerate(known)}
    return known, np.array([index.get(str(n), len(known)) if n is not None else len(known) for n in names], np.int64)


def _shifts(names: Names, shifts: Mapping[str, Reals], width: int) -> Reals:
    nothing = np.zeros(width)
    return np.array([shifts.get(str(n), nothing) for n in names], np.float64).reshape(-1, width)


def _plain(shifts: Mapping[str, Reals]) -> dict[str, list[float]]:
    return {name: values.tolist() for name, values in shifts.items()}


def _row(values: Any) -> Reals:
    return np.asarray(values, np.float64)


def _rows(values: Mapping[str, Any]) -> dict[str, Reals]:
    return {name: _row(row) for name, row in values.items()}
