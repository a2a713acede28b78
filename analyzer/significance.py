"""From scan statistics to decisions: p-values, the plant's own null, one false-discovery control over everything."""

import numpy as np
from scipy import special

from analyzer.arrays import Ints, Mask, Reals
from analyzer.change import Changes

LEAST_FOR_NULL = 100  # rows needed before the plant's own spread corrects the theory
# Independent looks the scan amounts to, c·ln(readings): from white noise of 30 to 120 readings (tests/analyzer).
LOOKS = 4.0


def p_values(z: Reals, readings: Ints, freedom: Ints, phi: Reals) -> Reals:
    """Chance of a scan statistic this large in noise (rows,); 1 where a row was not judged.

    Student's t with the effective number of the readings that told the noise (`freedom`), over the looks a scan takes.
    """
    seen = np.maximum(readings.astype(np.float64), 2)
    effective = np.maximum(freedom * (1 - phi) / (1 + phi) - 3, 3)
    one = special.stdtr(effective, -z)
    looks = LOOKS * np.log(seen)
    p = -np.expm1(looks * np.log1p(-np.minimum(one, 0.999999)))
    p[(z <= 0) | ~np.isfinite(z)] = 1.0
    return np.asarray(p)


def inflation(changes: Changes) -> float:
    """How much wider the plant's statistics are than theory says (at least 1): most rows are healthy.

    The genomic control of Devlin and Roeder (1999), at the quartiles rather than the median alone, because slow noise
    widens the upper half first.
    """
    judged = changes.z > 0
    if np.count_nonzero(judged) < LEAST_FOR_NULL:
        return 1.0
    z, readings = changes.z[judged], changes.readings[judged]
    looks = LOOKS * np.log(np.median(readings))
    worst = 1.0
    for share in (0.5, 0.75, 0.9):
        expected = -special.ndtri(-np.expm1(np.log(share) / looks))
        worst = max(worst, float(np.quantile(z, share) / expected))
    return worst


def change_p(changes: Changes) -> Reals:
    """p-values of a scan (rows,), after the plant's own null."""
    return p_values(changes.z / inflation(changes), changes.readings, changes.freedom, changes.phi)


def discoveries(p: Reals, rate: float) -> Mask:
    """Benjamini–Hochberg: which of all p-values may be believed with at most `rate` of them false."""
    flat = p.ravel()
    judged = flat < 1
    total = max(int(np.count_nonzero(judged)), 1)
    ordered = np.sort(flat[judged])
    fits = np.flatnonzero(ordered <= rate * np.arange(1, len(ordered) + 1) / total)
    if not len(fits):
        return np.zeros(p.shape, dtype=np.bool_)
    return np.asarray(p <= ordered[fits[-1]])
