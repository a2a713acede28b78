"""The pace gives way at once and comes back slowly; the budget is never overdrawn."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.pacing import Budget, PaceLimits, Pacer
from collector.turnstile import BudgetSpentError, Turnstile

_events = st.lists(
    st.one_of(
        st.floats(0, 10).map(lambda s: ("answer", s)),
        st.just(("timeout", 0.0)),
        st.floats(0, 100).map(lambda p: ("cpu", p)),
    )
)


@given(_events)
def test_the_rate_stays_within_its_limits_and_only_good_answers_raise_it(events: list[tuple[str, float]]) -> None:
    pacer = Pacer()
    for kind, number in events:
        before = pacer.rate
        verdict = (
            pacer.answered(number)
            if kind == "answer"
            else pacer.timed_out()
            if kind == "timeout"
            else pacer.cpu(number)
        )
        assert pacer.limits.least_rate <= pacer.rate <= pacer.limits.top_rate
        if pacer.rate > before:
            assert (kind, verdict) == ("answer", "good")
        if verdict in ("slow", "timeout", "busy"):
            assert pacer.rate < before or before == pacer.limits.least_rate
        assert pacer.pause_s <= 1 / pacer.limits.least_rate


def test_a_healthy_device_ends_up_without_pauses() -> None:
    pacer = Pacer()
    for _ in range(600):
        pacer.answered(0.01)
    assert pacer.pause_s == 0


def test_a_device_that_slows_down_gets_room_and_jitter_of_a_fast_one_does_not_count() -> None:
    pacer = Pacer()
    for _ in range(100):
        pacer.answered(0.002)
    assert pacer.answered(0.02) == "good"
    rate = pacer.rate
    assert pacer.answered(0.4) == "slow"
    assert pacer.rate == pytest.approx(rate / 2)
    assert pacer.timed_out() == "timeout"
    assert pacer.rate == pytest.approx(rate / 8)
    assert pacer.cpu(95) == "busy"
    assert pacer.rate == pytest.approx(rate / 16)
    assert pacer.cpu(30) == "good"


@given(
    st.integers(1, 500),
    st.lists(st.tuples(st.floats(0, 900), st.integers(1, 200)), max_size=60),
)
def test_no_sliding_hour_has_more_requests_than_the_budget(per_hour: int, asks: list[tuple[float, int]]) -> None:
    budget = Budget(per_hour)
    now = 1000.0
    spent: list[tuple[float, int]] = []
    for gap, requests in asks:
        now += gap
        wanted = min(requests, per_hour)
        if budget.wait_s(wanted, now) == 0:
            budget.spend(wanted, now)
            spent.append((now, wanted))
        assert sum(n for at, n in spent if at > now - 3600) <= per_hour
        assert budget.left(now) <= per_hour


@given(st.integers(1, 100), st.lists(st.integers(1, 50), min_size=1, max_size=20), st.integers(1, 100))
def test_after_the_wait_it_said_the_requests_are_allowed(per_hour: int, spends: list[int], wanted: int) -> None:
    budget = Budget(per_hour)
    now = 0.0
    for n in spends:
        budget.spend(min(n, per_hour), now)
        now += 45.0
    wait = budget.wait_s(wanted, now)
    assert budget.wait_s(wanted, now + wait) == 0


@pytest.mark.parametrize("wrong", [{"least_rate": 0}, {"first_rate": 5000}, {"slow_factor": 1.0}, {"step": 0}])
def test_limits_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="pace limits"):
        PaceLimits(**wrong)
    with pytest.raises(ValueError, match="budget"):
        Budget(0)


async def test_the_turnstile_stops_in_the_middle_of_a_poll_when_the_budget_is_spent() -> None:
    turnstile = Turnstile(PaceLimits(first_rate=1000), 5)
    for _ in range(5):
        await turnstile.enter()
        turnstile.answered(0.001)
    with pytest.raises(BudgetSpentError):
        await turnstile.enter()
    assert turnstile.requests == 5
    assert turnstile.wait_s(1) > 3000
