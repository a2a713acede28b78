"""The rules of thumb the analyzer is measured against: fixed thresholds on the newest reading, and a z-score."""

from datetime import date

import numpy as np

from analyzer.arrays import Floats, Mask
from analyzer.coax import troubled
from analyzer.history import History, last_reading
from analyzer.polish import row_medians
from analyzer.settings import Settings
from plant.finding import Figure, Finding
from plant.place import Place

LIMITS = "coax_limits"
THRESHOLDS = {"below_-27": -27.0, "below_-25": -25.0}  # weak light and its early warning, field practice in China
Z_LIMIT = 3.0
Z_RECENT = 7  # days whose mean is held against the days before them


def below(history: History, as_of: date, limit_dbm: float) -> list[Finding]:
    """One finding for each line whose newest ONT Rx is at or under the limit; weakest first."""
    seen = history.until(as_of, len(history.dates))
    rx = seen.get("rx_dbm", "median")
    if rx is None:
        return []
    now = last_reading(rx)
    return findings_of(seen, now <= limit_dbm, limit_dbm - now, {"rx_now": (now, "dBm")})


def beyond_limits(history: History, as_of: date, settings: Settings) -> list[Finding]:
    """One finding for each modem whose levels lie beyond their limits today, or that loses codewords; loudest first."""
    seen = history.until(as_of, 1)
    if not len(seen.dates):
        return []
    rows = np.flatnonzero(seen.technology == "coax")
    hit = np.zeros(len(seen), dtype=np.bool_)
    hit[rows] = troubled(seen, rows, settings)[:, -1]
    sent = seen.get("us_power_dbmv", "median")
    severity = np.zeros(len(seen), np.float32) if sent is None else np.nan_to_num(last_reading(sent))
    return findings_of(seen, hit, severity, {})


def z_score(history: History, as_of: date, limit: float = Z_LIMIT) -> list[Finding]:
    """One finding for each line whose last week's Rx lies `limit` standard deviations under its own past."""
    seen = history.until(as_of, len(history.dates))
    rx = seen.get("rx_dbm", "median")
    if rx is None or rx.shape[1] <= Z_RECENT:
        return []
    past, recent = rx[:, :-Z_RECENT], rx[:, -Z_RECENT:]
    n = np.maximum(np.isfinite(past).sum(axis=1), 1)
    mean = np.nansum(past, axis=1) / n
    spread = np.sqrt(np.nansum((past - mean[:, None]) ** 2, axis=1) / n)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = ((mean - row_medians(recent)) / spread).astype(np.float32)
    enough = (np.isfinite(past).sum(axis=1) >= Z_RECENT) & np.isfinite(z)
    return findings_of(seen, enough & (z >= limit), z, {"z": (z, "")})


def findings_of(history: History, hit: Mask, severity: Floats, figures: dict[str, tuple[Floats, str]]) -> list[Finding]:
    today = history.dates[-1].astype(object)
    found = [
        Finding(
            place=Place("line", str(history.line_ids[row])),
            lines=(str(history.line_ids[row]),),
            cause="unknown",
            probability=1.0,
            onset=today,
            score=float(severity[row]),
            evidence={name: Figure(round(float(values[row]), 2), unit) for name, (values, unit) in figures.items()},
            causes={"unknown": 1.0},
        )
        for row in np.flatnonzero(hit).tolist()
    ]
    return sorted(found, key=lambda f: (-f.score, str(f.place)))
