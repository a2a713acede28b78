"""The fragile OLT bears gentle hands and falls under rough ones."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from simulator.snmp import ber, message
from simulator.snmp.agent import Agent
from simulator.snmp.fragile import FragileAgent, Weakness
from simulator.snmp.serve import serve_agents
from simulator.snmp.snapshot import Snapshot
from simulator.world import World

WEAK = Weakness(service_s=0.002, rate=20, patience=40, reboot_s=0.4)


@pytest.fixture
async def fragile(plant: World) -> AsyncIterator[tuple[FragileAgent, int]]:
    made: list[FragileAgent] = []

    def wrap(snapshot: Snapshot, agent: Agent) -> FragileAgent:
        made.append(FragileAgent(snapshot, agent, WEAK))
        return made[-1]

    served = await serve_agents(plant, clock=plant.end.timestamp, community="plant", wrap=wrap)
    yield made[0], served.ports[plant.olts[0].id]
    served.close()


def question() -> bytes:
    pair = message.varbind(ber.oid_body((1, 3, 6, 1, 2, 1, 1, 1, 0)), ber.tlv(ber.NULL, b""))
    body = ber.integer(1) + ber.integer(0) + ber.integer(0) + ber.tlv(ber.SEQUENCE, pair)
    return ber.tlv(ber.SEQUENCE, ber.integer(1) + ber.octets(b"plant") + ber.tlv(message.GET, body))


async def asked(port: int, wait_s: float = 0.3) -> bool:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        await loop.sock_sendto(sock, question(), ("127.0.0.1", port))
        try:
            async with asyncio.timeout(wait_s):
                return bool(await loop.sock_recv(sock, 2000))
        except TimeoutError:
            return False


async def test_gentle_questions_are_all_answered(fragile: tuple[FragileAgent, int]) -> None:
    agent, port = fragile
    for _ in range(15):
        assert await asked(port, 2)
        await asyncio.sleep(0.06)
    assert agent.reboots == 0
    assert agent.lost == 0


async def test_abuse_ends_in_a_reboot_and_the_device_comes_back(fragile: tuple[FragileAgent, int]) -> None:
    agent, port = fragile
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for _ in range(400):
            sock.sendto(question(), ("127.0.0.1", port))
            await asyncio.sleep(0)
    await asyncio.sleep(0.05)
    assert agent.reboots >= 1
    assert agent.lost >= WEAK.patience
    assert not await asked(port, 0.05)
    for _ in range(40):
        if await asked(port):
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the device never came back")
