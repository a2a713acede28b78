"""One scan for steps and ramps: a likelihood ratio over the onset, robust to spikes, gaps and slow noise.

For every row and every onset two models are fitted in closed form from suffix sums, in time linear in the days: a step
a + b·1(t ≥ τ) and a ramp a + b·(t − τ)₊. Spikes of one or two days are replaced by a running median first (Hampel).
The strongest fall (a repair, a cleaning) is taken out before the rise is looked for. The statistic is
z = sqrt(gain / σ² · (1 − φ)/(1 + φ)): the drop in squared error in units of the noise of the row's own past (or, where
the onset leaves too little past, of what the fit leaves), deflated by its lag-one correlation φ as for the mean of an
AR(1) series (Andrews 1991); σ is never below what the reading's own resolution allows. Chances are in
significance.py.
"""

from dataclasses import dataclass

import numpy as np

from analyzer.arrays import ZERO, Floats, Ints, Mask, Reals, compiled
from analyzer.middle import median_of

LEAST_READINGS = 14  # fewer days than this are not judged
LEAST_AFTER = 3  # readings a step needs after its onset
LEAST_RAMP = 7  # readings a ramp needs after its onset
LEAST_PAST = 14  # readings before the onset from which the noise is taken
_COLUMNS = 13
READINGS = 8  # the column that holds how many there are


@dataclass(frozen=True)
class Changes:
    """Per row of the scanned array, all (rows,). Units are those of the array.

    `shift` is the fitted rise from before the onset to the last reading, `recent` the mean of the last week less the
    level before; `edge` is by how much a ramp explains better than a step (difference of z²; above 0: ramp).
    """

    z: Reals
    is_ramp: Mask
    onset: Ints  # day index
    shift: Reals
    shift_se: Reals
    recent: Reals
    sigma: Reals
    phi: Reals
    readings: Ints
    edge: Reals
    freedom: Ints  # readings the noise was taken from
    excess: Reals  # excess kurtosis of the shocks the fit leaves
    weight: Reals  # Σc⁴/(Σc²)² of the fit's contrast c: one over the readings it leans on


@compiled
def _tables(t: Reals, n: int, tables: Reals) -> None:
    """tables[k] = what the fits from onset k on take from the days alone, whatever the readings are.

    Columns: readings from k on as a share, 1/Σ of a step's squares, Σ(t − t_k) and 1/Σ of a ramp's squares (0 where
    no ramp is asked for).
    """
    st, stt = 0.0, 0.0
    for k in range(n - 1, -1, -1):
        m = float(n - k)
        st += t[k]
        stt += t[k] * t[k]
        h = st - t[k] * m
        hh = stt - 2 * t[k] * st + t[k] * t[k] * m - h * h / n
        tables[k, 0] = m / n
        tables[k, 1] = n / (m * (n - m)) if k else 0.0
        tables[k, 2] = h
        tables[k, 3] = 1.0 / hh if hh > 0 and k <= n - LEAST_RAMP else 0.0


@compiled
def _best(
    t: Reals, y: Reals, n: int, tables: Reals, sums: Reals, sign: float, first: int
) -> tuple[float, int, float, float, int, float]:
    """Best step (gain, first index after, height) and best ramp (gain, onset index, slope) of the sign asked for.

    Only onsets from index `first` on are looked at.
    """
    up, down = _both(t, y, n, tables, sums, first)
    return up if sign > 0 else down


@compiled
def _both(
    t: Reals, y: Reals, n: int, tables: Reals, sums: Reals, first: int
) -> tuple[tuple[float, int, float, float, int, float], tuple[float, int, float, float, int, float]]:
    """The best rise and the best fall, each as `_best` gives it. `sums` (days, 2) is room to work in."""
    rise, rise_at, rise_b, fall, fall_at, fall_b = 0.0, ZERO, 0.0, 0.0, ZERO, 0.0
    climb, climb_at, climb_b, sink, sink_at, sink_b = 0.0, ZERO, 0.0, 0.0, ZERO, 0.0
    sy, sty = 0.0, 0.0
    for k in range(n - 1, -1, -1):
        sy += y[k]
        sty += t[k] * y[k]
        sums[k, 0] = sy
        sums[k, 1] = sty
    mean = sy / n
    for k in range(first, n - LEAST_AFTER + 1):
        if k >= LEAST_AFTER:
            # the height is d·n / (m·(n − m)), the gain d²·n / (m·(n − m))
            d = sums[k, 0] - sy * tables[k, 0]
            b = d * tables[k, 1]
            gain = d * b
            if d > 0:
                if gain > rise:
                    rise, rise_at, rise_b = gain, k, b
            elif gain > fall:
                fall, fall_at, fall_b = gain, k, b
        if tables[k, 3] > 0:
            hy = sums[k, 1] - t[k] * sums[k, 0] - tables[k, 2] * mean
            b = hy * tables[k, 3]
            gain = hy * b
            if hy > 0:
                if gain > climb:
                    climb, climb_at, climb_b = gain, k, b
            elif gain > sink:
                sink, sink_at, sink_b = gain, k, b
    return (rise, rise_at, rise_b, climb, climb_at, climb_b), (fall, fall_at, fall_b, sink, sink_at, sink_b)


