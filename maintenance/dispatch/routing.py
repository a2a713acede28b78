"""A block of a plan made better by OR-tools: some shifts with their jobs, and jobs without a visit nearby."""

from collections.abc import Mapping, Sequence

import numpy as np
from ortools.constraint_solver import pywrapcp, routing_enums_pb2

from maintenance.dispatch.model import LATE, UNPLANNED, Shift, World


def improve(
    world: World, shifts: Sequence[Shift], routes: Mapping[int, Sequence[int]], spare: Sequence[int], milliseconds: int
) -> dict[int, list[int]] | None:
    """Orders of jobs by shift, from routing with guided local search that begins at `routes`; None if it found none.

    `spare` are jobs that may be taken in. Fixed jobs stay with their shift and minute. The caller compares the costs.
    """
    jobs = [*(j for s in shifts for j in routes.get(s.id, ())), *spare]
    if not jobs:
        return None
    nodes = [*(world.node[j] for j in jobs), *(world.base(s) for s in shifts)]
    travel = world.travel[nodes][:, nodes]
    ends = [len(jobs) + n for n in range(len(shifts))]
    manager = pywrapcp.RoutingIndexManager(len(nodes), len(shifts), ends, ends)
    routing = pywrapcp.RoutingModel(manager)
    routing.SetArcCostEvaluatorOfAllVehicles(routing.RegisterTransitMatrix(travel.tolist()))
    spent = travel.copy()
    spent[: len(jobs)] += np.array([[world.job[j].minutes] for j in jobs])
    horizon = max(s.end for s in shifts) + 1
    routing.AddDimension(routing.RegisterTransitMatrix(spent.tolist()), horizon, horizon, False, "time")
    time = routing.GetDimensionOrDie("time")
    for v, shift in enumerate(shifts):
        time.CumulVar(routing.Start(v)).SetRange(shift.begin, shift.end)
        time.CumulVar(routing.End(v)).SetRange(shift.begin, shift.end)
        routing.AddVariableMinimizedByFinalizer(time.CumulVar(routing.End(v)))
    for n, number in enumerate(jobs):
        job, index = world.job[number], manager.NodeToIndex(n)
        low, high = (job.fixed[1], job.fixed[1]) if job.fixed else (job.earliest, min(job.latest, horizon))
        time.CumulVar(index).SetRange(low, high)
        able = [v for v, shift in enumerate(shifts) if world.able(job, shift)]
        routing.VehicleVar(index).SetValues(able if job.fixed else [-1, *able])
        if not job.fixed:
            routing.AddDisjunction([index], UNPLANNED[job.grade])
            if job.deadline < high:
                time.SetCumulVarSoftUpperBound(index, max(0, job.deadline), LATE[job.grade])
    parameters = pywrapcp.DefaultRoutingSearchParameters()
    parameters.local_search_metaheuristic = routing_enums_pb2.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
    parameters.time_limit.FromMilliseconds(milliseconds)
    routing.CloseModelWithParameters(parameters)
    at = {job: n for n, job in enumerate(jobs)}
    began = routing.ReadAssignmentFromRoutes([[at[j] for j in routes.get(s.id, ())] for s in shifts], True)
    solution = routing.SolveFromAssignmentWithParameters(began, parameters) if began else None
    if not solution:
        return None
    found: dict[int, list[int]] = {}
    for v, shift in enumerate(shifts):
        index, order = solution.Value(routing.NextVar(routing.Start(v))), []
        while not routing.IsEnd(index):
            order.append(jobs[manager.IndexToNode(index)])
            index = solution.Value(routing.NextVar(index))
        found[shift.id] = order
    return found
