"""Does what was learnt still hold? Two tests on labels and findings that came after it was checked.

Population: the causes told and the makers of recent findings against those learnt from; drift where the population
stability index is over `drift_psi` and a χ² test says that chance is not it (p < `drift_p`). Calibration: physics is
surely better again on the newer labels, by the test that switched the model on, turned round.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import chi2_contingency

from analyzer.learning.checking import Check
from analyzer.learning.labels import NAMED, Labels, Limits

Shares = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class Drift:
    """`found` is empty where nothing drifted. `figures`: per test, what it measured."""

    labels: int
    found: str
    figures: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        return {"labels": self.labels, "found": self.found, "figures": dict(self.figures)}


def population(labels: Labels) -> dict[str, dict[str, int]]:
    """What is compared: counts of causes told first, and of makers."""
    told = Counter(NAMED[i] for i in labels.told.argmax(axis=1))
    return {"cause told": dict(told), "maker": dict(Counter(str(m) if m else "unknown" for m in labels.maker))}


def moved(before: Shares, now: Shares, limits: Limits) -> tuple[str, dict[str, Any]]:
    """Why the population is another one ("" if it is not), and the figures."""
    figures: dict[str, Any] = {}
    found = ""
    for what, old in before.items():
        new = now.get(what, {})
        names = sorted({*old, *new})
        counts = np.array([[old.get(n, 0), new.get(n, 0)] for n in names], np.float64)
        if counts[:, 1].sum() < limits.drift_least or len(names) < 2:
            continue
        shares = (counts + 0.5) / (counts + 0.5).sum(axis=0)
        psi = float(((shares[:, 1] - shares[:, 0]) * np.log(shares[:, 1] / shares[:, 0])).sum())
        p = float(chi2_contingency(counts).pvalue)
        figures[what] = {"psi": round(psi, 3), "p": p, "findings": int(counts[:, 1].sum())}
        if psi > limits.drift_psi and p < limits.drift_p and not found:
            found = f"the findings are others than those learnt from ({what}: PSI {psi:.2f}, p {p:.1g})"
    return found, figures


def faded(checks: Mapping[str, Check], limits: Limits) -> tuple[str, dict[str, Any]]:
    """Why a part of the model is surely worse than physics now ("" if none is), and the figures."""
    figures, found = {}, ""
    for part, check in checks.items():
        figures[part] = {"labels": check.labels, "gain": check.gain, "error": check.error}
        if check.labels >= limits.drift_least and check.gain + limits.confidence * check.error < 0:
            found = found or f"physics is better again for the {part} ({check.gain:+.3f} ± {check.error:.3f} log loss)"
    return found, figures
