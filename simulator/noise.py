"""Random numbers that are functions of (seed, stream, subject, time): the same whenever and in whatever order asked.

The generator is the finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014) over a sum of odd multiples of the
keys, so that history and live readings of one moment are the same numbers and need no state between them.
"""

from enum import IntEnum

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Keys = npt.NDArray[np.int64]

_SUBJECT = np.uint64(0x9E3779B97F4A7C15)
_TIME = np.uint64(0xD1342543DE82EF95)
_MASK = (1 << 64) - 1


class Stream(IntEnum):
    """What a number is for: one stream each, so that adding one never changes another."""

    RX = 1
    TX = 2
    OLT_RX = 3
    BIAS = 4
    TEMP = 5
    VOLTAGE = 6
    LOSS_WANDER = 7
    TX_WANDER = 8
    PON_WANDER = 9
    PON_TX = 10
    PON_BIAS = 11
    PON_TEMP = 12
    PON_VOLTAGE = 13
    MISSED_ONT = 14
    MISSED_DEVICE = 15
    NIGHT = 16
    NIGHT_OFF = 17
    NIGHT_ON = 18
    REBOOT = 19
    REBOOT_AT = 20
    SAG = 21
    SAG_AT = 22
    SAG_FOR = 23
    ERRORS = 24
    BURST = 25
    BURST_SIZE = 26
    ROGUE = 27
    AIR = 28
    RAIN = 29
    RAIN_MM = 30
    RAIN_HOUR = 31
    DISTANCE = 32
    SERIAL = 33
    # coax
    DS_POWER = 34
    DS_SNR = 35
    US_POWER = 36
    US_SNR = 37
    ECHO = 38
    NODE_WANDER = 39
    AMPLIFIER_WANDER = 40
    MODEM_WANDER = 41
    INGRESS_WANDER = 42
    MISSED_MODEM = 43
    MISSED_CMTS = 44
    MODEM_NIGHT_OFF = 45
    MODEM_NIGHT_ON = 46
    MODEM_REBOOT = 47
    MODEM_REBOOT_AT = 48
    NODE_OFF = 49
    NODE_OFF_AT = 50
    MODEM_ERRORS = 51
    IMPULSE = 52
    IMPULSE_SIZE = 53
    NODE_OPTICAL = 54


def _mix(z: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    z ^= z >> np.uint64(30)
    z *= np.uint64(0xBF58476D1CE4E5B9)
    z ^= z >> np.uint64(27)
    z *= np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return z


class Noise:
    def __init__(self, seed: int) -> None:
        self.seed = seed

    def bits(self, stream: Stream, subject: npt.ArrayLike, time: npt.ArrayLike) -> npt.NDArray[np.uint64]:
        """64 random bits for each (subject, time), broadcast against each other."""
        start = ((self.seed * 0x2545F4914F6CDD1D) ^ (int(stream) * 0xA24BAED4963EE407)) & _MASK
        s = _mix(np.atleast_1d(np.asarray(subject, np.int64)).astype(np.uint64) * _SUBJECT + np.uint64(start))
        t = np.atleast_1d(np.asarray(time, np.int64)).astype(np.uint64) * _TIME
        return _mix(s + t)

    def uniform(self, stream: Stream, subject: npt.ArrayLike, time: npt.ArrayLike) -> Floats:
        """In [0, 1)."""
        return ((self.bits(stream, subject, time) >> np.uint64(40)).astype(np.float32)) * np.float32(2.0**-24)

    def normal(self, stream: Stream, subject: npt.ArrayLike, time: npt.ArrayLike) -> Floats:
        """Mean 0, variance 1, within ±3.46: the sum of four uniforms, near enough to a bell for meters' noise."""
        z = self.bits(stream, subject, time)
        parts = np.ascontiguousarray(z).view(np.uint16).reshape(*z.shape, 4)
        total = parts[..., 0].astype(np.float32)
        for i in (1, 2, 3):
            total += parts[..., i]
        total -= np.float32(2 * 65535)
        total *= np.float32(np.sqrt(3.0) / 65536)
        return total

    def wander(self, stream: Stream, subject: Keys, times: Keys, step_s: int = 86400) -> Floats:
        """(subjects, times): variance 1, correlated over `step_s`, interpolated between knots."""
        knot = times // step_s
        first = int(knot.min())
        knots = np.arange(first, int(knot.max()) + 2)
        at = self.normal(stream, subject[:, None], knots[None, :])
        f = ((times % step_s) / step_s).astype(np.float32)
        scale = 1 / np.sqrt(f * f + (1 - f) * (1 - f))
        i = knot - first
        return np.asarray(at[:, i] * ((1 - f) * scale) + at[:, i + 1] * (f * scale), np.float32)
