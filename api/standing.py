"""How things stand beside the figures: unfinished tickets, and what the collector says of itself.

Both are read now and then, behind the answers, and not at every request."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field

import structlog

from api.collecting import collector_of
from api.newest import Newest
from api.parts import Parts
from api.sight import Sight
from collector.status import CollectorStatus
from maintenance.changes import Mark
from maintenance.transitions import FINAL, STATES

log = structlog.get_logger(__name__)

PAGE = 1000
LONGEST_STALE = 6  # refresh intervals after which a request waits for the ledger
COLLECTOR_S = 1.0  # it writes its status every few seconds
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


@dataclass(frozen=True)
class _Unfinished:
    """The tickets as they were at `mark` of the ledger, and the lines that they hit."""

    mark: Mark
    tickets: tuple[OpenTicket, ...]
    lines: frozenset[str]
    counts: dict[Sight, TicketCounts] = field(default_factory=dict)


class Standing:
    """What is unfinished: read anew every `refresh_s` behind the answers, and at once after a change made here."""

    def __init__(self, parts: Parts, newest: Newest) -> None:
        self._parts, self._newest = parts, newest
        self._read = float("-inf")
        self._known: _Unfinished | None = None
        self._reading: asyncio.Task[_Unfinished] | None = None
        self._heard = float("-inf")
        self._said: asyncio.Future[CollectorStatus | None] | None = None

    async def collector(self) -> CollectorStatus | None:
        """As `collector_of`, a second old at most and read once for all who ask."""
        age = time.monotonic() - self._heard
        if self._said is None or (self._said.done() and age >= min(COLLECTOR_S, self._parts.settings.refresh_s)):
            self._heard = time.monotonic()
            self._said = asyncio.ensure_future(collector_of(self._parts))
        return await asyncio.shield(self._said)

    async def close(self) -> None:
        """End what is read behind the answers."""
        waiting = [task for task in (self._reading, self._said) if task is not None and not task.done()]
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    def forget(self) -> None:
        """A change was made here: who asks next waits for what the ledger says now."""
        self._known = self._reading = None
        self._newest.forget()

    async def counts(self, sight: Sight) -> TicketCounts:
        known = await self._current()
        if sight not in known.counts:
            known.counts[sight] = _counted([t for t in known.tickets if sight.sees(t.area, t.grid)])
        return known.counts[sight]

    async def open_tickets(self, sight: Sight) -> list[OpenTicket]:
        """Those that may be seen."""
        return [t for t in (await self._current()).tickets if sight.sees(t.area, t.grid)]

    async def may_be_hit(self, line_id: str) -> bool:
        """Whether the ledger is to be asked for unfinished tickets of a line. False: it has none, a second ago."""
        mark = await self._newest()
        known = await self._current()
        return known.mark != mark or line_id in known.lines

    async def _current(self) -> _Unfinished:
        age, interval = time.monotonic() - self._read, self._parts.settings.refresh_s
        if self._known is not None and age < interval:
            return self._known
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._load_all())
            self._reading.add_done_callback(_retrieved)
        if self._known is not None and age < LONGEST_STALE * interval:
            return self._known
        return await asyncio.shield(self._reading)

    async def _load_all(self) -> _Unfinished:
        began, mine = time.monotonic(), asyncio.current_task()
        mark = await self._newest()
        tickets = await asyncio.to_thread(self._load)
        known = _Unfinished(mark, tickets, frozenset(line for ticket in tickets for line in ticket.lines))
        if self._reading is mine:  # else a change was made meanwhile
            self._known, self._read = known, began
        return known

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


def _retrieved(task: asyncio.Task[_Unfinished]) -> None:
    """What went wrong where nobody waited for it must not end in silence."""
    if not task.cancelled() and (error := task.exception()):
        log.error("tickets_not_read", exc_info=error)


def _counted(tickets: list[OpenTicket]) -> TicketCounts:
    return TicketCounts(
        unfinished=len(tickets),
        overdue=sum(t.overdue for t in tickets),
        by_grade=dict(sorted(Counter(t.grade for t in tickets).items())),
        by_state=dict(Counter(t.state for t in tickets)),
        lines=len({line for t in tickets for line in t.lines}),
    )
