"""The agent on its UDP port: answers GET, GETNEXT and GETBULK of version 2c, and nothing else."""

import asyncio
from collections.abc import Callable
from typing import cast

import structlog

from simulator.snmp import ber, message
from simulator.snmp.message import Request
from simulator.snmp.mib import Mib

log = structlog.get_logger(__name__)

MAX_MESSAGE = 8192  # bytes; what many agents send at most, and well below a datagram's limit
_HEAD_ROOM = 64  # of a response around its varbinds, without the community
_MAX_REPETITIONS = 10_000


class Agent(asyncio.DatagramProtocol):
    """Serves `mib` to those who know `community`; others hear nothing. `refresh` is called before each answer."""

    def __init__(
        self, mib: Mib, community: bytes, *, refresh: Callable[[], None] | None = None, max_message: int = MAX_MESSAGE
    ) -> None:
        self.mib = mib
        self._community = community
        self._refresh = refresh
        self._max_message = max_message
        self._transport: asyncio.DatagramTransport | None = None
        self.requests = 0
        self.malformed = 0
        self.refused = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self.answer(data)
        if answer is not None and self._transport is not None:
            self._transport.sendto(answer, addr)

    def error_received(self, exc: Exception) -> None:
        # A manager that went away: the kernel tells of its closed port.
        log.debug("agent_peer_gone", error=str(exc))

    def answer(self, data: bytes) -> bytes | None:
        """The response to one datagram; None where an agent keeps silent."""
        try:
            request = message.decode(data)
            if request.community != self._community:
                self.refused += 1
                return None
            self.requests += 1
            if self._refresh is not None:
                self._refresh()
            return self._respond(request)
        except ber.MalformedError:
            self.malformed += 1
            return None

    def _respond(self, request: Request) -> bytes:
        room = self._max_message - _HEAD_ROOM - len(request.community)
        if request.kind == message.GET_BULK:
            return message.response(request, self._bulk(request, room))
        if request.kind == message.SET:
            return message.response(request, request.varbinds, message.NOT_WRITABLE, 1)
        if request.kind == message.GET:
            body = b"".join(map(self.mib.get, request.names))
        else:
            body = b"".join(self.mib.next(name)[0] for name in request.names)
        if len(body) > room:
            return message.response(request, b"", message.TOO_BIG)
        return message.response(request, body)

    def _bulk(self, request: Request, room: int) -> bytes:
        """RFC 3416, section 4.2.3: as much of the repetitions as fits."""
        single = min(max(request.first, 0), len(request.names))
        repetitions = min(max(request.second, 0), _MAX_REPETITIONS)
        if single == 0 and len(request.names) == 1:
            return self.mib.walk(request.names[0], repetitions, room)
        out: list[bytes] = []
        for name in request.names[:single]:
            out.append(self.mib.next(name)[0])
            room -= len(out[-1])
        names = list(request.names[single:])
        for _ in range(repetitions):
            alive = False
            for i, name in enumerate(names):
                pair, oid = self.mib.next(name)
                room -= len(pair)
                if room < 0:
                    return b"".join(out)
                out.append(pair)
                if oid is not None:
                    names[i] = ber.oid_body(oid)
                    alive = True
            if not alive:
                break
        return b"".join(out)
