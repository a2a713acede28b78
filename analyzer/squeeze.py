"""Fibre that begins to follow the temperature: squeezed by ice, a shrinking sheath, a clamp.

The daily differences of a line's loss are regressed on those of the temperature before and after each possible onset;
the statistic is the growth of the slope in units of both slopes' standard errors. Differences leave out what is slow
(seasons, other faults), so that only what follows the weather from one day to the next counts.
"""

from dataclasses import dataclass

import numpy as np

from analyzer.arrays import ZERO, Floats, Ints, Reals, compiled
from analyzer.middle import median_of
from analyzer.significance import p_values

LEAST_DAYS = 10  # pairs of days on each side of an onset
CLIP = 5.0  # robust deviations beyond which a daily difference is cut: a step is no coupling


@dataclass(frozen=True)
class Squeezes:
    """All (rows,): chance in noise, onset (day index), slope since then (dB/°C) and the swing it made (dB)."""

    p: Reals
    onset: Ints
    slope: Reals
    swing: Reals


@compiled
def _grow(values: Floats, degrees: Floats, step: Reals) -> Reals:
    rows, days = values.shape
    out = np.zeros((rows, 5))
    x, y, at, sizes = np.empty(days), np.empty(days), np.empty(days, dtype=np.int64), np.empty(days)
    for r in range(rows):
        n = ZERO
        for d in range(1, days):
            dx = degrees[r, d] - degrees[r, d - 1]
            dy = values[r, d] - values[r, d - 1]
            if not (np.isnan(dx) or np.isnan(dy)):
                x[n], y[n], at[n], sizes[n] = dx, dy, d, abs(dy)
                n += 1
        out[r, 4] = n
        if n < 2 * LEAST_DAYS:
            continue
        least = step[r] ** 2 / 6  # of a difference of two rounded readings
        # most days of a coarse meter tell no difference at all
        limit = CLIP * max(1.4826 * median_of(sizes, n), np.sqrt(least))
        xx, xy, yy = 0.0, 0.0, 0.0
        for i in range(n):
            y[i] = min(max(y[i], -limit), limit)
            xx += x[i] * x[i]
            xy += x[i] * y[i]
            yy += y[i] * y[i]
        bxx, bxy, byy = 0.0, 0.0, 0.0
        for i in range(n - LEAST_DAYS):
            bxx += x[i] * x[i]
            bxy += x[i] * y[i]
            byy += y[i] * y[i]
            k = i + 1
            axx, axy, ayy = xx - bxx, xy - bxy, yy - byy
            if k < LEAST_DAYS or bxx <= 0 or axx <= 0:
                continue
            before, after = bxy / bxx, axy / axx
            if abs(after) < 2 * abs(before):
                continue
            noise = (
                max((byy - bxy * before) / (k - 1), least) / bxx + max((ayy - axy * after) / (n - k - 1), least) / axx
            )
            if noise <= 0:
                continue
            z = abs(after - before) / np.sqrt(noise)
            if z > out[r, 0]:
                out[r, 0], out[r, 1], out[r, 2], out[r, 3] = z, at[k], after, n - k
    return out


def squeezes(values: Floats, degrees: Floats, temperature_range: float, step: Reals | float = 0.0) -> Squeezes:
    """Growth of the coupling of each row of `values` (rows, days, dB) to the same row of `degrees` (rows, days, °C).

    `step` (rows,): in which the meters behind `values` tell them, dB. Rounding's own noise is believed at least, and a
    swing is told less the step that rounding may have added to it.
    """
    steps = np.broadcast_to(np.asarray(step, dtype=np.float64), (len(values),))
    out = _grow(
        np.ascontiguousarray(values, dtype=np.float32),
        np.ascontiguousarray(np.broadcast_to(degrees, values.shape)),
        np.ascontiguousarray(steps),
    )
    z, onset, slope, after, n = out.T
    return Squeezes(p_values(z, n.astype(np.int64), np.maximum(after - 2, 3)), onset.astype(np.int64), slope,
                    np.maximum(np.abs(slope) * temperature_range - steps, 0.0))  # fmt: skip
