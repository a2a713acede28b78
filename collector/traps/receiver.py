"""One listener: datagrams folded as they come, one of each read, readings put on disk, then informs acknowledged."""

import asyncio
import contextlib
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import structlog

from collector.spool import BatchTooLargeError, Spool, SpoolFullError
from collector.traps import listening
from collector.traps.counts import Counts
from collector.traps.decoding import Notification, acknowledgement, read
from collector.traps.folding import Address, Fold, Folding, Sent
from collector.traps.meaning import Meaning
from collector.traps.plant import TrapPlant
from collector.traps.readings import TrapReading, batches
from collector.traps.refusals import Refusal, RefusalLog, RefusedError
from collector.traps.seen import SeenInforms
from collector.traps.skim import LONGEST, MalformedError, StrangeError, TruncatedError, skim
from collector.traps.sources import Agreed, bare, one_of
from collector.traps.status import ListenerState, TrapStatus
from collector.traps.usm import Keys, Opened, Report, Usm
from plant.inventory import Device, TrapListener

log = structlog.get_logger(__name__)
wall = time.time  # seconds since 1970, as the readings have it; windows are measured by a clock that never jumps

GATHER_S = 0.05  # between the first datagram and the work on it, so that a burst is one
SLICE_S = 0.005  # of reading, before the socket gets its turn again: the kernel's buffer is small
MOST_AT_ONCE = 500  # windows worked on before their readings go to disk
TIDY_S = 1.0
RETRY_S = 30.0  # a port that cannot be had
LOOK_UP_S = 600.0  # names of devices


@dataclass(frozen=True)
class Said:
    """What was read of a datagram: from whom, what, and what a rule makes of it (None: no rule knows it)."""

    device: Device
    notification: Notification
    meaning: Meaning | None
    subject: str | None  # the line, where it is known
    opened: Opened | None  # of version 3


@dataclass
class _Work:
    """A window that was read: what it said, the informs to be acknowledged for it, what is to be stored of it."""

    fold: Fold
    said: Said
    waiting: Sent
    readings: list[TrapReading] = field(default_factory=list)


