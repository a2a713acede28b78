"""What the analyzer promises of a whole plant: faults found, few false findings, right place, right cause."""

from collections.abc import Sequence

import numpy as np
import pytest

from analyzer.analyze import analyze
from analyzer.naive import below, z_score
from analyzer.scoring import Score, score
from analyzer.settings import Settings
from tests.analyzer.plants import LINE_CAUSES, SHARED_CAUSES, Plant, plant

EVERY = (*LINE_CAUSES, *SHARED_CAUSES)


def judged(p: Plant, settings: Settings) -> Score:
    return score(analyze(p.history(), p.as_of, settings), p.truths, p.as_of)


def mixed(seed: int, splitters: bool = True) -> Plant:
    causes: Sequence[str] = [str(c) for c in np.random.default_rng(seed).permutation(EVERY)]
    return plant(seed, faults=causes, splitters=splitters)


def test_eight_of_ten_faults_are_found_where_they_are(settings: Settings) -> None:
    scores = [judged(mixed(seed), settings) for seed in (1, 3, 4)]
    faults = sum(s.faults for s in scores)
    assert sum(s.found for s in scores) >= 0.8 * faults
    assert sum(s.place_right for s in scores) >= 0.8 * faults
    assert sum(s.cause_right for s in scores) >= 0.7 * faults


def test_at_most_one_false_finding_per_500_healthy_lines(settings: Settings) -> None:
    scores = [judged(mixed(seed), settings) for seed in (1, 3, 4)]
    assert sum(s.false + s.duplicates for s in scores) <= 3 * 1024 // 500


def test_a_healthy_plant_with_swaps_habits_and_outages_stays_quiet(settings: Settings) -> None:
    findings = [f for seed in (101, 102, 103) for f in judged_findings(plant(seed), settings)]
    assert len(findings) <= 3 * 1024 // 500


def judged_findings(p: Plant, settings: Settings) -> list[object]:
    return list(analyze(p.history(), p.as_of, settings))


@pytest.mark.parametrize("cause", ["feeder", "splitter", "olt_optics", "rogue_ont"])
def test_a_shared_fault_is_one_finding_at_its_node(cause: str, settings: Settings) -> None:
    p = plant(21, lines=512, faults=[cause], nasty=False)
    (finding,) = analyze(p.history(), p.as_of, settings)
    assert str(finding.place) == p.truths[0].place
    assert finding.cause == cause
    assert set(finding.lines) == p.truths[0].lines


@pytest.mark.parametrize("cause", ["connector", "ont_laser", "ont_power", "ethernet", "weak_since_install"])
def test_a_single_fault_is_one_finding_on_its_line_with_its_cause(cause: str, settings: Settings) -> None:
    p = plant(33, lines=512, faults=[cause], nasty=False)
    (finding,) = analyze(p.history(), p.as_of, settings)
    assert str(finding.place) == p.truths[0].place
    assert finding.cause == cause
    assert sum(finding.causes.values()) == pytest.approx(1)
    assert finding.evidence


def test_a_splitter_nobody_wrote_down_is_still_one_finding(settings: Settings) -> None:
    p = plant(45, lines=512, faults=["splitter"], splitters=False, nasty=False)
    (finding,) = analyze(p.history(), p.as_of, settings)
    assert len(set(finding.lines) & p.truths[0].lines) >= 0.75 * len(p.truths[0].lines)
    assert set(finding.lines) <= p.truths[0].lines
    assert finding.place.kind == "pon"


def test_nothing_after_the_day_is_looked_at(settings: Settings) -> None:
    p = mixed(1)
    early = p.history().dates[60].astype(object)
    whole = analyze(p.history(), early, settings)
    for values in (*p.arrays.values(), *p.pon_arrays.values()):
        values[:, 61:] = np.random.default_rng(0).uniform(-50, 50, values[:, 61:].shape)
    assert analyze(p.history(), early, settings) == whole


def test_more_is_found_than_by_fixed_thresholds(settings: Settings) -> None:
    p = mixed(3)
    ours = judged(p, settings)
    for rule in (below(p.history(), p.as_of, -27), below(p.history(), p.as_of, -25), z_score(p.history(), p.as_of)):
        theirs = score(rule, p.truths, p.as_of)
        assert ours.found > theirs.found
        assert ours.precision > theirs.precision
