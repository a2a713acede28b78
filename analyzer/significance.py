"""From scan statistics to decisions: p-values, the plant's own null, one false-discovery control over everything."""

from dataclasses import dataclass

import numpy as np
from scipy import special

from analyzer.arrays import Ints, Mask, Reals
from analyzer.change import Changes

LEAST_FOR_NOISE = 30  # rows needed before the plant says what noise is usual
LEAST_FOR_NULL = 100  # rows needed before the plant's own spread corrects the theory
# Independent looks the scan amounts to, c·ln(readings): from white noise of 30 to 120 readings (tests/analyzer).
LOOKS = 4.0
MOST_PRIOR = 40.0  # degrees of freedom the plant may add to what a row knows of its own noise


@dataclass(frozen=True)
class Null:
    """What a plant's rows say of noise: degrees of freedom and centre of the prior, inflation of the statistics,
    excess kurtosis (None where too few rows say it)."""

    prior: float
    typical: float
    inflation: float
    kurtosis: float | None


def effective_freedom(freedom: Ints, phi: Reals) -> Reals:
    """Degrees of freedom of the long-run variance taken from `freedom` readings of lag-one correlation `phi` (rows,).

    The variance of an AR(1) series' mean is σ²ₑ/(1 − φ)² over n. Both are estimated: the logarithm of the first has the
    variance 2/n, that of the second 4(1 + φ)/(1 − φ)/n, which a χ² of n/(1 + 2(1 + φ)/(1 − φ)) degrees has as well.
    """
    return np.asarray(np.maximum(freedom / (1 + 2 * (1 + phi) / (1 - phi)) - 3, 3))


def p_values(z: Reals, readings: Ints, freedom: Reals) -> Reals:
    """Chance of a scan statistic this large in noise (rows,); 1 where a row was not judged.

    Student's t with the degrees of `freedom` of the noise, over the looks a scan takes.
    """
    seen = np.maximum(readings.astype(np.float64), 2)
    one = special.stdtr(freedom, -z)
    looks = LOOKS * np.log(seen)
    p = -np.expm1(looks * np.log1p(-np.minimum(one, 0.999999)))
    p[(z <= 0) | ~np.isfinite(z)] = 1.0
    return np.asarray(p)


def usual_noise(changes: Changes) -> tuple[float, float]:
    """Degrees of freedom and centre of what the plant says of a row's noise; 0 degrees where too few rows say it.

    Smyth's moderated t (2004): the long-run variances σ²(1 + φ)/(1 − φ) of all rows give a scaled inverse χ² from which
    each is drawn; a row's own estimate is drawn towards it. Its centre and width come from median and MAD, which faults
    do not move. A noise smaller than the plant's is made larger; a larger one is believed as it is.
    """
    own = effective_freedom(changes.freedom, changes.phi)
    judged = changes.z > 0
    if np.count_nonzero(judged) < LEAST_FOR_NOISE:
        return 0.0, 0.0
    variance = changes.sigma**2 * (1 + changes.phi) / (1 - changes.phi)
    d = own[judged]
    logs = np.log(variance[judged]) - special.digamma(d / 2) + np.log(d / 2)
    centre = float(np.median(logs))
    width = (1.4826 * float(np.median(np.abs(logs - centre)))) ** 2 - float(np.median(special.polygamma(1, d / 2)))
    prior = _inverse_trigamma(width)
    return prior, float(np.exp(centre + special.digamma(prior / 2) - np.log(prior / 2)))


def moderated(changes: Changes, prior: float, typical: float) -> tuple[Reals, Reals]:
    """What the plant's noise makes of a row's own: factors for its z (rows,), at most 1, and degrees of freedom."""
    own = effective_freedom(changes.freedom, changes.phi)
    if prior <= 0:
        return np.ones(len(own)), own
    judged = changes.z > 0
    variance = changes.sigma**2 * (1 + changes.phi) / (1 - changes.phi)
    believed = (prior * typical + own * variance) / (prior + own)
    factors = np.sqrt(np.minimum(1.0, variance / np.maximum(believed, 1e-30)))
    return np.where(judged, factors, 1.0), own + prior


def _inverse_trigamma(width: float) -> float:
    """Degrees of freedom of a prior whose log-variances spread by `width`: trigamma(d/2) = width, d within 1 … 40."""
    degrees = np.geomspace(MOST_PRIOR, 1, 200)
    return float(degrees[min(int(np.searchsorted(special.polygamma(1, degrees / 2), width)), 199)])


def usual_tails(changes: Changes) -> float | None:
    """Excess kurtosis of the plant's shocks: the upper quartile of its rows; None where too few are judged."""
    judged = changes.z > 0
    many = np.count_nonzero(judged) >= LEAST_FOR_NOISE
    return float(np.quantile(changes.excess[judged], 0.75)) if many else None


def with_tails(changes: Changes, freedom: Reals, kurtosis: float | None) -> Reals:
    """Degrees of freedom (rows,) once the plant's heavy tails count as well as the noise's own `freedom`.

    A contrast c of shocks of excess kurtosis κ has the excess kurtosis κ·Σc⁴/(Σc²)²: few readings after an onset keep
    the tails that many lose. Student's t of ν degrees has 6/(ν − 4), which is matched; the reciprocals add. κ is the
    plant's (`usual_tails`), or a row's own where it has none: normal noise gives next to none.
    """
    matched = np.maximum(changes.excess if kurtosis is None else kurtosis, 0) * changes.weight
    return np.asarray(1 / (1 / freedom + matched / (6 + 4 * matched)))


def inflation(z: Reals, readings: Ints) -> float:
    """How much wider the plant's statistics are than theory says (at least 1): most rows are healthy.

    The genomic control of Devlin and Roeder (1999), at the quartiles rather than the median alone, because slow noise
    widens the upper half first.
    """
    judged = z > 0
    if np.count_nonzero(judged) < LEAST_FOR_NULL:
        return 1.0
    z, readings = z[judged], readings[judged]
    looks = LOOKS * np.log(np.median(readings))
    worst = 1.0
    for share in (0.5, 0.75, 0.9):
        expected = -special.ndtri(-np.expm1(np.log(share) / looks))
        worst = max(worst, float(np.quantile(z, share) / expected))
    return worst


def null_of(changes: Changes) -> Null:
    """What the rows of a scan say of the plant."""
    prior, typical = usual_noise(changes)
    factors, _ = moderated(changes, prior, typical)
    return Null(prior, typical, inflation(changes.z * factors, changes.readings), usual_tails(changes))


def change_p(changes: Changes, null: Null | None = None) -> Reals:
    """p-values of a scan (rows,), after what the plant says of its noise and of its null: these rows, unless told."""
    null = null or null_of(changes)
    factors, freedom = moderated(changes, null.prior, null.typical)
    tails = with_tails(changes, freedom, null.kurtosis)
    return p_values(changes.z * factors / null.inflation, changes.readings, tails)


def discoveries(p: Reals, rate: float, total: int = 0) -> Mask:
    """Benjamini–Hochberg: which of all p-values may be believed with at most `rate` of them false.

    `total` are all that were judged, where only the smallest of them are given.
    """
    flat = p.ravel()
    judged = flat < 1
    total = max(int(np.count_nonzero(judged)), total, 1)
    ordered = np.sort(flat[judged])
    fits = np.flatnonzero(ordered <= rate * np.arange(1, len(ordered) + 1) / total)
    if not len(fits):
        return np.zeros(p.shape, dtype=np.bool_)
    return np.asarray(p <= ordered[fits[-1]])
