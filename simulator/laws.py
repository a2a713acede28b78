"""How each cause acts over time. Every law is a function of (fault, times, weather): no state, no look ahead.

Sources of shapes and figures: docs/simulator.md.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from plant.finding import Cause
from simulator.weather import Sky, Weather

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Fault:
    """A cause at a place from `onset` (UTC second) on. `rows` are line rows; `pon` a PON row where it is shared.

    `figures` are the law's parameters: dB, seconds, ratios. `kind` says what is broken where a cause has several forms.
    """

    cause: Cause
    place: str
    rows: npt.NDArray[np.int64]
    onset: int
    shape: str
    figures: Mapping[str, float] = field(default_factory=dict)
    pon: int | None = None
    source: int | None = None  # the row of a rogue ONT
    until: int | None = None  # UTC second of its repair
    kind: str = ""

    def acts(self, times: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Whether the fault is there: from its onset to its repair."""
        return (times >= self.onset) & (times < (self.until if self.until is not None else np.inf))


@dataclass(frozen=True)
class Effect:
    """What a fault adds, each (times,): losses and powers in dB, bias as a ratio to its healthy value, supply in V."""

    loss_down: F64 | None = None
    loss_up: F64 | None = None
    pon_tx: F64 | None = None
    pon_bias: F64 | None = None
    tx: F64 | None = None
    bias: F64 | None = None
    voltage: F64 | None = None


Law = Callable[[Fault, Sky, Weather], Effect]


def progress(fault: Fault, times: npt.NDArray[np.int64]) -> F64:
    """0 before the onset, 1 at full size; a ramp goes on to 1.3 after it, a step is whole at once.

    `stairs` arrives in three steps, at the onset, a third and two thirds of the way.
    """
    age = (times - fault.onset).astype(np.float64)
    if fault.shape == "step":
        return np.where(age >= 0, 1.0, 0.0)
    share = age / fault.figures["grow_s"]
    if fault.shape == "stairs":
        return np.where(age >= 0, np.minimum(np.floor(share * 3) + 1, 3) / 3, 0.0)
    return np.clip(share, 0, 1.3)


def macrobend(fault: Fault, sky: Sky, weather: Weather) -> Effect:
    """Loss grows with wavelength; a bend works a little with temperature."""
    loss = progress(fault, sky.times) * fault.figures["db"] * (1 + 0.008 * (22 - sky.air_c))
    return Effect(loss_down=loss, loss_up=loss / fault.figures["ratio"])


def both_ways(fault: Fault, sky: Sky, weather: Weather) -> Effect:
    """Connector, feeder, splitter leg: the same loss in both directions, within `skew_db`."""
    share = progress(fault, sky.times)
    return Effect(
        loss_down=share * fault.figures["db"], loss_up=share * (fault.figures["db"] + fault.figures["skew_db"])
    )


def water(fault: Fault, sky: Sky, weather: Weather) -> Effect:
    """Follows rain by hours, dries over days, and leaves a part behind that grows with the rain fallen so far."""
    wet = weather.soak(sky.times, fault.onset, fault.figures["rise_h"], fault.figures["dry_h"])
    left = 1 - np.exp(-weather.rain_since(sky.times, fault.onset) / fault.figures["stain_mm"])
    loss = fault.figures["db"] * np.tanh(wet / fault.figures["full_mm"]) + fault.figures["stain_db"] * left
    return Effect(loss_down=loss, loss_up=loss / fault.figures["ratio"])


def thermal(fault: Fault, sky: Sky, weather: Weather) -> Effect:
    """Fibre squeezed when it is colder than the day's mean: nights and dawns lose light, the median hardly moves."""
    cold = np.maximum(sky.day_mean_c - sky.air_c, 0)
    loss = progress(fault, sky.times) * fault.figures["db_per_c"] * cold
    return Effect(loss_down=loss, loss_up=loss / fault.figures["ratio"])


def olt_optics(fault: Fault, sky: Sky, weather: Weather) -> Effect:
    """The module's power control raises the bias first; when it has no reserve left the power falls."""
    share = progress(fault, sky.times)
    return Effect(pon_tx=-fault.figures["db"] * share**1.5, pon_bias=fault.figures["bias"] * share)


def ont_laser(fault: Fault, sky: Sky, weather: Weather) -> Effect:
    """Bias rises at constant temperature; past half of the way the power falls too."""
    share = progress(fault, sky.times)
    return Effect(tx=-fault.figures["db"] * np.clip((share - 0.5) / 0.5, 0, 1.6), bias=fault.figures["bias"] * share)


def ont_power(fault: Fault, sky: Sky, weather: Weather) -> Effect:
    """The supply sags; the ONT's switching off is in simulator/uptime.py."""
    share = progress(fault, sky.times)
    return Effect(voltage=-fault.figures["sag_v"] * share)


def weak_since_install(fault: Fault, sky: Sky, weather: Weather) -> Effect:
    loss = np.full(len(sky.times), fault.figures["db"])
    return Effect(loss_down=loss, loss_up=loss)


def nothing_optical(fault: Fault, sky: Sky, weather: Weather) -> Effect:
    """Ethernet and rogue ONTs show elsewhere: in the port's speed, in the neighbours' errors."""
    return Effect()


LAWS: dict[str, Law] = {
    "macrobend": macrobend, "connector": both_ways, "water": water, "thermal": thermal, "feeder": both_ways,
    "splitter": both_ways, "olt_optics": olt_optics, "ont_laser": ont_laser, "ont_power": ont_power,
    "ethernet": nothing_optical, "rogue_ont": nothing_optical, "weak_since_install": weak_since_install,
}  # fmt: skip


def ground_truth(fault: Fault, line_ids: npt.NDArray[np.object_]) -> dict[str, Any]:
    """A fault in the form findings have: place, lines, cause, onset (date in UTC), and the law's parameters."""
    entry: dict[str, Any] = {
        "place": fault.place,
        "lines": [str(line_ids[r]) for r in fault.rows],
        "cause": fault.cause,
        "onset": str(np.datetime64(fault.onset, "s").astype("datetime64[D]")),
        "shape": fault.shape,
        "figures": {k: round(v, 3) for k, v in fault.figures.items()},
    }
    if fault.kind:
        entry["kind"] = fault.kind
    if fault.until is not None:
        entry["repaired"] = datetime.fromtimestamp(fault.until, UTC).isoformat()
    if fault.source is not None:
        entry["source_line"] = str(line_ids[fault.source])
    return entry
