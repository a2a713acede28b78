"""Agents that misbehave: what can be read is read, walks end, and what was odd is said."""

import asyncio
from dataclasses import replace

import pytest

from collector.pacing import PaceLimits
from collector.snmp.session import Credentials, CredentialsError, GarbledError, RefusedError, SilentError, open_session
from collector.snmp.walk import Repetitions, Walked, Walker, WalkLimits
from collector.turnstile import BudgetSpentError, Turnstile
from tests.collector.snmp import hostile
from tests.collector.snmp.asking import asker, device, turnstile
from tests.collector.snmp.hostile import COLUMN, Behaviour, serving
from tests.parts import free_port

WHOLE = [str(n + 1) for n in range(200)]


async def walker(port: int, *, timeout_s: float = 0.2, gate: Turnstile | None = None, **limits: int) -> Walker:
    session = await open_session(device(port), Credentials("public"), timeout_s)
    return Walker(session, gate or turnstile(), WalkLimits(**limits))


async def walked(behaviour: Behaviour, **limits: int) -> tuple[Walked, Walker, hostile.HostileAgent]:
    async with serving(behaviour) as (agent, port):
        walk = await walker(port, **limits)
        return await walk.column(COLUMN), walk, agent


@pytest.mark.parametrize(
    "behaviour",
    [
        hostile.honest,
        hostile.short,
        hostile.twice,
        hostile.other_ids,
        hostile.from_elsewhere,
        hostile.truncated_when_long,
        hostile.silent_when_long,
        hostile.too_big_when_long,
        hostile.loses_the_third,
    ],
)
async def test_every_row_comes_once_in_spite_of_it(behaviour: Behaviour) -> None:
    column, _, _ = await walked(behaviour)
    assert column.rows == WHOLE
    assert column.values == [2 * (n + 1) for n in range(200)]


async def test_fewer_rows_are_asked_for_when_many_bring_no_answer() -> None:
    for behaviour in (hostile.truncated_when_long, hostile.silent_when_long, hostile.too_big_when_long):
        _, walk, agent = await walked(behaviour)
        assert all(r.second <= 10 for r in agent.asked[-3:])
        assert walk.requests == len(agent.asked) < 60


async def test_a_size_that_failed_twice_is_not_tried_again() -> None:
    sizes = Repetitions(50)
    for _ in range(2):
        while sizes.now > 12:
            sizes.failed()
        for _ in range(40):
            sizes.answered()
    assert sizes.now == sizes.ceiling == 12


async def test_one_lost_packet_changes_nothing_for_long() -> None:
    sizes = Repetitions(50)
    sizes.failed()
    assert sizes.now == 25
    for _ in range(4):
        sizes.answered()
    assert sizes.now == 50


@pytest.mark.parametrize("behaviour", [hostile.circular, hostile.standing_still, hostile.endless])
async def test_a_walk_that_never_ends_is_ended_and_said_so(behaviour: Behaviour) -> None:
    column, walk, agent = await walked(behaviour, rows=500)
    assert len(column.rows) == len(set(column.rows)) <= 500
    assert len(agent.asked) <= 12
    assert any("comes round again" in note or "does not end" in note for note in walk.notes)


async def test_rows_out_of_order_are_all_read() -> None:
    column, walk, _ = await walked(hostile.unordered)
    assert sorted(set(column.rows), key=int) == [str(n) for n in range(1, 31)]
    assert any("not come in order" in note for note in walk.notes)


async def test_an_agent_that_fails_halfway_is_not_taken_for_the_end() -> None:
    column, walk, _ = await walked(hostile.fails_after_20)
    assert column.rows == WHOLE[:20]
    assert any("fails to go on" in note for note in walk.notes)


async def test_silence_ends_after_four_requests_and_names_the_remedy() -> None:
    async with serving(hostile.silent) as (agent, port):
        with pytest.raises(SilentError, match="does not answer within") as caught:
            await asker("public", timeout_s=0.1).choose(device(port), turnstile())
        assert len(agent.asked) == 4
    for word in ("address", "community", str(port)):
        assert word in str(caught.value)


@pytest.mark.parametrize("behaviour", [hostile.garbage, hostile.truncated])
async def test_garbage_is_no_answer(behaviour: Behaviour) -> None:
    async with serving(behaviour) as (agent, port):
        with pytest.raises(GarbledError, match="SNMP agent"):
            await asker("public", timeout_s=0.1).choose(device(port), turnstile())
        assert len(agent.asked) <= 4


async def test_a_closed_port_is_told_at_once() -> None:
    port = free_port()
    patience = 60
    async with asyncio.timeout(patience / 2):  # an answer of the system, not the end of our patience
        with pytest.raises(RefusedError, match="SNMP is on"):
            await asker("public", timeout_s=patience).choose(device(port), turnstile())


async def test_a_name_that_does_not_resolve_is_told() -> None:
    nowhere = replace(device(161), host="no-such-host.invalid")
    with pytest.raises(RefusedError, match="does not resolve"):
        await asker("public").choose(nowhere, turnstile())


async def test_slow_answers_are_waited_for_and_slow_the_pace() -> None:
    async with serving(hostile.honest, delay_s=0.15) as (_, port):
        gate = turnstile()
        walk = await walker(port, timeout_s=1.0, gate=gate)
        column = await walk.column(COLUMN)
    assert column.rows == WHOLE
    assert walk.requests < 10


async def test_no_two_requests_are_in_flight() -> None:
    async with serving(hostile.honest, delay_s=0.02) as (agent, port):
        await (await walker(port)).column(COLUMN)
    assert len(agent.asked) >= 4
    assert agent.most_waiting == 1


async def test_the_budget_is_never_exceeded() -> None:
    async with serving(hostile.short) as (agent, port):
        gate = Turnstile(PaceLimits(first_rate=1000.0), requests_per_hour=10)
        walk = await walker(port, gate=gate)
        with pytest.raises(BudgetSpentError):
            await walk.column(COLUMN)
        assert len(agent.asked) == 10


async def test_timeouts_slow_the_pace() -> None:
    async with serving(hostile.silent_when_long) as (_, port):
        gate = turnstile()
        await (await walker(port, gate=gate)).column(COLUMN)
        assert gate.pacer.slowed >= 2
        assert gate.pacer.rate < 1000


async def test_version_3_without_a_user_is_told() -> None:
    with pytest.raises(CredentialsError, match="user"):
        await asker("public").choose(device(1, version="3"), turnstile())


async def test_secrets_are_in_no_message_and_no_repr() -> None:
    secrets = Credentials("hidden-community", user="poller", auth_key="hidden-auth", priv_key="hidden-priv")
    assert "hidden" not in repr(secrets)
    async with serving(hostile.silent) as (_, port):
        with pytest.raises(SilentError) as caught:
            await asker("hidden-community", timeout_s=0.05).choose(device(port), turnstile())
    assert "hidden" not in str(caught.value)
