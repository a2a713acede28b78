"""Walks columns: as fast as the device bears, never past a bound, whatever the agent answers.

One request is in flight at a time and each passes the turnstile. Retries go on from the last OID that came.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from collector.snmp.session import GarbledError, Pair, RefusedError, Session, SilentError, Value
from collector.turnstile import Turnstile

T = TypeVar("T")

_LARGEST = 2**32 - 1  # of a sub-identifier
_GROW_AFTER = 4  # good answers before more rows are asked for at once


@dataclass(frozen=True)
class WalkLimits:
    repetitions: int = 50  # rows a request
    tries: int = 4  # of one request
    rows: int = 131_072  # of one column: more than any chassis has ONT ports


class Repetitions:
    """How many rows a device is asked for at once: fewer after failures, and for good where failures repeat."""

    def __init__(self, most: int) -> None:
        self.now = self.ceiling = most
        self._good = 0
        self._failures: dict[int, int] = {}

    def answered(self) -> None:
        self._good += 1
        if self._good >= _GROW_AFTER and self.now < self.ceiling:
            self.now = min(self.ceiling, self.now * 2)
            self._good = 0

    def failed(self) -> None:
        """One failure may be a lost packet; the second at the same size is the size."""
        self._good = 0
        self._failures[self.now] = self._failures.get(self.now, 0) + 1
        smaller = max(1, self.now // 2)
        if self._failures[self.now] > 1:
            self.ceiling = min(self.ceiling, smaller)
        self.now = smaller


@dataclass(frozen=True)
class Walked:
    """One column: the rest of each OID after the column's, and the values, in the order of the agent."""

    oid: str
    rows: Sequence[str] = ()
    values: Sequence[Value] = ()


class Walker:
    """Asks one device during one poll. `notes` tell what was odd about its answers."""

    def __init__(
        self, session: Session, turnstile: Turnstile, limits: WalkLimits, repetitions: Repetitions | None = None
    ) -> None:
        self._session, self._turnstile, self._limits = session, turnstile, limits
        self._repetitions = repetitions or Repetitions(limits.repetitions)
        self.requests = 0
        self.notes: list[str] = []

    async def scalars(self, oids: Sequence[str]) -> dict[str, Value]:
        """Values of single instances, without those the device does not have."""
        if not self._session.bulk_works and len(oids) > 1:  # version 1 answers nothing where one is missing
            each = [await self.scalars([oid]) for oid in oids]
            return {oid: value for one in each for oid, value in one.items()}
        return await self._ask(lambda: self._session.get_scalars(oids), shrink=False)

    async def next(self, after: str, within: str = "1.3") -> Pair | None:
        """The instance after an OID within a subtree; None where there is none."""
        return await self._ask(lambda: self._session.next(after, within), shrink=False)

    async def column(self, oid: str) -> Walked:
        """Every instance below `oid`. Raises SilentError, GarbledError, CredentialsError, BudgetSpentError."""
        rows: list[str] = []
        values: list[Value] = []
        out = Walked(oid, rows, values)
        cut = len(oid) + 1
        after = oid
        last: tuple[int, ...] = ()
        seen: set[str] | None = None  # only kept for agents that do not answer in order
        while True:
            pairs, ended = await self._step(after, oid)
            if not pairs:
                return out
            more = [name[cut:] for name, _ in pairs]
            newest = _numbers(more[-1])
            if seen is None and (_numbers(more[0]) <= last or newest <= last or len(set(more)) < len(more)):
                self._note(f"the rows of {oid} do not come in order")
                seen = set(rows)
            if seen is None:
                rows += more
                values += [value for _, value in pairs]
            else:
                first_at = {row: n for n, row in reversed(list(enumerate(more)))}
                fresh = sorted(n for row, n in first_at.items() if row not in seen)
                seen.update(more)
                if not fresh:
                    self._note(f"{oid} comes round again after {len(rows)} rows: the walk ends there")
                    return out
                rows += [more[n] for n in fresh]
                values += [pairs[n][1] for n in fresh]
            if len(rows) >= self._limits.rows:
                self._note(f"{oid} does not end: only its first {self._limits.rows} rows are read")
                del rows[self._limits.rows :], values[self._limits.rows :]
                return out
            if ended:
                return out
            last, after = newest, pairs[-1][0]

    async def _step(self, after: str, within: str) -> tuple[list[Pair], bool]:
        """Some instances after an OID, and whether the subtree ends with them."""
        if not self._session.bulk_works:
            pair = await self._ask(lambda: self._session.next(after, within), shrink=False)
            return ([], True) if pair is None else ([pair], False)
        came = await self._ask(lambda: self._session.bulk(after, within, self._repetitions.now), shrink=True)
        if came is None:
            return await self._look_closer(after, within)
        pairs = [pair for pair in came if pair is not None]
        return pairs, len(pairs) < len(came)

    async def _look_closer(self, after: str, within: str) -> tuple[list[Pair], bool]:
        """Nothing came: the end of the view, or an error such as tooBig, which gufo does not tell apart."""
        pair = await self.next(after)
        if pair is not None:
            if not pair[0].startswith(within + "."):
                return [], True
            self._repetitions.failed()
            self._note(f"{within} does not come {self._repetitions.now * 2} rows at once; asking for fewer")
            return [pair], False
        if after != within and await self.next(f"{within}.{_LARGEST}") is not None:
            self._note(f"the device fails to go on after {after}: the rest of {within} is not read")
        return [], True

    async def _ask(self, request: Callable[[], Awaitable[T]], *, shrink: bool) -> T:
        """One request with its retries, each alone and through the turnstile."""
        last: Exception = SilentError()
        for _ in range(self._limits.tries):
            try:
                async with self._turnstile.alone:
                    answer = await self._once(request)
            except RefusedError:
                raise
            except (SilentError, GarbledError) as error:
                last = error
                if shrink:
                    self._repetitions.failed()
                if isinstance(error, GarbledError):
                    self._note(str(error))
                continue
            if shrink:
                self._repetitions.answered()
            return answer
        if isinstance(last, SilentError):
            raise SilentError(f"no answer, asked {self._limits.tries} times")
        raise last

    async def _once(self, request: Callable[[], Awaitable[T]]) -> T:
        await self._turnstile.enter()
        self.requests += 1
        asked = time.monotonic()
        try:
            answer = await request()
        except (SilentError, GarbledError):  # a refusal is a silence, too
            self._turnstile.timed_out()
            raise
        self._turnstile.answered(time.monotonic() - asked)
        return answer

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)


def _numbers(row: str) -> tuple[int, ...]:
    """Sub-identifiers for comparison: the order of OIDs is not that of their text."""
    return tuple(int(part) for part in row.split(".") if part)
