"""A plan from jobs and shifts: greedy first, then better block by block until the time is up; and planning again.

A block's new routes are taken only where they cost less by our own count, so the plan is never worse than the greedy
one it started from.
"""

import time
from collections.abc import Sequence
from random import Random

from maintenance.dispatch.greedy import Greedy
from maintenance.dispatch.model import UNPLANNED, Job, Plan, Shift, Visit, World
from maintenance.dispatch.reasons import Reason
from maintenance.dispatch.routing import improve
from maintenance.dispatch.rules import Travel

BLOCK_SHIFTS = 12
BLOCK_SPARE = 30
BLOCK_MS = 300
STARTED_LATER = 30  # minutes by which a visit may shift without the customer being told


def plan(
    jobs: Sequence[Job], shifts: Sequence[Shift], *, seconds: float = 40.0, seed: int = 1, travel: Travel | None = None
) -> Plan:
    """Visits for jobs in shifts. `seconds` bound the search after the greedy plan; 0 gives that plan itself."""
    until = time.monotonic() + seconds
    world = World(jobs, shifts, **(travel.model_dump() if travel is not None else {}))
    greedy = Greedy(world)
    left = greedy.add_all(jobs)
    began = world.cost(greedy.routes(), left)
    random = Random(seed)  # noqa: S311 - which block is next, no secret
    while shifts and seconds > 0 and (over := until - time.monotonic()) > 0:
        left = _better(world, greedy, left, random, min(BLOCK_MS, max(1, int(over * 1000))))
    return _plan(world, greedy, left, began)


def _better(world: World, greedy: Greedy, left: list[int], random: Random, milliseconds: int) -> list[int]:
    """One block: a shift and those whose bases are near, on any day; the jobs still left out."""
    centre = random.choice(world.shifts)
    here = world.rows[world.base(centre)]
    near = sorted(world.shifts, key=lambda s: here[world.base(s)] + random.random() * 20)[:BLOCK_SHIFTS]
    spare = [j for j in left if any(world.able(world.job[j], s) for s in near)]
    spare = sorted(spare, key=lambda j: (-UNPLANNED[world.job[j].grade], here[world.node[j]]))[:BLOCK_SPARE]
    before = {s.id: greedy.order(s.id) for s in near}
    after = improve(world, near, before, spare, milliseconds)
    if after is None:
        return left
    timed = {number: world.timed(world.shift[number], order) for number, order in after.items()}
    if any(visits is None for visits in timed.values()):
        return left
    taken = {j for order in after.values() for j in order}
    out = [j for j in {*spare, *(j for order in before.values() for j in order)} if j not in taken]
    old = {number: world.timed(world.shift[number], order) or [] for number, order in before.items()}
    if world.cost({n: v or [] for n, v in timed.items()}, out) >= world.cost(old, spare):
        return left
    for number, order in after.items():
        greedy.set_order(number, order)
    return sorted({*left, *out} - taken)


def replan(before: Plan, jobs: Sequence[Job], shifts: Sequence[Shift]) -> Plan:
    """The plan with jobs that have come (and without those that have gone), moving as few visits as possible.

    New jobs go into gaps. Only where a job finds none, and only for one of a more urgent grade, one visit that is not
    fixed gives way and finds another place, or is left out and named.
    """
    world = World(jobs, shifts)
    known = {j.id for j in jobs}
    kept = {
        s: [v.job for v in route if v.job in known] for s, route in before.routes.items() if s in world.shift
    }  # fmt: skip
    greedy = Greedy(world, {s: order for s, order in kept.items() if world.timed(world.shift[s], order) is not None})
    there = {j for s in world.shift for j in greedy.order(s)}
    left = greedy.add_all([j for j in jobs if j.id not in there])
    still: list[int] = []
    for number in sorted(left, key=lambda j: -UNPLANNED[world.job[j].grade]):
        still += _give_way(world, greedy, world.job[number])
    was = before.visits()
    visits = {v.job: v for route in greedy.routes().values() for v in route}
    moved = tuple(sorted(j for j, old in was.items() if j in known and _differs(old, visits.get(j))))
    return _plan(world, greedy, still, None, moved)


def _differs(old: Visit, new: Visit | None) -> bool:
    return new is None or old.shift != new.shift or abs(old.start - new.start) > STARTED_LATER


def _give_way(world: World, greedy: Greedy, job: Job) -> list[int]:
    """Make room for a job by one less urgent visit; the jobs that are left out in the end (none, the other, or it)."""
    best: tuple[int, int, int] | None = None
    for shift in world.shifts:
        if not world.able(job, shift):
            continue
        order = greedy.order(shift.id)
        for other in order:
            less = UNPLANNED[world.job[other].grade] < UNPLANNED[job.grade] and world.job[other].fixed is None
            if less and _fits(world, shift, [j for j in order if j != other], job):
                key = (UNPLANNED[world.job[other].grade], shift.id, other)
                best = key if best is None else min(best, key)
    if best is None:
        return [job.id]
    _, number, other = best
    rest = [j for j in greedy.order(number) if j != other]
    at = next(n for n in range(len(rest) + 1)
              if world.timed(world.shift[number], [*rest[:n], job.id, *rest[n:]]) is not None)  # fmt: skip
    greedy.set_order(number, [*rest[:at], job.id, *rest[at:]])
    return [] if greedy.add(world.job[other]) else [other]


def _fits(world: World, shift: Shift, order: list[int], job: Job) -> bool:
    return any(
        world.timed(shift, [*order[:n], job.id, *order[n:]]) is not None for n in range(len(order) + 1)
    )  # fmt: skip


def _plan(
    world: World, greedy: Greedy, left: Sequence[int], began: int | None, moved: tuple[int, ...] = ()
) -> Plan:  # fmt: skip
    routes = greedy.routes()
    travel = sum(world.travelled(world.shift[s], [v.job for v in route]) for s, route in routes.items())
    why = {j: why_unplanned(world, world.job[j]) for j in left}
    return Plan(routes, why, world.cost(routes, left), travel, moved, began)


def why_unplanned(world: World, job: Job) -> Reason:
    """Why a job has no visit."""
    skilled = [s for s in world.shifts if job.needs <= s.has]
    if job.fixed is not None:
        return Reason("fixed_time")
    if not skilled:
        missing = sorted(job.needs - frozenset().union(*(s.has for s in world.shifts)))
        return Reason("nobody_has", *missing) if missing else Reason("nobody_has_all", *sorted(job.needs))
    open_then = [s for s in skilled if world.able(job, s)]
    if not open_then:
        return Reason("window")
    alone = [s for s in open_then if world.timed(s, [job.id]) is not None]
    if not alone:
        return Reason("too_long")
    return Reason("busy", str(len({s.engineer for s in alone})))
