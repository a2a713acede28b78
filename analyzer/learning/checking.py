"""Is what was learnt better than physics alone? Judged on labels of findings told after everything learnt from.

Proper scores (log loss, Brier) label by label: the gain must be `confidence` standard errors over nothing, and neither
the share of causes named rightly nor the precision of the trips taken first may fall, nor any area surely lose.
Cause codes are seen through the same share of slips on both sides, physics with the one that suits it best.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from analyzer.learning.labels import NAMED, Labels, Limits, Reals
from analyzer.learning.pooled import EVEN, floored


@dataclass(frozen=True)
class Scores:
    """`right`: share of causes named rightly, or precision of the better half of each week's trips."""

    log_loss: float
    brier: float
    right: float


@dataclass(frozen=True)
class Check:
    """`gain`: mean of physics' log loss less the model's, with its standard error. `passed` says what is done."""

    labels: int
    physics: Scores
    learnt: Scores
    gain: float
    error: float
    passed: bool
    why: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def check_cause(p: Reals, slips: float, labels: Labels, limits: Limits) -> Check:
    """`p` (n, causes) beside physics on labels that all have a cause; `slips`: the share that suits physics best."""
    own = (1 - slips) * p + slips * EVEN
    theirs = (1 - slips) * floored(labels.told, limits.share_floor) + slips * EVEN
    at, y = np.arange(len(labels)), labels.cause
    one = np.eye(len(NAMED))[y]
    lost = -np.log(theirs[at, y]), -np.log(own[at, y])
    brier = ((theirs - one) ** 2).sum(axis=1), ((own - one) ** 2).sum(axis=1)
    right = (labels.told.argmax(axis=1) == y), (p.argmax(axis=1) == y)
    return _judged(
        lost, brier, (float(right[0].mean()), float(right[1].mean())), labels, limits, "causes named rightly"
    )


def check_worth(p: Reals, labels: Labels, limits: Limits) -> Check:
    """`p` (n,) beside physics on labels that all say whether there was a fault."""
    y = labels.fault
    told = np.clip(labels.worth, limits.worth_clip, 1 - limits.worth_clip)
    lost = _lost(told, y), _lost(p, y)
    brier = (told - y) ** 2, (p - y) ** 2
    anew = labels.score * p / np.maximum(labels.worth, 1e-6)
    right = precision_of_first(labels.score, labels), precision_of_first(anew, labels)
    judged = _judged(lost, brier, right, labels, limits, "trips worth it among those taken first")
    fewest = int(min(y.sum(), (1 - y).sum()))
    if judged.passed and fewest < limits.least_of_each:
        why = f"only {fewest} of {len(y)} later trips went the other way; {limits.least_of_each} are needed to tell"
        return replace(judged, passed=False, why=why)
    return judged


def precision_of_first(score: Reals, labels: Labels) -> float:
    """Share of trips that found a fault in the better half of each week's trips, as a week with half the crews."""
    week = labels.told_on.astype("datetime64[W]")
    hits, trips = 0.0, 0
    for each in np.unique(week):
        rows = np.flatnonzero(week == each)
        first = rows[np.argsort(-score[rows], kind="stable")][: max(1, len(rows) // 2)]
        hits, trips = hits + float(labels.fault[first].sum()), trips + len(first)
    return hits / max(trips, 1)


def lead(gain: Reals) -> tuple[float, float]:
    """Mean gain and its standard error."""
    n = len(gain)
    return float(gain.mean()), float(gain.std(ddof=1) / np.sqrt(n)) if n > 1 else float("inf")


def _lost(p: Reals, y: Reals) -> Reals:
    return np.asarray(-np.where(y > 0.5, np.log(p), np.log(1 - p)))


def _judged(
    lost: tuple[Reals, Reals], brier: tuple[Reals, Reals], right: tuple[float, float], labels: Labels, limits: Limits,
    what: str,
) -> Check:  # fmt: skip
    gains = lost[0] - lost[1]
    gain, error = lead(gains)
    physics, learnt = (
        Scores(round(float(lost[i].mean()), 4), round(float(brier[i].mean()), 4), round(right[i], 4)) for i in (0, 1)
    )
    why = ""
    if len(labels) < limits.least_checked:
        why = f"only {len(labels)} later labels to check it by; {limits.least_checked} are needed"
    elif gain - limits.confidence * error <= 0 or gain < limits.least_gain:
        why = f"no sure gain on later labels: log loss {gain:+.4f} ± {error:.4f} better than physics"
    elif brier[1].mean() > brier[0].mean():
        why = f"a worse Brier score than physics ({learnt.brier:.4f} beside {physics.brier:.4f})"
    elif right[1] < right[0]:
        why = f"fewer {what} than by physics ({right[1]:.1%} beside {right[0]:.1%})"
    elif loser := _losing_area(gains, labels, limits):
        why = f"in {loser} it is surely worse than physics"
    passed = not why
    told = why or f"log loss {gain:.4f} ± {error:.4f} better than physics on {len(labels)} later labels"
    return Check(len(labels), physics, learnt, round(gain, 5), round(error, 5), passed, told)


def _losing_area(gains: Reals, labels: Labels, limits: Limits) -> str | None:
    for area in sorted({str(a) for a in labels.area if a}):
        of_it = gains[labels.area == area]
        if len(of_it) >= limits.least_checked:
            gain, error = lead(of_it)
            if gain + limits.confidence * error < 0:
                return f"area {area}"
    return None
