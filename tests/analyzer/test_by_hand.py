"""The script the benchmark holds us against does what we do: the same rises, the same figures."""

import numpy as np
import pytest

from analyzer.change import scan
from analyzer.squeeze import squeezes
from analyzer.weather import without_weather
from bench import by_hand

DAYS = 90


@pytest.fixture(scope="module")
def lines() -> np.ndarray:
    rng = np.random.default_rng(5)
    values = 0.1 * rng.standard_normal((200, DAYS)).cumsum(axis=1) * rng.uniform(0, 1, (200, 1))
    values += 0.1 * rng.standard_t(4, values.shape)
    values[:60, 50:] += 1
    values[60:90] += np.maximum(np.arange(DAYS) - 40, 0) * 0.03
    values[90:110, 30:] -= 1.5
    values[110:120] = np.round(values[110:120], 1)
    values[rng.random(values.shape) < 0.05] = np.nan
    return values.astype(np.float32)


def test_rises_are_the_same(lines: np.ndarray) -> None:
    ours = scan(lines, 0.05)
    theirs = [by_hand.rise_of(line.astype(np.float64), 0.05) for line in lines]
    z = np.array([0.0 if r is None else r.z for r in theirs])
    same = np.isclose(ours.z, z, rtol=1e-4, atol=1e-6)
    assert same.mean() > 0.97  # two onsets may explain as much: the last digit decides
    assert all(r is None or r.onset == o for r, o, s in zip(theirs, ours.onset, same, strict=True) if s)


def test_weather_and_squeezes_are_the_same(lines: np.ndarray) -> None:
    degrees = np.sin(np.arange(DAYS) * 0.9).astype(np.float32) * 8
    followed = lines + np.where(np.arange(DAYS) > 45, 0.1, 0.02).astype(np.float32) * degrees
    ours, _ = without_weather(followed, degrees[None, :])
    for row in range(0, len(lines), 9):
        theirs = by_hand.without_weather(followed[row].astype(np.float64), degrees.astype(np.float64))
        np.testing.assert_allclose(ours[row], theirs, atol=2e-3)
    found = squeezes(followed, np.broadcast_to(degrees, followed.shape), 16.0)
    for row in range(0, len(lines), 9):
        _, day = by_hand.squeeze_of(followed[row].astype(np.float64), degrees.astype(np.float64))
        assert day == found.onset[row]
