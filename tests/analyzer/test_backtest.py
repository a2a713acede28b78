"""Replaying the past: no look ahead, one trip a fault, and figures that say what they mean."""

from dataclasses import replace
from datetime import date, timedelta
from functools import partial

import numpy as np
import pytest

from analyzer.analyze import analyze
from analyzer.backtest import Replay, affected_on, at_its_visits, beside, figures, first_read, weekly
from analyzer.backtest import replay as replayed
from analyzer.history import History
from analyzer.naive import below
from analyzer.scoring import Truth
from analyzer.settings import Settings
from plant.finding import Finding
from plant.place import Place
from tests.analyzer.plants import Plant, plant


@pytest.fixture(scope="module")
def past() -> Plant:
    return plant(31, lines=512, days=100, faults=["connector", "feeder", "splitter", "ethernet", "macrobend", "water"])


def days_of(p: Plant, weeks: int = 6) -> list[date]:
    return weekly(p.as_of - timedelta(days=7 * (weeks - 1)), p.as_of)


def told(p: Plant, truth: Truth, day: date, place: str | None = None) -> Finding:
    return Finding(
        Place.parse(place or truth.place), tuple(sorted(truth.lines)), truth.cause, 0.9, day, 1.0,  # type: ignore[arg-type]
        causes={truth.cause: 0.9, "unknown": 0.1},
    )  # fmt: skip


def oracle(p: Plant, history: History, day: date) -> list[Finding]:
    return [told(p, t, day) for t in p.truths if t.onset <= day]


def test_who_knows_the_truth_makes_no_trip_in_vain(past: Plant) -> None:
    run = replayed("oracle", partial(oracle, past), past.history(), past.truths, days_of(past), 40)
    f = figures(run, Settings.load().crew_hours)
    assert (f.precision, f.recall, f.place_right, f.cause_right) == (1.0, 1.0, 1.0, 1.0)
    assert f.visits == f.true == f.found == len(past.truths)
    assert f.calibration[0]["right"] == 1.0


def test_capacity_is_never_exceeded_and_what_waits_comes_the_week_after(past: Plant) -> None:
    run = replayed("oracle", partial(oracle, past), past.history(), past.truths, days_of(past), 1)
    per_day = [sum(v.day == d for v in run.visits) for d in run.days]
    assert max(per_day) == 1
    assert len({v.truth for v in run.visits}) == len(run.visits)


def test_beside_another_rule_the_same_visits_are_counted_week_by_week(past: Plant) -> None:
    """One who knows everything at once may go no more often by any week than the rule did."""
    slow = replayed("slow", partial(oracle, past), past.history(), past.truths, days_of(past), 1)
    fast = replayed("fast", partial(oracle, past), past.history(), past.truths, days_of(past), 40)
    told = beside(fast, slow)
    assert (told.found, told.ours, told.faults) == (len(slow.visits), len(past.truths), len(past.truths))
    assert told.ours_at_its_visits == told.most_at_its_visits == told.visits == len(slow.visits)
    made = at_its_visits(fast, slow)
    for day in fast.days:
        assert sum(v.day <= day for v in made) <= sum(v.day <= day for v in slow.visits)
    assert told.earlier > 0
    assert told.days_earlier is not None
    assert beside(slow, Replay("none", (), slow.truths, slow.affected, slow.days)).ours_at_its_visits == 0


def test_a_fault_from_before_the_first_reading_could_not_be_foreseen(past: Plant) -> None:
    history = past.history()
    blind = np.where(np.arange(len(history.dates)) >= 10, 1, np.nan).astype(np.float32)
    late = replace(history, values={k: v * blind for k, v in history.values.items()})
    assert first_read(late) == history.dates[10].astype(object)


def test_a_second_trip_to_one_fault_is_false(past: Plant) -> None:
    shared = next(t for t in past.truths if len(t.lines) > 1)

    def twice(history: History, day: date) -> list[Finding]:
        one = sorted(shared.lines)[0]
        return [replace(told(past, shared, day), place=Place("line", one), lines=(one,)), told(past, shared, day)]

    day = past.as_of
    # the single line is half of no visit before, and the whole place is not covered by a single line
    run = replayed("twice", twice, past.history(), past.truths, [day], 10)
    assert sum(v.truth is not None for v in run.visits) == 1


def test_the_analyzer_looks_at_nothing_after_the_day_it_stands_on(past: Plant) -> None:
    settings = Settings.load()
    history = past.history()
    cut = past.as_of - timedelta(days=14)
    after = history.dates > np.datetime64(cut)
    blind = replace(
        history,
        values={k: np.where(after, np.float32(np.nan), v) for k, v in history.values.items()},
        pon_values={k: np.where(after, np.float32(np.nan), v) for k, v in history.pon_values.items()},
    )
    rule = partial(analyze, settings=settings)
    seen, unseen = (replayed("a", rule, h, past.truths, [cut], 40) for h in (history, blind))
    assert [v.finding.to_json() for v in seen.visits] == [v.finding.to_json() for v in unseen.visits]


def test_the_analyzer_is_right_more_often_than_a_threshold(past: Plant) -> None:
    settings, history, days = Settings.load(), past.history(), days_of(past, 4)
    ours = figures(replayed("a", partial(analyze, settings=settings), history, past.truths, days, 10), {"line": 1.5})
    plain = figures(replayed("b", partial(below, limit_dbm=-27.0), history, past.truths, days, 10), {"line": 1.5})
    assert ours.precision is not None
    assert ours.recall is not None
    assert ours.precision > 0.6
    assert ours.recall > (plain.recall or 0)


def test_customers_feel_a_fault_when_the_light_is_weak_or_codewords_are_lost(past: Plant) -> None:
    history = past.history()
    line = str(history.line_ids[7])
    rx = history.values["rx_dbm", "median"].copy()
    rx[7] = -20
    rx[7, 60:] = -29.5
    weak = replace(history, values={**history.values, ("rx_dbm", "median"): rx, ("rx_dbm", "q10"): rx})
    truth = Truth(f"line:{line}", frozenset({line}), "connector", history.dates[50].astype(object))
    assert affected_on(weak, truth, Settings.load()) == history.dates[60].astype(object)
    assert affected_on(weak, replace(truth, lines=frozenset({"nobody"})), Settings.load()) is None


def test_nothing_to_judge_is_said_and_not_divided_by_zero() -> None:
    f = figures(Replay("none", (), (), (), ()), {})
    assert (f.visits, f.precision, f.recall, f.lead_days, f.calibration) == (0, None, None, None, ())


def test_weeks_end_on_the_last_day() -> None:
    assert weekly(date(2026, 1, 1), date(2026, 1, 20)) == [date(2026, 1, 6), date(2026, 1, 13), date(2026, 1, 20)]
