"""What must not matter does not: order, calibration, missing columns, holes, nonsense."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest

from analyzer.analyze import analyze
from analyzer.history import REQUIRED, History
from analyzer.settings import Settings
from plant.fields import fields
from plant.finding import Finding
from plant.inventory import LINE_SCHEMA
from plant.matrix import Matrix
from tests.analyzer.plants import Plant, plant

SETTINGS = Settings.load()


@pytest.fixture
def a_small_plant() -> Plant:
    return plant(7, lines=192, faults=["connector", "splitter", "ont_laser", "ethernet"])


def findings(p: Plant) -> list[Finding]:
    return analyze(p.history(), p.as_of, SETTINGS)


def told(found: list[Finding]) -> set[tuple[str, str, tuple[str, ...]]]:
    return {(str(f.place), f.cause, f.lines) for f in found}


def test_a_receivers_calibration_offset_changes_no_trend(a_small_plant: Plant) -> None:
    before = {(str(f.place), f.onset) for f in findings(a_small_plant) if f.cause != "weak_since_install"}
    offsets = np.random.default_rng(1).integers(-4, 5, (192, 1)) * 0.5
    for statistic in ("median", "q10", "q90"):
        a_small_plant.arrays["rx_dbm", statistic] += offsets
    after = {(str(f.place), f.onset) for f in findings(a_small_plant) if f.cause != "weak_since_install"}
    assert before
    assert after == before


def test_the_order_of_lines_does_not_matter(a_small_plant: Plant) -> None:
    before = findings(a_small_plant)
    order = np.random.default_rng(2).permutation(192)
    p = a_small_plant
    p.lines = [p.lines[i] for i in order]
    p.arrays = {k: v[order] for k, v in p.arrays.items()}
    p.inventory = {k: [v[i] for i in order[::-1]] for k, v in p.inventory.items()}
    assert findings(p) == before


@pytest.mark.parametrize("gone", sorted({f for f, _ in REQUIRED if fields()[f].of == "line"}))
def test_any_field_may_be_missing(gone: str, a_small_plant: Plant) -> None:
    a_small_plant.arrays = {k: v for k, v in a_small_plant.arrays.items() if k[0] != gone}
    assert isinstance(findings(a_small_plant), list)


def test_only_rx_still_finds_the_fault_of_the_glass() -> None:
    p = plant(7, lines=192, faults=["connector", "splitter"], nasty=False)
    p.arrays = {k: v for k, v in p.arrays.items() if k == ("rx_dbm", "median")}
    p.pon_arrays = {}
    assert {str(f.place) for f in findings(p)} == {t.place for t in p.truths}


def test_a_hole_of_three_weeks_hides_no_fault(a_small_plant: Plant) -> None:
    before = told(findings(a_small_plant))
    for values in (*a_small_plant.arrays.values(), *a_small_plant.pon_arrays.values()):
        values[:, 1:16] = np.nan
    assert {place for place, _, _ in told(findings(a_small_plant))} == {place for place, _, _ in before}


def test_lines_in_no_file_are_judged_too() -> None:
    p = plant(9, lines=64, faults=["connector"], nasty=False)
    history = p.history()
    bare = pa.table({f.name: pa.array([], f.type) for f in LINE_SCHEMA})
    matrices = [Matrix(f, s, history.line_ids, history.dates, v) for (f, s), v in history.values.items()]
    found = analyze(History.build(bare, matrices), p.as_of, SETTINGS)
    assert p.truths[0].place in {str(f.place) for f in found}


def test_a_line_named_by_its_device_hangs_on_its_port() -> None:
    dates = np.arange("2026-01-01", "2026-01-05", dtype="datetime64[D]")
    ids = np.array(["OLT1/0/1/7"], dtype=object)
    ports = np.array(["pon:OLT1/0/1"], dtype=object)
    bare = pa.table({f.name: pa.array([], f.type) for f in LINE_SCHEMA})
    read = np.zeros((1, 4), dtype=np.float32)
    history = History.build(
        bare, [Matrix("rx_dbm", "median", ids, dates, read)], [Matrix("pon_tx_dbm", "median", ports, dates, read)]
    )
    assert list(history.tree.pon) == [0]
    assert list(history.pon_ids) == ["OLT1/0/1"]


def test_an_empty_plant_has_no_findings() -> None:
    bare = pa.table({f.name: pa.array([], f.type) for f in LINE_SCHEMA})
    assert analyze(History.build(bare, []), date(2026, 1, 1), SETTINGS) == []


def test_a_short_history_gives_no_confident_guess() -> None:
    p = plant(11, lines=128, days=40, faults=["connector"])
    assert analyze(p.history(), date(2026, 3, 1) + timedelta(days=8), SETTINGS) == []
