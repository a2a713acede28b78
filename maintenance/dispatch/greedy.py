"""The plain plan: most urgent job first, each where it costs least. Also how one more job finds a place in a plan."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from maintenance.dispatch.model import LATE, UNPLANNED, Job, Shift, Visit, World

NEAREST = 150  # shifts tried for a job before all the others


@dataclass
class _Route:
    """Jobs in order with when each begins at the earliest, and may begin at the latest."""

    shift: Shift
    jobs: list[int]
    early: list[int]
    late: list[int]


class Greedy:
    """A plan that grows job by job; what is in it stays where it is in its route's order."""

    def __init__(self, world: World, routes: dict[int, Sequence[int]] | None = None) -> None:
        self.world = world
        self._routes = {s.id: _Route(s, [], [], []) for s in world.shifts}
        for number, jobs in (routes or {}).items():
            self._set(number, list(jobs))

    def order(self, shift: int) -> list[int]:
        return list(self._routes[shift].jobs)

    def set_order(self, shift: int, jobs: Sequence[int]) -> None:
        self._set(shift, list(jobs))

    def routes(self) -> dict[int, list[Visit]]:
        return {
            number: [Visit(j, number, at) for j, at in zip(r.jobs, r.early, strict=True)]
            for number, r in self._routes.items() if r.jobs
        }  # fmt: skip

    def add_all(self, jobs: Iterable[Job]) -> list[int]:
        """Add jobs, fixed ones first, then by urgency; the numbers of those that found no place."""
        first = sorted(jobs, key=lambda j: (j.fixed is None, -UNPLANNED[j.grade], j.deadline, j.latest, j.id))
        return [job.id for job in first if not self.add(job)]

    def add(self, job: Job) -> bool:
        """Put a job where it costs least; False where it fits nowhere."""
        able = [s for s in self.world.shifts if self.world.able(job, s)]
        here = self.world.rows[self.world.node[job.id]]
        able.sort(key=lambda s: (here[self.world.base(s)] + LATE[job.grade] * max(0, s.begin - job.deadline), s.id))
        for some in (able[:NEAREST], able[NEAREST:]):
            found = min((p for s in some if (p := self._place(job, self._routes[s.id])) is not None), default=None)
            if found is not None:
                _, shift, at = found
                jobs = self._routes[shift].jobs
                self._set(shift, [*jobs[:at], job.id, *jobs[at:]])
                return True
        return False

    def _place(self, job: Job, route: _Route) -> tuple[int, int, int] | None:
        """(cost, shift, position) of the cheapest place in a route."""
        rows, node = self.world.rows, self.world.node
        base, here = self.world.base(route.shift), self.world.node[job.id]
        low, high = job.fixed[1:] * 2 if job.fixed is not None else (job.earliest, job.latest)
        best: tuple[int, int, int] | None = None
        count = len(route.jobs)
        for at in range(count + 1):
            before = node[route.jobs[at - 1]] if at else base
            free = route.early[at - 1] + self.world.job[route.jobs[at - 1]].minutes if at else route.shift.begin
            start = max(free + rows[before][here], low)
            if start > high:
                break
            after = node[route.jobs[at]] if at < count else base
            limit = route.late[at] if at < count else route.shift.end
            if start + job.minutes + rows[here][after] > limit:
                continue
            added = rows[before][here] + rows[here][after] - rows[before][after]
            cost = added + LATE[job.grade] * max(0, start - job.deadline)
            if best is None or (cost, route.shift.id, at) < best:
                best = (cost, route.shift.id, at)
        return best

    def _set(self, number: int, jobs: list[int]) -> None:
        route, world = self._routes[number], self.world
        visits = world.timed(route.shift, jobs)
        if visits is None:
            raise ValueError(f"shift {number} cannot keep its jobs; give routes that were planned for these shifts")
        late: list[int] = []
        limit, after = route.shift.end, world.base(route.shift)
        for job in reversed([world.job[j] for j in jobs]):
            here = world.node[job.id]
            latest = job.fixed[1] if job.fixed is not None else job.latest
            limit = min(limit - world.rows[here][after] - job.minutes, latest)
            late.append(limit)
            after = here
        route.jobs, route.early, route.late = jobs, [v.start for v in visits], late[::-1]
