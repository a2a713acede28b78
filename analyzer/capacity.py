"""Which findings a week's crews should go to: most trouble avoided for each hour, the way there included.

A finding's score is the trouble avoided for each hour at the place. The first trip of a week into a grid costs
`travel_hours.first`, every other `travel_hours.next`: findings that lie together are worth more. Trips are taken one by
one, best first, until the capacity is used up or the next trip avoids less than `least_worth` for each hour.
"""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from analyzer.history import History
from analyzer.settings import Settings
from plant.finding import Finding


@dataclass(frozen=True)
class Capacity:
    """Visits a week of all crews, and in each grid (None: as many as there are)."""

    visits: int | None = None
    of_grid: int | None = None


@dataclass
class _Week:
    capacity: Capacity
    visits: int = 0
    by_grid: dict[str, int] = field(default_factory=dict)

    def has_room(self, grid: str) -> bool:
        c = self.capacity
        return (c.visits is None or self.visits < c.visits) and (
            c.of_grid is None or self.by_grid.get(grid, 0) < c.of_grid
        )

    def go(self, grid: str) -> None:
        self.visits += 1
        self.by_grid[grid] = self.by_grid.get(grid, 0) + 1


def grids_of(history: History) -> dict[str, str]:
    """The grid of each line that has one."""
    tree = history.tree
    return {
        str(line): str(tree.grids[g]) for line, g in zip(history.line_ids, tree.grid.tolist(), strict=True) if g >= 0
    }


def worth_going(
    findings: Sequence[Finding], grids: Mapping[str, str], capacity: Capacity, settings: Settings
) -> list[Finding]:
    """The week's trips, most worth first. `grids`: grid by line id; lines in none are one grid."""
    week = _Week(capacity)
    of = [_grid(f, grids) for f in findings]
    waiting: dict[str, set[int]] = {}
    for i, grid in enumerate(of):
        waiting.setdefault(grid, set()).add(i)
    heap = [(-_worth(f, False, settings), i, False) for i, f in enumerate(findings)]
    heapq.heapify(heap)
    chosen: list[Finding] = []
    while heap:
        worth, i, near = heapq.heappop(heap)
        grid = of[i]
        if i not in waiting[grid] or near != (grid in week.by_grid):
            continue  # gone already, or worth more since somebody goes into its grid anyway
        if -worth < settings.least_worth:
            break
        waiting[grid].discard(i)
        if not week.has_room(grid):
            continue
        if not near:
            for other in waiting[grid]:
                heapq.heappush(heap, (-_worth(findings[other], True, settings), other, True))
        week.go(grid)
        chosen.append(findings[i])
    return chosen


def travel_of(trips: Sequence[Finding], grids: Mapping[str, str], settings: Settings) -> list[float]:
    """Hours on the way of each of a week's trips: into a grid first, or on from another trip there."""
    seen: set[str] = set()
    hours = []
    for trip in trips:
        grid = _grid(trip, grids)
        hours.append(settings.travel_hours["next" if grid in seen else "first"])
        seen.add(grid)
    return hours


def _grid(finding: Finding, grids: Mapping[str, str]) -> str:
    return next((grids[line] for line in finding.lines if line in grids), "")


def _worth(finding: Finding, near: bool, settings: Settings) -> float:
    """Trouble avoided for each hour, the way included."""
    work = settings.crew_hours[finding.place.kind]
    return finding.score * work / (work + settings.travel_hours["next" if near else "first"])
