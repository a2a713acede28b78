"""When modems are down and why: nights, reboots, swaps, street mains, planned works, a node's failing supply."""

from collections.abc import Iterator

import numpy as np

from simulator.constants import hfc
from simulator.hfc.layout import HfcLayout
from simulator.laws import Fault, progress
from simulator.layout import FAR, I64
from simulator.noise import Noise, Stream
from simulator.uptime import LOS, POWER_OFF, REBOOT, Events, Outage
from simulator.weather import DAY, day_start

_SLOTS = 4  # of six hours: how often a failing supply may take its node away in a day


class ModemUptime:
    def __init__(self, layout: HfcLayout, faults: tuple[Fault, ...], noise: Noise) -> None:
        self._layout = layout
        self._noise = noise
        self._supplies = [f for f in faults if f.kind == "node_supply"]
        self._all = np.arange(len(layout.modems.id))
        self._p = hfc()["supply"]

    def day(self, day: int) -> list[Events]:
        """All events of one local day, one entry a kind."""
        found = [*self._habits(day), *(events for _, events in self._shared_of(day)), *self._supply(day)]
        return [e for e in found if len(e.rows)]

    def outages(self, first_day: int, last_day: int) -> Iterator[Outage]:
        for day in range(first_day, last_day + 1):
            for outage, _ in self._shared_of(day):
                yield outage

    def _habits(self, day: int) -> Iterator[Events]:
        """Customers who switch off at night, reboots, swaps."""
        noise, p, start = self._noise, self._p, day_start(day)
        rows = np.flatnonzero(self._layout.modems.night)
        off = (22.4 + 1.5 * noise.uniform(Stream.MODEM_NIGHT_OFF, rows, day)) * 3600
        on = (29.8 + 1.6 * noise.uniform(Stream.MODEM_NIGHT_ON, rows, day)) * 3600
        yield Events(rows, start + off.astype(np.int64), start + on.astype(np.int64), POWER_OFF)
        rows = np.flatnonzero(noise.uniform(Stream.MODEM_REBOOT, self._all, day) < p["reboot_per_day"])
        at = start + (noise.uniform(Stream.MODEM_REBOOT_AT, rows, day) * (DAY - 600)).astype(np.int64)
        yield Events(rows, at, at + 240, REBOOT)
        swapped = self._layout.modems.swapped_at
        rows = np.flatnonzero((swapped >= start) & (swapped < day_start(day + 1)) & (swapped != FAR))
        yield Events(rows, swapped[rows] - 1800, swapped[rows], POWER_OFF)

    def _shared_of(self, day: int) -> Iterator[tuple[Outage, Events]]:
        nodes, p = self._layout.nodes, self._p
        rng = np.random.default_rng([self._noise.seed, 23, day])
        draws = rng.random((2, len(nodes.cmts)))
        for node in np.flatnonzero(draws[0] < p["works_per_node_day"]):
            start = day_start(day) + int(rng.uniform(1, 1.6) * 3600)
            yield self._outage("planned_works", int(node), start, int(rng.uniform(*p["works_minutes"]) * 60), LOS)
        for node in np.flatnonzero(draws[1] < p["mains_per_node_day"]):
            start = day_start(day) + int(rng.uniform(7, 20) * 3600)
            yield self._outage("mains_outage", int(node), start, int(rng.uniform(*p["mains_minutes"]) * 60), POWER_OFF)

    def _outage(self, kind: str, node: int, start: int, seconds: int, cause: int) -> tuple[Outage, Events]:
        rows = np.arange(*self._layout.nodes.lines[node])
        events = self._gone(rows, start, seconds, cause)
        return Outage(kind, f"pon:{self._layout.node_place(node)}", start, start + seconds, len(rows)), events

    def _gone(self, rows: I64, start: int, seconds: int, cause: int) -> Events:
        """Modems without their node, each back within four minutes: ranging takes turns."""
        back = start + seconds + (self._noise.uniform(Stream.MODEM_REBOOT_AT, rows, start) * 240).astype(np.int64)
        return Events(rows, np.full(len(rows), start, np.int64), back, cause)

    def _supply(self, day: int) -> Iterator[Events]:
        slot_s = DAY // _SLOTS
        for fault in self._supplies:
            for slot in range(_SLOTS):
                begin = day_start(day) + slot * slot_s
                at = np.array([begin])
                chance = float(fault.acts(at)[0]) * float(progress(fault, at)[0]) * fault.figures["offs_per_day"]
                key = day * _SLOTS + slot
                node = int(fault.pon or 0)
                if self._noise.uniform(Stream.NODE_OFF, node, key)[0] >= chance / _SLOTS:
                    continue
                where = self._noise.uniform(Stream.NODE_OFF_AT, node, key)[0]
                yield self._gone(fault.rows, begin + int(where * slot_s * 0.7), 1200 + int(where * 6000), LOS)
