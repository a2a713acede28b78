"""Bad history gives a result or none: never a crash, never a warning, never a confident guess."""

import warnings
from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import pytest

from analyzer.analyze import analyze
from analyzer.history import REQUIRED, History, enough_to_judge
from analyzer.settings import Settings
from plant.finding import Finding
from tests.analyzer.plants import Plant, plant

FAULTS = ("connector", "splitter", "ethernet")


@pytest.fixture(autouse=True)
def _warnings_are_errors() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture
def faulty() -> Plant:
    return plant(33, lines=256, faults=FAULTS, nasty=False)


@pytest.fixture
def healthy() -> Plant:
    return plant(12, lines=256, nasty=False)


def ask(p: Plant, settings: Settings) -> list[Finding]:
    return analyze(p.history(), p.as_of, settings)


def found(p: Plant, settings: Settings) -> tuple[set[str], set[str]]:
    """Places of true faults that were found, and all that was told at other lines than theirs."""
    findings = ask(p, settings)
    at = {t.place for t in p.truths} & {str(f.place) for f in findings}
    touched = set().union(*(t.lines for t in p.truths)) if p.truths else set()
    return at, {str(f.place) for f in findings if not touched & set(f.lines)}


@pytest.mark.parametrize("hole", [slice(10, 31), slice(40, 61), slice(55, 76)])
def test_weeks_without_a_reading(faulty: Plant, settings: Settings, hole: slice) -> None:
    for values in (*faulty.arrays.values(), *faulty.pon_arrays.values()):
        values[:, hole] = np.nan
    at, false = found(faulty, settings)
    assert len(at) >= 2
    assert not false


def test_one_reading_a_day(faulty: Plant, settings: Settings) -> None:
    """No spread within the day, a single look at the state."""
    for name in ("q10", "q90"):
        faulty.arrays["rx_dbm", name] = faulty.arrays["rx_dbm", "median"].copy()
    faulty.arrays["state", "up_share"] = np.round(faulty.arrays["state", "up_share"])
    at, false = found(faulty, settings)
    assert len(at) == len(FAULTS)
    assert not false


def test_one_reading_in_three_days(faulty: Plant, settings: Settings) -> None:
    for values in (*faulty.arrays.values(), *faulty.pon_arrays.values()):
        for rest in (1, 2):
            values[:, rest::3] = np.nan
    assert not found(faulty, settings)[1]


@pytest.mark.parametrize("name", sorted({field for field, _ in REQUIRED}))
def test_a_column_that_never_changes(healthy: Plant, settings: Settings, name: str) -> None:
    """A stuck meter, or a firmware that tells one figure for ever."""
    for arrays in (healthy.arrays, healthy.pon_arrays):
        for (field, _), values in arrays.items():
            if field == name:
                values[:] = np.where(np.isfinite(values), np.nanmedian(values), np.nan)
    assert ask(healthy, settings) == []


def test_a_column_that_freezes_half_way(healthy: Plant, settings: Settings) -> None:
    """Optics that keep their last figures: nothing gets worse by that."""
    for key in (("rx_dbm", "median"), ("rx_dbm", "q10"), ("rx_dbm", "q90"), ("olt_rx_dbm", "median")):
        healthy.arrays[key][:64, 45:] = healthy.arrays[key][:64, 44:45]
    assert ask(healthy, settings) == []


@pytest.mark.parametrize("days", [1, -1])
def test_a_device_whose_clock_is_in_another_zone(faulty: Plant, settings: Settings, days: int) -> None:
    """Half of the lines have each reading on the day before or after: their weather is not their neighbours'."""
    half = slice(0, 128)
    for values in faulty.arrays.values():
        values[half] = np.roll(values[half], days, axis=1)
        values[half, slice(0, 1) if days > 0 else slice(-1, None)] = np.nan
    at, false = found(faulty, settings)
    assert len(at) == len(FAULTS)
    assert not false


def test_a_line_that_stands_there_twice_under_two_names(faulty: Plant, settings: Settings) -> None:
    row = faulty.lines.index(next(t for t in faulty.truths if t.cause == "connector").place.removeprefix("line:"))
    again = int(np.flatnonzero(faulty.history().tree.pon == faulty.history().tree.pon[row])[-1])
    for values in faulty.arrays.values():
        values[again] = values[row]
    findings = ask(faulty, settings)
    assert 1 <= len([f for f in findings if {faulty.lines[row], faulty.lines[again]} & set(f.lines)]) <= 2
    assert not [f for f in findings if f.cause == "unknown"]


def test_a_line_that_changes_its_port_is_no_fault_and_its_next_one_is(healthy: Plant, settings: Settings) -> None:
    """On day 40 its light falls by 3 dB both ways and its distance jumps; on day 70 a connector gets dirty."""
    row = int(np.flatnonzero(np.isfinite(healthy.arrays["olt_rx_dbm", "median"]).all(axis=1))[0])
    ranged = np.full((256, healthy.days), 2000.0)
    ranged[row, 40:] = 3100.0
    healthy.arrays["distance_m", "median"] = ranged
    light = [("rx_dbm", "median"), ("rx_dbm", "q10"), ("rx_dbm", "q90"), ("olt_rx_dbm", "median")]
    for key in light:
        healthy.arrays[key][row, 40:] -= 3
    assert ask(healthy, settings) == []
    for key in light:
        healthy.arrays[key][row, 70:] -= 2.5
    (finding,) = ask(healthy, settings)
    assert str(finding.place) == f"line:{healthy.lines[row]}"
    assert abs(finding.onset - (healthy.as_of - timedelta(days=healthy.days - 71))) <= timedelta(days=2)


@pytest.mark.parametrize("name", sorted({field for field, _ in REQUIRED}))
def test_a_field_without_any_reading(faulty: Plant, settings: Settings, name: str) -> None:
    for arrays in (faulty.arrays, faulty.pon_arrays):
        for (field, _), values in arrays.items():
            if field == name:
                values[:] = np.nan
    at, false = found(faulty, settings)
    assert len(at) >= 2 - (name == "rx_dbm")
    assert not false


def test_no_reading_at_all_is_not_enough_to_judge(faulty: Plant, settings: Settings) -> None:
    for values in (*faulty.arrays.values(), *faulty.pon_arrays.values()):
        values[:] = np.nan
    assert ask(faulty, settings) == []
    assert not enough_to_judge(faulty.history(), settings.least_days).any()


def test_lines_of_few_days_are_counted_as_not_enough_to_judge(faulty: Plant, settings: Settings) -> None:
    for values in faulty.arrays.values():
        values[:10, settings.least_days - 1 :] = np.nan
    history: History = faulty.history()
    enough = enough_to_judge(history, settings.least_days)
    assert (~enough).sum() == 10
    lines = {str(line) for line in history.line_ids[~enough]}
    assert not [f for f in ask(faulty, settings) if set(f.lines) <= lines and f.probability > 0.9]
