"""The agents a controller knows: where each listens, and when it is asked next, so that none is asked too often."""

import heapq
import random
from collections.abc import Iterator
from dataclasses import dataclass

MOST_AGENTS = 1_200_000  # half a kilobyte each; beyond it the one heard of longest ago is forgotten
ANSWER_WITHIN_S = 60.0
SHORTEST_PAUSE_S = 60.0  # between two questions, however often an agent says that it booted
LONGEST_PAUSE_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Address:
    """Where an agent listens. `suffixed`: it expects our own topic at the end of the name, as MQTT 3.1.1 agents do."""

    topic: str
    suffixed: bool


@dataclass(slots=True)
class Agent:
    """`due`: when it is asked next, or given up on where `waiting`. `failures`: questions in a row without answer."""

    address: Address
    version: str
    due: float
    serial: str = ""
    waiting: bool = False
    failures: int = 0
    asked: float = float("-inf")


class Agents:
    """Known agents by endpoint id. Times are of a clock that never goes back, in seconds."""

    def __init__(self, every_s: float, gets_per_s: float, settle_s: float, chance: random.Random) -> None:
        """`settle_s`: what an agent that just started is left alone for."""
        self._every_s, self._per_s, self._settle_s, self._chance = every_s, gets_per_s, settle_s, chance
        self._known: dict[str, Agent] = {}  # in the order they were last heard of
        self._heap: list[tuple[float, str]] = []
        self._tokens, self._refilled = 0.0, 0.0
        self.unanswered = 0

    def __len__(self) -> int:
        return len(self._known)

    def get(self, endpoint: str) -> Agent | None:
        return self._known.get(endpoint)

    def heard(self, endpoint: str, address: Address, version: str, now: float) -> Agent:
        """Note where an agent listens. One not known before is asked some time within the cadence."""
        agent = self._known.pop(endpoint, None)
        if agent is None:
            agent = Agent(address, version, now + self._every_s * self._chance.random())
            self._push(endpoint, agent)
            if len(self._known) >= MOST_AGENTS:
                del self._known[next(iter(self._known))]
        agent.address, agent.version = address, version
        self._known[endpoint] = agent
        return agent

    def started(self, endpoint: str, now: float) -> None:
        """It booted or wants to be onboarded: ask it soon."""
        agent = self._known[endpoint]
        agent.waiting, agent.failures = False, 0
        settled = now + self._settle_s * (1 + self._chance.random())
        self._again(endpoint, agent, max(settled, agent.asked + SHORTEST_PAUSE_S))

    def alive(self, endpoint: str, now: float) -> None:
        """A sign of life: one that was given up on is asked within the cadence again."""
        agent = self._known[endpoint]
        if agent.failures:
            agent.failures = 0
            if not agent.waiting:
                self._again(endpoint, agent, min(agent.due, now + self._every_s * self._chance.random()))

    def answered(self, endpoint: str, now: float) -> None:
        """Its answer came: it has peace for a cadence."""
        agent = self._known[endpoint]
        agent.waiting, agent.failures = False, 0
        self._again(endpoint, agent, now + self._every_s * self._chance.uniform(0.9, 1.1))

    def gone(self, endpoint: str) -> None:
        self._known.pop(endpoint, None)

    def due(self, now: float) -> Iterator[tuple[str, Agent]]:
        """Agents to ask now, no more than the rate allows; each is then waited for."""
        self._tokens = min(max(1.0, self._per_s), self._tokens + (now - self._refilled) * self._per_s)
        self._refilled = now
        while self._heap and self._heap[0][0] <= now:
            due, endpoint = self._heap[0]
            agent = self._known.get(endpoint)
            if agent is None or agent.due != due:
                heapq.heappop(self._heap)  # forgotten, or put off meanwhile
            elif agent.waiting:
                heapq.heappop(self._heap)
                self.unanswered += 1
                agent.waiting, agent.failures = False, agent.failures + 1
                pause = min(LONGEST_PAUSE_S, self._every_s * 2.0 ** min(agent.failures - 1, 20))
                self._again(endpoint, agent, now + pause * self._chance.uniform(0.9, 1.1))
            elif self._tokens < 1:
                return
            else:
                heapq.heappop(self._heap)
                self._tokens -= 1
                agent.waiting, agent.asked = True, now
                self._again(endpoint, agent, now + ANSWER_WITHIN_S)
                yield endpoint, agent

    def _again(self, endpoint: str, agent: Agent, due: float) -> None:
        agent.due = due
        self._push(endpoint, agent)

    def _push(self, endpoint: str, agent: Agent) -> None:
        heapq.heappush(self._heap, (agent.due, endpoint))
        if len(self._heap) > 4 * len(self._known) + 1000:  # what was put off leaves its old place behind
            self._heap = [(a.due, e) for e, a in self._known.items()]
            heapq.heapify(self._heap)
