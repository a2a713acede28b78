"""An agent that misbehaves on purpose, on a real socket. Behaviours are functions from a request to datagrams."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, cast

from simulator.snmp import ber, message
from simulator.snmp.mib import Column, Mib, Rows

TABLE = "1.3.6.1.4.1.99999.1"
COLUMN = f"{TABLE}.2"
Answers = Sequence[bytes | None]
Behaviour = Callable[["HostileAgent", message.Request], Answers]


def oid(text: str) -> ber.Oid:
    return tuple(int(n) for n in text.split("."))


def honest_mib(rows: int) -> Mib:
    """One table with columns 1 to 3 of as many rows; the value is the row's number times the column's."""
    ids = Rows([(n + 1,) for n in range(rows)])
    system = Rows([(0,)])

    def values(column: int) -> Callable[[], Sequence[bytes | None]]:
        made = [ber.integer((n + 1) * column) for n in range(rows)]
        return lambda: made

    columns = [Column(oid(f"{TABLE}.{c}"), ids, values(c)) for c in (1, 2, 3)]
    columns.append(Column(oid("1.3.6.1.2.1.1.1"), system, lambda: [ber.octets(b"an agent")]))
    return Mib(columns)


@dataclass
class HostileAgent(asyncio.DatagramProtocol):
    """Answers as `behaviour` says. `asked` keeps every request."""

    behaviour: Behaviour
    mib: Mib = field(default_factory=lambda: honest_mib(200))
    delay_s: float = 0.0
    asked: list[message.Request] = field(default_factory=list)
    transport: asyncio.DatagramTransport | None = None
    waiting: int = 0  # requests that have no answer yet, and the most there were
    most_waiting: int = 0
    peer: tuple[str | Any, int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        request = message.decode(data)
        self.asked.append(request)
        self.peer = addr
        self.waiting += 1
        self.most_waiting = max(self.most_waiting, self.waiting)
        for answer in self.behaviour(self, request):
            if answer is not None:
                asyncio.get_running_loop().call_later(self.delay_s, self._send, answer, addr)

    def _send(self, answer: bytes, addr: tuple[str | Any, int]) -> None:
        self.waiting -= 1
        if self.transport is not None and not self.transport.is_closing():
            self.transport.sendto(answer, addr)

    def honest(self, request: message.Request, most: int = 10_000) -> bytes:
        """The right answer, with at most so many rows."""
        if request.kind == message.GET_BULK:
            return message.response(request, self.mib.walk(request.names[0], min(request.second, most), 60_000))
        if request.kind == message.GET:
            return message.response(request, b"".join(map(self.mib.get, request.names)))
        return message.response(request, b"".join(self.mib.next(n)[0] for n in request.names))


@asynccontextmanager
async def serving(behaviour: Behaviour, **options: Any) -> AsyncIterator[tuple[HostileAgent, int]]:
    agent = HostileAgent(behaviour, **options)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: agent, local_addr=("127.0.0.1", 0))
    try:
        yield agent, int(transport.get_extra_info("sockname")[1])
    finally:
        transport.close()


def honest(agent: HostileAgent, request: message.Request) -> Answers:
    return [agent.honest(request)]


def silent(agent: HostileAgent, request: message.Request) -> Answers:
    return []


def garbage(agent: HostileAgent, request: message.Request) -> Answers:
    return [b"\x30\x82\xff\xffno answer at all"]


def truncated(agent: HostileAgent, request: message.Request) -> Answers:
    return [agent.honest(request)[:-5]]


def truncated_when_long(agent: HostileAgent, request: message.Request) -> Answers:
    whole = agent.honest(request)
    return [whole if request.second <= 10 else whole[:-5]]


def silent_when_long(agent: HostileAgent, request: message.Request) -> Answers:
    return [agent.honest(request)] if request.second <= 10 else []


def too_big_when_long(agent: HostileAgent, request: message.Request) -> Answers:
    if request.kind == message.GET_BULK and request.second > 10:
        return [message.response(request, b"", message.TOO_BIG)]
    return [agent.honest(request)]


def short(agent: HostileAgent, request: message.Request) -> Answers:
    """Three rows however many are asked for."""
    return [agent.honest(request, most=3)]


def twice(agent: HostileAgent, request: message.Request) -> Answers:
    return [agent.honest(request)] * 2


def other_ids(agent: HostileAgent, request: message.Request) -> Answers:
    """Answers to requests that were never made, then the right one."""
    false = message.varbind(ber.oid_body(oid(f"{COLUMN}.999")), ber.integer(666))
    return [message.response(replace(request, request_id=5), false), agent.honest(request)]


def from_elsewhere(agent: HostileAgent, request: message.Request) -> Answers:
    """A false answer with the right id, but from another port; then the right one."""
    assert agent.transport is not None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        false = message.varbind(ber.oid_body(oid(f"{COLUMN}.1")), ber.integer(666))
        assert agent.peer is not None
        stranger.sendto(message.response(request, false), agent.peer)
    return [agent.honest(request)]


def loses_the_third(agent: HostileAgent, request: message.Request) -> Answers:
    return [] if len(agent.asked) == 3 else [agent.honest(request)]


def _rows(request: message.Request, numbers: Sequence[int], column: str = COLUMN) -> bytes:
    body = b"".join(message.varbind(ber.oid_body(oid(f"{column}.{n}")), ber.integer(n)) for n in numbers)
    return message.response(request, body)


def _after(request: message.Request) -> int:
    asked = ber.parse_oid(request.names[0])
    base = oid(COLUMN)
    return asked[len(base)] if asked[: len(base)] == base and len(asked) > len(base) else 0


def endless(agent: HostileAgent, request: message.Request) -> Answers:
    """The column never ends."""
    start = _after(request)
    return [_rows(request, range(start + 1, start + 1 + max(1, request.second)))]


def circular(agent: HostileAgent, request: message.Request) -> Answers:
    """After row 40 comes row 1 again."""
    start = _after(request)
    return [_rows(request, [(start + n) % 40 + 1 for n in range(max(1, request.second))])]


def standing_still(agent: HostileAgent, request: message.Request) -> Answers:
    return [_rows(request, [7])]


def unordered(agent: HostileAgent, request: message.Request) -> Answers:
    """Thirty rows, the even ones before the odd ones."""
    order = [*range(2, 31, 2), *range(1, 31, 2)]
    start = _after(request)
    at = order.index(start) + 1 if start in order else 0
    if at == len(order):
        return [_rows(request, [1], column=f"{TABLE}.3")]
    return [_rows(request, order[at : at + max(1, min(request.second, 4))])]


def fails_after_20(agent: HostileAgent, request: message.Request) -> Answers:
    """genErr for every request that would go past row 20."""
    start = _after(request)
    if request.kind in (message.GET_BULK, message.GET_NEXT) and 20 <= start < 200:
        return [message.response(request, b"", 5)]
    return [agent.honest(request, most=20 - start if start < 20 else 50)]
