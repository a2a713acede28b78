"""Tiers come on their own grid, late ones are not made up for, and a silent device is asked ever more rarely."""

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.schedule import DeviceSchedule

CADENCE = {"optics": 3600.0, "status": 300.0}


def test_starts_are_spread_and_within_the_spread() -> None:
    starts = [DeviceSchedule(CADENCE, 100.0, Random(n)).next_at() for n in range(200)]
    assert all(100 <= s <= 160 for s in starts)
    assert len({round(s) for s in starts}) > 40


def test_the_quick_tier_comes_first() -> None:
    assert DeviceSchedule(CADENCE, 0.0, Random(1)).due(400.0) == ["status", "optics"]


@given(st.lists(st.floats(0, 5000), max_size=50), st.integers(0, 99))
def test_a_tier_is_never_polled_twice_in_one_slot(gaps: list[float], seed: int) -> None:
    schedule = DeviceSchedule(CADENCE, 0.0, Random(seed))
    polled: dict[str, list[float]] = {t: [] for t in CADENCE}
    now = 0.0
    for gap in gaps:
        now += gap
        for tier in schedule.due(now):
            schedule.done(tier, now)
            polled[tier].append(now)
            assert schedule.due(now) == [t for t in schedule.due(now) if t != tier]
    for tier, times in polled.items():
        for n in range(1, len(times) + 1):
            assert n <= times[n - 1] // CADENCE[tier] + 1


def test_a_silent_device_is_asked_ever_more_rarely_until_it_answers() -> None:
    schedule = DeviceSchedule(CADENCE, 0.0, Random(5))
    delays = [schedule.failed(0.0) for _ in range(12)]
    assert all(b > a for a, b in pairwise(delays[:6]))
    assert max(delays) <= 3600 * 1.2
    assert schedule.due(delays[-1] - 1) == []
    assert schedule.due(10_000.0)
    schedule.done("status", 10_000.0)
    assert schedule.failures == 0


def test_a_cadence_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="cadence"):
        DeviceSchedule({"optics": 0}, 0.0, Random(1))


def test_a_tier_that_fails_on_a_device_that_answers_is_tried_ever_more_rarely_and_alone() -> None:
    schedule = DeviceSchedule(CADENCE, 0.0, Random(5))
    now, waits = 100.0, []
    for _ in range(12):
        schedule.tier_failed("optics", now)
        waits.append(schedule._due["optics"] - now)
        schedule.done("status", now)
        now += waits[-1]
    assert waits[0] < 40
    assert max(waits) <= 3600 * 1.2
    assert waits[5] > 10 * waits[0]
    assert "status" in schedule.due(now + 300)
