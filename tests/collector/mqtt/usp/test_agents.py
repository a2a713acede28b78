"""When an agent is asked: never too often, never all at once."""

import itertools
import random

from collector.mqtt.usp.agents import Address, Agents

HERE = Address("usp/agent/1", suffixed=False)


def book(every_s: float = 3600, per_s: float = 10, settle_s: float = 5) -> Agents:
    return Agents(every_s, per_s, settle_s, random.Random(1))


def due(agents: Agents, now: float) -> list[str]:
    return [endpoint for endpoint, _ in agents.due(now)]


def test_a_region_that_boots_at_once_is_asked_no_faster_than_the_rate() -> None:
    agents = book(per_s=10)
    for n in range(1000):
        agents.heard(f"a{n}", HERE, "1.3", 0.0)
        agents.started(f"a{n}", 0.0)
    asked = [len(due(agents, float(second))) for second in range(200)]
    assert sum(asked[:5]) == 0  # they have just started
    assert max(asked) <= 10
    assert sum(asked) >= 1000


def test_an_agent_that_answers_is_asked_once_a_cadence() -> None:
    agents = book(every_s=600)
    agents.heard("a", HERE, "1.3", 0.0)
    asked = []
    for second in range(6000):
        for endpoint in due(agents, float(second)):
            asked.append(second)
            agents.answered(endpoint, second + 1.0)
    assert 9 <= len(asked) <= 11
    assert min(b - a for a, b in itertools.pairwise(asked)) >= 540


def test_an_agent_that_does_not_answer_is_asked_ever_more_seldom() -> None:
    agents = book(every_s=600)
    agents.heard("a", HERE, "1.3", 0.0)
    asked = [second for second in range(0, 100_000, 10) if due(agents, float(second))]
    gaps = [b - a for a, b in itertools.pairwise(asked)]
    assert gaps == sorted(gaps)
    assert len(asked) < 10
    assert agents.unanswered >= len(asked) - 1
    agents.alive("a", 100_000.0)
    assert any(due(agents, 100_000.0 + second) for second in range(0, 700, 10))


def test_an_agent_that_boots_all_the_time_is_not_asked_all_the_time() -> None:
    agents = book()
    asked = 0
    for second in range(600):
        agents.heard("a", HERE, "1.3", float(second))
        agents.started("a", float(second)) if second % 8 == 0 else None
        for endpoint in due(agents, float(second)):
            asked += 1
            agents.answered(endpoint, float(second))
    assert asked <= 10


def test_an_agent_that_is_gone_is_not_asked() -> None:
    agents = book()
    agents.heard("a", HERE, "1.3", 0.0)
    agents.started("a", 0.0)
    agents.gone("a")
    assert [due(agents, float(second)) for second in range(100)] == [[]] * 100


def test_the_book_does_not_grow_with_what_is_put_off() -> None:
    agents = book()
    for n in range(10_000):
        agents.heard("a", HERE, "1.3", float(n))
        agents.started("a", float(n))
    assert len(agents._heap) < 2000
