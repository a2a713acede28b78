"""Jobs, shifts, visits and what a plan costs. Pure; times are whole minutes from the plan's beginning."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from maintenance.dispatch.reasons import Reason

KM_PER_DEGREE = 111.2
UNPLANNED = {"P1": 400_000, "P2": 100_000, "P3": 40_000, "P4": 20_000}
"""What leaving a job out costs, in minutes of travel: more than any detour or delay."""
LATE = {"P1": 20, "P2": 8, "P3": 3, "P4": 1}
"""What a minute after the deadline costs, in minutes of travel."""

Minutes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Job:
    """Work at a place. It may begin from `earliest` to `latest` (an appointment window), should by `deadline`.

    `needs`: skills, parts and the area, all of which the engineer must have. `fixed`: the shift and the minute that are
    agreed and stay.
    """

    id: int
    lat: float
    lon: float
    minutes: int
    grade: str
    deadline: int
    earliest: int = 0
    latest: int = 1 << 30
    needs: frozenset[str] = frozenset()
    fixed: tuple[int, int] | None = None


@dataclass(frozen=True)
class Shift:
    """A stretch of one engineer's working time, from and back to a base."""

    id: int
    engineer: str
    lat: float
    lon: float
    begin: int
    end: int
    has: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Visit:
    job: int
    shift: int
    start: int


@dataclass(frozen=True)
class Plan:
    """`routes`: visits in order by shift. `unplanned`: jobs left out, and why. `moved`: jobs whose visit of the plan
    before has another engineer or time. `cost` is comparable between plans of the same jobs and shifts."""

    routes: Mapping[int, Sequence[Visit]]
    unplanned: Mapping[int, Reason]
    cost: int
    travel: int
    moved: tuple[int, ...] = ()
    greedy_cost: int | None = None

    def visits(self) -> dict[int, Visit]:
        return {visit.job: visit for route in self.routes.values() for visit in route}


@dataclass
class World:
    """All jobs and shifts with the travel times between their places (nodes: jobs, then shifts' bases)."""

    jobs: Sequence[Job]
    shifts: Sequence[Shift]
    kmh: float = 25.0
    detour: float = 1.3
    parking: int = 5
    travel: Minutes = field(init=False)

    def __post_init__(self) -> None:
        bases = sorted({(s.lat, s.lon) for s in self.shifts})
        self._base = {place: len(self.jobs) + n for n, place in enumerate(bases)}
        places = np.array([*((j.lat, j.lon) for j in self.jobs), *bases], dtype=float).reshape(-1, 2)
        self.travel = self._travel(places)
        self.node = {job.id: n for n, job in enumerate(self.jobs)}
        self.job = {job.id: job for job in self.jobs}
        self.shift = {shift.id: shift for shift in self.shifts}
        self.rows = self.travel.tolist()

    def _travel(self, places: npt.NDArray[np.float64]) -> Minutes:
        """Minutes between places: straight lines on a flat map, stretched to streets, and parking. Ten km are small."""
        if not len(places):
            return np.zeros((0, 0), dtype=np.int64)
        scale = np.array([KM_PER_DEGREE, KM_PER_DEGREE * float(np.cos(np.radians(places[:, 0].mean())))])
        flat = places * scale
        apart = np.hypot(flat[:, None, 0] - flat[None, :, 0], flat[:, None, 1] - flat[None, :, 1])
        minutes: Minutes = np.ceil(apart * self.detour / self.kmh * 60).astype(np.int64)
        minutes[apart > 0.05] += self.parking
        return minutes

    def base(self, shift: Shift) -> int:
        return self._base[shift.lat, shift.lon]

    def able(self, job: Job, shift: Shift) -> bool:
        if job.fixed is not None:
            return job.fixed[0] == shift.id
        return job.needs <= shift.has and job.earliest < shift.end and job.latest >= shift.begin

    def timed(self, shift: Shift, jobs: Sequence[int]) -> list[Visit] | None:
        """The visits of a route at their earliest, None where it cannot be kept."""
        at, node, visits = shift.begin, self.base(shift), []
        for number in jobs:
            job, here = self.job[number], self.node[number]
            start = max(at + self.rows[node][here], job.earliest)
            if job.fixed is not None:
                if start > job.fixed[1]:
                    return None
                start = job.fixed[1]
            elif start > job.latest:
                return None
            visits.append(Visit(number, shift.id, start))
            at, node = start + job.minutes, here
        return visits if at + self.rows[node][self.base(shift)] <= shift.end else None

    def travelled(self, shift: Shift, jobs: Sequence[int]) -> int:
        nodes = [self.base(shift), *(self.node[j] for j in jobs), self.base(shift)]
        return sum(self.rows[a][b] for a, b in pairwise(nodes))

    def route_cost(self, shift: Shift, visits: Sequence[Visit]) -> int:
        late = sum(LATE[j.grade] * max(0, v.start - j.deadline) for v in visits for j in (self.job[v.job],))
        return late + self.travelled(shift, [v.job for v in visits])

    def cost(self, routes: Mapping[int, Sequence[Visit]], unplanned: Sequence[int]) -> int:
        out = sum(UNPLANNED[self.job[j].grade] for j in unplanned)
        return out + sum(self.route_cost(self.shift[s], visits) for s, visits in routes.items())


def to_json(plan: Plan, world: World) -> dict[str, Any]:
    """The plan by engineer, for programs."""
    visits = [
        {"job": v.job, "engineer": world.shift[v.shift].engineer, "shift": v.shift, "start_minute": v.start}
        for route in plan.routes.values() for v in route
    ]  # fmt: skip
    return {"visits": visits, "unplanned": dict(plan.unplanned), "cost": plan.cost, "travel_minutes": plan.travel,
            "moved": list(plan.moved), "greedy_cost": plan.greedy_cost}  # fmt: skip
