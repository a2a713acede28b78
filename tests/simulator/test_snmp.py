"""The agents answer real SNMP tools with the world's figures, and nothing kills them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.snmp import ber, message
from simulator.snmp.agent import Agent
from simulator.snmp.mib import Column, Mib, Rows
from simulator.snmp.olt import port_index
from simulator.snmp.serve import Served, serve_agents
from simulator.world import World
from tests.parts import program

HUAWEI = "1.3.6.1.4.1.2011.6.128.1.1"
NSCRTV = "1.3.6.1.4.1.17409.2"


@asynccontextmanager
async def serving(world: World, second: int, **options: object) -> AsyncIterator[Served]:
    served = await serve_agents(world, clock=lambda: float(second), community="plant", **options)  # type: ignore[arg-type]
    try:
        yield served
    finally:
        served.close()


async def tool(name: str, port: int, *arguments: str, community: str = "plant", options: str = "-Onqe") -> list[str]:
    """Lines of a net-snmp tool's output."""
    process = await asyncio.create_subprocess_exec(
        program(name, "snmp"), "-v2c", "-c", community, "-r1", "-t2", options, f"127.0.0.1:{port}", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await process.communicate()
    # on a new machine the first tool tells that it made its folder
    return [line for line in out.decode(errors="replace").splitlines() if not line.startswith("Created directory")]


def integers(lines: list[str]) -> dict[tuple[int, ...], int]:
    return {ber_oid(name): int(value) for name, value in (line.split(" ", 1) for line in lines)}


def ber_oid(text: str) -> tuple[int, ...]:
    return tuple(int(p) for p in text.strip(".").split("."))


@pytest.fixture
def now(plant: World) -> int:
    return int(plant.end.timestamp())


async def test_huawei_tables_hold_the_worlds_figures(plant: World, now: int) -> None:
    olt = plant.olts[1]
    told = plant.told(olt, np.array([now]))
    lines = plant.layout.lines
    async with serving(plant, now) as served:
        port = served.ports[olt.id]
        rx = integers(await tool("snmpbulkwalk", port, f"{HUAWEI}.2.51.1.4"))
        back = integers(await tool("snmpbulkwalk", port, f"{HUAWEI}.2.51.1.6"))
        state = integers(await tool("snmpbulkwalk", port, f"{HUAWEI}.2.46.1.15"))
        speed = integers(await tool("snmpbulkwalk", port, f"{HUAWEI}.2.62.1.4"))
    assert len(rx) == len(back) == len(state) == olt.lines.stop - olt.lines.start
    base = ber_oid(HUAWEI)
    for row in range(len(rx)):
        pon = int(lines.pon[olt.lines.start + row])
        card, number = int(plant.layout.pons.card[pon]), int(plant.layout.pons.port[pon])
        index = (0xFA000000 + card * 8192 + number * 256, int(lines.ont[olt.lines.start + row]))
        told_rx, told_back = float(told.line["rx_dbm"][row, 0]), float(told.line["olt_rx_dbm"][row, 0])
        silent = np.isnan(told_rx) or lines.mqtt[olt.lines.start + row]
        assert rx[(*base, 2, 51, 1, 4, *index)] == (2147483647 if silent else round(told_rx * 100))
        expected = 2147483647 if np.isnan(told_back) else round(told_back * 100) + 10000
        assert back[(*base, 2, 51, 1, 6, *index)] == expected
        assert state[(*base, 2, 46, 1, 15, *index)] == (1 if told.up[row, 0] else 2)
        assert speed[(*base, 2, 62, 1, 4, *index, 1)] in (-1, 2, 3)


async def test_nscrtv_tables_hold_the_worlds_figures(plant: World, now: int) -> None:
    olt = plant.olts[0]
    told = plant.told(olt, np.array([now]))
    lines = plant.layout.lines
    async with serving(plant, now) as served:
        port = served.ports[olt.id]
        volts = integers(await tool("snmpbulkwalk", port, f"{NSCRTV}.8.4.4.1.7"))
        tx = integers(await tool("snmpbulkwalk", port, f"{NSCRTV}.3.3.5.1.6"))
        serials = await tool("snmpbulkwalk", port, f"{NSCRTV}.8.4.1.1.3", options="-Onqx")
    assert len(volts) == len(serials) == olt.lines.stop - olt.lines.start
    for row in np.flatnonzero(told.up[:, 0] & ~told.missed[:, 0] & ~lines.mqtt[olt.lines])[:50].tolist():
        pon = int(lines.pon[olt.lines.start + row])
        card, number = int(plant.layout.pons.card[pon]), int(plant.layout.pons.port[pon])
        device = port_index("nscrtv", card, number) | int(lines.ont[olt.lines.start + row])
        raw = volts[(*ber_oid(NSCRTV), 8, 4, 4, 1, 7, device, 0, 0)]
        assert raw == pytest.approx(float(told.line["voltage_v"][row, 0]) * 1e5, abs=1)
    assert list(tx.values()) == [round(float(v) * 100) for v in told.pon["pon_tx_dbm"][:, 0]]
    first = bytes.fromhex(serials[0].split('"')[1].replace(" ", ""))
    known = str(plant.layout.units.serial[0, olt.lines.start])
    assert first[:4].decode() + first[4:].hex().upper() == known


async def test_a_whole_walk_ascends_and_getnext_agrees_with_getbulk(plant: World, now: int) -> None:
    async with serving(plant, now) as served:
        for port in served.ports.values():
            bulk = await tool("snmpbulkwalk", port, "1.3.6.1")
            single = await tool("snmpwalk", port, "1.3.6.1.2.1")
            names = [ber_oid(line.split(" ")[0]) for line in bulk if line.startswith(".1.3") and "No more" not in line]
            assert len(names) > 1500
            assert names == sorted(set(names))
            uptime = ".1.3.6.1.2.1.1.3.0"
            head = [line for line in bulk if line.startswith(".1.3.6.1.2.1.")]
            assert [x for x in head if uptime not in x] == [
                x for x in single if x.startswith(".1.3") and uptime not in x
            ]


async def test_what_is_not_there_is_said_so(plant: World, now: int) -> None:
    async with serving(plant, now) as served:
        port = served.ports[plant.olts[1].id]
        lines = await tool("snmpget", port, "1.3.6.1.2.1.99.1.0", "1.3.6.1.2.1.1.1.7", "1.3.6.1.2.1.1.5.0")
        beyond = await tool("snmpgetnext", port, "1.3.7")
    assert "No Such Object" in lines[0]
    assert "No Such Instance" in lines[1]
    assert plant.olts[1].id in lines[2]
    assert "No more variables" in beyond[0]


async def test_a_wrong_community_hears_nothing(plant: World, now: int) -> None:
    async with serving(plant, now) as served:
        lines = await tool("snmpget", served.ports[plant.olts[0].id], "1.3.6.1.2.1.1.1.0", community="guess")
        assert any("Timeout" in line for line in lines)
        assert served.agents[plant.olts[0].id].refused > 0


async def test_nothing_can_be_written(plant: World, now: int) -> None:
    async with serving(plant, now) as served:
        port = served.ports[plant.olts[0].id]
        lines = await tool("snmpset", port, "1.3.6.1.2.1.1.5.0", "s", "mine")
        again = await tool("snmpget", port, "1.3.6.1.2.1.1.5.0")
    assert any("notWritable" in line for line in lines)
    assert plant.olts[0].id in again[0]


async def test_responses_stay_within_the_size_the_agent_can_send(plant: World, now: int) -> None:
    async with serving(plant, now, max_message=1400) as served:
        agent = served.agents[plant.olts[0].id]
        answer = agent.answer(request(message.GET_BULK, [(1, 3, 6)], 0, 5000))
        assert answer is not None
        assert len(answer) <= 1400
        many = agent.answer(request(message.GET, [(1, 3, 6, 1, 2, 1, 1, 5, 0)] * 100))
        assert many is not None
        assert error_status(many) == message.TOO_BIG
        walked = await tool("snmpbulkwalk", served.ports[plant.olts[0].id], "-Cr500", f"{NSCRTV}.8.4.4.1.4")
    assert len(walked) == plant.olts[0].lines.stop


def request(kind: int, oids: list[tuple[int, ...]], first: int = 0, second: int = 0) -> bytes:
    pairs = b"".join(message.varbind(ber.oid_body(o), ber.tlv(ber.NULL, b"")) for o in oids)
    body = ber.integer(7) + ber.integer(first) + ber.integer(second) + ber.tlv(ber.SEQUENCE, pairs)
    return ber.tlv(ber.SEQUENCE, ber.integer(message.V2C) + ber.octets(b"plant") + ber.tlv(kind, body))


def error_status(answer: bytes) -> int:
    _, at, end = ber.read(answer, 0, len(answer), ber.SEQUENCE)
    _, at = ber.read_integer(answer, at, end)
    _, _, at = ber.read(answer, at, end, ber.OCTETS)
    _, at, end = ber.read(answer, at, end, message.RESPONSE)
    _, at = ber.read_integer(answer, at, end)
    return ber.read_integer(answer, at, end)[0]


def small_agent() -> Agent:
    rows = Rows([(i,) for i in range(5)])
    values = [ber.integer(i) for i in range(5)]
    columns = [Column((1, 3, 6, 1, 4, 1, 9, c), rows, lambda: values) for c in (1, 2, 3)]
    return Agent(Mib(columns), b"plant")


@pytest.fixture(scope="module")
def agent() -> Agent:
    return small_agent()


WHOLE = [
    request(message.GET, [(1, 3, 6, 1, 4, 1, 9, 1, 2)]),
    request(message.GET_NEXT, [(1, 3, 6), (1, 3, 6, 1, 4, 1, 9, 2, 4)]),
    request(message.GET_BULK, [(1, 3, 6, 1)], 0, 20),
    request(message.GET_BULK, [(1, 3, 6, 1), (1, 3), (1, 3, 6, 1, 4, 1, 9, 3)], 1, 7),
]


@given(data=st.binary(max_size=300))
def test_noise_on_the_port_never_kills_the_agent(agent: Agent, data: bytes) -> None:
    agent.answer(data)


@given(
    whole=st.sampled_from(WHOLE),
    changes=st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=4),
    cut=st.integers(0, 200),
)
def test_damaged_requests_never_kill_the_agent(
    agent: Agent, whole: bytes, changes: list[tuple[int, int]], cut: int
) -> None:
    damaged = bytearray(whole)
    for at, value in changes:
        damaged[at % len(damaged)] = value
    agent.answer(bytes(damaged[: len(damaged) - cut] if cut < len(damaged) else damaged))
    assert agent.answer(WHOLE[0]) is not None


