"""Fibre that begins to follow the temperature."""

import numpy as np
import pytest

from analyzer.meters import coarsest_step
from analyzer.squeeze import squeezes
from analyzer.weather import temperature_range

DAYS = 90


def weather(rng: np.random.Generator) -> np.ndarray:
    fronts = np.zeros(DAYS)
    for day in range(1, DAYS):
        fronts[day] = 0.75 * fronts[day - 1] + rng.normal(0, 2)
    return (fronts + 8 * np.sin(np.arange(DAYS) / 30)).astype(np.float32)[None, :]


def losses(rng: np.random.Generator, rows: int) -> np.ndarray:
    return rng.normal(0, 0.1, (rows, DAYS)).astype(np.float32)


@pytest.mark.parametrize("slope", [-0.12, 0.12])
def test_a_line_that_begins_to_follow_the_temperature_is_seen(slope: float) -> None:
    rng = np.random.default_rng(1)
    degrees, values = weather(rng), losses(rng, 40)
    values[:, 45:] += slope * degrees[:, 45:]
    found = squeezes(values, degrees, temperature_range(degrees))
    assert (found.p < 1e-4).mean() > 0.8
    assert np.median(found.slope) == pytest.approx(slope, abs=0.04)
    assert abs(np.median(found.onset) - 45) <= 7


def test_one_that_always_did_is_no_news() -> None:
    rng = np.random.default_rng(2)
    degrees, values = weather(rng), losses(rng, 500)
    assert (squeezes(values + 0.1 * degrees, degrees, 20.0).p < 1e-3).sum() <= 1


def test_chances_are_no_smaller_than_noise_makes_them() -> None:
    rng = np.random.default_rng(3)
    found = squeezes(losses(rng, 10_000), weather(rng), 20.0)
    for level in (0.1, 0.01, 0.001):
        assert (found.p < level).mean() <= 2 * level


@pytest.mark.parametrize("step", [0.25, 0.5, 1.0])
def test_what_rounding_makes_of_a_coarse_meter_is_no_coupling(step: float) -> None:
    """Lines on the border between two steps go by a whole one with the little that any fibre follows the weather."""
    rng = np.random.default_rng(6)
    degrees = weather(rng)
    border = rng.uniform(-0.5, 0.5, (4000, 1)) * step
    read = np.round((border + 0.01 * degrees + losses(rng, 4000)) / step) * step
    found = squeezes(read.astype(np.float32), degrees, temperature_range(degrees), coarsest_step(read))
    assert not ((found.p < 1e-4) & (found.swing >= 0.8)).any()


def test_a_squeeze_wider_than_the_step_is_seen_through_a_coarse_meter() -> None:
    rng = np.random.default_rng(7)
    degrees, values = weather(rng), losses(rng, 200)
    values[:, 45:] += 0.15 * degrees[:, 45:]
    read = (np.round(values / 0.5) * 0.5).astype(np.float32)
    found = squeezes(read, degrees, temperature_range(degrees), coarsest_step(read))
    assert ((found.p < 1e-4) & (found.swing >= 0.8)).mean() > 0.8


def test_a_step_is_no_coupling() -> None:
    rng = np.random.default_rng(4)
    values = losses(rng, 500)
    values[:, 50:] += 3
    assert (squeezes(values, weather(rng), 20.0).p < 1e-3).sum() <= 3


@pytest.mark.parametrize("days", [1, 2, 15])
def test_few_days_say_nothing(days: int) -> None:
    rng = np.random.default_rng(5)
    assert (squeezes(losses(rng, 5)[:, :days], weather(rng)[:, :days], 20.0).p == 1).all()
