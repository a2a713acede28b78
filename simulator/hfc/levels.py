"""True levels and qualities at every modem, before any meter reads them."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from simulator.constants import hfc
from simulator.hfc.laws import LAWS, evening, share_of
from simulator.hfc.layout import Cmts, HfcLayout
from simulator.laws import F64, Fault
from simulator.noise import Floats, Keys, Noise, Stream
from simulator.weather import DAY, Weather

_OPTICS_PER_DB = 1.5  # dB of carrier to noise an optical link loses for a dB of light, between shot and thermal noise


@dataclass(frozen=True)
class Levels:
    """Of one CMTS at `times`: modem rows are (modems, times), node rows (nodes, times). dBmV, dB, dBc, dBm."""

    down: Floats
    down_snr: Floats
    up: Floats  # what the modem sends
    up_snr: Floats
    echo: Floats
    light: Floats  # at the nodes
    node_snr: Floats  # of the nodes' upstream channels


def level(
    layout: HfcLayout, cmts: Cmts, times: Keys, weather: Weather, faults: Iterable[Fault], noise: Noise
) -> Levels:
    """Levels from losses; what the noise of a place adds is added as power."""
    p = hfc()
    modems, nodes, amplifiers = layout.modems, layout.nodes, layout.amplifiers
    own, ours = cmts.lines, cmts.nodes
    rows = np.arange(own.start, own.stop)
    node_rows = np.arange(ours.start, ours.stop)
    node_of = modems.node[own] - ours.start
    sky = weather.sky(times)
    # cables in the air and on walls follow the air, those in ducts the day
    warm = np.float32(0.6) * sky.air_c + np.float32(0.4) * sky.day_mean_c - np.float32(p["design_c"])
    swing = (warm * np.float32(p["attenuation_per_c"]))[None, :]

    of_amplifier = np.unique(modems.amplifier[own])
    amplifier_of = np.searchsorted(of_amplifier, modems.amplifier[own])
    trunk = (amplifiers.trunk_db * amplifiers.left)[of_amplifier, None] * swing
    gain = np.float32(p["amplifier"]["wander_db"]) * noise.wander(Stream.AMPLIFIER_WANDER, of_amplifier, times, 3 * DAY)
    node_gain = np.float32(p["node"]["wander_db"]) * noise.wander(Stream.NODE_WANDER, node_rows, times, 3 * DAY)
    wander = np.float32(p["modem"]["wander_db"]) * noise.wander(Stream.MODEM_WANDER, rows, times, 2 * DAY)
    cable = modems.cable_db[own, None] * swing
    down_loss = (trunk - gain)[amplifier_of] - node_gain[node_of] + cable + wander
    up_loss = np.float32(np.sqrt(p["up_mhz"] / p["down_mhz"])) * (trunk[amplifier_of] + cable) - wander
    up_loss = up_loss + np.float32(0.5) * node_gain[node_of]
    light_lost = np.zeros((len(node_rows), len(times)))
    down_share = np.zeros((len(rows), len(times)))
    node_share = np.zeros((len(node_rows), len(times)))
    echo = np.repeat(10.0 ** (modems.echo_dbc[own, None] / 20), len(times), axis=1)

    for fault in faults:
        if fault.rows[0] >= own.stop or fault.rows[-1] < own.start or fault.onset > times[-1]:
            continue
        at = fault.rows - own.start
        worse = LAWS[fault.kind](fault, sky, weather)
        there = fault.acts(times)
        down_loss[at] += np.where(there, worse.down_db, 0.0)
        up_loss[at] += np.where(there, worse.up_db, 0.0)
        down_share[at] += np.where(there, worse.down_share, 0.0)
        echo[at] += np.where(there, worse.echo, 0.0)
        if fault.pon is not None:
            node = fault.pon - ours.start
            light_lost[node] += np.where(there, worse.light_db, 0.0)
            node_share[node] += np.where(there, worse.up_share, 0.0)

    down = modems.down_dbmv[own, None] - down_loss
    optics = nodes.carrier_noise_db[ours, None] - _OPTICS_PER_DB * light_lost
    down_snr = _ratio_db(
        share_of(optics)[node_of] + share_of(down - p["modem"]["noise_dbmv"]) + share_of(p["modem"]["floor_db"])
        + down_share
    )  # fmt: skip
    needed = modems.up_dbmv[own, None] + up_loss
    short = np.maximum(needed - p["modem"]["most_up_dbmv"], 0)
    node_noise = _node_noise(layout, cmts, times, noise) + node_share
    # what reaches the CMTS below its nominal level meets the same noise
    up_snr = _ratio_db(node_noise[node_of] * 10 ** (short / 10) + share_of(p["modem"]["floor_db"]))
    return Levels(
        down=down.astype(np.float32), down_snr=down_snr, up=(needed - short).astype(np.float32), up_snr=up_snr,
        echo=(20 * np.log10(np.minimum(echo, 0.9))).astype(np.float32),
        light=(nodes.optical_dbm[ours, None] - light_lost).astype(np.float32), node_snr=_ratio_db(node_noise),
    )  # fmt: skip


def _node_noise(layout: HfcLayout, cmts: Cmts, times: Keys, noise: Noise) -> F64:
    """Noise and ingress of the nodes' return paths as a share of the carrier (nodes, times)."""
    p, nodes, ours = hfc()["upstream"], layout.nodes, cmts.nodes
    rows = np.arange(ours.start, ours.stop)
    days = np.float32(p["wander_db"]) * noise.wander(Stream.INGRESS_WANDER, rows, times, DAY)
    stations = nodes.ingress_db[ours, None] - p["evening_db"] * evening(times)[None, :] + days
    return share_of(nodes.base_db[ours, None]) + share_of(stations)


def _ratio_db(share: F64) -> Floats:
    return np.asarray(-10 * np.log10(share), np.float32)
