"""The week's trips: most trouble avoided for each hour, never over the capacity, and no trip that is not worth it."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.capacity import Capacity, travel_of, worth_going
from analyzer.settings import Settings
from plant.finding import Finding
from plant.place import Place

SETTINGS = Settings.load()
DAY = date(2026, 11, 1)


def finding(name: str, score: float, kind: str = "line") -> Finding:
    return Finding(Place(kind, name), (name,), "connector", 0.9, DAY, score)  # type: ignore[arg-type]


def names(trips: list[Finding]) -> list[str]:
    return [f.place.id for f in trips]


@given(st.lists(st.tuples(st.floats(0.01, 5), st.integers(0, 3)), max_size=40), st.integers(1, 10), st.integers(1, 4))
def test_neither_capacity_is_ever_exceeded_and_nobody_goes_twice(
    jobs: list[tuple[float, int]], visits: int, of_grid: int
) -> None:
    findings = [finding(f"L{i}", score) for i, (score, _) in enumerate(jobs)]
    grids = {f"L{i}": f"G{g}" for i, (_, g) in enumerate(jobs) if g}
    trips = worth_going(findings, grids, Capacity(visits, of_grid), SETTINGS)
    assert len(trips) <= visits
    assert len(set(names(trips))) == len(trips)
    per_grid = [grids.get(n, "") for n in names(trips)]
    assert max([per_grid.count(g) for g in per_grid], default=0) <= of_grid
    left = [f for f in findings if f not in trips and f.score * 1.5 / 2.0 >= SETTINGS.least_worth]
    if len(trips) < visits:  # who stays behind although crews are free lives in a grid that has its fill
        assert all(per_grid.count(grids.get(f.place.id, "")) == of_grid for f in left)


def test_the_next_trip_is_not_made_where_it_is_not_worth_it() -> None:
    rich, poor = finding("A", 1.0), finding("B", SETTINGS.least_worth)
    assert names(worth_going([rich, poor], {"A": "G1", "B": "G2"}, Capacity(40), SETTINGS)) == ["A"]


def test_a_trip_becomes_worth_more_where_somebody_goes_anyway() -> None:
    grids = {"A": "north", "B": "north", "C": "south"}
    near, far = finding("B", 0.50), finding("C", 0.52)
    assert names(worth_going([finding("A", 2.0), far, near], grids, Capacity(2), SETTINGS)) == ["A", "B"]
    assert names(worth_going([far, near], grids, Capacity(1), SETTINGS)) == ["C"]
    assert travel_of([finding("A", 2.0), near, far], grids, SETTINGS) == [0.5, 0.25, 0.5]


def test_long_work_counts_the_way_for_less() -> None:
    port, line = finding("P", 0.5, "pon"), finding("L", 0.5)
    assert names(worth_going([line, port], {"P": "a", "L": "b"}, Capacity(1), SETTINGS)) == ["P"]


@pytest.mark.parametrize("capacity", [Capacity(), Capacity(40, None), Capacity(None, 40)])
def test_where_there_is_room_everything_worth_it_is_taken_best_first(capacity: Capacity) -> None:
    rng = np.random.default_rng(3)
    findings = [finding(f"L{i}", float(s)) for i, s in enumerate(rng.uniform(0.2, 2, 30))]
    trips = worth_going(findings, {}, capacity, replace(SETTINGS, least_worth=0.0))
    assert sorted(names(trips)) == sorted(names(findings))
    assert [f.score for f in trips] == sorted((f.score for f in findings), reverse=True)
