"""Plans hold what they promise: skills, hours, ways, windows and fixed jobs; never worse than the greedy plan."""

import time
from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest

from maintenance.dispatch.model import Job, Plan, Shift, World
from maintenance.dispatch.planning import plan, replan

MORNING, AFTERNOON = (510, 720), (840, 1050)  # 08:30 to 12:00, 14:00 to 17:30
DEADLINES = {"P1": 240, "P2": 1440, "P3": 4320, "P4": 14400}


def a_town(jobs: int, engineers: int, days: int, seed: int = 3) -> tuple[list[Job], list[Shift]]:
    """Thirty km of a city; half of the engineers have each skill, a third of the customers named half a day."""
    random = Random(seed)
    skills = ["splicing", "coax", "olt"]
    shifts: list[Shift] = []
    for n in range(engineers):
        lat, lon = 23.1 + random.uniform(-0.15, 0.15), 113.3 + random.uniform(-0.15, 0.15)
        has = frozenset(["basic", *(s for s in skills if random.random() < 0.5)])
        for day in range(days):
            for begin, end in (MORNING, AFTERNOON):
                shifts.append(Shift(len(shifts), f"e{n}", lat, lon, day * 1440 + begin, day * 1440 + end, has))
    wanted = []
    for n in range(jobs):
        grade = random.choices(["P1", "P2", "P3", "P4"], [1, 10, 40, 49])[0]
        day = random.randrange(days)
        low, high = random.choices([(0, 1 << 30), MORNING, AFTERNOON], [14, 3, 3])[0]
        if high < 1 << 30:
            low, high = day * 1440 + low, day * 1440 + high
        needs = "basic" if random.random() < 0.6 else random.choice(skills)
        wanted.append(Job(
            n + 1, 23.1 + random.uniform(-0.18, 0.18), 113.3 + random.uniform(-0.18, 0.18),
            random.choice([30, 45, 60, 90, 120]), grade, DEADLINES[grade], low, high, frozenset([needs]),
        ))  # fmt: skip
    return wanted, shifts


def holds(found: Plan, jobs: Sequence[Job], shifts: Sequence[Shift]) -> None:
    """Everything a plan promises, counted anew from its visits."""
    world = World(jobs, shifts)
    job, shift = {j.id: j for j in jobs}, {s.id: s for s in shifts}
    visits = [v for route in found.routes.values() for v in route]
    assert sorted([*(v.job for v in visits), *found.unplanned]) == sorted(job)
    assert all(found.unplanned.values())
    for number, route in found.routes.items():
        at, where = shift[number].begin, world.base(shift[number])
        for visit in route:
            asked, here = job[visit.job], world.node[visit.job]
            assert visit.shift == number
            assert asked.needs <= shift[number].has
            assert visit.start >= at + world.travel[where, here]
            assert asked.earliest <= visit.start <= asked.latest
            assert asked.fixed in (None, (number, visit.start))
            at, where = visit.start + asked.minutes, here
        assert at + world.travel[where, world.base(shift[number])] <= shift[number].end
    assert found.cost == world.cost(found.routes, list(found.unplanned))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("days", [1, 3])
def test_a_plan_holds_and_is_never_worse_than_the_greedy_one(seed: int, days: int) -> None:
    jobs, shifts = a_town(60, 6, days, seed)
    greedy, better = plan(jobs, shifts, seconds=0), plan(jobs, shifts, seconds=0.6, seed=seed)
    holds(greedy, jobs, shifts)
    holds(better, jobs, shifts)
    assert better.greedy_cost == greedy.cost >= better.cost


def test_the_search_finds_something() -> None:
    jobs, shifts = a_town(60, 6, 1)
    found = plan(jobs, shifts, seconds=1.5)
    assert found.greedy_cost is not None
    assert found.cost < found.greedy_cost


def test_two_thousand_jobs_and_a_hundred_engineers_are_planned_in_time() -> None:
    jobs, shifts = a_town(2000, 100, 5)
    began = time.monotonic()
    found = plan(jobs, shifts, seconds=3)
    assert time.monotonic() - began < 60
    holds(found, jobs, shifts)
    assert len(found.unplanned) < 100


def test_fixed_jobs_stay_whatever_comes() -> None:
    jobs, shifts = a_town(60, 6, 1)
    first = plan(jobs, shifts, seconds=0)
    fixed = {v.job: (v.shift, v.start) for v in first.visits().values() if v.job % 4 == 0}
    assert fixed
    jobs = [replace(j, fixed=fixed.get(j.id)) for j in jobs]
    found = plan(jobs, shifts, seconds=0.6)
    holds(found, jobs, shifts)
    assert {j: (v.shift, v.start) for j, v in found.visits().items() if j in fixed} == fixed


def test_an_urgent_job_moves_at_most_one_visit_and_never_a_more_urgent_one() -> None:
    jobs, shifts = a_town(80, 6, 1)
    before = plan(jobs, shifts, seconds=0.5)
    urgent = Job(999, 23.1, 113.3, 60, "P1", 600, needs=frozenset(["basic"]))
    after = replan(before, [*jobs, urgent], shifts)
    holds(after, [*jobs, urgent], shifts)
    assert 999 in after.visits()
    grades = {j.id: j.grade for j in jobs}
    gone = set(before.visits()) - set(after.visits())
    assert len(gone) <= 1
    assert all(grades[j] > "P1" for j in gone)
    assert len(after.moved) <= 4  # the one that gave way, and those of the same half day that begin later for it
    idle = Job(998, 23.1, 113.3, 60, "P4", 600, needs=frozenset(["basic"]))
    calm = replan(before, [*jobs, idle], shifts)
    assert set(before.visits()) <= set(calm.visits())


def test_planning_again_without_news_moves_nothing() -> None:
    jobs, shifts = a_town(60, 6, 2)
    before = plan(jobs, shifts, seconds=0.3)
    again = replan(before, jobs, shifts)
    assert again.moved == ()
    assert set(before.visits()) <= set(again.visits())
    fewer = [j for j in jobs if j.id % 5]
    holds(replan(before, fewer, shifts), fewer, shifts)
    holds(replan(before, jobs, shifts[3:]), jobs, shifts[3:])


SHIFT = Shift(0, "e", 23.1, 113.3, *MORNING, frozenset(["basic"]))
JOB = Job(1, 23.1, 113.3, 60, "P3", 4320)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"needs": frozenset(["coax"])}, "nobody has coax"),
        ({"earliest": 900}, "within its appointment window"),
        ({"minutes": 500}, "takes longer"),
        ({"lat": 25.0}, "takes longer"),
        ({"fixed": (7, 600)}, "fixed time cannot be kept"),
    ],
)
def test_what_could_not_be_planned_says_why(changes: dict[str, object], says: str) -> None:
    found = plan([replace(JOB, **changes)], [SHIFT], seconds=0.1)  # type: ignore[arg-type]
    assert says in found.unplanned[1]


def test_nobody_at_work_and_nothing_to_do_are_plans_too() -> None:
    assert "nobody" in plan([JOB], [], seconds=0.1).unplanned[1]
    assert plan([], [SHIFT], seconds=0.1).cost == 0
    busy = [replace(JOB, id=n) for n in range(1, 6)]
    assert "busy" in next(iter(plan(busy, [SHIFT], seconds=0.1).unplanned.values()))
