"""Unfinished tickets as counts and lines at risk, by area; read from the ledger now and then, not at every request."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass

from api.parts import Parts
from api.sight import Sight
from maintenance.transitions import FINAL, STATES

PAGE = 1000
UNFINISHED = tuple(s for s in STATES if s not in FINAL)


@dataclass(frozen=True)
class OpenTicket:
    id: int
    place: str
    cause: str
    probability: float
    area: str | None
    grid: str | None
    grade: str
    state: str
    overdue: bool
    lines: tuple[str, ...]


@dataclass(frozen=True)
class TicketCounts:
    """`lines`: how many different lines unfinished tickets hit."""

    unfinished: int
    overdue: int
    by_grade: dict[str, int]
    by_state: dict[str, int]
    lines: int


class Standing:
    """Counts of what is unfinished, at most `refresh_s` old; `forget` after a change made here."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._read = float("-inf")
        self._tickets: tuple[OpenTicket, ...] = ()
        self._counts: dict[Sight, TicketCounts] = {}
        self._reading = asyncio.Lock()

    def forget(self) -> None:
        self._read = float("-inf")

    async def counts(self, sight: Sight) -> TicketCounts:
        async with self._reading:
            if time.monotonic() - self._read >= self._parts.settings.refresh_s:
                began = time.monotonic()
                self._tickets = await asyncio.to_thread(self._load)
                self._read, self._counts = began, {}
            if sight not in self._counts:
                self._counts[sight] = _counted([t for t in self._tickets if sight.sees(t.area, t.grid)])
            return self._counts[sight]

    async def open_tickets(self, sight: Sight) -> list[OpenTicket]:
        """Those that may be seen."""
        await self.counts(sight)
        return [t for t in self._tickets if sight.sees(t.area, t.grid)]

    def _load(self) -> tuple[OpenTicket, ...]:
        now, out, after = self._parts.clock(), [], None
        while True:
            found = self._parts.ledger.tickets(state=UNFINISHED, limit=PAGE, after=after)
            out += [
                OpenTicket(
                    t.id, t.place, t.cause, t.probability, t.area, t.grid, t.grade, t.state, t.overdue(now), t.lines
                )
                for t in found
            ]
            if len(found) < PAGE:
                return tuple(out)
            after = found[-1].id


def _counted(tickets: list[OpenTicket]) -> TicketCounts:
    return TicketCounts(
        unfinished=len(tickets),
        overdue=sum(t.overdue for t in tickets),
        by_grade=dict(sorted(Counter(t.grade for t in tickets).items())),
        by_state=dict(Counter(t.state for t in tickets)),
        lines=len({line for t in tickets for line in t.lines}),
    )
