"""One device's figures at one minute, by the names the tables use."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from simulator.snmp.mib import Rows
from simulator.world import World

Clock = Callable[[], float]
MINUTE = 60


class Snapshot:
    """Figures of one device for the minute of its clock; `renew` is cheap while the minute lasts.

    What a device is: `device` its id, `area` its area's name, `tables` the data file of its tables, `port_names` of its
    ports. Subclasses say what it `_read`s, what is `_worked_out` only when asked for, and what never changes.
    """

    device: str
    area: str
    tables: str
    port_names: list[str]

    def __init__(self, world: World, clock: Clock) -> None:
        self.world, self._clock = world, clock
        self._minute = -1
        self._figures: dict[str, npt.NDArray[Any]] = {}
        self.cpu_percent = 18
        self.restarted = 0.0
        self._static: dict[str, npt.NDArray[Any]] = {}

    @property
    def now(self) -> float:
        return self._clock()

    def renew(self) -> bool:
        """True when the figures have changed."""
        minute = int(self._clock()) // MINUTE
        if minute == self._minute:
            return False
        self._minute = minute
        self._figures = self._read(minute * MINUTE)
        return True

    def figure(self, name: str, stale: bool) -> npt.NDArray[Any]:
        """One value a row; NaN where there is none. `stale`: a device may tell what it told last."""
        if name in self._static:
            return self._static[name]
        if name == "cpu_percent":
            return np.array([self.cpu_percent])
        if name not in self._figures:
            self._figures[name] = self._worked_out(name)
        return self._figures[name]

    def rows(self) -> dict[str, Rows]:
        """The instances of the tables, by the names their data file uses; `interface` among them."""
        raise NotImplementedError

    def _read(self, second: int) -> dict[str, npt.NDArray[Any]]:
        raise NotImplementedError

    def _worked_out(self, name: str) -> npt.NDArray[Any]:
        raise KeyError(f'no figure is named "{name}"')
