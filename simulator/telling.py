"""What the devices tell of the light.

Meters have offsets and noise, makers round to steps, families leave columns out, and some reads are not answered.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simulator.constants import physics
from simulator.diary import Diary
from simulator.laws import Fault
from simulator.layout import Family, Layout, Olt, weak_shift
from simulator.light import Light, shine, unit_figure
from simulator.noise import Floats, Keys, Noise, Stream
from simulator.receiver import KINDS
from simulator.uptime import CAUSES, LOS
from simulator.weather import Weather

# What an OLT family's tables hold of a line and of a PON port. NSCRTV's GPON module has no error counters, no
# Ethernet speed with a stated meaning, and no temperature of the PON module.
LINE_FIELDS: Mapping[Family, tuple[str, ...]] = {
    "nscrtv": ("rx_dbm", "tx_dbm", "olt_rx_dbm", "bias_ma", "voltage_v", "temp_c", "distance_m"),
    "huawei": (
        "rx_dbm", "tx_dbm", "olt_rx_dbm", "bias_ma", "voltage_v", "temp_c", "distance_m", "eth_speed_mbps",
        "fec_corrected", "fec_uncorrected", "bip_errors",
    ),
}  # fmt: skip
PON_FIELDS: Mapping[Family, tuple[str, ...]] = {
    "nscrtv": ("pon_tx_dbm", "pon_bias_ma", "pon_voltage_v", "onts_up", "onts_total"),
    "huawei": ("pon_tx_dbm", "pon_bias_ma", "pon_temp_c", "pon_voltage_v", "onts_up", "onts_total"),
}
# Steps in which a family's OLT tells what the ONT says: unit of the field.
STEPS: Mapping[Family, Mapping[str, float]] = {
    "nscrtv": {"bias_ma": 0.01, "voltage_v": 0.001, "temp_c": 0.01, "pon_bias_ma": 0.01, "pon_voltage_v": 0.001},
    "huawei": {
        "bias_ma": 1.0, "voltage_v": 0.001, "temp_c": 1.0, "pon_bias_ma": 1.0, "pon_voltage_v": 0.01, "pon_temp_c": 1.0,
    },
}  # fmt: skip
OPTICS = ("rx_dbm", "tx_dbm", "bias_ma", "voltage_v", "temp_c")  # asked of the ONT itself
NOISE_KEY_S = 300  # readings within five minutes are the same cached ones


@dataclass(frozen=True)
class Told:
    """Of one OLT at `times`. `line` and `pon` hold float32 (rows, times) with NaN where nothing is told; counters are
    int64. `up` and `cause` (a code of uptime.CAUSES) are (lines, times); so is `missed`: the ONT did not answer."""

    olt: Olt
    times: Keys
    line: dict[str, Floats]
    counters: dict[str, npt.NDArray[np.int64]]
    pon: dict[str, Floats]
    up: npt.NDArray[np.bool_]
    cause: npt.NDArray[np.int8]
    since: Keys  # (lines, times): last return, UTC second
    missed: npt.NDArray[np.bool_]


def tell(
    layout: Layout, olt: Olt, times: Keys, weather: Weather, faults: tuple[Fault, ...], noise: Noise, diary: Diary
) -> Told:
    """Readings of all lines and ports of an OLT at ascending UTC seconds."""
    p = physics()
    light = shine(layout, olt, times, weather, faults, noise)
    state = diary.state(olt.lines, times)
    dark = light.rx < p["ont"]["lost_light_dbm"] + weak_shift(olt.pon_class)
    down = state.down | dark
    cause = np.where(dark & ~state.down, np.int8(LOS), state.cause)
    rows = np.arange(olt.lines.start, olt.lines.stop)
    key = times // NOISE_KEY_S
    missed = noise.uniform(Stream.MISSED_ONT, rows[:, None], key[None, :]) < p["telling"]["missed_ont"]
    line = _read_lines(layout, olt, times, light, noise)
    silent = down | missed
    for name in OPTICS:
        line[name][silent] = np.nan
    line["olt_rx_dbm"][down] = np.nan
    line["distance_m"] = np.where(down, np.float32(np.nan), layout.lines.distance_m[olt.lines, None])
    if olt.family == "huawei":
        line["eth_speed_mbps"] = _ethernet(olt, times, down, faults)
    counters = {n: state.counters[i] for i, n in enumerate(KINDS)} if olt.family == "huawei" else {}
    pon = _read_pons(olt, times, light, noise)
    first = layout.pons.lines[olt.pons, 0] - olt.lines.start
    born = layout.lines.born_at[olt.lines, None] <= times[None, :]
    pon["onts_up"] = np.add.reduceat((~down & born).astype(np.float32), first, axis=0)
    pon["onts_total"] = np.add.reduceat(born.astype(np.float32), first, axis=0)
    return Told(olt, times, line, counters, pon, ~down, cause, state.back, missed)


def cause_words(family: Family) -> tuple[str | None, ...]:
    """plant's word for each cause code; None where a line never fell. NSCRTV tables have no word for a reboot."""
    untold = {"": None} | ({"reboot": "unknown"} if family == "nscrtv" else {})
    return tuple(untold.get(c, c) for c in CAUSES)


