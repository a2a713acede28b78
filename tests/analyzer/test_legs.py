"""Splitters nobody wrote down are found by their lines, and offered; what the inventory knows is not."""

import numpy as np
import pytest

from analyzer.legs import correlations, legs
from analyzer.settings import Settings
from tests.analyzer.plants import Plant, plant


def a_wet_closure(*, splitters: bool, seed: int = 21) -> Plant:
    return plant(seed, lines=512, faults=["water"], splitters=splitters, nasty=False)


def test_the_lines_behind_a_closure_nobody_wrote_down_are_one_leg(settings: Settings) -> None:
    p = a_wet_closure(splitters=False)
    (leg,) = legs(p.history(), settings)
    (truth,) = p.truths
    assert set(leg.lines) <= truth.lines  # coarse meters of lines that are hardly wet may not show it
    assert len(leg.lines) >= 0.6 * len(truth.lines)
    assert leg.named == (None,)
    assert leg.rest == ()
    assert leg.to_json()["pon"] in truth.place


def test_what_the_inventory_says_already_is_not_offered(settings: Settings) -> None:
    assert legs(a_wet_closure(splitters=True).history(), settings) == []


def test_a_line_that_stands_under_the_wrong_splitter_is_offered_with_those_it_moves_with(settings: Settings) -> None:
    p = a_wet_closure(splitters=True)
    (truth,) = p.truths
    (shown,) = legs(a_wet_closure(splitters=False).history(), settings)
    row = p.lines.index(shown.lines[0])
    right = p.inventory["splitter1"][row]
    wrong = next(s for s in ("S0", "S1", "S2", "S3") if s != right)
    p.inventory["splitter1"][row] = wrong
    (leg,) = legs(p.history(), settings)
    assert p.lines[row] in leg.lines
    assert set(leg.lines) <= truth.lines
    assert len(leg.named) == 2
    assert leg.rest
    assert not set(leg.rest) & set(leg.lines)


@pytest.mark.parametrize("seed", [31, 32, 33])
def test_lines_that_only_happen_to_agree_are_no_leg(seed: int, settings: Settings) -> None:
    assert legs(plant(seed, lines=1024, splitters=False).history(), settings) == []


def test_faults_of_single_lines_are_no_leg(settings: Settings) -> None:
    p = plant(8, lines=512, splitters=False, faults=["thermal", "connector", "macrobend", "feeder"], nasty=False)
    assert legs(p.history(), settings) == []


def test_pairs_are_compared_over_the_days_both_were_read() -> None:
    rng = np.random.default_rng(5)
    values = rng.normal(0, 1, (4, 60)).astype(np.float32)
    values[1] = values[0] + 0.1 * values[1]
    values[0, :20] = np.nan
    values[3] = np.nan
    r, days = correlations(values)
    assert days[0, 1] == 40
    assert r[0, 1] == pytest.approx(np.corrcoef(values[0, 20:], values[1, 20:])[0, 1], abs=1e-5)
    assert not r[3].any()
    assert not np.diag(r).any()
