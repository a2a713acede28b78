"""From cases to findings: cause, forecast, figures, and the order in which crews should go."""

import numpy as np

from analyzer.arrays import Floats, Ints
from analyzer.backdrop import Level
from analyzer.cases import Case
from analyzer.coax import figures_now, troubled
from analyzer.history import History
from analyzer.reasons import weigh
from analyzer.settings import Settings
from analyzer.trend import crossing, level_now, theil_sen
from plant.finding import CAUSES, Figure, Finding, Forecast
from plant.place import Place

Z90 = 1.645
FEWEST_PACED = 10  # days a pace is taken from, at least
USUAL_HARM = 0.3  # chance that a fault which threatens no limit troubles its customer within the horizon
FELT_DAYS = 3  # of the last week, on which a modem beyond its limits is felt
COAX_CAUSES = ("coax_drop", "coax_plant")
SERVICE_CAUSES = ("ethernet", "rogue_ont", "ont_power", "mains_outage")  # felt by the customer already


def finding_of(case: Case, history: History, tests: float, settings: Settings) -> Finding:
    """One case as a finding. `tests`: how many hypotheses were looked at, for the chance that this one is real."""
    causes = dict(case.causes) or weigh(case.signs)
    cause = max(causes, key=lambda c: causes[c])
    real = 1 - min(0.5, case.p * tests)
    forecast, figures = _outlook(case, cause, history, settings)
    felt = cause in SERVICE_CAUSES
    if cause in COAX_CAUSES:
        figures = figures_now(history, case.rows)
        felt = bool(troubled(history, case.rows, settings)[:, -7:].sum(axis=1).max(initial=0) >= FELT_DAYS)
    harm = 1.0 if felt else _harm(forecast, settings.horizon_days)
    place = Place.parse(case.place)
    lines = tuple(str(history.line_ids[r]) for r in np.sort(case.rows))
    neighbours = Figure(f"{len(case.rows)} of {_members(case, history)}", "lines")
    return Finding(
        place=place,
        lines=lines,
        cause=next(c for c in CAUSES if c == cause),
        probability=causes[cause],
        onset=history.dates[min(case.onset, len(history.dates) - 1)].astype(object),
        score=real * harm * len(lines) / settings.crew_hours[place.kind],
        evidence={**case.evidence, **figures, "neighbours": neighbours},
        forecast=forecast,
        causes=causes,
        worth=real,
    )


def ranked(findings: list[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda f: (-f.score, str(f.place), f.cause))


def _members(case: Case, history: History) -> int:
    """Lines that hang where the case is, or on its PON for a single line."""
    tree = history.tree
    first = int(case.rows[0])
    if tree.pon[first] < 0:
        return len(case.rows)
    if case.level != "splitter":
        return history.backdrop.members("pon", tree.pon, int(tree.pon[first]))
    levels: tuple[tuple[Level, Ints], ...] = (
        ("splitter2", tree.splitter2), ("splitter1", tree.splitter1), ("pon", tree.pon),
    )  # fmt: skip
    for level, codes in levels:
        if codes[first] >= 0 and (codes[case.rows] == codes[first]).all():
            return history.backdrop.members(level, codes, int(codes[first]))
    return len(case.rows)


def _outlook(case: Case, cause: str, history: History, settings: Settings) -> tuple[Forecast | None, dict[str, Figure]]:
    """Forecast of the line that crosses first, and its figures."""
    rx = history.get("rx_dbm", "median")
    if rx is None:
        return None, {}
    rows = case.rows
    now = _level(rx[rows], -7, None)
    margin = now - history.weak_dbm[rows]
    if not np.isfinite(margin).any():
        return None, {}
    worst = int(np.nanargmin(margin))
    row = rows[worst]
    figures = {
        "rx_now": Figure(round(float(now[worst]), 2), "dBm"),
        "margin": Figure(round(float(margin[worst]), 2), "dB"),
    }
    if case.onset > 0:
        before = _level(rx[[row]], max(0, case.onset - 14), case.onset)
        if np.isfinite(before[0]):
            figures["rx_before"] = Figure(round(float(before[0]), 2), "dBm")
    if case.signs.down is None and margin[worst] > 0:  # nothing that wears the margin down was seen
        return None, figures
    if case.signs.shape == "step":
        return (Forecast(float(history.weak_dbm[row]), 0.0, 0.0, 0.0) if margin[worst] <= 0 else None), figures
    paces = settings.paces.get(cause, settings.paces["usual"])
    return _first_crossing(rx[rows], history.weak_dbm[rows], case.onset, worst, figures, paces, settings), figures


def _first_crossing(
    rx: Floats,
    limits: Floats,
    onset: int,
    worst: int,
    figures: dict[str, Figure],
    paces: tuple[float, float],
    settings: Settings,
) -> Forecast | None:
    """The forecast of the line (of rows × days) that crosses first; its slope goes among the figures."""
    days = rx.shape[1]
    # the pace of late says more than that of long ago, and of before the onset nothing at all
    start = max(min(onset, days - FEWEST_PACED), days - settings.pace_days, 0)
    slope, se, noise = theil_sen(-rx, np.full(len(rx), start, dtype=np.int64))
    level = level_now(rx, -slope, start)
    found = [
        (forecast, i)
        for i in range(len(rx))
        if (
            forecast := crossing(
                float(level[i] - limits[i]), float(slope[i]), float(se[i]), float(noise[i]), float(limits[i]),
                settings.forecast_days, paces,
            )
        )
    ]  # fmt: skip
    forecast, leading = min(found, key=lambda f: f[0].mid, default=(None, worst))
    if np.isfinite(slope[leading]):
        figures["slope"] = Figure(round(float(slope[leading]) * 30.4, 2), "dB/month")
    return forecast


def _level(values: Floats, first: int, last: int | None) -> Floats:
    part = values[:, first:last]
    out = np.full(len(values), np.nan, dtype=np.float32)
    for i, line in enumerate(part):
        seen = line[np.isfinite(line)]
        if len(seen):
            out[i] = np.median(seen)
    return out


def _harm(forecast: Forecast | None, horizon: float) -> float:
    """Chance that the limit is crossed within the horizon: the interval read as that of a log-normal time."""
    if forecast is None:
        return USUAL_HARM
    if forecast.mid <= 0:
        return 1.0
    spread = max(float(np.log(max(forecast.high, 1) / max(forecast.low, 0.5))) / (2 * Z90), 0.05)
    away = float(np.log(horizon / max(forecast.mid, 0.5))) / spread
    return max(USUAL_HARM, 1 / (1 + float(np.exp(-1.7 * np.clip(away, -20, 20)))))
