"""The whole way for many OLTs: asked, decoded, given to lines, spooled, stored, by a collector as in service.

10,000 and 100,000 lines are measured, and without `--quick` a million (1,000 OLTs of 1,000 ONTs). The collector is a
process of its own (bench/cycle.py), so that its memory and CPU are its alone; the agents are another one, on the same
cores. The plain way is measured right before and after each, with the same agents. What a line costs is measured
without the pauses the collector makes between requests, the cycle of a million lines with them.
"""

import asyncio
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from bench import agent, plain
from bench.agent import Agents
from bench.cycle import Cycle
from bench.result import Result

ONTS = 1000
QUICK, FULL = (10, 100), (10, 100, 1000)  # OLTs
NAMES = {10: "10k", 100: "100k", 1000: "1m"}
CYCLE_S, MEMORY_MB = 300.0, 2048.0  # what a million lines have to fit in


@dataclass(frozen=True)
class Measured:
    """A cycle, net seconds of it (see plain.net_seconds), and the plain way's net varbinds/s meanwhile."""

    cycle: Cycle
    net_s: float
    plain_rate: float
    agents_cpu_s: float

    @property
    def agents_share(self) -> float:
        """Of the CPU that the cycle cost, agents and collector together, per cent."""
        return 100.0 * self.agents_cpu_s / (self.agents_cpu_s + self.cycle.cpu_s)


def measure(quick: bool, folder: Path) -> list[Result]:
    """`line_cost_*` (µs of CPU; against that at 10,000 lines), `whole_way_*` (varbinds/s net of the agents' CPU),
    `agents_share_*` (theirs of all the CPU, %), `memory_*` (MiB at most, the rollup included), and of a million lines
    in service `cycle_1m` (s)."""
    sizes = QUICK if quick else FULL
    measured = {olts: _measured(olts, "unpaced", folder) for olts in sizes}
    costs = {olts: 1e6 * m.cycle.cpu_s / m.cycle.lines for olts, m in measured.items()}
    results = [
        Result(f"line_cost_{NAMES[olts]}", cost, "µs CPU", *_against_first(costs[sizes[0]], cost, olts != sizes[0]))
        for olts, cost in costs.items()
    ]
    for olts in sizes[1:]:
        m = measured[olts]
        rate = m.cycle.varbinds / m.net_s
        results.append(Result(f"whole_way_{NAMES[olts]}", rate, "varbinds/s", rate / m.plain_rate, plain.NAME))
        results.append(Result(f"agents_share_{NAMES[olts]}", m.agents_share, "% of the CPU, not counted", None, None))
    largest = sizes[-1]
    memory = measured[largest].cycle.peak_with_rollup_mb
    if not quick:
        paced = _measured(largest, "service", folder).cycle
        memory = max(memory, paced.peak_with_rollup_mb)
        results.append(
            Result(f"cycle_{NAMES[largest]}", paced.seconds, "s", CYCLE_S / paced.seconds, "a five-minute cycle")
        )
    results.append(Result(f"memory_{NAMES[largest]}", memory, "MiB", MEMORY_MB / memory, "2 GiB"))
    return results


def _against_first(first: float, cost: float, compares: bool) -> tuple[float | None, str | None]:
    return (first / cost, "the cost at 10k lines") if compares else (None, None)


def _measured(olts: int, pace: str, folder: Path) -> Measured:
    print(f"{olts * ONTS:,} lines of {olts} OLTs are polled ({pace})", file=sys.stderr)
    with agent.serving(ONTS, olts) as agents:
        before = asyncio.run(plain.measure(agents, 1)).points_net
        theirs = agents.cpu_s()
        cycle = _cycle(agents, pace, folder / f"cycle-{olts}-{pace}")
        theirs = agents.cpu_s() - theirs
        after = asyncio.run(plain.measure(agents, 1)).points_net
    return Measured(cycle, plain.net_seconds(cycle.seconds, cycle.cpu_s, theirs), max(before, after), theirs)


def _cycle(agents: Agents, pace: str, folder: Path) -> Cycle:
    folder.mkdir()
    command = [sys.executable, "-m", "bench.cycle", str(folder), pace, str(ONTS), *map(str, agents.ports)]
    told = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
    return Cycle(**json.loads(told))
