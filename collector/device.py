"""One device's life in the collector: when it is asked, how gently, what came of it, and what its page says."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import structlog

from collector.asking import Chosen, DeviceAsker, NotAskedError, Place, Polled
from collector.identity import DeviceLines, Identity
from collector.pacing import PaceLimits
from collector.schedule import DeviceSchedule
from collector.spool import BatchTooLargeError, Spool
from collector.status import DeviceState, DeviceStatus, PaceStatus, TierStatus
from collector.turnstile import BudgetSpentError, Turnstile
from plant.batch import Batch
from plant.inventory import Device

log = structlog.get_logger(__name__)

QUIET_TIERS = frozenset({"optics", "identity"})  # those that wait for the end of a device's quiet hours
LOOK = "status"  # the tier that is read when a device tells of something
CHOICE = "profile"  # what is in trouble when no tier is known yet
_NAMES_SHOWN = 100
_EMPTY_POLLS = 3  # so many polls without a row, and the profile is chosen anew: firmware may have moved the tables


class NotAnsweringError(NotAskedError):
    """The device did not answer its last poll, or is not known yet: one line of it is not asked for."""


@dataclass(frozen=True)
class DeviceSettings:
    """The same for all devices."""

    limit_s: float = 300.0  # one poll may take
    requests_per_hour: int = 36_000
    pace: PaceLimits = field(default_factory=PaceLimits)
    spread_s: float = 60.0
    first_retry_s: float = 30.0
    longest_retry_s: float = 3600.0
    choose_again_s: float = 3600.0  # where no profile fitted
    look_after_s: float = 10.0  # of a trap: what comes in its wake is seen in the same look
    look_every_s: float = 120.0  # no sooner again, however many traps come
    ask_limit_s: float = 30.0  # for one line asked for by itself


@dataclass(frozen=True)
class TierResult:
    """What one poll brought: rows of lines and of PON ports, and figures (values that are not null) in them."""

    tier: str
    line_ids: pa.Array  # each once
    pon_rows: int
    figures: int


class PolledDevice:
    """Asks one device, one poll at a time, and puts what it says into the spool."""

    def __init__(
        self,
        device: Device,
        asker: DeviceAsker,
        identity: Identity,
        spool: Spool,
        settings: DeviceSettings,
        chance: Random,
        clock: Callable[[], float] = time.monotonic,
        today: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`today` tells the hour of the day, for quiet hours."""
        self.device = device
        self._asker, self._identity, self._spool, self._settings = asker, identity, spool, settings
        self._clock, self._chance, self._today = clock, chance, today
        self.turnstile = Turnstile(settings.pace, settings.requests_per_hour, clock)
        self._schedule = self._new_schedule({})
        self._chosen: Chosen | None = None
        self._tiers: dict[str, TierStatus] = {}
        self._outcome: DeviceState = "waiting"  # of the last attempt
        self._troubles: dict[str, str] = {}  # what cannot be read now, by tier, and why
        self._since: datetime | None = None
        self._next_try: datetime | None = None
        self._known = DeviceLines(0, (), 0)
        self._notes: deque[str] = deque(maxlen=20)
        self._empty = 0
        self._sooner = asyncio.Event()  # the schedule changed while we wait
        self._looked = float("-inf")  # when the last look that a trap asked for is due

    @property
    def profile(self) -> str | None:
        """The profile chosen, None before that."""
        return self._chosen.profile if self._chosen else None

    def look_soon(self) -> bool:
        """Ask for states sooner, because the device told of something; rarely enough never to harm it.

        The poll itself goes its usual way: through the turnstile, within the budget. False where a look is under way
        or was not long ago, or a poll is due anyway.
        """
        s, now = self._settings, self._clock()
        at = max(now + s.look_after_s * (1 + self._chance.random()), self._looked + s.look_every_s)
        if self._looked > now or not self._schedule.sooner(LOOK, at):
            return False
        self._looked = at
        self._sooner.set()
        return True

    def look_now(self) -> float:
        """As `look_soon`, for a person: at once. Seconds to wait where a look was not long ago; 0: done.

        Nothing is due sooner at a device that is silent or not known yet: those are asked as often as is good anyway.
        """
        now = self._clock()
        if (wait := self._looked + self._settings.look_every_s - now) > 0:
            return wait
        self._looked = now
        if self._schedule.sooner(LOOK, now):
            self._sooner.set()
        return 0.0

    def _new_schedule(self, cadence_s: dict[str, float]) -> DeviceSchedule:
        s = self._settings
        return DeviceSchedule(
            cadence_s,
            self._clock(),
            self._chance,
            spread_s=s.spread_s,
            first_retry_s=s.first_retry_s,
            longest_retry_s=s.longest_retry_s,
        )

    def status(self) -> DeviceStatus:
        now, d, chosen, pacer = self._clock(), self.device, self._chosen, self.turnstile.pacer
        tiers = {
            name: replace(t, behind_s=round(max(0.0, self._schedule.late_s(name, now) - t.cadence_s), 1))
            for name, t in self._tiers.items()
        }
        return DeviceStatus(
            id=d.id, host=d.host, port=d.port, kind=d.kind, area=d.area,
            state=self._state(), trouble="; ".join(dict.fromkeys(self._troubles.values())) or None,
            since=self._since, next_try=self._next_try,
            profile=chosen.profile if chosen else None,
            profile_reason=chosen.reason if chosen else "",
            evidence=list(chosen.evidence) if chosen else [],
            tiers=tiers,
            pace=PaceStatus(
                usual_ms=None if pacer.usual_s is None else round(pacer.usual_s * 1000, 2),
                pause_ms=round(pacer.pause_s * 1000, 2),
                slowed=pacer.slowed,
                budget_per_hour=self.turnstile.budget.per_hour,
                budget_left=self.turnstile.budget_left(),
            ),
            lines=self._known.lines, missing=self._known.missing,
            unknown_count=len(self._known.unknown), unknown=list(self._known.unknown[:_NAMES_SHOWN]),
            notes=list(self._notes),
        )  # fmt: skip

    async def run(self, stop: asyncio.Event, slots: asyncio.Semaphore) -> None:
        """Ask on schedule until `stop`; `slots` bounds how many devices are asked at once."""
        wait = self._chance.random() * self._settings.spread_s
        while not stop.is_set():
            self._next_try = datetime.now(UTC) + timedelta(seconds=wait)
            if await self._woken(stop, wait):
                wait = min(wait, max(0.0, self._schedule.next_at() - self._clock()))
                continue
            if stop.is_set():
                return
            while self._spool.full and not stop.is_set():
                self._skip_all("the spool is full")
                await self._spool.room(stop)
            async with slots:
                wait = await self._turn(stop)

    async def _woken(self, stop: asyncio.Event, seconds: float) -> bool:
        """Wait so long or until `stop`; True when something became due sooner meanwhile."""
        self._sooner.clear()
        waits = [asyncio.ensure_future(event.wait()) for event in (stop, self._sooner)]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        return self._sooner.is_set() and not stop.is_set()

    async def _turn(self, stop: asyncio.Event) -> float:
        """Ask what is due; seconds until there is something to do again."""
        if (self._chosen is None or self._chosen.profile is None) and not await self.choose():
            failed = self._chosen is None
            return self._schedule.failed(self._clock()) if failed else self._settings.choose_again_s
        for tier in self._schedule.due(self._clock()):
            if stop.is_set():
                break
            if (quiet := self._quiet_until(tier)) is not None:
                zone = ZoneInfo(self.device.quiet.zone if self.device.quiet else "UTC")
                self._tiers[tier] = replace(
                    self._tiers[tier], skipped=f"quiet hours until {quiet.astimezone(zone):%H:%M}"
                )
                wait = (quiet - self._today()).total_seconds() + self._chance.random() * self._settings.spread_s
                self._schedule.put_off(tier, self._clock() + wait)
                continue
            wait = self.turnstile.wait_s(max(1, self._tiers[tier].requests))
            if wait > 0:
                self._skip(tier, "the budget of requests an hour is spent")
                self._schedule.put_off(tier, self._clock() + wait)
                continue
            answered_before = self._outcome == "answering"
            if await self.poll(tier, stop) is not None:
                self._schedule.done(tier, self._clock())
                if self._chosen is None:
                    return 0.0
            elif self._tiers[tier].skipped is None:
                self._schedule.tier_failed(tier, self._clock())
                if not answered_before:
                    return self._schedule.failed(self._clock())
        return max(0.05, self._schedule.next_at() - self._clock())

    def _quiet_until(self, tier: str) -> datetime | None:
        """The end of the quiet hours that a tier waits for now; None outside of them."""
        quiet = self.device.quiet
        return None if quiet is None or tier not in QUIET_TIERS else quiet.until(self._today())

    async def ask(self, place: Place) -> Polled:
        """One line now, in between the requests of a poll. In quiet hours only what is not loaded by it.

        Raises NotAnsweringError, BudgetSpentError, TimeoutError, and whatever else a device causes.
        """
        if self._chosen is None or self._chosen.profile is None or self._outcome not in ("answering", "troubled"):
            why = "; ".join(dict.fromkeys(self._troubles.values())) or "it was not asked yet"
            raise NotAnsweringError(f"device {self.device.id} does not answer: {why}")
        tiers = [tier for tier in self._tiers if self._quiet_until(tier) is None]
        async with asyncio.timeout(self._settings.ask_limit_s):
            return await self._asker.ask_line(self.device, self._chosen.profile, place, tiers, self.turnstile)

    async def once(self, stop: asyncio.Event) -> list[TierResult]:
        """Ask for every tier once, whatever the schedule says."""
        if not await self.choose():
            return []
        results = []
        for tier in sorted(self._tiers, key=lambda t: self._tiers[t].cadence_s):
            result = await self.poll(tier, stop)
            if result is not None:
                results.append(result)
            elif self._outcome == "silent":
                break
        return results

    async def choose(self) -> bool:
        """Find the profile that fits; False when the device does not answer (then none is chosen) or none fits."""
        try:
            async with asyncio.timeout(self._settings.limit_s):
                chosen = await self._asker.choose(self.device, self.turnstile)
        except Exception as error:  # noqa: BLE001 - whatever a device does stays this device's trouble
            self._chosen = None
            self._failed(CHOICE, error)
            return False
        self._chosen = chosen
        if chosen.profile is None:
            self._in_trouble(CHOICE, "unknown", f"no profile fits: {chosen.reason}")
            return False
        cadence = dict(chosen.tiers or {})
        for tier, seconds in self.device.cadence_s.items():
            if tier in cadence:
                floor = chosen.floors.get(tier, 0.0)
                cadence[tier] = max(seconds, floor)
                if seconds < floor:
                    self._note(f'"{tier}" is read every {floor:g} s, not {seconds:g}: the maker says not more often')
            else:
                self._note(f'cadence for "{tier}" is set, but the profile {chosen.profile} has no such tier')
        self._schedule = self._new_schedule(cadence)
        self._tiers = {t: replace(self._tiers.get(t, TierStatus(s)), cadence_s=s) for t, s in cadence.items()}
        self._troubles = {tier: why for tier, why in self._troubles.items() if tier in cadence}
        self._empty = 0
        return True

    async def poll(self, tier: str, stop: asyncio.Event) -> TierResult | None:
        """Ask for one tier and put it into the spool; None when the device or the spool kept us from it."""
        if self._chosen is None or self._chosen.profile is None:
            return None
        attempt = datetime.now(UTC)
        self._tiers[tier] = replace(self._tiers[tier], last_attempt=attempt, skipped=None)
        try:
            async with asyncio.timeout(self._settings.limit_s):
                poll = await self._asker.poll(self.device, self._chosen.profile, tier, self.turnstile)
            batches, self._known = self._identity.batches(self.device.id, tier, poll)
            if not await self._spool.put_when_room(batches, stop):
                return None
        except BudgetSpentError as error:
            self._skip(tier, str(error))
            self._schedule.put_off(tier, self._clock() + max(60.0, self.turnstile.wait_s(1)))
            return None
        except BatchTooLargeError as error:
            self._in_trouble(tier, "troubled", str(error))
            return None
        except Exception as error:  # noqa: BLE001 - as above
            self._failed(tier, error)
            return None
        for note in poll.notes:
            self._note(str(note))
        rows = sum(len(b) for b in batches)
        self._tiers[tier] = replace(
            self._tiers[tier], last_success=datetime.now(UTC), seconds=round(poll.seconds, 3),
            requests=poll.requests, rows=rows,
        )  # fmt: skip
        self._answered(tier, rows)
        return _result(tier, batches)

    def _state(self) -> DeviceState:
        return "troubled" if self._outcome == "answering" and self._troubles else self._outcome

    def _answered(self, tier: str, rows: int) -> None:
        was = self._troubles.pop(tier, None)
        if was is not None:
            log.info("device can be read again", device=self.device.id, what=tier, was=was)
        self._outcome = "answering"
        if not self._troubles:
            self._since = None
        self._empty = 0 if rows else self._empty + 1
        if self._empty >= _EMPTY_POLLS:
            self._note("nothing came in several polls; choosing the profile anew")
            self._chosen = None

    def _failed(self, what: str, error: Exception) -> None:
        silent = isinstance(error, TimeoutError) or "timeout" in type(error).__name__.lower()
        text = str(error) or ("no answer in time" if silent else type(error).__name__)
        self._in_trouble(what, "silent" if silent else "troubled", text)

    def _in_trouble(self, what: str, outcome: DeviceState, text: str) -> None:
        """Tell the log once for each thing that cannot be read, until it can be again."""
        if not self._troubles:
            self._since = datetime.now(UTC)
        if what not in self._troubles:
            log.warning("device cannot be read", device=self.device.id, what=what, state=outcome, why=text)
        self._outcome = outcome
        self._troubles[what] = text

    def _skip(self, tier: str, why: str) -> None:
        if self._tiers[tier].skipped != why:
            log.warning("tier left out", device=self.device.id, tier=tier, why=why)
        self._tiers[tier] = replace(self._tiers[tier], skipped=why)

    def _skip_all(self, why: str) -> None:
        self._tiers = {name: replace(t, skipped=why) for name, t in self._tiers.items()}

    def _note(self, text: str) -> None:
        if text not in self._notes:
            self._notes.append(text)


def _result(tier: str, batches: list[Batch]) -> TierResult:
    figures = sum(b.table.num_rows - b.table[name].null_count for b in batches for name in b.field_names)
    ids = pc.unique(pa.chunked_array([c for b in batches for c in b.table["line_id"].chunks], pa.string()))
    ports = pc.starts_with(ids, "pon:")
    pon_rows = pc.sum(ports).as_py() or 0
    return TierResult(tier, ids.filter(pc.invert(ports)) if pon_rows else ids, pon_rows, figures)
