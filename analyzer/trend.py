"""Robust slopes and when a limit will be crossed."""

import numpy as np

from analyzer.arrays import ZERO, Floats, Ints, Reals, compiled
from analyzer.middle import median_of
from analyzer.polish import row_medians
from plant.finding import Forecast

LEVEL_DAYS = 14  # readings the present level is taken from
Z90 = 1.645  # both tails of a 90 % interval


@compiled
def _theil_sen(values: Floats, start: Ints) -> Reals:
    rows, days = values.shape
    out = np.full((rows, 3), np.nan)
    t, y = np.empty(days), np.empty(days)
    slopes = np.empty(days * (days - 1) // 2)
    for r in range(rows):
        n = ZERO
        for d in range(start[r], days):
            if not np.isnan(values[r, d]):
                t[n], y[n] = d, values[r, d]
                n += 1
        if n < 7:
            continue
        m = 0
        for i in range(n):
            for j in range(i + 1, n):
                slopes[m] = (y[j] - y[i]) / (t[j] - t[i])
                m += 1
        ordered = np.sort(slopes[:m])
        slope = ordered[m // 2] if m % 2 else 0.5 * (ordered[m // 2 - 1] + ordered[m // 2])
        # Sen (1968): ranks of the interval from the variance of Kendall's S
        reach = Z90 * np.sqrt(n * (n - 1) * (2 * n + 5) / 18.0)
        low = ordered[max(0, int((m - reach) / 2))]
        high = ordered[min(m - 1, int((m + reach) / 2) + 1)]
        square, lagged, before = 0.0, 0.0, 0.0
        centre = median_of(y[:n] - slope * t[:n], n)
        for i in range(n):
            left = y[i] - slope * t[i] - centre
            square += left * left
            lagged += left * before
            before = left
        phi = min(max(lagged / square, 0.0), 0.9) if square > 0 else 0.0
        out[r, 0] = slope
        out[r, 1] = (high - low) / (2 * Z90) * np.sqrt((1 + phi) / (1 - phi))
        out[r, 2] = np.sqrt(square / n)
    return out


def theil_sen(values: Floats, start: Ints) -> tuple[Reals, Reals, Reals]:
    """Slope a day, its standard error, and the spread about it, of each row from day `start` (rows,) on.

    NaN where fewer than seven readings are left. The error is Sen's rank interval, widened for correlated days.
    """
    out = _theil_sen(np.ascontiguousarray(values, dtype=np.float32), start.astype(np.int64))
    return out[:, 0], out[:, 1], out[:, 2]


def level_now(values: Floats, slope: Reals, start: int) -> Reals:
    """Level of each row (rows,) on the last day, of a line of `slope` through the readings from `start` on."""
    part = values[:, start:].astype(np.float64)
    flat = part - slope[:, None] * (np.arange(part.shape[1]) - (part.shape[1] - 1))
    return row_medians(np.asarray(flat[:, -LEVEL_DAYS:], dtype=np.float32)).astype(np.float64)


def crossing(
    margin_db: float, slope: float, slope_se: float, noise_db: float, limit_dbm: float, longest: float,
    paces: tuple[float, float] = (1.0, 1.0),
) -> Forecast | None:  # fmt: skip
    """Days until the margin (dB) is used up at `slope` (dB a day, positive: worse); None where no crossing is in sight.

    The interval takes the slope's error and the noise of a single day's reading together; `paces` are the slowest and
    the quickest its growth may become on the way, in times of the present one (0: it may stop, or recede).
    """
    if not np.isfinite([margin_db, slope, slope_se, noise_db]).all():
        return None
    if margin_db <= 0:
        return Forecast(limit_dbm, 0.0, 0.0, 0.0)
    if slope <= 0 or margin_db / slope > longest:
        return None
    slowest = paces[0] * slope - Z90 * slope_se
    low = max(0.0, (margin_db - Z90 * noise_db) / (paces[1] * slope + Z90 * slope_se))
    high = longest if slowest <= 0 else min(longest, (margin_db + Z90 * noise_db) / slowest)
    return Forecast(limit_dbm, round(low, 1), round(margin_db / slope, 1), round(high, 1))
