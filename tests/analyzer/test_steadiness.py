"""A finding once told stays until its evidence is clearly gone, and goes when it is."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from analyzer.analyze import analyze
from analyzer.backtest import replay, steadily
from analyzer.history import History
from analyzer.settings import Settings
from analyzer.steadiness import LAST_SEEN, Told, steady
from plant.finding import Finding, Forecast
from plant.place import Place
from tests.analyzer.plants import FIRST, Plant, plant


@pytest.fixture
def flickering() -> Plant:
    """A line at the edge: 0.9 dB more loss both ways since day 50, and 0.4 dB only in every other week."""
    p = plant(12, lines=512, nasty=False)
    row = int(np.flatnonzero(np.isfinite(p.arrays["olt_rx_dbm", "median"]).all(axis=1))[0])
    course = np.where(np.arange(p.days) >= 50, 0.9, 0.0)
    for week in (60, 74, 86):
        course[week : week + 7] = 0.4
    for key in (("rx_dbm", "median"), ("rx_dbm", "q10"), ("rx_dbm", "q90"), ("olt_rx_dbm", "median")):
        p.arrays[key][row] -= course
    return p


def ask_daily(p: Plant, settings: Settings, *, told: bool) -> tuple[int, int]:
    """Troubles told no more the day after, and those that came again, over the last five weeks."""
    days = [p.as_of - timedelta(days=n) for n in range(34, -1, -1)]

    def find(history: History, day: date, before: Told) -> list[Finding]:
        return analyze(history, day, settings, told=before) if told else analyze(history, day, settings)

    run = replay("daily", steadily(find), p.history(), [], days, 40)
    assert run.told >= 1
    return run.went, run.flickers


def test_a_fault_at_the_edge_does_not_come_and_go_from_day_to_day(flickering: Plant, settings: Settings) -> None:
    went, came_again = ask_daily(flickering, settings, told=False)
    assert went > 0
    assert came_again > 0
    assert ask_daily(flickering, settings, told=True) == (0, 0)


def found(p: Plant, cause: str, onset: int, lines: tuple[str, ...], **more: object) -> Finding:
    kind = "line" if len(lines) == 1 else "pon"
    place = Place(kind, lines[0] if kind == "line" else "OLT0/0/0")  # type: ignore[arg-type]
    return Finding(place, lines, cause, 0.9, FIRST + timedelta(days=onset), 1.0, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("repaired", [False, True])
@pytest.mark.parametrize(
    ("cause", "key", "by"),
    [("connector", ("rx_dbm", "median"), -2.0), ("ont_laser", ("bias_ma", "median"), 5.0),
     ("ont_power", ("state", "changes"), 6.0), ("ethernet", ("eth_speed_mbps", "median"), -900.0),
     ("rogue_ont", ("bip_errors", "increase"), 5000.0)],
)  # fmt: skip
def test_it_goes_when_its_figures_have_come_back(
    cause: str, key: tuple[str, str], by: float, repaired: bool, settings: Settings
) -> None:
    p = plant(12, lines=256, nasty=False)
    row = int(np.flatnonzero(np.isfinite(p.arrays["olt_rx_dbm", "median"]).all(axis=1))[0])
    p.arrays[key] = p.arrays[key].astype(float)
    p.arrays[key][row, 50:] += by
    if repaired:
        p.arrays[key][row, 80:] -= by
    old = found(p, cause, 50, (p.lines[row],))
    left = steady([], Told(p.as_of - timedelta(days=1), (old,)), p.history(), p.as_of, settings)
    assert [f.place for f in left] == ([] if repaired else [old.place])


def test_where_nothing_is_read_any_more_it_stays(settings: Settings) -> None:
    p = plant(12, lines=256, nasty=False)
    p.arrays["rx_dbm", "median"][3, 50:] -= 3
    for values in p.arrays.values():
        values[3, 78:] = np.nan
    old = found(p, "connector", 50, (p.lines[3],))
    assert steady([], Told(p.as_of, (old,)), p.history(), p.as_of, settings)


def test_what_no_figure_ever_carried_goes_after_a_while(settings: Settings) -> None:
    p = plant(12, lines=256, nasty=False)
    told = Told(p.as_of - timedelta(days=1), (found(p, "connector", 50, (p.lines[5],)),))
    (held,) = steady([], told, p.history(), p.as_of, settings)
    assert held.evidence[LAST_SEEN].value == told.on.isoformat()
    long_ago = (p.as_of - timedelta(days=settings.hold_days + 1)).isoformat()
    older = replace(held, evidence={LAST_SEEN: replace(held.evidence[LAST_SEEN], value=long_ago)})
    assert steady([], Told(told.on, (older,)), p.history(), p.as_of, settings) == []


def test_a_place_that_is_held_keeps_its_lines_and_its_forecast_runs_on(settings: Settings) -> None:
    p = plant(12, lines=256, nasty=False)
    rows = slice(0, 32)
    p.arrays["rx_dbm", "median"][rows, 50:] -= 2
    lines = tuple(p.lines[rows])
    old = found(p, "feeder", 50, lines, forecast=Forecast(-27.0, 5.0, 20.0, 40.0))
    one = found(p, "connector", 50, lines[:1])
    other = found(p, "ont_laser", 50, lines[1:2])
    left = steady([one, other], Told(p.as_of - timedelta(days=7), (old,)), p.history(), p.as_of, settings)
    assert [f.cause for f in left] == ["ont_laser", "feeder"]
    assert left[1].forecast == Forecast(-27.0, 0.0, 13.0, 33.0)
    again = found(p, "connector", 50, lines[:20])
    assert steady([again], Told(p.as_of, (old,)), p.history(), p.as_of, settings) == [again]
