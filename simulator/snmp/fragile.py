"""An OLT whose CPU is weak: slower under load, silent above a rate, and rebooting when it is abused.

It stands in for the line cards that fall over when their optics are walked too often; a collector that is gentle
never sees it fall.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import cast

import structlog

from simulator.snmp.agent import Agent
from simulator.snmp.snapshot import Snapshot

log = structlog.get_logger(__name__)

_WINDOW_S = 5.0  # over which the load is judged
_IDLE_CPU = 15
_FULL_CPU = 99


@dataclass(frozen=True)
class Weakness:
    """`service_s` is a request's time at rest; it grows with the square of the load. Above `rate` requests a second
    requests are lost; after `patience` lost ones within five seconds the device reboots for `reboot_s`."""

    service_s: float = 0.005
    rate: float = 60.0
    patience: int = 100
    reboot_s: float = 20.0


class FragileAgent(asyncio.DatagramProtocol):
    """Answers one request after another in front of an agent. `reboots` and `lost` tell how it was treated."""

    def __init__(self, snapshot: Snapshot, agent: Agent, weakness: Weakness) -> None:
        self._snapshot = snapshot
        self._agent = agent
        self._weakness = weakness
        self._transport: asyncio.DatagramTransport | None = None
        self._arrived: deque[float] = deque()
        self._lost: deque[float] = deque()
        self._free_at = 0.0
        self._back_at = 0.0
        self.reboots = 0
        self.lost = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        if now < self._back_at:
            self.lost += 1
            return
        load = self._load(now)
        self._snapshot.cpu_percent = min(_FULL_CPU, _IDLE_CPU + int(load * (_FULL_CPU - _IDLE_CPU)))
        if load > 1:
            self._lose(now)
            return
        self._free_at = max(self._free_at, now) + self._weakness.service_s * (1 + 4 * load * load)
        loop.call_later(self._free_at - now, self._answer, data, addr)

    def _load(self, now: float) -> float:
        """Requests a second over the window, as a share of what the device bears."""
        self._arrived.append(now)
        while self._arrived[0] < now - _WINDOW_S:
            self._arrived.popleft()
        return len(self._arrived) / _WINDOW_S / self._weakness.rate

    def _lose(self, now: float) -> None:
        self.lost += 1
        self._lost.append(now)
        while self._lost[0] < now - _WINDOW_S:
            self._lost.popleft()
        if len(self._lost) >= self._weakness.patience:
            self.reboots += 1
            self._back_at = now + self._weakness.reboot_s
            self._snapshot.restarted = self._snapshot.now + self._weakness.reboot_s
            self._arrived.clear()
            self._lost.clear()
            log.info("fragile_olt_reboots", device=self._snapshot.device, seconds=self._weakness.reboot_s)

    def _answer(self, data: bytes, addr: tuple[str, int]) -> None:
        if asyncio.get_running_loop().time() < self._back_at or self._transport is None:
            return
        answer = self._agent.answer(data)
        if answer is not None and not self._transport.is_closing():
            self._transport.sendto(answer, addr)
