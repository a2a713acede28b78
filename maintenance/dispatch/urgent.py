"""An urgent job among appointments that are agreed: as few of them moved as possible. Pure.

Room for one job is made in one shift only, so the fewest visits that must leave that shift are the fewest there are:
every set of less urgent visits is tried, the smallest first.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

from maintenance.dispatch.greedy import Greedy
from maintenance.dispatch.model import UNPLANNED, Job, Shift, Visit, World
from maintenance.dispatch.planning import why_unplanned
from maintenance.dispatch.reasons import Reason
from maintenance.dispatch.rules import Travel


@dataclass(frozen=True)
class Room:
    """`visit`: of the urgent job, None where there is none, then `why` says so. `moved`: jobs that give way, with their
    new visit, None where they find no other in these days."""

    visit: Visit | None
    moved: Mapping[int, Visit | None] = field(default_factory=dict)
    why: Reason | None = None


def make_room(urgent: Job, agreed: Sequence[Job], shifts: Sequence[Shift], *, travel: Travel | None = None) -> Room:
    """Where the urgent job goes. `agreed` are fixed jobs, each in its shift at its minute.

    On time goes first, then the fewest moved, then the least urgent of them, then the earliest. Where nothing is on
    time any more, the first shift of anybody able is. Visits as urgent as the job, or more, never give way.
    """
    world = World([urgent, *agreed], shifts, **(travel.model_dump() if travel is not None else {}))
    able = [s for s in shifts if world.able(urgent, s)]
    limit = max([urgent.deadline, *([min(s.end for s in able)] if able else [])])
    in_shift: dict[int, list[Job]] = {s.id: [] for s in shifts}
    for job in sorted(agreed, key=lambda j: j.fixed or (0, 0)):
        if job.fixed is not None:
            in_shift[job.fixed[0]].append(job)
    best: tuple[tuple[int, ...], Visit, tuple[Job, ...]] | None = None
    for shift in able:
        for leaving in _leaving(urgent, in_shift[shift.id]):
            if best is not None and (len(leaving),) > best[0][1:2] and best[0][0] == 0:
                break  # more would move than in what was found already
            start = _start(world, shift, urgent, [j.id for j in in_shift[shift.id] if j not in leaving])
            if start is None:
                continue
            cost = sum(UNPLANNED[j.grade] for j in leaving)
            key = (int(start > limit), len(leaving), cost, start, shift.id)
            if best is None or key < best[0]:
                best = (key, Visit(urgent.id, shift.id, start), leaving)
    if best is None:
        return Room(None, why=why_unplanned(world, urgent))
    _, visit, leaving = best
    return Room(visit, _found_anew(urgent, visit, agreed, leaving, shifts, travel))


def _leaving(urgent: Job, jobs: Sequence[Job]) -> Iterator[tuple[Job, ...]]:
    """Sets of visits that may give way, the smallest first; the empty one is first of all."""
    less = [j for j in jobs if UNPLANNED[j.grade] < UNPLANNED[urgent.grade]]
    for count in range(len(less) + 1):
        yield from combinations(less, count)


def _start(world: World, shift: Shift, urgent: Job, order: Sequence[int]) -> int | None:
    """The earliest minute at which the job fits between these visits; None where it does not."""
    for n in range(len(order) + 1):
        visits = world.timed(shift, [*order[:n], urgent.id, *order[n:]])
        if visits is not None:
            return visits[n].start
    return None


def _found_anew(
    urgent: Job, visit: Visit, agreed: Sequence[Job], leaving: Sequence[Job], shifts: Sequence[Shift],
    travel: Travel | None,
) -> dict[int, Visit | None]:  # fmt: skip
    """Another visit for each that gave way, into gaps: nobody else is moved for it."""
    gone = {j.id for j in leaving}
    held = [replace(urgent, fixed=(visit.shift, visit.start)), *(j for j in agreed if j.id not in gone)]
    free = [replace(j, fixed=None) for j in leaving]
    world = World([*held, *free], shifts, **(travel.model_dump() if travel is not None else {}))
    routes: dict[int, list[int]] = {}
    for job in sorted(held, key=lambda j: j.fixed or (0, 0)):
        if job.fixed is not None:
            routes.setdefault(job.fixed[0], []).append(job.id)
    greedy = Greedy(world, {s: order for s, order in routes.items() if world.timed(world.shift[s], order) is not None})
    greedy.add_all(free)
    found = {v.job: v for route in greedy.routes().values() for v in route}
    return {j.id: found.get(j.id) for j in leaving}
