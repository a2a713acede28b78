"""Answers that come late, over IPv6, of the wrong type, from before a restart: nothing is made up, nothing is lost."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from collector.drain import Drain
from collector.identity import Identity
from collector.profile import load_profiles
from collector.snmp.decode import decode
from collector.snmp.session import Credentials, Value, open_session
from collector.snmp.walk import Walker, WalkLimits
from collector.spool import Spool
from simulator.snmp import ber, message
from storage.opening import open_store
from tests.collector.plants import lines
from tests.collector.service.test_identity import Rows
from tests.collector.snmp import hostile
from tests.collector.snmp.asking import device, turnstile
from tests.collector.snmp.hostile import COLUMN, HostileAgent, oid, serving

WHOLE = [str(n + 1) for n in range(200)]
HUAWEI = {c.field.name: c for _, c in load_profiles()["huawei"].columns("line")}


class LateOnce:
    """The second answer comes after the request has been given up and asked again: when others are awaited."""

    def __call__(self, agent: HostileAgent, request: message.Request) -> Sequence[bytes | None]:
        answer = agent.honest(request, most=20)
        if len(agent.asked) != 2:
            return [answer]
        false = message.varbind(ber.oid_body(oid(f"{COLUMN}.21")), ber.integer(666))
        for delay in (0.25, 0.255, 0.26):
            asyncio.get_running_loop().call_later(delay, self._send, agent, message.response(request, false))
        return []

    def _send(self, agent: HostileAgent, answer: bytes) -> None:
        assert agent.transport is not None
        agent.transport.sendto(answer, agent.peer)


async def test_a_late_answer_is_not_taken_for_the_one_that_is_awaited() -> None:
    async with serving(LateOnce(), delay_s=0.01) as (_, port):
        session = await open_session(device(port), Credentials("public"), 0.2)
        column = await Walker(session, turnstile(), WalkLimits()).column(COLUMN)
        session.close()
    assert list(column.rows) == WHOLE
    assert 666 not in column.values


async def test_ipv6() -> None:
    loop = asyncio.get_running_loop()
    try:
        transport, _ = await loop.create_datagram_endpoint(lambda: HostileAgent(hostile.honest), local_addr=("::1", 0))
    except OSError as error:
        pytest.skip(f"this machine has no IPv6: {error}")
    port = transport.get_extra_info("sockname")[1]
    session = await open_session(replace(device(port), host="::1"), Credentials("public"), 1.0)
    assert list((await Walker(session, turnstile(), WalkLimits()).column(COLUMN)).rows) == WHOLE
    session.close()
    transport.close()


# What gufo hands over where an agent answers with something else than the integer its MIB promises.
WRONG: list[Value] = [b"", b"\x00\x01", b"up and running", "10.0.0.1", "1.3.6.1.4.1", None, b"\xff" * 9, 1e300]


@pytest.mark.parametrize("field", ["rx_dbm", "voltage_v", "fec_corrected", "distance_m", "eth_speed_mbps"])
async def test_a_wrong_type_is_no_reading_and_disturbs_no_other(field: str) -> None:
    good = {"rx_dbm": -2000, "voltage_v": 3300, "fec_corrected": 7, "distance_m": 900, "eth_speed_mbps": 3}[field]
    alone = decode(HUAWEI[field], [good]).values.to_pylist()
    decoded = decode(HUAWEI[field], [good, *WRONG, good])
    assert decoded.values.to_pylist() == [*alone, *[None] * len(WRONG), *alone]
    assert all(code > 0 for code in decoded.codes[1:-1])


@pytest.mark.parametrize(
    ("counts", "rise"),
    [
        ([100, 160, 400], 300),
        ([2**32 - 100, 2**32 - 1, 49], 149),  # a 32-bit counter goes round
        ([5000, 5100, 30, 80], 100 + 80),  # the ONT started again: what it counted since is all that is sure
        ([700, None, 900], 200),  # one poll was not answered
    ],
)
async def test_counters_rise_by_what_was_counted_through_wraps_and_restarts(
    tmp_path: Path, counts: list[int | None], rise: int
) -> None:
    spool = Spool(tmp_path / "spool", 1 << 20)
    store = await open_store(f"delta:{tmp_path / 'store'}", zone="UTC", read_only=False)
    identity = Identity(lines(("L1", "OLT", "0/1", "HWTC00000001", 1)))
    start = datetime(2026, 3, 1, 12, 5, tzinfo=UTC)
    # The last two come in the wrong order, as after a jump of the clock: readings count by when they were taken.
    order = [*range(len(counts) - 2), len(counts) - 1, len(counts) - 2]
    try:
        for n in order:
            rows = Rows(("0/1", 1, "HWTC00000001"))
            raw: list[Value] = [counts[n]]
            decoded = decode(HUAWEI["fec_corrected"], raw)
            rows.lines = rows.lines.drop_columns(["rx_dbm"]).append_column("fec_corrected", decoded.values)
            rows.time = start + timedelta(minutes=15 * n)
            batches, _ = identity.batches("OLT", "errors", rows)
            await spool.put(batches)
            assert await Drain(spool, store).empty(10)
        await store.rollup()
        day = await store.series("L1", ["fec_corrected"], start - timedelta(days=1), start + timedelta(days=1), "day")
        assert sum(v for v in day["fec_corrected_increase"].to_pylist() if v is not None) == rise
    finally:
        await spool.close()
        await store.close()
