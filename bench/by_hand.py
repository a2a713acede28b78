"""The analyzer's detectors as a script would have them: line after line with numpy, scipy and pandas, no compiled code.

The same figures are scanned for the same steps and ramps (all onsets of a line at once, from cumulative sums), with the
same removal of spikes, falls and weather, the same noise and chances; `tests/analyzer/test_by_hand.py` holds that both
say the same. What is common to a port is a pandas groupby.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

F64 = npt.NDArray[np.float64]
LEAST_READINGS, LEAST_AFTER, LEAST_RAMP, LEAST_PAST = 14, 3, 7, 14
CLIP, SQUEEZE_CLIP, SQUEEZE_DAYS = 3.0, 5.0, 10


@dataclass(frozen=True)
class Rise:
    """The best rise of one series: as a row of analyzer.change.Changes."""

    z: float
    is_ramp: bool
    onset: int
    shift: float
    recent: float
    p: float


@dataclass(frozen=True)
class _Fit:
    gain: float
    is_ramp: bool
    at: int
    slope: float


def common(values: pd.DataFrame, port: npt.NDArray[np.int64]) -> pd.DataFrame:
    """What the lines (rows) of each port did, day by day, relative to their own past."""
    relative = values.sub(values.median(axis=1), axis=0)
    return relative.groupby(port).transform("median")


def analyse_line(figures: Mapping[str, F64], floors: Mapping[str, float], degrees: F64) -> dict[str, Rise | None]:
    """All figures (days,) of a line scanned; `down` and `up` without the weather, and tested for squeezes."""
    found = {}
    for name, values in figures.items():
        clean = without_weather(values, degrees) if name in ("down", "up", "bias") else values
        found[name] = rise_of(clean, floors[name])
        if name in ("down", "up"):
            squeeze_of(values, degrees)
    return found


def without_weather(values: F64, degrees: F64) -> F64:
    step, warmer = np.diff(values), np.diff(degrees)
    size = CLIP * 1.4826 * float(np.nanmedian(np.abs(step)))
    both = np.isfinite(step) & np.isfinite(warmer)
    x, y = warmer[both], np.clip(step[both], -size, size)
    if len(x) < 10 or not (x @ x) > 0:
        return values
    slope = (x @ y) / (x @ x)
    left = y - slope * x
    z = slope / np.sqrt(left @ left / (len(x) - 1) / (x @ x))
    kept = max(0.0, 1 - 4 / float(z) ** 2)
    return np.asarray(values - float(slope) * kept * np.nan_to_num(degrees))


def squeeze_of(values: F64, degrees: F64) -> tuple[float, int]:
    """z and day of the growth of the coupling to the temperature."""
    step, warmer = np.diff(values), np.diff(degrees)
    day = np.flatnonzero(np.isfinite(step) & np.isfinite(warmer))
    limit = SQUEEZE_CLIP * 1.4826 * np.median(np.abs(step[day]))
    x, y = warmer[day], np.clip(step[day], -limit, limit)
    xx, xy, yy = np.cumsum(x * x), np.cumsum(x * y), np.cumsum(y * y)
    k = np.arange(SQUEEZE_DAYS - 1, len(x) - SQUEEZE_DAYS)
    if not len(k):
        return 0.0, 0
    bxx, bxy, byy = xx[k], xy[k], yy[k]
    axx, axy, ayy = xx[-1] - bxx, xy[-1] - bxy, yy[-1] - byy
    before, after = bxy / bxx, axy / axx
    noise = (byy - bxy * before) / k / bxx + (ayy - axy * after) / (len(x) - k - 2) / axx
    z = np.where(np.abs(after) < 2 * np.abs(before), 0, np.abs(after - before) / np.sqrt(noise))
    best = int(z.argmax())
    return float(z[best]), int(day[k[best] + 1]) + 1


def rise_of(values: F64, floor: float) -> Rise | None:
    day = np.flatnonzero(np.isfinite(values))
    if len(day) < LEAST_READINGS:
        return None
    t, y = day.astype(np.float64), values[day]
    moves = np.abs(np.diff(y))
    if not moves.any():
        return None
    least = max(floor, min(0.29 * moves[moves > 0].min(), 0.15))
    y = _without_spikes(y, least)
    y = y - y.mean()
    rise, fall = _fits(t, y)
    if fall.gain > rise.gain:
        left = _less(t, y, fall)
        sigma, phi = _noise(left, 3, least)
        if fall.gain / sigma**2 * (1 - phi) / (1 + phi) > 16:
            y = left
        rise, _ = _fits(t, y)
    if rise.gain <= 0:
        return None
    best = _described(t, y, rise, least)
    if t[rise.at] < t[min(LEAST_PAST, len(t) - 1)] and len(t) >= LEAST_PAST + LEAST_RAMP:
        late, _ = _fits(t, y, LEAST_PAST)
        other = _described(t, y, late, least) if late.gain > 0 else None
        if other is not None and other.z > best.z and other.shift > 0.7 * best.recent:
            best = other
    return best


def _without_spikes(y: F64, floor: float) -> F64:
    limit = 4 * max(1.05 * float(np.median(np.abs(np.diff(y)))), floor)
    middle = pd.Series(y).rolling(5, center=True).median()
    middle.iloc[:2], middle.iloc[-2:] = np.median(y[:5]), np.median(y[-5:])
    return np.asarray(np.where(np.abs(y - middle) > limit, middle, y))


def _fits(t: F64, y: F64, first: int = 0) -> tuple[_Fit, _Fit]:
    """The best rise and the best fall over all onsets from index `first` on."""
    n = len(t)
    m, st, stt, sy, sty = (np.cumsum(v[::-1])[::-1] for v in (np.ones(n), t, t * t, y, t * y))
    with np.errstate(divide="ignore", invalid="ignore"):
        b = sy / m - (sy[0] - sy) / (n - m)
        gain = b * b * m * (n - m) / n
        h = st - t * m
        hh = stt - 2 * t * st + t * t * m - h * h / n
        hy = sty - t * sy - h * sy[0] / n
        slope, ramp = hy / hh, np.where(hh > 0, hy * hy / hh, 0)
    k = np.arange(n)
    steps = (k >= max(first, LEAST_AFTER)) & (k <= n - LEAST_AFTER)
    ramps = (k >= first) & (k <= n - LEAST_RAMP)
    out = []
    for sign in (1, -1):
        step = np.where(steps & (b * sign > 0), gain, 0)
        climb = np.where(ramps & (hy * sign > 0), ramp, 0)
        i, j = int(step.argmax()), int(climb.argmax())
        out.append(_Fit(climb[j], True, j, slope[j]) if climb[j] > step[i] else _Fit(step[i], False, i, b[i]))
    return out[0], out[1]


def _less(t: F64, y: F64, fit: _Fit) -> F64:
    left = y.copy()
    left[fit.at :] -= fit.slope * (t[fit.at :] - t[fit.at]) if fit.is_ramp else fit.slope
    return np.asarray(left - left.mean())


def _noise(y: F64, fitted: int, floor: float) -> tuple[float, float]:
    square = float(y @ y)
    sigma = max(np.sqrt(square / (len(y) - fitted)), floor)
    phi = float(y[1:] @ y[:-1]) / max(square, len(y) * floor * floor) + (1 + fitted) / len(y)
    return sigma, min(max(phi, 0.0), 0.9)


def _described(t: F64, y: F64, fit: _Fit, least: float) -> Rise:
    n, at = len(t), fit.at
    left = _less(t, y, fit)
    sigma, phi = _noise(left, 3, least)
    freedom = n
    if at >= LEAST_PAST:
        before = max(LEAST_PAST, (3 * at) // 4) if fit.is_ramp else at
        past = y[:before] - y[:before].mean()
        sigma_past, phi_past = _noise(past, 2, least)
        if sigma_past**2 * (1 + phi_past) / (1 - phi_past) < sigma**2 * (1 + phi) / (1 - phi):
            sigma, phi, freedom = sigma_past, phi_past, before
    else:
        fitted = 3
        for sign in (0, 1):
            more = _fits(t, left)[sign]
            sigma, phi = _noise(left, fitted, least)
            if more.gain / sigma**2 > 25:
                left = _less(t, left, more)
                fitted += 2
        sigma, phi = _noise(left, fitted, least)
    z = float(np.sqrt(fit.gain * (1 - phi) / (1 + phi)) / sigma)
    shift = fit.slope * (t[-1] - t[at]) if fit.is_ramp else fit.slope
    recent = y[n - min(7, n - at) :].mean() - y[: max(at, LEAST_AFTER)].mean()
    worth = max(freedom * (1 - phi**2) / (1 + phi**2) - 3, 3)
    p = -np.expm1(4 * np.log(n) * np.log1p(-stats.t.sf(z, worth)))
    return Rise(z, fit.is_ramp, int(t[at]), float(shift), float(recent), float(p))