class TrapReceiver:
    """Receives what devices send to one port. The spool, the plant and our SNMP engine are handed in."""

    def __init__(
        self,
        listener: TrapListener,
        plant: TrapPlant,
        spool: Spool,
        usm: Usm,
        seen: SeenInforms,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.listener, self.plant = listener, plant
        self._spool, self._usm, self._seen, self._clock = spool, usm, seen, clock
        self._agreed = Agreed(listener)
        self._folding = Folding()
        self._refusals = RefusalLog(listener.id)
        self.counts = Counts()
        self._arrived = asyncio.Event()
        self._working = asyncio.Lock()
        self._socket: listening.Listening | None = None
        self._state: ListenerState = "opening"
        self._detail = ""
        self._since: datetime | None = None
        self._spool_trouble = False
        self._dropped_before = self._dropped_told = 0

    def status(self) -> TrapStatus:
        c, b = self.counts, self.listener
        return TrapStatus(
            id=b.id, host=b.host, port=b.port,
            state=self._state, detail=self._detail or self._agreed.trouble, since=self._since,
            received=c.received, decoded=c.decoded, folded=c.folded, unread=c.unread, informs=c.informs,
            acknowledged=c.acknowledged, deferred=c.deferred, readings=c.readings, events=c.events, looks=c.looks,
            lost=c.lost, lost_why=c.lost_why, dropped=self._dropped(), known=dict(c.known), unknown=c.unknown,
            unknown_traps=list(c.unknown_traps.values()), refused=dict(self._refusals.counts),
            samples=dict(self._refusals.samples), last=c.last,
        )  # fmt: skip

    # -- life --------------------------------------------------------------------------------------------------------

    async def run(self, stop: asyncio.Event) -> None:
        """Listen until `stop`; a port that cannot be had is told once and tried again."""
        while not stop.is_set():
            try:
                self._socket = listening.Listening(self.listener.host, self.listener.port, self.taken)
            except OSError as error:
                self._down(listening.trouble(error, self.listener.host, self.listener.port))
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), RETRY_S)
                continue
            self._up()
            try:
                await self._receive(stop)
            finally:
                self._dropped_before = self._dropped()
                self._socket.close()
                self._socket = None
                self._state = "stopped"
        self._state = "stopped"

    async def _receive(self, stop: asyncio.Event) -> None:
        beside = [asyncio.create_task(self._look_up_often()), asyncio.create_task(self._wake_at(stop))]
        try:
            while not stop.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._arrived.wait(), TIDY_S)
                self._arrived.clear()
                await asyncio.sleep(GATHER_S)
                await self.work()
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await self.work(closing=True)

    async def _wake_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._arrived.set()

    async def _look_up_often(self) -> None:
        while True:
            await self.plant.sources.look_up()
            await asyncio.sleep(LOOK_UP_S)

    def _up(self) -> None:
        if self._state == "down":
            log.info("trap listener has its port", listener=self.listener.id)
        self._state, self._detail, self._since = "listening", "", datetime.now(UTC)

    def _down(self, why: str) -> None:
        if self._state != "down":
            self._since = datetime.now(UTC)
            log.error("trap listener cannot listen; trying again", listener=self.listener.id, why=why)
        self._state, self._detail = "down", why

    def _dropped(self) -> int:
        return self._dropped_before + (0 if self._socket is None else self._socket.dropped)

    # -- each datagram -----------------------------------------------------------------------------------------------

    def taken(self, data: bytes, address: tuple[Any, ...]) -> None:
        """A datagram came: count it, fold it. Quick, and raises nothing."""
        self.counts.received += 1
        host = bare(str(address[0])) if ":" in str(address[0]) else str(address[0])
        at = wall()
        self.counts.last = datetime.fromtimestamp(at, UTC)
        try:
            if len(data) > LONGEST:
                raise RefusedError(Refusal.OVERSIZED, f"{len(data)} bytes; a notification has at most {LONGEST}")
            skimmed = skim(data)
            if not self.plant.sources.candidates(host, skimmed.engine_id):
                what = "no device has this address; trap_address or engine_id may name it"
                raise RefusedError(Refusal.UNKNOWN_SOURCE, what)
        except RefusedError as refused:
            self._refusals.note(refused, host)
        except TruncatedError as error:
            self._refusals.note(RefusedError(Refusal.TRUNCATED, str(error)), host)
        except MalformedError as error:
            self._refusals.note(RefusedError(Refusal.MALFORMED, str(error)), host)
        except StrangeError as error:
            self._refusals.note(RefusedError(Refusal.NO_NOTIFICATION, str(error)), host)
        else:
            if not self._folding.add(host, address, data, skimmed, at, self._clock()):
                self.counts.deferred += 1
            self._arrived.set()

    # -- the work on what came ---------------------------------------------------------------------------------------

    async def work(self, *, closing: bool = False) -> None:
        """Read what is new, put it on disk, acknowledge; then close windows that are over (`closing`: all of them)."""
        async with self._working:
            while self._folding.unread:
                await self._work_on(self._folding.fresh(MOST_AT_ONCE))
            over = list(self._folding.closing(self._clock(), all_of_them=closing))
            if over:
                await self._close(over)
            self._tell_drops()

    async def _work_on(self, folds: Sequence[Fold]) -> None:
        """What comes meanwhile is new again: only the informs that wait now are answered."""
        waiting = [_taken(fold) for fold in folds]
        began = time.monotonic()
        for fold in folds:
            if fold.read is None or isinstance(fold.read, Report):
                self._read_first(fold)
            if time.monotonic() - began > SLICE_S:
                await asyncio.sleep(0)
                began = time.monotonic()
        work = [
            _Work(fold, fold.read, mine)
            for fold, mine in zip(folds, waiting, strict=True)
            if isinstance(fold.read, Said)
        ]
        times = await self._arrivals(work)
        for one in work:
            confirmed = one.said.notification.confirmed
            at = [times[_digest(one, sent)] for sent in one.waiting] if confirmed else [one.fold.first_at]
            one.readings = [r for r in (_reading(one.said, t) for t in dict.fromkeys(at)) if r is not None]
        if await self._keep(work):
            self._acknowledge(work)

    def _read_first(self, fold: Fold) -> None:
        """Read the first datagram of a window; what came of it stays with the window."""
        again = fold.read is not None  # a sender that asks for our engine once more
        fold.told = 1
        fold.read = self._read(fold, fold.first, fold.first_address)
        self.counts.decoded -= again
        if isinstance(fold.read, Said):
            self._note(fold.read, fold.first_at)

    def _read(self, fold: Fold, data: bytes, address: tuple[Any, ...]) -> Said | RefusedError | Report:
        try:
            try:
                said = self._opened(fold, data)
            except MalformedError as error:
                raise RefusedError(Refusal.MALFORMED, str(error)) from None
        except RefusedError as refused:
            self._refusals.note(refused, fold.host)
            return refused
        except Report as report:
            self._send(report.answer, address)
            self.counts.decoded += 1
            return report
        self.counts.decoded += 1
        return said

    def _opened(self, fold: Fold, data: bytes) -> Said:
        """Raises RefusedError, MalformedError, Report."""
        candidates = self.plant.sources.candidates(fold.host, fold.skimmed.engine_id)
        if not candidates:
            raise RefusedError(Refusal.UNKNOWN_SOURCE, "the device has left the inventory")
        if fold.skimmed.version == 3:
            device, opened = self._by_keys(candidates, data)
            said: Notification = opened.said
        else:
            device, opened = self._agreed.by_community(candidates, fold.skimmed), None
            said = read(data, fold.skimmed)
        meaning = self.plant.meanings.of(said, self.plant.profile_of(device))
        subject = None if meaning is None else self.plant.subject(device, meaning)
        return Said(device, said, meaning, subject, opened)

    def _by_keys(self, candidates: Sequence[Device], data: bytes) -> tuple[Device, Opened]:
        keys: dict[str, Keys] = {d.id: k for d in candidates if (k := self._agreed.keys(d)) is not None}
        if not keys:
            raise RefusedError(Refusal.UNKNOWN_USER, "no SNMPv3 user is agreed on with this device")
        refused: RefusedError | None = None
        for own in dict.fromkeys(keys.values()):
            try:
                opened = self._usm.open(data, [own])
            except RefusedError as error:
                refused = error if refused is None or error.reason != Refusal.UNKNOWN_USER else refused
                continue
            return one_of(d for d in candidates if keys.get(d.id) == own), opened
        assert refused is not None  # noqa: S101 - there was at least one user to try
        raise refused

    def _note(self, said: Said, at_s: float, count: int = 1) -> None:
        """Count by meaning, tell events, have the device looked at."""
        at = datetime.fromtimestamp(at_s, UTC)
        device, meaning = said.device, said.meaning
        if said.notification.confirmed:
            self.counts.informs += count
        if meaning is None:
            if self.counts.note_unknown(said.notification, device.id, count, at):
                log.info("unknown trap", listener=self.listener.id, device=device.id, trap=said.notification.trap)
                self.plant.tell(device, "", said.notification.trap, at)
        else:
            self.counts.known[meaning.name] += count
            if said.subject is None or not meaning.values:
                self.counts.events += 1
                self.plant.tell(device, said.subject or _place(device, meaning), meaning.name, at)
        if (meaning is None or meaning.look) and self.plant.look(device):
            self.counts.looks += 1

    async def _arrivals(self, work: Sequence[_Work]) -> Mapping[bytes, float]:
        """When each inform that waits first came, also before we were started again."""
        came = {_digest(one, sent): at for one in work for sent, at in one.waiting.items()}
        if not came:
            return {}
        try:
            return await asyncio.to_thread(self._seen.arrivals, came)
        except OSError as error:
            log.error("arrivals of informs cannot be kept", listener=self.listener.id, why=error.strerror)
            return came

    async def _keep(self, work: Sequence[_Work]) -> bool:
        """Into the spool; False where it takes none: traps are lost then, and counted, informs will come again."""
        made = [reading for one in work for reading in one.readings]
        try:
            if self.plant.events.waiting:
                await asyncio.to_thread(self.plant.events.keep)
            await self._spool.put(batches(made))
        except (SpoolFullError, BatchTooLargeError, OSError) as error:
            self._lose(sum(len(one.readings) for one in work if not one.said.notification.confirmed), str(error))
            return False
        if self._spool_trouble and made:
            log.info("readings of traps are kept again", listener=self.listener.id)
            self._spool_trouble = False
        self.counts.readings += len(made)
        return True

    def _lose(self, count: int, why: str) -> None:
        self.counts.lost += count
        self.counts.lost_why = f"the spool did not take them: {why}"
        if not self._spool_trouble:
            log.error("readings of traps are lost; informs are not acknowledged", listener=self.listener.id, why=why)
        self._spool_trouble = True

    def _acknowledge(self, work: Sequence[_Work]) -> None:
        for one in work:
            opened = one.said.opened
            for address, data in one.waiting if one.said.notification.confirmed else ():
                answer = self._usm.acknowledgement(opened) if opened else acknowledgement(data, one.fold.skimmed)
                self.counts.acknowledged += self._send(answer, address)

    def _send(self, answer: bytes, address: tuple[Any, ...]) -> bool:
        return self._socket is not None and self._socket.send(answer, address)

    async def _close(self, folds: Sequence[Fold]) -> None:
        """Windows that are over: count what was folded into them, and keep the last of each beside the first."""
        work: list[_Work] = []
        for fold in folds:
            more = fold.count - fold.told
            if more <= 0:
                continue
            if isinstance(fold.read, RefusedError):
                self._refusals.note(fold.read, fold.host, more)
                continue
            self.counts.folded += more
            if not isinstance(fold.read, Said):
                continue
            last: Any = fold.read
            if not fold.whole:
                self.counts.folded -= 1
                self.counts.unread += more - 1
                last = self._read(fold, fold.last, fold.last_address)
            if not isinstance(last, Said):
                continue
            self._note(last, fold.last_at, more)
            reading = _reading(last, fold.last_at)
            if reading is not None and not fold.skimmed.confirmed:
                work.append(_Work(fold, last, {}, [reading]))
        await self._keep(work)

    def _tell_drops(self) -> None:
        dropped = self._dropped()
        if dropped > self._dropped_told:
            log.warning(
                "the kernel dropped notifications before they were read; raise net.core.rmem_max to 8388608",
                listener=self.listener.id, count=dropped - self._dropped_told,
            )  # fmt: skip
            self._dropped_told = dropped


def _taken(fold: Fold) -> Sent:
    """The informs of a window that wait for their acknowledgement, taken out of it."""
    waiting, fold.waiting = fold.waiting, {}
    return waiting


def _digest(work: _Work, sent: tuple[Address, bytes]) -> bytes:
    """Names an inform, equal when it is sent again: v3 makes each sending another datagram, so its content counts."""
    if work.said.opened is not None:
        return work.said.notification.digest(work.fold.host)
    return hashlib.blake2b(work.fold.host.encode() + b"\0" + sent[1], digest_size=16).digest()


def _reading(said: Said, at: float) -> TrapReading | None:
    """The reading of a trap that tells one, of a line that is known."""
    meaning = said.meaning
    if meaning is None or said.subject is None or not (meaning.values or meaning.quality):
        return None
    return TrapReading(said.device.id, said.subject, at, meaning.values, meaning.quality)


def _place(device: Device, meaning: Meaning) -> str:
    """Where a trap points that no line is known for: DEVICE/PON/INDEX as far as it says, else empty."""
    if meaning.pon is None:
        return f"{device.id}/-/{meaning.serial}" if meaning.serial else ""
    return f"{device.id}/{meaning.pon}" + ("" if meaning.ont is None else f"/{meaning.ont}")
