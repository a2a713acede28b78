"""Figures: keeps the snapshot of all lines fresh, one refresh at a time, and knows since when the store is down."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import structlog

from api.absence import Listening
from api.judging import Judging
from api.listing import order_of
from api.parts import Parts
from api.roster import Roster
from api.rows import health_counts
from api.sight import ALL as EVERYTHING
from api.snapshot import LINE_FIELDS, PON_FIELDS, Snapshot
from plant.batch import StoreUnavailableError
from plant.matrix import ALL, Scope

log = structlog.get_logger(__name__)

LONGEST_STALE = 6  # refresh intervals after which a request waits for fresh figures
SHARE = 10  # a refresh may take one tenth of the time


class Figures:
    """`current()` answers at once while a refresh runs behind it; it waits only for the first or an old snapshot."""

    def __init__(self, parts: Parts, first: Callable[[Snapshot], Awaitable[None]] | None = None) -> None:
        """`first` is done with a snapshot before anybody is shown it."""
        self._parts = parts
        self._first = first or _nothing
        self.judging = Judging()
        self._listening = Listening()
        self._snapshot: Snapshot | None = None
        self._task: asyncio.Task[Snapshot] | None = None
        self._made = 0.0  # monotonic: when the snapshot was asked for
        self._took = 0.0
        self.down_since: datetime | None = None
        self.down_detail = ""

    async def current(self) -> Snapshot:
        """The snapshot. Raises StoreUnavailableError only where there never was one."""
        interval = max(self._parts.settings.refresh_s, SHARE * self._took)
        age = time.monotonic() - self._made
        if self._snapshot is not None and age < interval:
            return self._snapshot
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._refresh())
            self._task.add_done_callback(_retrieved)
        if self._snapshot is not None and age < LONGEST_STALE * interval:
            return self._snapshot
        try:
            return await asyncio.shield(self._task)
        except StoreUnavailableError:
            if self._snapshot is None:
                raise
            return self._snapshot

    def forget(self) -> None:
        """Read anew before the next answer: the plant was changed here."""
        self._made = float("-inf")

    @property
    def is_down(self) -> bool:
        return self.down_since is not None

    @property
    def as_of(self) -> datetime | None:
        """The moment of the present figures; None before the first."""
        return self._snapshot.as_of if self._snapshot is not None else None

    @property
    def newest_reading(self) -> datetime | None:
        """The newest reading among the present figures."""
        return self._snapshot.judged.newest if self._snapshot is not None else None

    def store_failed(self, error: StoreUnavailableError) -> datetime:
        """Remember that the store could not be asked; since when."""
        if self.down_since is None:
            self.down_since = self._parts.clock()
            log.warning("store_down", detail=str(error))
        self.down_detail = str(error)
        return self.down_since

    def store_answered(self) -> None:
        if self.down_since is not None:
            log.info("store_up_again", down_since=self.down_since.isoformat())
        self.down_since, self.down_detail = None, ""

    async def close(self) -> None:
        """End a refresh that is under way."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _refresh(self) -> Snapshot:
        began = time.monotonic()
        as_of = self._parts.clock()
        try:
            latest = await self._parts.store.latest(ALL, LINE_FIELDS)
            seen = await self._parts.store.lines_seen()
            inventory = await asyncio.to_thread(self._parts.inventory)
            roster = await asyncio.to_thread(self._roster, inventory, seen)
            pons = await self._parts.store.latest(await asyncio.to_thread(_ports_among, seen), PON_FIELDS)
            judged = await self.judging.judge(self._parts.store, roster, latest)
            reasons = await self._listening.read(self._parts.store, as_of)
        except StoreUnavailableError as error:
            self.store_failed(error)
            self._made = time.monotonic()  # ask again after the interval, not at every request
            raise
        self.store_answered()
        snapshot = await asyncio.to_thread(
            lambda: Snapshot(as_of, roster, latest.combine_chunks(), pons.combine_chunks(), judged, reasons)
        )
        await asyncio.to_thread(_warm, snapshot)
        await self._first(snapshot)
        # the first reads all there is, later ones only what is new: its time says nothing about theirs, and nobody is
        # to wait for the second because the first took long
        first = self._snapshot is None
        self._took = 0.0 if first else time.monotonic() - began
        self._snapshot, self._made = snapshot, time.monotonic() if first else began
        log.debug("snapshot", lines=len(roster), ms=round(1000 * (time.monotonic() - began)))
        return self._snapshot

    def _roster(self, inventory: Any, seen: pa.Array) -> Roster:
        """The roster, made anew only where the inventory or the strangers changed.

        A stranger is a line in no file, also one of which there are only reasons why it has no reading.
        """
        listed = pc.is_in(seen, inventory.lines["line_id"].combine_chunks())
        strange = seen.filter(pc.invert(pc.or_(listed, pc.starts_with(seen, "pon:"))))
        strangers = tuple(strange.to_pylist())
        if self._snapshot is not None:
            roster = self._snapshot.roster
            if roster.inventory is inventory and roster.strangers == strangers:
                return roster
        return Roster.build(inventory, strangers)


def _ports_among(seen: pa.Array) -> Scope:
    return Scope(tuple(seen.filter(pc.starts_with(seen, "pon:")).to_pylist()))


def _warm(snapshot: Snapshot) -> None:
    """What nearly every page needs, before the first one asks."""
    order_of(snapshot, "margin_db")
    snapshot.roster.prepare()
    _ = snapshot.told, snapshot.last_reading, snapshot.up, snapshot.by_device, snapshot.by_pon, snapshot.ports_of
    health_counts(snapshot, EVERYTHING)


async def _nothing(_: Snapshot) -> None:
    pass


def _retrieved(task: asyncio.Task[Snapshot]) -> None:
    """A refresh nobody waits for must not end in silence, except for a store that is down: that is told already."""
    if not task.cancelled() and (error := task.exception()) and not isinstance(error, StoreUnavailableError):
        log.error("refresh_failed", exc_info=error)
