"""What each coax fault adds over time. Like simulator/laws.py: functions of (fault, times, weather). Sources of the
laws: docs/simulator.md."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from simulator.constants import hfc
from simulator.laws import F64, Fault, progress
from simulator.weather import ZONE_S, Sky, Weather

OHM = 75.0
_NONE = np.zeros(1)


@dataclass(frozen=True)
class Worse:
    """What a fault adds, each (times,): losses in dB, disturbances as their share of the carrier's power, the echo's
    amplitude as a share of the carrier's, the loss of light at the node in dB."""

    down_db: F64 = field(default_factory=lambda: _NONE)
    up_db: F64 = field(default_factory=lambda: _NONE)
    down_share: F64 = field(default_factory=lambda: _NONE)
    up_share: F64 = field(default_factory=lambda: _NONE)
    echo: F64 = field(default_factory=lambda: _NONE)
    light_db: F64 = field(default_factory=lambda: _NONE)


Law = Callable[[Fault, Sky, Weather], Worse]


def share_of(ratio_db: npt.ArrayLike) -> F64:
    """A ratio of carrier to disturbance in dB as a share of the carrier's power."""
    return np.asarray(10 ** (-np.asarray(ratio_db, np.float64) / 10))


def series_capacitor_db(up_db: npt.ArrayLike) -> F64:
    """Loss at the downstream channel of a gap that takes `up_db` at the upstream one.

    A gap in the inner conductor is a capacitor in series: |S21|² = 1 / (1 + (f₀/f)²).
    """
    p = hfc()
    corner = (10 ** (np.asarray(up_db, np.float64) / 10) - 1) * (p["up_mhz"] / p["down_mhz"]) ** 2
    return np.asarray(10 * np.log10(1 + corner))


def drop_connector(fault: Fault, sky: Sky, weather: Weather) -> Worse:
    """A gap loses low frequencies, so upstream; what corrodes adds a resistance, and the shield lets stations in."""
    share, f = progress(fault, sky.times), fault.figures
    flat = 20 * np.log10(1 + f["ohm"] * share / (2 * OHM))
    gap = f["up_db"] * share
    return Worse(
        down_db=series_capacitor_db(gap) + flat, up_db=gap + flat,
        down_share=share * share_of(f["down_ci_db"]), echo=_echo(share, f["echo_dbc"]),
    )  # fmt: skip


def water(fault: Fault, sky: Sky, weather: Weather) -> Worse:
    """Wet dielectric: loss in proportion to frequency; fills with rain, dries over days, leaves corrosion behind."""
    f = fault.figures
    wet = weather.soak(sky.times, fault.onset, f["rise_h"], f["dry_h"])
    left = 1 - np.exp(-weather.rain_since(sky.times, fault.onset) / f["stain_mm"])
    dielectric = f["down_db"] * np.tanh(wet / f["full_mm"]) + f["stain_db"] * left
    p = hfc()
    flat = f["flat_db"] * left
    return Worse(down_db=dielectric + flat, up_db=dielectric * p["up_mhz"] / p["down_mhz"] + flat)


def drop_damage(fault: Fault, sky: Sky, weather: Weather) -> Worse:
    """Crushed or torn cable: more loss of the kind cables have, with the root of frequency, and an echo."""
    share, f, p = progress(fault, sky.times), fault.figures, hfc()
    loss = f["down_db"] * share
    return Worse(
        down_db=loss, up_db=loss * np.sqrt(p["up_mhz"] / p["down_mhz"]), down_share=share * share_of(f["down_ci_db"]),
        echo=_echo(share, f["echo_dbc"]),
    )  # fmt: skip


def amplifier(fault: Fault, sky: Sky, weather: Weather) -> Worse:
    """Gain falls for all behind it, both ways as the supply is common; the tired stage distorts."""
    share, f = progress(fault, sky.times), fault.figures
    loss = f["down_db"] * share
    return Worse(down_db=loss, up_db=loss * f["up_ratio"], down_share=share * share_of(f["down_ci_db"]))


def node_receiver(fault: Fault, sky: Sky, weather: Weather) -> Worse:
    """Less light at the node: photocurrent follows light, so the level falls two decibels for each."""
    light = fault.figures["optical_db"] * progress(fault, sky.times)
    return Worse(down_db=2 * light, light_db=light)


def return_laser(fault: Fault, sky: Sky, weather: Weather) -> Worse:
    """Less light on the way back: every modem is told to send two decibels more for each, and noise gains on them."""
    light = fault.figures["optical_db"] * progress(fault, sky.times)
    return Worse(up_db=2 * light, up_share=share_of(38.0) * (10 ** (0.15 * light) - 1))


def ingress(fault: Fault, sky: Sky, weather: Weather) -> Worse:
    """One home's noise reaches the node's only return path, so everybody; it follows the home's hours."""
    share = progress(fault, sky.times)
    busy = 0.35 + 0.65 * evening(sky.times)
    return Worse(up_share=share * busy * share_of(fault.figures["up_ci_db"]))


def nothing_steady(fault: Fault, sky: Sky, weather: Weather) -> Worse:
    """A failing supply shows in when the node is off: simulator/hfc/uptime.py."""
    return Worse()


LAWS: dict[str, Law] = {
    "drop_connector": drop_connector, "drop_water": water, "drop_damage": drop_damage, "tap_water": water,
    "amplifier": amplifier, "node_receiver": node_receiver, "return_laser": return_laser, "ingress": ingress,
    "node_supply": nothing_steady,
}  # fmt: skip


def evening(times: npt.NDArray[np.int64]) -> F64:
    """How busy homes are, 0 at nine in the morning to 1 at nine in the evening."""
    hour = ((times + ZONE_S) % 86400) / 3600
    return np.asarray(0.5 * (1 + np.cos((hour - 21) * (2 * np.pi / 24))))


def _echo(share: F64, dbc: float) -> F64:
    return np.asarray(np.minimum(share, 1.0) * 10 ** (dbc / 20))
