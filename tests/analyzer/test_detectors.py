"""The parts: the scan and its chances, trends and their crossing, causes, scoring, settings."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from analyzer.change import rise_at, scan
from analyzer.polish import group_medians
from analyzer.reasons import Signs, weigh
from analyzer.scoring import Truth, score
from analyzer.settings import Settings
from analyzer.significance import change_p, discoveries, effective_freedom, p_values
from analyzer.trend import crossing, theil_sen
from analyzer.weather import without_weather
from plant.finding import Finding
from plant.place import Place


def noise(rows: int, days: int = 90, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, (rows, days)).astype(np.float32)


@pytest.mark.parametrize("days", [30, 90])
def test_chances_are_no_smaller_than_noise_makes_them(days: int) -> None:
    found = scan(noise(20_000, days), 0.001)
    p = p_values(found.z, found.readings, effective_freedom(found.freedom, found.phi))
    for level in (0.1, 0.01, 0.001):
        assert np.mean(p < level) <= 1.5 * level


@pytest.mark.parametrize("phi", [0.3, 0.6, 0.85])
def test_slow_noise_is_no_rise_and_hides_no_large_one(phi: float) -> None:
    rng = np.random.default_rng(5)
    values = np.zeros((4000, 90), dtype=np.float32)
    for day in range(1, 90):
        values[:, day] = phi * values[:, day - 1] + 0.1 * np.sqrt(1 - phi**2) * rng.normal(0, 1, 4000)
    values[:20, 66:] += 2
    found = scan(values, 0.001)
    believed = discoveries(change_p(found), 0.01) & (found.shift > 0.7)
    assert believed[:20].mean() >= 0.9
    assert believed[20:].sum() <= 1


@pytest.mark.parametrize(("height", "day"), [(0.5, 30), (1.0, 80), (3.0, 10)])
def test_a_step_is_found_with_its_height_and_day(height: float, day: int) -> None:
    values = noise(50)
    values[:, day:] += height
    found = scan(values, 0.01)
    assert np.median(found.shift) == pytest.approx(height, abs=0.1)
    assert np.abs(np.median(found.onset) - day) <= 1
    assert not np.median(found.is_ramp)


def test_a_ramp_is_no_step() -> None:
    values = noise(50)
    values[:, 40:] += np.arange(50, dtype=np.float32) * 0.05
    found = scan(values, 0.01)
    assert found.is_ramp.mean() > 0.95
    assert np.median(found.shift) == pytest.approx(2.45, abs=0.2)


def test_what_gets_better_is_no_rise() -> None:
    values = noise(200)
    values[:, 45:] -= 3
    assert (scan(values, 0.01).shift < 0.5).all()


def test_a_spike_of_a_day_is_no_step() -> None:
    values = noise(200)
    values[:, 50] += 10
    found = scan(values, 0.01)
    p = p_values(found.z, found.readings, effective_freedom(found.freedom, found.phi))
    assert np.mean(p < 0.01) < 0.03


def test_coarse_meters_and_constant_columns_make_no_finding() -> None:
    coarse = (np.round(noise(500) / 0.5) * 0.5).astype(np.float32)
    found = scan(coarse, 0.05)
    assert np.mean(p_values(found.z, found.readings, effective_freedom(found.freedom, found.phi)) < 1e-4) == 0
    assert (scan(np.full((3, 90), -20, dtype=np.float32), 0.05).z == 0).all()


def test_medians_withstand_a_third_of_bad_lines() -> None:
    values = noise(30)
    values[:10] += 20
    assert np.nanmax(np.abs(group_medians(values, np.zeros(30, dtype=np.int64), 1, 6))) < 0.4


def test_discoveries_hold_their_rate() -> None:
    rng = np.random.default_rng(3)
    p = np.concatenate([rng.uniform(size=9900), rng.uniform(size=100) * 1e-8])
    believed = discoveries(p, 0.01)
    assert believed[9900:].all()
    assert believed[:9900].sum() <= 6


def test_coupling_is_not_fooled_by_a_fault_that_grows_with_the_season() -> None:
    rng = np.random.default_rng(5)
    season = np.linspace(0, 20, 90) + rng.normal(0, 1.5, 90)
    values = noise(1) + np.linspace(0, 5, 90, dtype=np.float32)
    assert abs(without_weather(values, season[None, :].astype(np.float32))[1].slope[0]) < 0.05


@pytest.mark.parametrize("level", [0.02, 0.08])
def test_a_ninety_percent_forecast_covers_about_ninety_percent(level: float) -> None:
    rng = np.random.default_rng(8)
    slope, margin = level, 6.0
    values = (slope * np.arange(60) + rng.normal(0, 0.15, (1000, 60))).astype(np.float32)
    fitted, se, spread = theil_sen(values, np.zeros(1000, dtype=np.int64))
    truth = margin / slope - 59
    hits = 0
    for row in range(1000):
        now = float(np.median(values[row, -7:]))
        forecast = crossing(margin - now, fitted[row], se[row], spread[row] / np.sqrt(7), -27.0, 3650)
        hits += forecast is not None and forecast.low <= truth + 3 <= forecast.high
    assert 0.85 <= hits / 1000 <= 0.995


SIGNATURES = [
    (Signs("line", (3.0, 0.1), (2.95, 0.1), "step", {"moved": True}), "connector"),
    (Signs("line", (3.0, 0.1), (1.2, 0.1), "ramp", {"moved": True}), "macrobend"),
    (Signs("line", None, None, "ramp", {"moved": False, "bias_up": True}), "ont_laser"),
    (Signs("line", None, None, "step", {"moved": False, "drops_power": True, "sagging": True}), "ont_power"),
    (Signs("line", None, None, "step", {"moved": False, "slower": True}), "ethernet"),
    (Signs("line", (0.8, 0.2), (0.4, 0.2), "episodes", {"moved": True, "spreading": True, "coupled": True}), "thermal"),
    (Signs("splitter", (2.0, 0.05), (1.9, 0.05), "step", {"moved": True}), "splitter"),
    (Signs("splitter", (2.0, 0.1), (1.5, 0.1), "episodes", {"moved": True}), "water"),
    (Signs("pon", (2.0, 0.05), (0.0, 0.05), "ramp", {"moved": True}), "olt_optics"),
    (Signs("pon", (2.0, 0.05), (1.8, 0.05), "step", {"moved": True}), "feeder"),
]


@pytest.mark.parametrize(("signs", "cause"), SIGNATURES)
def test_signatures_lead_to_their_cause(signs: Signs, cause: str) -> None:
    causes = weigh(signs)
    assert next(iter(causes)) == cause
    assert sum(causes.values()) == pytest.approx(1)
    assert causes["unknown"] > 0


def finding(place: str, lines: tuple[str, ...], cause: str = "connector") -> Finding:
    return Finding(Place.parse(place), lines, cause, 0.9, date(2026, 3, 2), 1.0)  # type: ignore[arg-type]


def test_scoring_tells_found_missed_false_and_told_twice() -> None:
    truths = [
        Truth("line:a", frozenset({"a"}), "connector", date(2026, 3, 1)),
        Truth("pon:D/1", frozenset("bcde"), "feeder", date(2026, 3, 1)),
        Truth("line:z", frozenset({"z"}), "macrobend", date(2026, 3, 1)),
        Truth("line:y", frozenset({"y"}), "macrobend", date(2026, 4, 1)),
    ]
    findings = [
        finding("line:a", ("a",)),
        finding("pon:D/1", ("b", "c", "d"), "feeder"),
        finding("splitter:D/1/S1", ("b", "c"), "splitter"),
        finding("line:q", ("q",)),
    ]
    result = score(findings, truths, date(2026, 3, 20))
    assert (result.faults, result.found, result.missed, result.false, result.duplicates) == (3, 2, 1, 1, 1)
    assert (result.place_right, result.cause_right) == (2, 2)


def test_one_line_of_a_pon_does_not_find_the_feeder() -> None:
    truth = Truth("pon:D/1", frozenset("bcdefg"), "feeder", date(2026, 3, 1))
    assert score([finding("line:b", ("b",))], [truth], date(2026, 3, 20)).found == 0


def test_settings_are_overridden_one_by_one_and_wrong_ones_named(tmp_path: Path) -> None:
    path = tmp_path / "analyzer.yaml"
    path.write_text("families: {down: {material: 1.5}}\nnode_lines: 4\n")
    settings = Settings.load(path)
    assert settings.families["down"].material == 1.5
    assert settings.families["down"].floor == Settings.load().families["down"].floor
    assert settings.node_lines == 4
    with pytest.raises(ValueError, match="nodelines"):
        Settings.load({"nodelines": 4})
    with pytest.raises(ValueError, match="node_lines"):
        Settings.load({"node_lines": "many"})


def test_a_young_leak_is_not_written_off_because_it_has_not_dried_yet() -> None:
    signs = Signs("splitter", (2.1, 0.1), (1.5, 0.1), "step", {"moved": True})
    young = Signs("splitter", (2.1, 0.1), (1.5, 0.1), "step", {"moved": True}, young=True)
    assert weigh(young)["water"] > 1.5 * weigh(signs)["water"]


def test_a_growth_that_goes_on_is_no_noise_of_its_size() -> None:
    values = (noise(50, days=60) + np.maximum(np.arange(60) - 40, 0) * 0.15).astype(np.float32)
    flat = noise(50, days=60) + np.where(np.arange(60) >= 40, 2.0, 0.0).astype(np.float32)
    at = np.full(50, 40)
    assert np.median(rise_at(values, at)[1]) < 1.3 * np.median(rise_at(flat.astype(np.float32), at)[1])
