"""HfcPart: the coax part of a plant, told at any moment from the same seed and weather as its fibre."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from plant.batch import Batch
from simulator.constants import hfc, physics
from simulator.diary import Diary
from simulator.hfc.faults import seed_faults
from simulator.hfc.layout import Cmts, HfcLayout, build
from simulator.hfc.levels import level
from simulator.hfc.quality import day_words
from simulator.hfc.telling import KINDS, HfcTold, line_batch, node_batch, tell
from simulator.hfc.uptime import ModemUptime
from simulator.laws import Fault
from simulator.layout import I64
from simulator.noise import Noise, Stream
from simulator.uptime import Outage
from simulator.weather import Weather, day_start, local_day

_HOURS = (3, 9, 15, 21)  # at which a day's qualities are looked at: ingress has its hours


class HfcPart:
    """`start` and `end` are UTC seconds of the history; `faults` is how many there are. ValueError on bad sizes."""

    def __init__(
        self, seed: int, modems: int, faults: int, areas: tuple[dict[str, Any], ...], weather: Weather, noise: Noise,
        start: int, end: int, *, growing: bool,
    ) -> None:  # fmt: skip
        self._weather, self._noise = weather, noise
        self._first_day = int(local_day(np.array([start]))[0])
        self.layout: HfcLayout = build(seed, modems, areas, start, end)
        self._take(seed_faults(self.layout, weather, seed, faults, start, end, growing=growing))

    def repair(self, place: str, second: int) -> None:
        """The fault at a place is gone from then on."""
        self._take(tuple(replace(f, until=second) if f.place == place else f for f in self.faults))

    def told(self, cmts: Cmts, times: npt.NDArray[np.int64]) -> HfcTold:
        """What one CMTS and its modems tell at ascending UTC seconds."""
        levels = level(self.layout, cmts, times, self._weather, self.faults, self._noise)
        return tell(self.layout, cmts, times, levels, self._noise, self._diary)

    def batches(self, times: npt.NDArray[np.int64]) -> Iterator[Batch]:
        """Lines and nodes of every CMTS at ascending UTC seconds, less the hours it was not asked."""
        for cmts in self.layout.cmts:
            missed = self._noise.uniform(Stream.MISSED_CMTS, cmts.index, times // 3600)
            keep = missed >= physics()["telling"]["missed_device"]
            told = self.told(cmts, times)
            yield line_batch(self.layout, told, keep)
            yield node_batch(self.layout, told, keep)

    def outages(self, first_day: int, last_day: int) -> Iterator[Outage]:
        return self._uptime.outages(first_day, last_day)

    def strained(self, fault: Fault, times: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Whether customers of a fault feel it (rows of the fault, times): a modem is silent or nearly so."""
        cmts = self.layout.cmts[int(self.layout.modems.cmts[fault.rows[0]])]
        levels = level(self.layout, cmts, times, self._weather, self.faults, self._noise)
        felt = hfc()["felt"]
        at = fault.rows - cmts.lines.start
        if fault.kind == "node_supply":
            return np.ones((len(at), len(times)), bool)
        return np.asarray(
            (levels.down[at] < felt["down_dbmv"])
            | (levels.down_snr[at] < felt["down_snr_db"])
            | (levels.up_snr[at] < felt["up_snr_db"])
            | (levels.up[at] >= felt["up_dbmv"])
        )

    def _take(self, faults: tuple[Fault, ...]) -> None:
        self.faults = faults
        self._uptime = ModemUptime(self.layout, faults, self._noise)
        self._diary = Diary(len(self.layout.modems.id), self._first_day, self._uptime.day, self._errors)

    def _errors(self, day: int) -> I64:
        """(kinds, modems): codewords of both directions corrected and lost on a local day."""
        rows = np.arange(len(self.layout.modems.id))
        times = day_start(day) + np.array(_HOURS, np.int64) * 3600
        out = np.zeros((len(KINDS), len(rows)))
        for cmts in self.layout.cmts:
            levels = level(self.layout, cmts, times, self._weather, self.faults, self._noise)
            down, up = day_words("down", levels.down_snr), day_words("up", levels.up_snr)
            for kind in range(len(KINDS)):
                out[kind, cmts.lines] = (down[kind] + up[kind]).mean(axis=1)
        out *= 1 + 0.35 * self._noise.normal(Stream.MODEM_ERRORS, rows, day).clip(-2, 2)
        burst = self._noise.uniform(Stream.IMPULSE, rows, day) < hfc()["errors"]["impulse_share"]
        size = -np.log1p(-self._noise.uniform(Stream.IMPULSE_SIZE, rows, day).astype(np.float64) * 0.9999)
        out[0] += np.where(burst, 200 * size, 4 * size)
        out[1] += np.where(burst, 15 * size, 0.2 * size)
        return out.astype(np.int64)
