"""From the spool into the store: big groups, the cursor moved only after the store has them."""

import asyncio
import contextlib
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import structlog

from collector.spool import Spool
from plant.batch import Batch, BatchSink, StoreUnavailableError

log = structlog.get_logger(__name__)

FIRST_RETRY_S, LONGEST_RETRY_S = 0.5, 30.0
# While readings keep coming, a store gets them in groups of about this long: of a thousand devices, hundreds of small
# commits (each with its syncs, and files to be gathered again) would cost more than asking for the readings.
GROUP_S = 1.0


@dataclass(frozen=True)
class DrainStatus:
    """`state`: idle, delivering, or waiting for a store that cannot take readings now (`detail` says why)."""

    state: Literal["idle", "delivering", "store_unavailable"] = "idle"
    detail: str = ""
    since: datetime | None = None  # of store_unavailable
    batches: int = 0  # delivered since the start
    rows: int = 0
    set_aside: int = 0  # batches the store refused for good, since the start
    last_delivery: datetime | None = None
    rows_per_s: float | None = None  # of the last group


class Drain:
    """Moves batches from the spool to a sink: at least once here, exactly once in a sink that is idempotent."""

    def __init__(
        self,
        spool: Spool,
        sink: BatchSink,
        *,
        max_records: int = 2000,
        max_bytes: int = 32 << 20,
        first_retry_s: float = FIRST_RETRY_S,
        longest_retry_s: float = LONGEST_RETRY_S,
        group_s: float = GROUP_S,
    ) -> None:
        self._spool, self._sink = spool, sink
        self._max_records, self._max_bytes = max_records, max_bytes
        self._first_retry_s, self._longest_retry_s = first_retry_s, longest_retry_s
        self._group_s = group_s
        self._all_taken = True  # the last group was all that was there
        self._failures = 0
        self._cursor_trouble = False
        self._state: Literal["idle", "delivering", "store_unavailable"] = "idle"
        self._detail = ""
        self._since: datetime | None = None
        self._batches = self._rows = self._set_aside = 0
        self._last: datetime | None = None
        self._rate: float | None = None

    def status(self) -> DrainStatus:
        return DrainStatus(
            self._state, self._detail, self._since, self._batches, self._rows, self._set_aside, self._last, self._rate
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver as readings come, until `stop`; then once more what is there, if the store takes it."""
        while not stop.is_set():
            if not await self._spool.work(0.5):
                continue
            began = time.monotonic()
            if not await self.step():
                await _wait(stop, self._delay())
            elif self._all_taken and not self._spool.full:
                await _wait(stop, self._group_s - (time.monotonic() - began))
        while await self.step() and self._spool.status().records:
            pass

    async def empty(self, seconds: float) -> bool:
        """Deliver until the spool is empty; False when the store would not take all of it within `seconds`."""
        end = time.monotonic() + seconds
        while self._spool.status().records:
            if not await self.step():
                delay = self._delay()
                if time.monotonic() + delay > end:
                    return False
                await asyncio.sleep(delay)
        return True

    async def step(self) -> bool:
        """Deliver one group; False when the store could not take it (it stays in the spool)."""
        group = await self._spool.read(self._max_records, self._max_bytes)
        if group is None:
            self._state = "idle" if self._state == "delivering" else self._state
            return True
        self._all_taken = len(group.batches) < self._max_records and group.size < self._max_bytes
        started = time.monotonic()
        try:
            await self._deliver(group.batches, group.next_seq)
        except Exception as error:  # noqa: BLE001 - whatever keeps readings out of the store: they stay here, asked again
            self._not_taken(error)
            return False
        # Told before the spool is emptied: who sees the spool empty finds the drain no longer waiting for the store.
        self._taken(group.batches, time.monotonic() - started)
        await self._commit(group.next_seq)
        return True

    async def _commit(self, next_seq: int) -> None:
        try:
            await self._spool.commit(next_seq)
        except OSError as error:
            if not self._cursor_trouble:
                log.error(
                    "spool cursor cannot be written; after a restart the last batches go out again", why=str(error)
                )
            self._cursor_trouble = True
        else:
            self._cursor_trouble = False

    async def _deliver(self, batches: Sequence[Batch], next_seq: int) -> None:
        """All of them into the sink; those it refuses for good (ValueError) are found by halving and set aside."""
        if not batches:
            return
        try:
            await self._sink.append(batches)
        except ValueError as error:
            if len(batches) > 1:
                half = len(batches) // 2
                await self._deliver(batches[:half], next_seq)
                await self._deliver(batches[half:], next_seq)
                return
            name = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{next_seq}"
            path = await self._spool.set_aside(batches[0], name)
            self._set_aside += 1
            log.error(
                "the store refuses a batch for good; set aside", device=batches[0].device, tier=batches[0].tier,
                rows=len(batches[0]), why=str(error), path=str(path),
            )  # fmt: skip

    def _not_taken(self, error: Exception) -> None:
        self._failures += 1
        self._detail = str(error) or type(error).__name__
        if self._state != "store_unavailable":
            self._state, self._since = "store_unavailable", datetime.now(UTC)
            expected = isinstance(error, StoreUnavailableError)
            log.error(
                "the store does not take readings; they wait in the spool",
                why=self._detail, error=type(error).__name__, exc_info=None if expected else error,
            )  # fmt: skip

    def _taken(self, batches: Sequence[Batch], seconds: float) -> None:
        if self._state == "store_unavailable":
            log.info("the store takes readings again", waiting=self._spool.status().records)
        rows = sum(len(b) for b in batches)
        self._failures = 0
        self._state, self._detail, self._since = "delivering", "", None
        self._batches += len(batches)
        self._rows += rows
        self._last = datetime.now(UTC)
        self._rate = rows / seconds if seconds > 0 else None

    def _delay(self) -> float:
        """Seconds before the next try: doubled each time up to a cap, with jitter."""
        delay = min(self._longest_retry_s, self._first_retry_s * 2.0 ** min(self._failures - 1, 20))
        return delay * random.uniform(0.7, 1.0)  # noqa: S311 - jitter is no secret


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    if seconds > 0:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), seconds)
