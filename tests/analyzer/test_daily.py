"""A daily run judges few lines and says what a full run says."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from analyzer.analyze import analyze_block
from analyzer.arrays import Ints
from analyzer.blocks import of_lines
from analyzer.daily import RECENT_DAYS, ChangedPlantError, daily_block
from analyzer.history import History
from analyzer.kept import Kept, keep_block, latest, lowest
from analyzer.settings import Settings
from analyzer.steadiness import Told
from plant.finding import Finding
from plant.place import Place
from plant.works import Work
from tests.analyzer.plants import LINE_CAUSES, SHARED_CAUSES, Plant, plant

FAULTS = (*LINE_CAUSES, *SHARED_CAUSES)
DAYS = 97


def after(
    made: Plant, full_on: int, settings: Settings, told: Told | None = None, works: tuple[Work, ...] = ()
) -> tuple[list[Finding], int, list[Finding]]:
    """What a daily run of the last day says, `full_on` days after a full one; lines it judged; what a full one says."""
    history = made.history()
    _, kept = keep_block(history, made.as_of - timedelta(days=full_on), settings, works)
    found, judged = daily(history, kept, made, settings, works)
    return found, judged, analyze_block(history, made.as_of, settings, works)


def daily(
    history: History, kept: Kept, made: Plant, settings: Settings, works: tuple[Work, ...] = ()
) -> tuple[list[Finding], int]:
    def window(rows: Ints) -> History:
        return of_lines(history, rows)

    return daily_block(history.until(made.as_of, RECENT_DAYS), window, kept, made.as_of, settings, works)


def places(findings: list[Finding]) -> dict[str, str]:
    return {str(f.place): f.cause for f in findings}


@pytest.mark.parametrize("full_on", [1, 7])
def test_a_daily_run_says_what_a_full_run_says(full_on: int, settings: Settings) -> None:
    same, wanted, extra = 0, 0, 0
    for seed in range(21, 25):
        found, judged, whole = after(plant(seed, lines=2048, days=DAYS, faults=FAULTS), full_on, settings)
        same += len(places(found).items() & places(whole).items())
        wanted += len(whole)
        extra += len(places(found).keys() - places(whole).keys())
        assert judged < 2048 / 3  # twelve faults, five of them of whole ports
    assert wanted >= 40
    assert same >= 0.98 * wanted - 1
    assert extra <= 1


def test_a_healthy_plant_has_no_finding_and_few_lines_to_judge(settings: Settings) -> None:
    for full_on in (1, 4, 7):
        found, judged, _ = after(plant(30, lines=2048, days=DAYS), full_on, settings)
        assert not found
        assert judged < 2048 / 8


def test_figures_of_a_finding_are_those_of_a_full_run(settings: Settings) -> None:
    found, _, whole = after(plant(22, lines=2048, days=DAYS, faults=("macrobend", "feeder", "ont_laser")), 3, settings)
    by_place = {str(f.place): f for f in found}
    assert len(whole) == 3
    for finding in whole:
        told = by_place[str(finding.place)]
        assert (told.lines, told.cause, told.onset) == (finding.lines, finding.cause, finding.onset)
        assert told.evidence["neighbours"] == finding.evidence["neighbours"]
        assert told.score == pytest.approx(finding.score, rel=0.1)


def test_a_fault_younger_than_the_full_run_is_found_as_early(settings: Settings) -> None:
    made = plant(31, lines=2048, days=DAYS)
    row, onset = 700, DAYS - 7
    made.arrays["rx_dbm", "median"][row, onset:] -= 3
    if ("olt_rx_dbm", "median") in made.arrays:
        made.arrays["olt_rx_dbm", "median"][row, onset:] -= 3
    history, first = made.history(), made.as_of - timedelta(days=7)
    _, kept = keep_block(history, first, settings)
    place, seen = f"line:{made.lines[row]}", {}
    for day in (first + timedelta(days=k) for k in range(1, 8)):
        until = history.until(day, DAYS)
        there = replace(made, days=DAYS - (made.as_of - day).days)
        if place in places(analyze_block(until, day, settings)):
            seen.setdefault("full", day)
        if place in places(daily(until, kept, there, settings)[0]):
            seen.setdefault("daily", day)
    assert seen["daily"] - seen["full"] <= timedelta(days=1)


def test_what_was_told_is_judged_again(settings: Settings) -> None:
    made = plant(30, lines=1024, days=DAYS)
    history = made.history()
    line = made.lines[5]
    old = Finding(Place("line", line), (line,), "connector", 0.9, made.as_of - timedelta(days=30), 1.0, {}, None, {})
    _, kept = keep_block(history, made.as_of - timedelta(days=2), settings)
    asked: list[str] = []

    def window(rows: Ints) -> History:
        asked.extend(history.line_ids[rows])
        return of_lines(history, rows)

    told = Told(made.as_of - timedelta(days=1), (old,))
    daily_block(history.until(made.as_of, RECENT_DAYS), window, kept, made.as_of, settings, (), told)
    assert line in asked


def test_new_lines_are_judged_and_many_of_them_ask_for_a_full_run(settings: Settings) -> None:
    made = plant(30, lines=1024, days=DAYS)
    history = made.history()
    for gone, full in ((8, False), (200, True)):
        _, kept = keep_block(of_lines(history, np.arange(gone, 1024)), made.as_of - timedelta(days=2), settings)
        if full:
            with pytest.raises(ChangedPlantError, match="200 of 1024 lines"):
                daily(history, kept, made, settings)
        else:
            asked: list[int] = []

            def window(rows: Ints, asked: list[int] = asked) -> History:
                asked.extend(rows)
                return of_lines(history, rows)

            daily_block(history.until(made.as_of, RECENT_DAYS), window, kept, made.as_of, settings)
            assert set(range(gone)) <= set(asked)


def test_works_are_left_out(settings: Settings) -> None:
    made = plant(21, lines=1024, days=DAYS, faults=("connector",))
    at = Place.parse(f"olt:{made.inventory['device'][0]}")
    work = Work(at, made.as_of - timedelta(days=2), made.as_of)
    found, _, whole = after(made, 5, settings, works=(work,))
    assert places(found) == places(whole)


def test_levels_are_means_of_readings() -> None:
    nan = np.nan
    values = np.array([[3, nan, 1, 2, 6, 6], [nan] * 6, [1, 1, nan, nan, nan, nan]], dtype=np.float32)
    np.testing.assert_allclose(lowest(values), [2, nan, nan])
    np.testing.assert_allclose(latest(values), [14 / 3, nan, 1])
