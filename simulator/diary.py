"""What has to be remembered day by day: since when a line has been up, why it fell last, what its counters held.

A page is worked out from the one before; pages every few weeks are kept, so that any day is reached again quickly.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simulator.uptime import NONE, Events
from simulator.weather import DAY, day_start, local_day

I64 = npt.NDArray[np.int64]
_KEEP_EVERY = 16


@dataclass(frozen=True)
class Carry:
    """Of events that started before yesterday, per line: last return (UTC second), last start, its cause."""

    back: I64
    start: I64
    cause: npt.NDArray[np.int8]


@dataclass(frozen=True)
class Page:
    """One local day. `errors` and `total` are (kinds, lines): of the day, and of all days before; pairs are
    (yesterday, today)."""

    day: int
    carry: Carry
    carried: I64  # (kinds, lines): what the counters of a lifetime held at carry.back
    events: tuple[list[Events], list[Events]]
    errors: tuple[I64, I64]
    total: tuple[I64, I64]


@dataclass(frozen=True)
class State:
    """(lines, times): down now, cause of the last fall, and counters since the last return (kinds, lines, times)."""

    down: npt.NDArray[np.bool_]
    cause: npt.NDArray[np.int8]
    back: I64
    counters: I64


class Diary:
    """Of so many `lines`, from a local day on. `events` tells a day's falls, `errors` what is counted on a day:
    (kinds, lines)."""

    def __init__(
        self, lines: int, origin_day: int, events: Callable[[int], list[Events]], errors: Callable[[int], I64]
    ) -> None:
        self._events = events
        self._errors = errors
        self._origin = origin_day
        self._pages: dict[int, Page] = {}
        self._rows = np.arange(lines)

    def page(self, day: int) -> Page:
        """ValueError for days before the plant's beginning."""
        if day < self._origin:
            raise ValueError(
                f"the plant's history begins on {np.datetime64(self._origin, 'D')}; asked for {np.datetime64(day, 'D')}"
            )
        if day in self._pages:
            return self._pages[day]
        known = [d for d in self._pages if d < day]
        page = self._pages[max(known)] if known else self._first()
        while page.day < day:
            page = self._next(page)
            self._pages[page.day] = page
            for old in [d for d in self._pages if d < page.day - 2 and (d - self._origin) % _KEEP_EVERY]:
                del self._pages[old]
        self._pages[page.day] = page
        return page

    def state(self, lines: slice, times: I64) -> State:
        """States and counters of a range of lines at ascending times."""
        days = local_day(times)
        cuts = np.flatnonzero(np.diff(days)) + 1
        parts = [self._state_of_day(lines, part) for part in np.split(times, cuts)]
        if len(parts) == 1:
            return parts[0]
        return State(*(np.concatenate([getattr(s, n) for s in parts], axis=-1) for n in State.__dataclass_fields__))

    def _state_of_day(self, lines: slice, times: I64) -> State:
        page = self.page(int(local_day(times[:1])[0]))
        shape = (lines.stop - lines.start, len(times))
        down = np.zeros(shape, bool)
        back = np.broadcast_to(page.carry.back[lines, None], shape).copy()
        start = np.broadcast_to(page.carry.start[lines, None], shape).copy()
        cause = np.broadcast_to(page.carry.cause[lines, None], shape).copy()
        for events in (*page.events[0], *page.events[1]):
            e = events.within(lines)
            if not len(e.rows):
                continue
            r, s, f = e.rows, e.start[:, None], e.end[:, None]
            began, ended = times >= s, times >= f
            down[r] |= began & ~ended
            back[r] = np.where(ended, np.maximum(back[r], f), back[r])
            newer = began & (s > start[r])
            start[r] = np.where(newer, s, start[r])
            cause[r] = np.where(newer, np.int8(e.cause), cause[r])
        now = self._lifetime(page, lines, np.broadcast_to(times, shape))
        base = np.broadcast_to(page.carried[:, lines, None], now.shape).copy()
        moved = back != page.carry.back[lines, None]
        touched = np.flatnonzero(moved.any(axis=1))
        if len(touched):
            base[:, touched] = np.where(
                moved[touched], self._lifetime(page, lines, back[touched], touched), base[:, touched]
            )
        return State(down, cause, back, now - base)

    def _lifetime(self, page: Page, lines: slice, times: I64, rows: I64 | None = None) -> I64:
        """Errors counted since the plant's beginning, at times of today or yesterday: (kinds, lines, times)."""
        pick = self._rows[lines] if rows is None else self._rows[lines][rows]
        today = day_start(page.day)
        late = times >= today
        share = (times - np.where(late, today, today - DAY)) / DAY
        # A line that came back the day after an event that began yesterday has its return today or earlier.
        share = np.clip(share, 0, 1)
        before, after = (page.errors[i][:, pick, None] for i in (0, 1))
        t0, t1 = (page.total[i][:, pick, None] for i in (0, 1))
        return np.where(late, t1 + (after * share).astype(np.int64), t0 + (before * share).astype(np.int64))

    def _first(self) -> Page:
        n = len(self._rows)
        begin = np.full(n, day_start(self._origin) - 2 * DAY, np.int64)
        day = self._origin
        carry = Carry(begin, begin, np.full(n, NONE, np.int8))
        yesterday = self._errors(day - 1)
        zeros = np.zeros_like(yesterday)
        return Page(
            day, carry, zeros, (self._events(day - 1), self._events(day)), (yesterday, self._errors(day)),
            (zeros, yesterday),
        )  # fmt: skip

    def _next(self, page: Page) -> Page:
        """Fold yesterday's events into what is carried, and turn the page."""
        back, start, cause = page.carry.back.copy(), page.carry.start.copy(), page.carry.cause.copy()
        for e in page.events[0]:
            newer = e.start > start[e.rows]
            rows = e.rows[newer]
            start[rows] = e.start[newer]
            cause[rows] = e.cause
            back[e.rows] = np.maximum(back[e.rows], e.end)
        moved = np.flatnonzero(back != page.carry.back)
        carried = page.carried.copy()
        if len(moved):
            carried[:, moved] = self._lifetime(page, slice(0, len(self._rows)), back[moved, None], moved)[..., 0]
        day = page.day + 1
        total = page.total[1] + page.errors[1]
        return Page(
            day, Carry(back, start, cause), carried, (page.events[1], self._events(day)),
            (page.errors[1], self._errors(day)), (page.total[1], total),
        )  # fmt: skip
