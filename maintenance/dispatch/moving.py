"""One more visit in a route: where it fits best, whom it makes later, and by how much. Pure; times in minutes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from maintenance.dispatch.model import LATE, Job, Shift, World
from maintenance.dispatch.rules import Travel


@dataclass(frozen=True)
class Stop:
    """A visit where it is planned. `agreed`: a customer was promised its time."""

    job: Job
    start: int
    agreed: bool


@dataclass(frozen=True)
class Route:
    """The stops of a shift, in order of time."""

    shift: Shift
    stops: Sequence[Stop]

    def without(self, job: int) -> "Route":
        return Route(self.shift, [s for s in self.stops if s.job.id != job])


@dataclass(frozen=True)
class Fit:
    """A job put into a route: when it begins, the new beginnings of those that begin later because of it (by job),
    minutes of travel of the route before and after, and by how many minutes more it ends after the shift does."""

    shift: Shift
    start: int
    pushed: Mapping[int, int]
    travel_before: int
    travel: int
    overtime: int


def ways(route: Route, travel: Travel) -> list[int]:
    """Minutes of travel to each stop, and back to the base after the last; empty for a route without stops."""
    if not route.stops:
        return []
    world = World([s.job for s in route.stops], [route.shift], **travel.model_dump())
    nodes = [world.base(route.shift), *(world.node[s.job.id] for s in route.stops), world.base(route.shift)]
    return [world.rows[a][b] for a, b in pairwise(nodes)]


def best_fit(
    routes: Sequence[Route], job: Job, travel: Travel, *, wanted: int | None = None, earliest: int = 0
) -> Fit | None:
    """Where the job does least harm, in one of the routes: first the fewest agreed visits made later, then least beyond
    the shift's end, then least after its deadline, then the fewest minutes others wait, then the shortest way.

    `wanted` is the minute at which it should begin, or as soon after it as can be; without one any will do from
    `earliest` on. None where the shifts are over by then.
    """
    found: list[tuple[tuple[int, ...], Fit]] = []
    for number, route in enumerate(routes):
        if (low := max(earliest, route.shift.begin) if wanted is None else wanted) >= route.shift.end:
            continue
        world = World([*(s.job for s in route.stops), job], [route.shift], **travel.model_dump())
        starts, back = _chain(world, route.shift, [(s.job, s.start) for s in route.stops])
        before = {s.job.id: at for s, at in zip(route.stops, starts, strict=True)}
        agreed = {s.job.id for s in route.stops if s.agreed}
        old = world.travelled(route.shift, [s.job.id for s in route.stops]) if route.stops else 0
        for at in range(len(route.stops) + 1):
            if at < len(route.stops) and route.stops[at].start < earliest:
                continue  # before a visit that has begun already
            order = [(s.job, s.start) for s in route.stops]
            order.insert(at, (job, low))
            starts, end = _chain(world, route.shift, order)
            new = {j.id: start for (j, _), start in zip(order, starts, strict=True)}
            if new[job.id] >= route.shift.end:
                continue
            pushed = {n: new[n] for n, start in before.items() if new[n] > start}
            over = max(0, end - route.shift.end) - max(0, back - route.shift.end)
            way = world.travelled(route.shift, [j.id for j, _ in order])
            fit = Fit(route.shift, new[job.id], pushed, old, way, max(0, over))
            late = LATE[job.grade] * max(0, fit.start - job.deadline)
            waits = sum(start - before[n] for n, start in pushed.items())
            later = 0 if wanted is None else fit.start - wanted
            key = (later, len(agreed & set(pushed)), fit.overtime, late, waits, way - old, fit.start, number)
            found.append((key, fit))
    return min(found, key=lambda one: one[0])[1] if found else None


def _chain(world: World, shift: Shift, order: Sequence[tuple[Job, int]]) -> tuple[list[int], int]:
    """When each begins if none begins before its time, and when the last is back."""
    at, node, starts = shift.begin, world.base(shift), []
    for job, planned in order:
        here = world.node[job.id]
        start = max(at + world.rows[node][here], planned)
        starts.append(start)
        at, node = start + job.minutes, here
    return starts, at + world.rows[node][world.base(shift)]
