"""The step in which a meter tells."""

import numpy as np
import pytest

from analyzer.meters import coarsest_step


@pytest.mark.parametrize("step", [0.1, 0.25, 0.5, 1.0])
@pytest.mark.parametrize("readings", [1, 4])
def test_the_step_of_a_meter_is_told_by_its_daily_medians(step: float, readings: int) -> None:
    """The median of an even number of readings may lie between two steps and is no finer meter."""
    rng = np.random.default_rng(1)
    border = rng.uniform(-0.5, 0.5, (50, 1, 1))
    read = np.round(-80 + border + rng.normal(0, 0.3, (50, 90, readings))) * step
    assert np.median(coarsest_step(np.median(read, axis=2).astype(np.float32))) >= 0.99 * step


def test_a_fine_meter_has_a_fine_step() -> None:
    rng = np.random.default_rng(2)
    read = np.round(rng.normal(-20, 0.1, (50, 90)), 2).astype(np.float32)
    assert (coarsest_step(read) <= 0.05).all()


def test_firmware_that_tells_less_from_a_day_on_is_a_coarse_meter() -> None:
    rng = np.random.default_rng(3)
    read = rng.normal(-20.2, 0.2, (50, 90))
    read[:, 60:] = np.round(read[:, 60:] * 2) / 2
    assert (coarsest_step(read.astype(np.float32)) >= 0.49).mean() > 0.8


def test_a_fault_is_no_step_of_the_meter() -> None:
    read = np.where(np.arange(90) < 50, -20.0, -22.0)[None, :].astype(np.float32)
    assert (coarsest_step(read) == 0).all()


def test_no_reading_and_one_level_tell_no_step() -> None:
    read = np.full((2, 60), np.nan, np.float32)
    read[1] = -20
    assert (coarsest_step(read) == 0).all()