@compiled
def _centre(y: Reals, n: int) -> None:
    mean = 0.0
    for i in range(n):
        mean += y[i] / n
    for i in range(n):
        y[i] -= mean


@compiled
def _remove(t: Reals, y: Reals, n: int, ramp: bool, at: int, b: float) -> None:
    for i in range(at, n):
        y[i] -= b * (t[i] - t[at]) if ramp else b
    _centre(y, n)


@compiled
def _noise(y: Reals, n: int, fitted: int, floor: float) -> tuple[float, float]:
    """Standard deviation and lag-one correlation of residuals, the latter within 0 … 0.9."""
    square, lagged = 0.0, 0.0
    for i in range(n):
        square += y[i] * y[i]
        if i:
            lagged += y[i] * y[i - 1]
    sigma = max(np.sqrt(square / (n - fitted)), floor)
    # Where rounding hides the noise its correlation says nothing. The second term is the estimate's small-sample bias.
    phi = lagged / max(square, n * floor * floor) + (1.0 + fitted) / n
    return sigma, min(max(phi, 0.0), 0.9)


@compiled
def _excess(y: Reals, n: int, phi: float) -> float:
    """Excess kurtosis of the shocks of residuals of lag-one correlation `phi`."""
    square, fourth = 0.0, 0.0
    for i in range(n):
        shock = y[i] - phi * y[i - 1] if i else y[i]
        square += shock * shock
        fourth += shock**4
    return n * fourth / square**2 - 3.0 if square > 0 else 0.0


@compiled
def _weight(t: Reals, n: int, ramp: bool, at: int) -> float:
    """Σc⁴/(Σc²)² of the regressor c of a step or ramp from index `at` on."""
    c = np.zeros(n)
    for i in range(at, n):
        c[i] = t[i] - t[at] if ramp else 1.0
    _centre(c, n)
    square, fourth = 0.0, 0.0
    for i in range(n):
        square += c[i] * c[i]
        fourth += c[i] ** 4
    return fourth / square**2


@compiled
def _despike(y: Reals, n: int, floor: float) -> None:
    steps = np.empty(n - 1)
    for i in range(n - 1):
        steps[i] = abs(y[i + 1] - y[i])
    limit = 4.0 * max(1.05 * median_of(steps, n - 1), floor)
    old = y.copy()
    window = np.empty(5)
    for i in range(n):
        lo = min(max(i - 2, 0), n - 5)
        far = False
        for j in range(5):
            window[j] = old[lo + j]
            far |= abs(window[j] - old[i]) > limit
        if not far:  # nor is the median, which is one of them
            continue
        middle = median_of(window, ZERO + 5)
        if abs(old[i] - middle) > limit:
            y[i] = middle


@compiled
def _judge(t: Reals, y: Reals, n: int, tables: Reals, sums: Reals, least: float, out: Reals) -> None:
    """Fill `out` for one row of n readings; `y` is despiked, centred, and used up."""
    up, down = _both(t, y, n, tables, sums, ZERO)
    fall = max(down[0], down[3])
    kept = y[:n].copy()
    if fall > max(up[0], up[3]):
        ramp = down[3] > down[0]
        _remove(t, y, n, ramp, down[4] if ramp else down[1], down[5] if ramp else down[2])
        sigma, phi = _noise(y, n, ZERO + 3, least)
        if fall / sigma**2 * (1 - phi) / (1 + phi) > 16.0:
            kept = y[:n].copy()
        else:
            for i in range(n):
                y[i] = kept[i]
        up = _best(t, y, n, tables, sums, 1.0, ZERO)
    _describe(t, kept, n, tables, sums, least, up, out)
    if out[0] > 0 and out[2] < t[min(LEAST_PAST, n - 1)] and n >= LEAST_PAST + LEAST_RAMP:
        # a growth that slows down draws the onset forward, out of reach of its own past: ask for a later one as well
        late = _best(t, kept, n, tables, sums, 1.0, ZERO + LEAST_PAST)
        other = np.zeros(_COLUMNS)
        _describe(t, kept, n, tables, sums, least, late, other)
        if other[0] > out[0] and other[3] > 0.7 * out[5]:
            for j in range(_COLUMNS):
                if j != READINGS:
                    out[j] = other[j]