@given(first=st.integers(-5, 2**31 - 1), second=st.integers(-5, 2**31 - 1))
def test_absurd_repetitions_are_bounded(agent: Agent, first: int, second: int) -> None:
    answer = agent.answer(request(message.GET_BULK, [(1, 3), (1, 3, 6)], first, second))
    assert answer is not None
    assert len(answer) <= 8192


@given(st.lists(st.integers(0, 2**32 - 1), min_size=0, max_size=120), st.integers(0, 2), st.integers(0, 39))
def test_object_identifiers_survive_the_wire(rest: list[int], first: int, second: int) -> None:
    oid = (first, second, *rest)
    assert ber.parse_oid(ber.oid_body(oid)) == oid


@given(st.integers(-(2**63), 2**63 - 1))
def test_integers_are_as_short_as_the_rules_ask(value: int) -> None:
    encoded = ber.integer.__wrapped__(value)
    body = encoded[2:]
    assert int.from_bytes(body, "big", signed=True) == value
    assert len(body) == 1 or not (body[0] in (0, 0xFF) and (body[0] ^ body[1]) < 0x80)


def test_a_mib_whose_columns_hide_one_another_is_refused() -> None:
    rows = Rows([(0,)])
    with pytest.raises(ValueError, match="holds column"):
        Mib([Column((1, 3, 6), rows, list), Column((1, 3, 6, 1), rows, list)])
    with pytest.raises(ValueError, match="ascend"):
        Rows([(2,), (1,)])


async def test_a_new_minute_brings_new_readings(plant: World, now: int) -> None:
    clock = [float(now)]
    served = await serve_agents(plant, community="plant", clock=lambda: clock[0])
    try:
        port = served.ports[plant.olts[0].id]
        first = await tool("snmpbulkwalk", port, f"{NSCRTV}.3.3.6.1.2")
        again = await tool("snmpbulkwalk", port, f"{NSCRTV}.3.3.6.1.2")
        clock[0] += 600
        later = await tool("snmpbulkwalk", port, f"{NSCRTV}.3.3.6.1.2")
    finally:
        served.close()
    assert first == again
    assert first != later
    assert [x.split(" ")[0] for x in first] == [x.split(" ")[0] for x in later]
