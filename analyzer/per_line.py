"""A change-point package line by line, to compare with: ruptures' PELT on the daily received power.

What one gets by putting each line's series into a good package: no neighbours, no weather, no cause. A line is told
when its last segment lies lower than the highest one before it by what the analyzer holds worth a trip too.
The package is in the extra `backtest`.
"""

from datetime import date
from importlib.util import find_spec

import numpy as np

from analyzer.arrays import Floats, Reals
from analyzer.history import History
from analyzer.naive import findings_of
from plant.finding import Finding

NAME = "ruptures"
INSTALL = "pip install 'lightline[backtest]'"
FALL_DB = 0.7  # as `families.down.material` of settings.yaml
LEAST_DAYS = 14
LEAST_SEGMENT = 3  # days
PENALTY = 3.0  # times σ² ln n for one more change point: BIC counts the two figures it brings, and one for its place


def installed() -> bool:
    return find_spec("ruptures") is not None


def change_points(history: History, as_of: date) -> list[Finding]:
    """One finding for each line that fell and stayed there; the largest falls in units of the line's noise first.

    Raises ImportError where ruptures is not installed.
    """
    seen = history.until(as_of, len(history.dates))
    rx = seen.get("rx_dbm", "median")
    if rx is None:
        return []
    fall = np.zeros(len(rx), dtype=np.float32)
    noise = np.ones(len(rx), dtype=np.float32)
    for row in np.flatnonzero(_may_have_fallen(rx)).tolist():
        series = rx[row][np.isfinite(rx[row])].astype(np.float64)
        noise[row] = _noise(series)
        fall[row] = _last_fall(series, float(noise[row]))
    figures = {"fall": (fall, "dB"), "noise": (noise, "dB")}
    return findings_of(seen, fall >= FALL_DB, fall / noise, figures)


def _may_have_fallen(rx: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Lines whose readings span so much at all; means of segments of the others cannot (lines,).

    Changes nothing in what is found and spares nine lines in ten.
    """
    read = np.isfinite(rx)
    span = np.where(read, rx, -np.inf).max(axis=1) - np.where(read, rx, np.inf).min(axis=1)
    return np.asarray((read.sum(axis=1) >= LEAST_DAYS) & (span >= FALL_DB))


def _noise(series: Reals) -> float:
    """σ from the day-to-day differences; two in three of them may be changes of nothing (a coarse meter)."""
    return max(1.4826 * float(np.median(np.abs(np.diff(series)))) / 2**0.5, 0.03)


def _last_fall(series: Reals, noise: float) -> float:
    """Mean of the highest segment less that of the last, in dB; 0 where the line has one segment."""
    from ruptures import KernelCPD  # noqa: PLC0415 - an extra

    # the linear kernel is the squared error about the segment's mean, and the package's fastest search (PELT in C)
    search = KernelCPD(kernel="linear", min_size=LEAST_SEGMENT).fit(series[:, None])
    ends = search.predict(pen=PENALTY * noise**2 * float(np.log(len(series))))
    means = [float(part.mean()) for part in np.split(series, ends[:-1])]
    return max(means[:-1], default=means[-1]) - means[-1]
