"""The light itself: true powers at both ends of every line, before any meter reads them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simulator.constants import physics
from simulator.laws import LAWS, Fault
from simulator.layout import FAR, Layout, Olt
from simulator.noise import Floats, Keys, Noise, Stream
from simulator.weather import Weather


@dataclass(frozen=True)
class Light:
    """Of one OLT at `times`: PON rows are (ports, times), the others (lines, times). dBm, mA, °C, V."""

    pon_tx: Floats
    pon_bias: Floats
    pon_temp: Floats
    rx: Floats
    tx: Floats
    olt_rx: Floats
    bias: Floats
    temp: Floats
    voltage: Floats


def shine(layout: Layout, olt: Olt, times: Keys, weather: Weather, faults: tuple[Fault, ...], noise: Noise) -> Light:
    """Powers from losses: Rx = Tx − splitters − fibre − joints − what faults add."""
    p = physics()
    sky = weather.sky(times)
    lines, pons, units = layout.lines, layout.pons, layout.units
    rows = np.arange(olt.lines.start, olt.lines.stop)
    ports = np.arange(olt.pons.start, olt.pons.stop)
    pon_of = lines.pon[olt.lines] - olt.pons.start
    warm = sky.air_c - np.float32(22)

    pon_temp = np.float32(p["olt"]["temp_c"]) + warm[None, :] * np.float32(p["olt"]["room_coupling"])
    pon_temp = pon_temp + (ports % 5)[:, None].astype(np.float32)
    pon_tx = pons.tx_dbm[olt.pons, None] + np.float32(p["olt"]["tx_wander_db"]) * noise.wander(
        Stream.PON_WANDER, ports, times, 3 * 86400
    )
    pon_tx = pon_tx + np.float32(p["olt"]["tx_db_per_c"]) * (pon_temp - np.float32(p["olt"]["temp_c"]))
    pon_bias = pons.bias_ma[olt.pons, None] * (1 + np.float32(0.008) * (pon_temp - np.float32(p["olt"]["temp_c"])))

    swing = lines.thermal[olt.lines, None] * warm[None, :]
    swing = swing + np.float32(p["wander_db"]) * noise.wander(Stream.LOSS_WANDER, rows, times, 3 * 86400)
    down = lines.loss_down[olt.lines, None] + swing
    up = lines.loss_up[olt.lines, None] + swing

    temp = np.float32(25 + p["ont"]["self_heating_c"]) + warm[None, :] * np.float32(p["ont"]["room_coupling"])
    temp = temp + ((rows * 7) % 9 - 4)[:, None].astype(np.float32)
    tx = unit_figure(units.tx_dbm, layout, olt, times)
    tx = tx + np.float32(p["ont"]["tx_wander_db"]) * noise.wander(Stream.TX_WANDER, rows, times, 2 * 86400)
    bias = unit_figure(units.bias_ma, layout, olt, times)
    bias = bias * (1 + np.float32(p["ont"]["bias_per_c"]) * (temp - np.float32(40)))
    voltage = np.full(tx.shape, np.float32(p["ont"]["voltage_v"])) + ((rows % 11) * 0.005)[:, None].astype(np.float32)

    for fault in faults:
        if fault.rows[0] >= olt.lines.stop or fault.rows[-1] < olt.lines.start or fault.onset > times[-1]:
            continue
        own = fault.rows - olt.lines.start
        effect = LAWS[fault.cause](fault, sky, weather)
        there = fault.acts(times) if fault.until is not None else None

        def added(values: npt.NDArray[np.float64], there: npt.NDArray[np.bool_] | None = there) -> Floats:
            return np.asarray(values if there is None else np.where(there, values, 0.0), np.float32)

        if effect.loss_down is not None and effect.loss_up is not None:
            down[own] += added(effect.loss_down)
            up[own] += added(effect.loss_up)
        if effect.tx is not None and effect.bias is not None:
            tx[own] += added(effect.tx)
            bias[own] *= 1 + added(effect.bias)
        if effect.voltage is not None:
            voltage[own] += added(effect.voltage)
        if effect.pon_tx is not None and effect.pon_bias is not None and fault.pon is not None:
            port = fault.pon - olt.pons.start
            pon_tx[port] += added(effect.pon_tx)
            pon_bias[port] *= 1 + added(effect.pon_bias)

    return Light(
        pon_tx=pon_tx, pon_bias=pon_bias, pon_temp=pon_temp,
        rx=pon_tx[pon_of] - down, tx=tx, olt_rx=tx - up, bias=bias, temp=temp, voltage=voltage,
    )  # fmt: skip


def unit_figure(values: Floats, layout: Layout, olt: Olt, times: Keys) -> Floats:
    """A unit's figure for (lines, times): the first ONT's, and after a swap the second's."""
    out = np.repeat(values[0, olt.lines, None], len(times), axis=1)
    at = layout.lines.swapped_at[olt.lines]
    for row in np.flatnonzero((at != FAR) & (at <= times[-1])):
        out[row, times >= at[row]] = values[1, olt.lines.start + row]
    return out