def _read_lines(layout: Layout, olt: Olt, times: Keys, light: Light, noise: Noise) -> dict[str, Floats]:
    units = layout.units
    rows = np.arange(olt.lines.start, olt.lines.stop)[:, None]
    key = (times // NOISE_KEY_S)[None, :]
    meter = unit_figure(units.reading_noise_db, layout, olt, times)
    step = unit_figure(units.step_db, layout, olt, times)
    offset = unit_figure(units.receiver_offset_db, layout, olt, times)
    port = layout.pons.receiver_offset_db[layout.lines.pon[olt.lines], None]
    steps = STEPS[olt.family]
    return {
        "rx_dbm": _steps(light.rx + offset + meter * noise.normal(Stream.RX, rows, key), step),
        "tx_dbm": _steps(light.tx + np.float32(0.5) * meter * noise.normal(Stream.TX, rows, key), step),
        "olt_rx_dbm": _steps(light.olt_rx + port + np.float32(0.12) * noise.normal(Stream.OLT_RX, rows, key), 0.01),
        "bias_ma": _steps(light.bias * (1 + 0.01 * noise.normal(Stream.BIAS, rows, key)), steps["bias_ma"]),
        "voltage_v": _steps(light.voltage + 0.008 * noise.normal(Stream.VOLTAGE, rows, key), steps["voltage_v"]),
        "temp_c": _steps(light.temp + 0.7 * noise.normal(Stream.TEMP, rows, key), steps["temp_c"]),
    }


def _read_pons(olt: Olt, times: Keys, light: Light, noise: Noise) -> dict[str, Floats]:
    ports = np.arange(olt.pons.start, olt.pons.stop)[:, None]
    key = (times // NOISE_KEY_S)[None, :]
    steps = STEPS[olt.family]
    p = physics()["olt"]
    told = {
        "pon_tx_dbm": _steps(light.pon_tx + 0.02 * noise.normal(Stream.PON_TX, ports, key), 0.01),
        "pon_bias_ma": _steps(
            light.pon_bias * (1 + 0.005 * noise.normal(Stream.PON_BIAS, ports, key)), steps["pon_bias_ma"]
        ),
        "pon_voltage_v": _steps(
            p["voltage_v"] + 0.01 * noise.normal(Stream.PON_VOLTAGE, ports, key), steps["pon_voltage_v"]
        ),
    }
    if "pon_temp_c" in steps:
        told["pon_temp_c"] = _steps(
            light.pon_temp + 0.3 * noise.normal(Stream.PON_TEMP, ports, key), steps["pon_temp_c"]
        )
    return told


def _ethernet(olt: Olt, times: Keys, down: npt.NDArray[np.bool_], faults: tuple[Fault, ...]) -> Floats:
    speed = np.where(down, np.float32(np.nan), np.float32(1000))
    for fault in faults:
        if fault.cause == "ethernet" and olt.lines.start <= fault.rows[0] < olt.lines.stop:
            row = int(fault.rows[0]) - olt.lines.start
            worse = fault.acts(times) & ~down[row]
            speed[row, worse] = fault.figures["mbps"]
    return speed.astype(np.float32)


def _steps(values: Floats, step: Floats | float) -> Floats:
    """Rounded to the step, and to what the table can carry (thousandths)."""
    s = np.asarray(step, np.float32)
    return np.round(np.round(values / s) * s, 3).astype(np.float32)