@compiled
def _describe(
    t: Reals,
    kept: Reals,
    n: int,
    tables: Reals,
    sums: Reals,
    least: float,
    up: tuple[float, int, float, float, int, float],
    out: Reals,
) -> None:
    """Fill `out` for the rise `up` found in the readings `kept`."""
    ramp = up[3] > up[0]
    gain = max(up[0], up[3])
    if gain <= 0:
        return
    at = up[4] if ramp else up[1]
    b = up[5] if ramp else up[2]
    y = kept.copy()
    _remove(t, y, n, ramp, at, b)
    freedom = n
    sigma, phi = _noise(y, n, ZERO + 3, least)
    out[11] = _excess(y, n, phi)
    out[12] = _weight(t, n, ramp, at)
    if at >= LEAST_PAST:
        # what a growing fault does after its onset need not look like a step or a ramp, and is no noise;
        # a ramp is fitted late to a growth that quickens: its first days must not pass for noise either
        before = max(LEAST_PAST, (3 * at) // 4) if ramp else at
        past = kept[:before].copy()
        _centre(past, before)
        sigma_past, phi_past = _noise(past, before, ZERO + 2, least)
        # where the model leaves no more than the past alone, all days may speak
        if sigma_past**2 * (1 + phi_past) / (1 - phi_past) < sigma**2 * (1 + phi) / (1 - phi):
            sigma, phi, freedom = sigma_past, phi_past, before
    else:
        fitted = ZERO + 3
        for sign in (1.0, -1.0):
            more = _best(t, y, n, tables, sums, sign, ZERO)
            again = more[3] > more[0]
            sigma, phi = _noise(y, n, fitted, least)
            if max(more[0], more[3]) / sigma**2 > 25.0:
                _remove(t, y, n, again, more[4] if again else more[1], more[5] if again else more[2])
                fitted += 2
        sigma, phi = _noise(y, n, fitted, least)
    worth = (1 - phi) / (1 + phi) / sigma**2
    first = max(at, LEAST_AFTER)
    late = min(7, n - at)
    shift = b * (t[n - 1] - t[at]) if ramp else b
    out[0] = np.sqrt(gain * worth)
    out[1] = 1.0 if ramp else 0.0
    out[2] = t[at]
    out[3] = shift
    out[4] = shift / out[0]
    out[5] = np.mean(kept[n - late :]) - np.mean(kept[:first])
    out[6] = sigma
    out[7] = phi
    out[9] = (up[3] - up[0]) * worth
    out[10] = freedom


@compiled
def _scan(values: Floats, floor: float) -> Reals:
    rows, days = values.shape
    out = np.zeros((rows, _COLUMNS))
    t, y = np.empty(days), np.empty(days)
    tables, sums, whole = np.empty((days, 4)), np.empty((days, 2)), False
    for r in range(rows):
        n = ZERO
        quantum = np.inf
        for d in range(days):
            if not np.isnan(values[r, d]):
                t[n], y[n] = d, values[r, d]
                if n and y[n] != y[n - 1]:
                    quantum = min(quantum, abs(y[n] - y[n - 1]))
                n += 1
        out[r, READINGS] = n
        if n < LEAST_READINGS or quantum == np.inf:
            continue
        # rounding alone makes a noise of 1/sqrt(12) of the reading's step
        least = max(floor, min(0.29 * quantum, 0.15))
        _centre(y, n)
        _despike(y[:n], n, least)
        _centre(y, n)
        if n < days or not whole:  # rows without gaps share one table
            _tables(t, n, tables)
            whole = n == days
        _judge(t, y, n, tables, sums, least, out[r])
    return out


def scan(values: Floats, floor: float) -> Changes:
    """Find each row's best rise. `floor`: the least noise believed, in the unit of `values`."""
    out = _scan(np.ascontiguousarray(values, dtype=np.float32), floor)
    return Changes(
        z=out[:, 0],
        is_ramp=out[:, 1] > 0,
        onset=out[:, 2].astype(np.int64),
        shift=out[:, 3],
        shift_se=out[:, 4],
        recent=out[:, 5],
        sigma=out[:, 6],
        phi=out[:, 7],
        readings=out[:, 8].astype(np.int64),
        edge=out[:, 9],
        freedom=out[:, 10].astype(np.int64),
        excess=out[:, 11],
        weight=out[:, 12],
    )


@compiled
def _rise_at(values: Floats, onset: Ints) -> Reals:
    rows, days = values.shape
    out = np.full((rows, 2), np.nan)
    before, after = np.empty(days), np.empty(days)
    for r in range(rows):
        nb, na = ZERO, ZERO
        for d in range(days):
            v = values[r, d]
            if np.isnan(v):
                continue
            if d < onset[r]:
                before[nb] = v
                nb += 1
            else:
                after[na] = v
                na += 1
        if nb < LEAST_AFTER or na < LEAST_AFTER:
            continue
        late = after[max(0, na - 10) : na].copy()
        low, high = median_of(before, nb), median_of(late.copy(), len(late))
        spread = median_of(np.abs(before[:nb] - low), nb) * 1.48
        # by what differs from day to day: a growth that goes on is no noise
        spread_late = median_of(np.abs(np.diff(late)), len(late) - 1) * 1.05 if len(late) > 1 else 0.0
        out[r, 0] = high - low
        # 1.25: the median's standard error against the mean's; 2: slow noise counts for more than white
        out[r, 1] = 2 * 1.25 * np.sqrt(spread**2 / nb + max(spread, spread_late) ** 2 / len(late)) + 0.02
    return out


def rise_at(values: Floats, onset: Ints) -> tuple[Reals, Reals]:
    """Rise of each row from before `onset` (rows,) to its last ten readings, and its standard error."""
    out = _rise_at(np.ascontiguousarray(values, dtype=np.float32), onset.astype(np.int64))
    return out[:, 0], out[:, 1]
