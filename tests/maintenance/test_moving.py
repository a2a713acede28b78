"""A visit put into a route by hand: nobody is in two places at once, and whoever is made later is told."""

from hypothesis import given
from hypothesis import strategies as st

from maintenance.dispatch.model import Job, Shift, World
from maintenance.dispatch.moving import Fit, Route, Stop, best_fit, ways
from maintenance.dispatch.rules import Travel

TRAVEL = Travel(kmh=25, detour=1.3, parking=5)
DAY = Shift(0, "Han", 23.13, 113.36, 480, 1020)


def job(number: int, *, minutes: int = 45, deadline: int = 2000, north: int = 0) -> Job:
    return Job(number, 23.13 + north / 500, 113.36, minutes, "P3", deadline)


@st.composite
def routes(draw: st.DrawFn) -> Route:
    """A route as a planner leaves it: every visit can be reached in time."""
    stops: list[Stop] = []
    for number in range(draw(st.integers(0, 5))):
        one = job(number + 1, minutes=draw(st.integers(15, 120)), north=draw(st.integers(0, 9)))
        world = World([*(s.job for s in stops), one], [DAY], **TRAVEL.model_dump())
        free = stops[-1].start + stops[-1].job.minutes if stops else DAY.begin
        there = free + world.rows[world.node[stops[-1].job.id] if stops else world.base(DAY)][world.node[one.id]]
        start = there + draw(st.integers(0, 60))
        if start + one.minutes > DAY.end:
            break
        stops.append(Stop(one, start, draw(st.booleans())))
    return Route(DAY, stops)


def after(route: Route, new: Job, fit: Fit) -> list[tuple[Job, int]]:
    there = [(s.job, fit.pushed.get(s.job.id, s.start)) for s in route.stops]
    return sorted([*there, (new, fit.start)], key=lambda one: one[1])


@given(routes(), st.integers(15, 120), st.integers(0, 9), st.one_of(st.none(), st.integers(480, 1019)))
def test_everybody_can_be_where_the_consequences_say(
    route: Route, minutes: int, north: int, wanted: int | None
) -> None:
    new = job(99, minutes=minutes, north=north)
    fit = best_fit([route], new, TRAVEL, wanted=wanted)
    if fit is None:
        return
    order = after(route, new, fit)
    world = World([one for one, _ in order], [DAY], **TRAVEL.model_dump())
    at, node = DAY.begin, world.base(DAY)
    for one, start in order:
        here = world.node[one.id]
        assert start >= at + world.rows[node][here]
        at, node = start + one.minutes, here
    assert at + world.rows[node][world.base(DAY)] <= DAY.end + fit.overtime
    assert wanted is None or fit.start >= wanted
    assert all(fit.pushed[s.job.id] > s.start for s in route.stops if s.job.id in fit.pushed)
    assert fit.travel == world.travelled(DAY, [one.id for one, _ in order])
    assert fit.travel_before == sum(ways(route, TRAVEL))


def test_a_gap_is_taken_before_anybody_is_made_later() -> None:
    route = Route(DAY, [Stop(job(1), 500, agreed=True), Stop(job(2), 700, agreed=True)])
    fit = best_fit([route], job(3), TRAVEL)
    assert fit is not None
    assert (fit.pushed, fit.overtime) == ({}, 0)
    assert 545 <= fit.start <= 655


def test_who_was_promised_nothing_gives_way_before_who_was() -> None:
    stops = [Stop(job(1, minutes=270), 480, agreed=True), Stop(job(2, minutes=120), 750, agreed=False)]
    fit = best_fit([Route(DAY, stops)], job(3, minutes=60, deadline=760), TRAVEL)
    assert fit is not None
    assert 1 not in fit.pushed


def test_what_has_begun_stays_before_it() -> None:
    route = Route(DAY, [Stop(job(1), 500, agreed=True)])
    fit = best_fit([route], job(2), TRAVEL, earliest=530)
    assert fit is not None
    assert fit.start >= 545
    assert best_fit([route], job(2), TRAVEL, earliest=1020) is None
