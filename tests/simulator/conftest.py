"""Simulated plants the tests share."""

from datetime import UTC, datetime

import pytest

from simulator.world import World

END = datetime(2026, 6, 20, 4, tzinfo=UTC)


@pytest.fixture(scope="session")
def plant() -> World:
    """Two OLTs, 240 ONTs, four faults, 30 days that end in the rainy season."""
    return World(seed=5, onts=240, faults=4, end=END, days=30)


@pytest.fixture(scope="session")
def demo() -> World:
    """The demo's size: 1,000 ONTs, ten faults, 90 days."""
    return World(seed=1, end=END)


@pytest.fixture(scope="session")
def healthy_plant() -> World:
    return World(seed=2, onts=400, faults=0, end=END, days=30)
