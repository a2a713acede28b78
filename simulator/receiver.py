"""Errors at the OLT's burst receiver: from the light that arrives to codewords and BIP errors of a day."""

import numpy as np
import numpy.typing as npt
from scipy.special import erfc, gammainc

from simulator.constants import physics
from simulator.laws import Fault
from simulator.layout import Layout
from simulator.light import shine
from simulator.noise import Noise, Stream
from simulator.uptime import Uptime
from simulator.weather import DAY, Weather, day_start

KINDS = ("fec_corrected", "fec_uncorrected", "bip_errors")
F64 = npt.NDArray[np.float64]
_CODEWORD_BITS = 255 * 8  # RS(255, 239), G.984.3
_CORRECTABLE = 8


def bit_error_ratio(power_dbm: F64, pon_class: str) -> F64:
    """Thermal-noise-limited receiver: Q grows with the optical power, and Q at the sensitivity is the standard's."""
    p = physics()["receiver"]
    q = p["q_at_sensitivity"][pon_class] * 10 ** ((power_dbm - p["olt_sensitivity_dbm"][pon_class]) / 10)
    return np.asarray(0.5 * erfc(q / np.sqrt(2)), np.float64)


def day_errors(power_dbm: F64, pon_class: str) -> tuple[F64, F64, F64]:
    """Expected (corrected codewords, uncorrectable codewords, BIP errors) of a day at this power."""
    bits = physics()["receiver"]["upstream_bits_per_day"]
    ratio = bit_error_ratio(power_dbm, pon_class)
    words = bits / _CODEWORD_BITS
    hit = _CODEWORD_BITS * ratio  # errors expected in a word
    bad = np.where(hit > 1e-6, gammainc(_CORRECTABLE + 1, np.maximum(hit, 1e-12)), 0.0)
    some = -np.expm1(-hit)
    return words * (some - bad), words * bad, np.minimum(bits * ratio, bits / 8)


def counted(
    layout: Layout, weather: Weather, uptime: Uptime, noise: Noise, faults: tuple[Fault, ...], day: int
) -> npt.NDArray[np.int64]:
    """What a local day counts of each of KINDS (kinds, lines): from the light at noon, a floor of rare bursts, and
    rogue neighbours."""
    rows = np.arange(len(layout.lines.id))
    noon = np.array([day_start(day) + DAY // 2])
    out = np.zeros((3, len(rows)), np.float64)
    for olt in layout.olts:
        light = shine(layout, olt, noon, weather, faults, noise)
        out[:, olt.lines] = day_errors(light.olt_rx[:, 0].astype(np.float64), olt.pon_class)
    spread = 1 + 0.35 * noise.normal(Stream.ERRORS, rows, day).clip(-2, 2)
    out *= spread
    burst = noise.uniform(Stream.BURST, rows, day)
    size = -np.log1p(-noise.uniform(Stream.BURST_SIZE, rows, day).astype(np.float64) * 0.9999)
    out[0] += np.where(burst < 0.05, 60 * size, 3 * size)
    out[2] += np.where(burst < 0.05, 20 * size, size)
    for fault in faults:
        if fault.cause == "rogue_ont" and uptime.rogue_active(fault, day):
            out[0, fault.rows] += fault.figures["errors"] * size[fault.rows]
            out[1, fault.rows] += fault.figures["errors"] * 0.01 * size[fault.rows]
            out[2, fault.rows] += fault.figures["errors"] * 0.5 * size[fault.rows]
    return out.astype(np.int64)
