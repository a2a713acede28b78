"""The spool's asynchronous face: puts that return when the disk has them, reads for the drain, waiting for room."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import structlog

from collector.spool.durable import write_whole
from collector.spool.record import payload_of
from collector.spool.segments import BatchTooLargeError, Group, SegmentLog, SpoolFullError
from plant.batch import Batch

log = structlog.get_logger(__name__)

T = TypeVar("T")
ASK_AGAIN_S = 5.0  # a full disk may find room without our doing


@dataclass(frozen=True)
class SpoolStatus:
    """What the spool holds. `full` is true from a refusal until a put succeeds again; `detail` says why."""

    records: int
    bytes_used: int
    bytes_limit: int
    full: bool
    detail: str
    damaged: int
    torn_bytes: int
    quarantined: list[str]
    set_aside: int


@dataclass
class _Put:
    payloads: list[bytes]
    done: asyncio.Future[None]


class Spool:
    """Batches on disk between decoding and the store. One process owns the folder.

    All file work runs in one thread of the spool's own: puts that arrive while it works share the next fsync.
    """

    def __init__(self, folder: Path, limit_bytes: int = 4096 << 20, segment_bytes: int | None = None) -> None:
        """Open `folder` (created if missing). Raises SpoolLockedError, or OSError when the folder cannot be used."""
        self._log = SegmentLog(folder, limit_bytes, segment_bytes)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._waiting: list[_Put] = []
        self._committer: asyncio.Task[None] | None = None
        self._written = asyncio.Event()
        self._freed = asyncio.Event()
        self._refusal: str | None = None
        self._owner = _owner(folder)
        self._set_aside = len(list((folder / "set_aside").glob("*.arrows")))

    @property
    def folder(self) -> Path:
        return self._log.folder

    @property
    def full(self) -> bool:
        return self._refusal is not None

    @property
    def owner(self) -> str:
        """A name for this collector that stays the same as long as the folder does."""
        return self._owner

    def status(self) -> SpoolStatus:
        files = self._log
        return SpoolStatus(
            records=files.pending,
            bytes_used=files.bytes_used,
            bytes_limit=files.limit,
            full=self.full,
            detail=self._refusal or "",
            damaged=files.damaged,
            torn_bytes=files.torn_bytes,
            quarantined=list(files.quarantined),
            set_aside=self._set_aside,
        )

    async def put(self, batches: Sequence[Batch]) -> None:
        """On return the batches are on disk, in order, all of them. Empty batches are left out.

        Raises SpoolFullError (none of them is kept: do not acknowledge, ask again after `room`), BatchTooLargeError.
        """
        loop = asyncio.get_running_loop()
        payloads = await loop.run_in_executor(None, lambda: [payload_of(b) for b in batches if len(b)])
        if not payloads:
            return
        put = _Put(payloads, loop.create_future())
        self._waiting.append(put)
        if self._committer is None or self._committer.done():
            self._committer = loop.create_task(self._commit_waiting())
        await put.done

    async def put_when_room(self, batches: Sequence[Batch], stop: asyncio.Event | None = None) -> bool:
        """Like put, waiting for room as long as it takes; False when `stop` came first (then nothing is kept)."""
        while stop is None or not stop.is_set():
            try:
                await self.put(batches)
            except SpoolFullError:
                await self.room(stop)
            else:
                return True
        return False

    async def room(self, stop: asyncio.Event | None = None) -> None:
        """Return at once unless the spool is full; then after records were delivered, a few seconds, or `stop`."""
        if not self.full:
            return
        self._freed.clear()
        waits = [asyncio.ensure_future(self._freed.wait())]
        if stop is not None:
            waits.append(asyncio.ensure_future(stop.wait()))
        try:
            await asyncio.wait(waits, timeout=ASK_AGAIN_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _commit_waiting(self) -> None:
        while self._waiting:
            puts, self._waiting = self._waiting, []
            outcomes = await self._in_thread(partial(self._append, puts))
            for put, error in zip(puts, outcomes, strict=True):
                if put.done.done():
                    continue
                if error is None:
                    put.done.set_result(None)
                else:
                    put.done.set_exception(error)
            self._note(outcomes)
            if any(error is None for error in outcomes):
                self._written.set()

    def _append(self, puts: Sequence[_Put]) -> list[Exception | None]:
        """One fsync for all; where that fails, one each, so that what fits is kept."""
        try:
            self._log.append([p for put in puts for p in put.payloads])
        except (SpoolFullError, BatchTooLargeError, OSError) as error:
            if len(puts) == 1:
                return [error]
        else:
            return [None] * len(puts)
        outcomes: list[Exception | None] = []
        for put in puts:
            try:
                self._log.append(put.payloads)
            except (SpoolFullError, BatchTooLargeError, OSError) as error:
                outcomes.append(error)
            else:
                outcomes.append(None)
        return outcomes

    def _note(self, outcomes: Sequence[Exception | None]) -> None:
        refusals = [e for e in outcomes if isinstance(e, SpoolFullError)]
        if refusals:
            if self._refusal is None:
                log.error(
                    "spool is full: nothing is accepted until the store takes readings again", why=str(refusals[0])
                )
            self._refusal = str(refusals[0])
        elif self._refusal is not None and any(e is None for e in outcomes):
            self._refusal = None
            log.info("spool has room again")

    async def read(self, max_records: int = 2000, max_bytes: int = 32 << 20) -> Group | None:
        """The next undelivered batches in order; None when there are none. Reading does not move the cursor."""
        return await self._in_thread(lambda: self._log.read(max_records, max_bytes))

    async def commit(self, next_seq: int) -> None:
        """Everything before `next_seq` (of a Group) is delivered and will not be read again. Raises OSError."""
        try:
            await self._in_thread(lambda: self._log.commit(next_seq))
        finally:
            self._freed.set()

    async def set_aside(self, batch: Batch, name: str) -> Path:
        """Keep a batch that the store refuses for good in a file of its own. Raises OSError."""
        path = await self._in_thread(lambda: self._log.set_aside(payload_of(batch), name))
        self._set_aside += 1
        return path

    async def work(self, seconds: float) -> bool:
        """Wait until something undelivered is there, or `seconds` passed; True if there is."""
        if self._log.pending:
            return True
        self._written.clear()
        try:
            await asyncio.wait_for(self._written.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        """Finish the puts that wait, then let go of the folder."""
        if self._committer is not None:
            await self._committer
        await self._in_thread(self._log.close)
        self._thread.shutdown()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _owner(folder: Path) -> str:
    path = folder / "owner"
    try:
        name = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        name = ""
    if not name:
        name = f"lightline-{secrets.token_hex(4)}"
        write_whole(path, name.encode("ascii"))
    return name
