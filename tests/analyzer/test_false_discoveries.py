"""False discoveries are controlled: on lines where nothing happens, and among those where something does."""

import numpy as np
import pytest

from analyzer.analyze import analyze
from analyzer.change import scan
from analyzer.settings import Settings
from analyzer.significance import change_p, discoveries, moderated, null_of, with_tails
from tests.analyzer.plants import plant

ROWS, DAYS = 6000, 90


def null(seed: int, phi: float, tails: str, rows: int = ROWS) -> np.ndarray:
    """AR(1) noise of 0.1 dB about a level; Student's t with four degrees of freedom where `tails` are heavy."""
    rng = np.random.default_rng(seed)
    shocks = rng.standard_t(4, (rows, DAYS)) if tails == "heavy" else rng.normal(0, 1, (rows, DAYS))
    out = np.zeros((rows, DAYS))
    for day in range(DAYS):
        out[:, day] = (phi * out[:, day - 1] if day else 0) + shocks[:, day] * np.sqrt(1 - phi**2)
    return (0.1 * out).astype(np.float32)


@pytest.mark.parametrize("phi", [0.0, 0.3, 0.6])
@pytest.mark.parametrize("tails", ["normal", "heavy"])
def test_a_small_chance_is_no_more_frequent_than_it_says(phi: float, tails: str) -> None:
    p = change_p(scan(null(1, phi, tails), 0.05))
    for level in (1e-2, 1e-3):
        assert (p < level).mean() <= level + 2 * np.sqrt(level / ROWS)


@pytest.mark.parametrize(("phi", "most"), [(0.0, 1.0), (0.3, 1.0), (0.6, 4.0)])
def test_nor_is_a_very_small_one_where_tails_are_heavy(phi: float, most: float) -> None:
    """One in 10⁵ of 60,000 rows is not one row; a shock that a slow meter forgets over days still looks like a step."""
    p = change_p(scan(null(4, phi, "heavy", 60_000), 0.05))
    assert (p < 1e-5).sum() <= most * 0.6 + 3 * np.sqrt(most * 0.6)


def test_normal_noise_pays_nothing_for_the_tails_of_others() -> None:
    """A step of three readings at the end is believed as soon as Student's t with the noise's own freedom allows."""
    changes = scan(null(5, 0.0, "normal"), 0.05)
    plant_says = null_of(changes)
    own = moderated(changes, plant_says.prior, plant_says.typical)[1]
    judged = changes.z > 0
    assert np.median(with_tails(changes, own, plant_says.kurtosis)[judged] / own[judged]) > 0.85


@pytest.mark.parametrize("phi", [0.0, 0.6])
def test_where_nothing_happens_hardly_ever_anything_is_told(phi: float) -> None:
    """With every hypothesis true the false-discovery rate is the chance of one discovery: 5 % of 40 plants are two."""
    told = sum(
        bool(discoveries(change_p(scan(part, 0.05)), 0.05).any())
        for part in np.split(null(2, phi, "normal", 12_000), 40)
    )
    assert told <= 5


def test_of_what_is_believed_no_more_than_the_rate_is_false() -> None:
    """Three lines in a hundred get worse by four of their standard deviations; the rate is ten times the default."""
    values = null(3, 0.3, "normal")
    bad = np.arange(len(values)) % 33 == 0
    values[bad, 60:] += 0.4
    believed = discoveries(change_p(scan(values, 0.05)), 0.1)
    assert believed[bad].mean() > 0.9
    assert (believed & ~bad).sum() <= 0.1 * believed.sum() + 3 * np.sqrt(0.1 * believed.sum())


@pytest.mark.parametrize("seed", [7001, 7002, 7003])
def test_a_plant_without_faults_has_no_findings(seed: int, settings: Settings) -> None:
    p = plant(seed, lines=1024)
    assert analyze(p.history(), p.as_of, settings) == []
