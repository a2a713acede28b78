"""Errors at the OLT's burst receiver: from the light that arrives to codewords and BIP errors of a day."""

import numpy as np
import numpy.typing as npt
from scipy.special import erfc, gammainc

from simulator.constants import physics

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
