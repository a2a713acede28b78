"""When lines are down and why: nights, reboots, the mains, planned works, failing supplies.

Every event belongs to the local day it starts on and is at most a day long, so that the state at any moment follows
from two days' events and from what was carried over before them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simulator.constants import physics
from simulator.laws import Fault, progress
from simulator.layout import FAR, Layout
from simulator.noise import Noise, Stream
from simulator.weather import DAY, day_start

I64 = npt.NDArray[np.int64]
CAUSES = ("", "power_off", "reboot", "los")
NONE, POWER_OFF, REBOOT, LOS = range(4)
_SAG_SLOTS = 6  # of four hours: how often a failing supply may switch an ONT off in a day


@dataclass(frozen=True)
class Events:
    """Lines that go down at `start` and come back at `end` (UTC seconds); each line at most once, rows ascending."""

    rows: I64
    start: I64
    end: I64
    cause: int

    def within(self, lines: slice) -> "Events":
        a, b = np.searchsorted(self.rows, (lines.start, lines.stop))
        return Events(self.rows[a:b] - lines.start, self.start[a:b], self.end[a:b], self.cause)


@dataclass(frozen=True)
class Outage:
    """A planned or mains outage, for the list of things that are no finding."""

    kind: str
    place: str
    start: int
    end: int
    lines: int


class Uptime:
    def __init__(self, layout: Layout, faults: tuple[Fault, ...], noise: Noise) -> None:
        self._layout = layout
        self._noise = noise
        self._sagging = [f for f in faults if f.cause == "ont_power"]
        self._rogues = [f for f in faults if f.source is not None]
        self._all = np.arange(len(layout.lines.id))
        self._p = physics()["supply"]

    def day(self, day: int) -> list[Events]:
        """All events of one local day, one entry a kind."""
        found = [
            *self._nights(day), *self._reboots(day), *self._swaps(day), *self._shared(day), *self._sags(day),
            *self._rogue_off(day),
        ]  # fmt: skip
        return [e for e in found if len(e.rows)]

    def outages(self, first_day: int, last_day: int) -> Iterator[Outage]:
        for day in range(first_day, last_day + 1):
            for outage, _ in self._shared_of(day):
                yield outage

    def rogue_active(self, fault: Fault, day: int) -> bool:
        """Whether a rogue ONT is switched on (and disturbs its port) on a local day."""
        on = self._noise.uniform(Stream.ROGUE, fault.source or 0, day)[0] < 0.65
        return bool(on) and bool(fault.acts(np.array([day_start(day)]))[0])

    def _nights(self, day: int) -> Iterator[Events]:
        rows = np.flatnonzero(self._layout.lines.night)
        kept = rows[self._noise.uniform(Stream.NIGHT, rows, day) < self._p["night_kept"]]
        off = (22.4 + 1.5 * self._noise.uniform(Stream.NIGHT_OFF, kept, day)) * 3600
        on = (29.8 + 1.6 * self._noise.uniform(Stream.NIGHT_ON, kept, day)) * 3600
        yield Events(kept, day_start(day) + off.astype(np.int64), day_start(day) + on.astype(np.int64), POWER_OFF)

    def _reboots(self, day: int) -> Iterator[Events]:
        rows = np.flatnonzero(self._noise.uniform(Stream.REBOOT, self._all, day) < self._p["reboot_per_day"])
        start = day_start(day) + (self._noise.uniform(Stream.REBOOT_AT, rows, day) * (DAY - 600)).astype(np.int64)
        yield Events(rows, start, start + 180, REBOOT)

    def _swaps(self, day: int) -> Iterator[Events]:
        at = self._layout.lines.swapped_at
        rows = np.flatnonzero((at >= day_start(day)) & (at < day_start(day + 1)) & (at != FAR))
        yield Events(rows, at[rows] - 1800, at[rows], POWER_OFF)

    def _shared(self, day: int) -> Iterator[Events]:
        for _, events in self._shared_of(day):
            yield events

    def _shared_of(self, day: int) -> Iterator[tuple[Outage, Events]]:
        layout, p = self._layout, self._p
        rng = np.random.default_rng([self._noise.seed, 3, day])
        for pon in np.flatnonzero(rng.random(len(layout.pons.olt)) < p["works_per_pon_day"]):
            rows = np.arange(*layout.pons.lines[pon])
            start = day_start(day) + int(rng.uniform(1, 1.6) * 3600)
            end = start + int(rng.uniform(*p["works_minutes"]) * 60)
            yield self._outage("planned_works", f"pon:{layout.pon_place(int(pon))}", rows, start, end, LOS)
        if rng.random() < p["mains_per_day"]:
            hit = int(rng.integers(len(layout.pons.olt)))
            same = (layout.pons.olt == layout.pons.olt[hit]) & (layout.pons.grid == layout.pons.grid[hit])
            rows = np.flatnonzero(same[layout.lines.pon])
            rows = rows[rng.random(len(rows)) < 0.8]  # not every street hangs on the same transformer
            start = day_start(day) + int(rng.uniform(7, 20) * 3600)
            end = start + int(rng.uniform(*p["mains_minutes"]) * 60)
            olt = layout.olts[int(layout.pons.olt[hit])]
            yield self._outage("mains_outage", f"area:{layout.areas[olt.area]['id']}", rows, start, end, POWER_OFF)

    def _outage(self, kind: str, place: str, rows: I64, start: int, end: int, cause: int) -> tuple[Outage, Events]:
        n = len(rows)
        # After the mains come back, homes boot within two minutes of one another.
        back = end + (self._noise.uniform(Stream.REBOOT_AT, rows, start) * 120).astype(np.int64)
        return Outage(kind, place, start, end, n), Events(rows, np.full(n, start, np.int64), back, cause)

    def _sags(self, day: int) -> Iterator[Events]:
        slot_s = DAY // _SAG_SLOTS
        for fault in self._sagging:
            row = int(fault.rows[0])
            for slot in range(_SAG_SLOTS):
                begin = day_start(day) + slot * slot_s
                there = float(fault.acts(np.array([begin]))[0])
                chance = (
                    there * float(progress(fault, np.array([begin]))[0]) * fault.figures["offs_per_day"] / _SAG_SLOTS
                )
                key = day * _SAG_SLOTS + slot
                if self._noise.uniform(Stream.SAG, row, key)[0] >= chance:
                    continue
                start = begin + int(self._noise.uniform(Stream.SAG_AT, row, key)[0] * slot_s * 0.7)
                minutes = 6 + 34 * float(self._noise.uniform(Stream.SAG_FOR, row, key)[0])
                yield Events(np.array([row]), np.array([start]), np.array([start + int(minutes * 60)]), POWER_OFF)

    def _rogue_off(self, day: int) -> Iterator[Events]:
        for fault in self._rogues:
            start = day_start(day)
            there = bool(fault.acts(np.array([start]))[0])
            if fault.source is not None and there and not self.rogue_active(fault, day):
                yield Events(np.array([fault.source]), np.array([start]), np.array([start + DAY - 1]), POWER_OFF)
