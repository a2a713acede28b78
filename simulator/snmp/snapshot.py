"""One OLT's figures at one minute, by the names the tables use."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from simulator.constants import physics
from simulator.layout import FAR, Olt
from simulator.telling import OPTICS
from simulator.world import World

Clock = Callable[[], float]
MINUTE = 60
_XPON_CLASS = {"gpon_b+": 101, "gpon_c+": 102}


class Snapshot:
    """Figures of one OLT for the minute of its clock; `renew` is cheap while the minute lasts.

    Stale optics: units whose last figures stay in the OLT's table when they are down (a share fixed by the seed).
    """

    def __init__(self, world: World, olt: Olt, clock: Clock) -> None:
        self.world, self.olt, self._clock = world, olt, clock
        self._minute = -1
        self._figures: dict[str, npt.NDArray[Any]] = {}
        self._last: dict[str, npt.NDArray[np.float32]] = {}
        self.cpu_percent = 18
        self.restarted = 0.0
        rng = np.random.default_rng([world.seed, 4, olt.index])
        n = olt.lines.stop - olt.lines.start
        share = physics()["telling"]["stale_share"] if olt.family == "nscrtv" else 0.0
        self._stale = rng.random(n) < share
        self._static = self._fixed()

    @property
    def now(self) -> float:
        return self._clock()

    def renew(self) -> bool:
        """True when the figures have changed."""
        minute = int(self._clock()) // MINUTE
        if minute == self._minute:
            return False
        self._minute = minute
        first = not self._figures
        self._figures = self._read(minute * MINUTE)
        if first and self._stale.any():
            self._remember(self._read(max(minute * MINUTE - 86400, int(self.world.start.timestamp()))))
        self._remember(self._figures)
        return True

    def figure(self, name: str, stale: bool) -> npt.NDArray[Any]:
        """One value a row; NaN where there is none."""
        if name in self._static:
            return self._static[name]
        if name == "cpu_percent":
            return np.array([self.cpu_percent])
        if name not in self._figures:
            self._figures[name] = self._worked_out(name)
        values = self._figures[name]
        if stale and self._stale.any():
            old = self._stale & (self._figures["up"] == 0)
            return np.where(old, self._last[name], values)
        return values

    def _read(self, second: int) -> dict[str, npt.NDArray[Any]]:
        told = self.world.told(self.olt, np.array([second], np.int64))
        lines = self.world.layout.lines
        own = self.olt.lines
        figures: dict[str, npt.NDArray[Any]] = {n: v[:, 0] for n, v in (told.line | told.counters | told.pon).items()}
        # Units that publish their own figures do not answer the OLT's question.
        for name in OPTICS:
            figures[name] = np.where(lines.mqtt[own], np.float32(np.nan), figures[name])
        figures["up"] = told.up[:, 0].astype(np.int64)
        figures["cause"] = told.cause[:, 0].astype(np.int64)
        figures["since_s"] = np.where(told.up[:, 0], np.maximum(second - told.since[:, 0], 0), 0)
        figures["back"] = told.since[:, 0]
        return figures

    def _worked_out(self, name: str) -> npt.NDArray[Any]:
        """Octets that are made only when a column is asked for: they cost more than the figures."""
        if name == "last_up":
            made = [_date_and_time(int(second)) for second in self._figures["back"]]
        elif name == "serial_octets":
            own = self.olt.lines
            at = self.world.layout.lines.swapped_at[own]
            unit = ((at != FAR) & (at <= self._minute * MINUTE)).astype(int)
            serial = self.world.layout.units.serial[unit, np.arange(own.start, own.stop)]
            made = [s[:4].encode() + bytes.fromhex(s[4:]) for s in serial.tolist()]
        else:
            raise KeyError(f'no figure is named "{name}"')
        return np.array(made, dtype=object)

    def _remember(self, figures: dict[str, npt.NDArray[Any]]) -> None:
        for name in OPTICS:
            new = figures[name]
            old = self._last.get(name)
            self._last[name] = new if old is None else np.where(np.isnan(new), old, new)

    def _fixed(self) -> dict[str, npt.NDArray[Any]]:
        layout = self.world.layout
        ports = self.olt.pons.stop - self.olt.pons.start
        n = self.olt.lines.stop - self.olt.lines.start
        names = [str(s).encode() for s in layout.pons.name[self.olt.pons]]
        ids = [str(s).encode() for s in layout.lines.id[self.olt.lines]]
        return {
            "port_state": np.ones(ports, np.int64),
            "port_type": np.full(ports, 3),
            "xpon_type": np.full(ports, 2),
            "xpon_class": np.full(ports, _XPON_CLASS[self.olt.pon_class]),
            "pon_name": np.array(names, dtype=object),
            "line_id": np.array(ids, dtype=object),
            "model": np.array([b"SIM-ONT-1GE"] * n, dtype=object),
            "nothing": np.array([]),
        }


def _date_and_time(second: int) -> bytes:
    """DateAndTime (RFC 2579) in UTC with its offset, 11 octets."""
    t = np.datetime64(second, "s").item()
    return t.year.to_bytes(2, "big") + bytes((t.month, t.day, t.hour, t.minute, t.second, 0)) + b"+\x00\x00"
