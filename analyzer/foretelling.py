"""Were the forecasts of a replay right: what was foretold each week, beside the day on which the limit was crossed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from analyzer.history import History
from plant.finding import Finding


@dataclass(frozen=True)
class Foretold:
    """A forecast made on `day` (days from it) and the days it truly took; `crossed` is None where the past ends first.

    `seen_days`: how far the past goes on after the day.
    """

    day: date
    place: str
    low: float
    mid: float
    high: float
    crossed: int | None
    seen_days: int

    @property
    def held(self) -> bool | None:
        """Whether the interval held; None where the past is too short to say."""
        if self.crossed is not None:
            return self.low <= self.crossed <= self.high
        return False if self.high < self.seen_days else None


def foretold(finding: Finding, history: History, day: date) -> Foretold | None:
    """The finding's forecast beside what came; None where it tells no crossing to come.

    Crossed is the first day after which the mean of three daily medians of one of its lines is at or under the limit.
    """
    forecast = finding.forecast
    rx = history.get("rx_dbm", "median")
    if forecast is None or forecast.mid <= 0 or rx is None:
        return None
    start = int(np.searchsorted(history.dates, np.datetime64(day)))
    rows = np.searchsorted(history.line_ids, np.array(finding.lines, dtype=object))
    after = rx[rows, start:].astype(np.float64)
    seen = after.shape[1] - 1
    crossed = [c for line in after if (c := _first_under(line, forecast.limit_dbm)) is not None]
    return Foretold(day, str(finding.place), forecast.low, forecast.mid, forecast.high, min(crossed, default=None),
                    seen)  # fmt: skip


def coverage(told: Sequence[Foretold]) -> tuple[int, float | None]:
    """How many forecasts can be judged, and the share of them whose interval held."""
    judged = [held for f in told if (held := f.held) is not None]
    return len(judged), (round(sum(judged) / len(judged), 4) if judged else None)


def _first_under(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]], limit: float) -> int | None:
    day = np.flatnonzero(np.isfinite(values))
    if len(day) < 3:
        return None
    smooth = np.convolve(values[day], np.ones(3) / 3, mode="valid")
    under = np.flatnonzero(smooth <= limit)
    return int(day[under[0] + 1]) if len(under) else None
