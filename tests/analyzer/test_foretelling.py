"""A replay says of its forecasts whether they came true."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from analyzer.analyze import analyze
from analyzer.foretelling import Foretold, coverage, foretold
from analyzer.settings import Settings
from analyzer.trend import crossing, level_now, theil_sen
from plant.finding import Finding, Forecast
from plant.place import Place
from tests.analyzer.plants import FIRST, plant

DAY = FIRST + timedelta(days=60)


def forecast(low: float, high: float, crossed: int | None, seen: int = 30) -> Foretold:
    return Foretold(DAY, "line:L1", low, (low + high) / 2, high, crossed, seen)


@pytest.mark.parametrize(
    ("told", "held"),
    [
        (forecast(5, 15, 10), True),
        (forecast(5, 15, 4), False),
        (forecast(5, 15, 20), False),
        (forecast(5, 15, None), False),  # it should have come by now
        (forecast(5, 50, None), None),  # it may still come
    ],
)
def test_an_interval_holds_when_the_day_came_within_it(told: Foretold, held: bool | None) -> None:
    assert told.held is held


def test_coverage_counts_what_can_be_judged() -> None:
    assert coverage([forecast(5, 15, 10), forecast(5, 15, 4), forecast(5, 50, None)]) == (2, 0.5)
    assert coverage([]) == (0, None)


@pytest.mark.parametrize("pace", [0.06, 0.15])
def test_a_growing_fault_crosses_when_foretold(pace: float, settings: Settings) -> None:
    p = plant(3, lines=256, days=150, nasty=False)
    loss = np.maximum(np.arange(150) - 30, 0) * pace
    row = 77
    held, told = 0, 0
    level = -20.0 + 0.1 * np.random.default_rng(1).standard_normal(150)
    for statistic in ("median", "q10", "q90"):
        p.arrays["rx_dbm", statistic][row] = level - loss
    p.arrays["olt_rx_dbm", "median"][row] -= loss
    history = p.history()
    for ahead in (50, 60, 65, 70):
        day = FIRST + timedelta(days=ahead)
        for finding in analyze(history, day, settings):
            what = foretold(finding, history, day)
            if what is not None and what.held is not None:
                told, held = told + 1, held + bool(what.held)
    assert told >= 1
    assert held >= 0.7 * told


def test_a_finding_without_a_forecast_foretells_nothing(settings: Settings) -> None:
    history = plant(3, lines=64, nasty=False).history()
    line = str(history.line_ids[0])
    finding = Finding(Place("line", line), (line,), "connector", 0.9, DAY, 1.0)
    assert foretold(finding, history, DAY) is None
    passed = replace(finding, forecast=Forecast(-27.0, 0.0, 0.0, 0.0))
    assert foretold(passed, history, DAY) is None


def test_a_growth_that_quickens_crosses_within_the_interval_of_its_cause(settings: Settings) -> None:
    """A module's power falls as share^1.5: half way to its limit its pace of late is not yet what it will be."""
    days = np.arange(80.0)
    noise = 0.05 * np.random.default_rng(4).standard_normal(80)
    rx = -20 - 4 * (days / 80) ** 1.5 + noise
    today, limit = 25, -23.8
    crossed = int(np.flatnonzero(-20 - 4 * (days / 80) ** 1.5 <= limit)[0]) - today
    slope, se, spread = theil_sen(-rx[None, : today + 1], np.zeros(1, dtype=np.int64))
    level = float(level_now(rx[None, : today + 1], -slope, 0)[0])

    def told(cause: str) -> Forecast | None:
        return crossing(
            level - limit, float(slope[0]), float(se[0]), float(spread[0]), limit, 3650, settings.paces[cause]
        )

    usual, module, water = told("usual"), told("olt_optics"), told("water")
    assert usual is not None
    assert module is not None
    assert water is not None
    assert not usual.low <= crossed <= usual.high
    assert module.low <= crossed <= module.high
    assert water.high == 3650  # what is wet may dry
