"""From poll to poll: devices are asked for no more than is needed, and what they tell stays together."""

from collections.abc import Sequence

import pytest

from collector.identity import Identity
from collector.profile import load_profiles
from collector.snmp import Poll, SnmpAsker
from collector.snmp.asker import DeviceMemory
from collector.snmp.session import Credentials
from collector.snmp.walk import Repetitions
from simulator.snmp import ber
from simulator.snmp.agent import Agent
from simulator.snmp.mib import Column, Mib, Rows
from tests.collector.plants import lines
from tests.collector.snmp.asking import asker, device, turnstile
from tests.collector.snmp.hostile import honest, oid, serving

H = "1.3.6.1.4.1.2011.6.128.1.1.2"
PORT = 0xFA000000


class Olt:
    """A Huawei OLT of a few ONTs whose tables change between polls."""

    def __init__(self) -> None:
        self.onts = {0: b"HWTC\0\0\0\1", 1: b"HWTC\0\0\0\2"}
        self.state = {0: 1, 1: 1}
        self.optics = True

    def mib(self) -> Mib:
        rows = Rows([(PORT, n) for n in sorted(self.onts)])

        def column(base: str, values: Sequence[bytes]) -> Column:
            return Column(oid(base), rows, lambda: values)

        numbers = sorted(self.onts)
        columns = [
            column(f"{H}.43.1.3", [ber.octets(self.onts[n]) for n in numbers]),
            column(f"{H}.46.1.15", [ber.integer(self.state[n]) for n in numbers]),
        ]
        if self.optics:
            columns.append(column(f"{H}.51.1.4", [ber.integer(-2000 - n) for n in numbers]))
        system = Rows([(0,)])
        columns.append(Column(oid("1.3.6.1.2.1.1.2"), system, lambda: [ber.oid(oid("1.3.6.1.4.1.2011.2.123"))]))
        return Mib(columns)


async def polled(olt: Olt, asks: SnmpAsker, tier: str) -> Poll:
    async with serving(honest, mib=olt.mib()) as (_, port):
        # the same device for the asker's memory, wherever it listens
        for memory in list(asks._memories.values()):
            asks._memories = {("OLT", "127.0.0.1", port): memory}
        return await asks.poll(device(port), "huawei", tier, turnstile())


async def test_a_column_that_does_not_answer_is_left_alone_for_a_while() -> None:
    asks, olt = asker("public"), Olt()
    first = await polled(olt, asks, "optics")
    again = await polled(olt, asks, "optics")
    assert again.requests < first.requests
    assert again.lines["rx_dbm"].to_pylist() == first.lines["rx_dbm"].to_pylist()
    assert any("catv_rx_dbm" in note for note in first.notes)


def test_it_is_asked_again_later() -> None:
    now = [0.0]
    memory = DeviceMemory(Repetitions(50), clock=lambda: now[0])
    memory.told("1.3", 0)
    assert memory.is_absent("1.3")
    now[0] = 3601.0
    assert not memory.is_absent("1.3")
    memory.told("1.3", 5)
    memory.told("1.3", 0)
    assert not memory.is_absent("1.3")


async def test_a_column_that_answered_before_and_says_nothing_now_is_no_answer() -> None:
    asks, olt = asker("public"), Olt()
    await polled(olt, asks, "optics")
    olt.optics = False
    poll = await polled(olt, asks, "optics")
    assert poll.lines["rx_dbm"].to_pylist() == [None, None]
    assert poll.lines["quality"].to_pylist() == ["rx_dbm:no_answer"] * 2


async def test_serials_come_with_the_first_poll_and_with_new_onts() -> None:
    asks, olt = asker("public"), Olt()
    first = await polled(olt, asks, "status")
    assert first.lines["ont_serial"].to_pylist() == ["HWTC00000001", "HWTC00000002"]
    second = await polled(olt, asks, "status")
    assert second.lines["ont_serial"].null_count == 2
    assert second.requests < first.requests
    olt.onts[2], olt.state[2] = b"HWTC\0\0\0\3", 1
    third = await polled(olt, asks, "status")
    assert third.lines["ont_serial"].to_pylist() == ["HWTC00000001", "HWTC00000002", "HWTC00000003"]


async def test_a_swapped_ont_is_seen_with_its_optics() -> None:
    asks, olt = asker("public"), Olt()
    await polled(olt, asks, "status")
    olt.onts[1] = b"ZTEG\0\0\0\7"
    poll = await polled(olt, asks, "optics")
    assert poll.lines["ont_serial"].to_pylist() == ["HWTC00000001", "ZTEG00000007"]


async def test_what_a_poll_tells_fits_the_inventory() -> None:
    identity = Identity(lines(("L1", "OLT", "0/0/0", "HWTC00000001", 0), ("L2", "OLT", "0/0/0", None, 1)))
    asks, olt = asker("public"), Olt()
    olt.state[1] = 2
    batches, known = identity.batches("OLT", "status", await polled(olt, asks, "status"))
    by_line = {b.table["line_id"].to_pylist()[0]: b.table for b in batches}
    assert by_line["L1"]["line_id"].to_pylist() == ["L1", "L2"]
    assert by_line["L1"]["state"].to_pylist() == ["up", "down"]
    assert by_line["pon:OLT/0/0/0"]["onts_up"].to_pylist() == [1.0]
    assert known.unknown == ()
    batches, _ = identity.batches("OLT", "optics", await polled(olt, asks, "optics"))
    assert batches[0].table["rx_dbm"].to_pylist() == [pytest.approx(-20.0), None]


async def test_credentials_are_read_when_the_device_is_asked() -> None:
    asked = []

    def credentials(_: object) -> Credentials:
        asked.append(1)
        return Credentials("public")

    asks = SnmpAsker(load_profiles(), credentials=credentials)
    assert not asked
    await polled(Olt(), asks, "status")
    assert len(asked) == 1


async def test_the_agent_of_the_simulator_is_not_flooded() -> None:
    """A whole optics poll of 1,000 ONTs stays within a few hundred requests."""
    rows = Rows([(PORT + 256 * p, n) for p in range(8) for n in range(125)])
    values = [ber.integer(-2000)] * 1000
    columns = [Column(oid(f"{H}.51.1.{c}"), rows, lambda: values) for c in range(1, 8)]
    columns.append(Column(oid(f"{H}.46.1.15"), rows, lambda: [ber.integer(1)] * 1000))
    agent = Agent(Mib(columns), b"public")
    async with serving(lambda _, request: [agent._respond(request)]) as (hostile, port):
        poll = await asker("public").poll(device(port), "huawei", "optics", turnstile())
    assert poll.lines.num_rows == 1000
    assert poll.requests == len(hostile.asked) <= 200
    assert hostile.most_waiting == 1


async def test_a_device_that_says_it_is_busy_is_asked_more_slowly() -> None:
    rows = Rows([(PORT, n) for n in range(2)])
    slots = Rows([(0, 0), (0, 7)])
    columns = [
        Column(oid(f"{H}.46.1.15"), rows, lambda: [ber.integer(1)] * 2),
        Column(oid("1.3.6.1.4.1.2011.2.6.7.1.1.2.1.5"), slots, lambda: [ber.integer(12), ber.integer(97)]),
    ]
    async with serving(honest, mib=Mib(columns)) as (_, port):
        gate = turnstile()
        poll = await asker("public").poll(device(port), "huawei", "status", gate)
    assert gate.pacer.slowed == 1
    assert any("busy" in note for note in poll.notes)


async def test_lines_without_a_state_are_told_and_their_optics_do_not_count() -> None:
    optics, states = Rows([(PORT, n) for n in range(3)]), Rows([(PORT, 0)])
    columns = [
        Column(oid(f"{H}.46.1.15"), states, lambda: [ber.integer(1)]),
        Column(oid(f"{H}.51.1.4"), optics, lambda: [ber.integer(-2000)] * 3),
    ]
    async with serving(honest, mib=Mib(columns)) as (_, port):
        poll = await asker("public").poll(device(port), "huawei", "optics", turnstile())
    assert poll.lines["rx_dbm"].to_pylist() == [pytest.approx(-20.0), None, None]
    assert any("2 of 3 lines tell no state" in note for note in poll.notes)
