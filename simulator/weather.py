"""Outdoor temperature and rain by the hour, for a city in Guangdong; functions of (seed, time)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simulator.constants import climate
from simulator.noise import Floats, Keys, Noise, Stream

DAY = 86400
ZONE_S = 8 * 3600  # Asia/Shanghai keeps no summer time
_MEMORY = 0.75  # correlation of one day's anomaly with the next
_LOOKBACK = 8
RAIN_MEMORY_DAYS = 25


def local_day(times: Keys) -> Keys:
    """Days since 1970-01-01 in the plant's zone."""
    return np.asarray((times + ZONE_S) // DAY, np.int64)


def day_start(day: int) -> int:
    """UTC second at which a local day begins."""
    return day * DAY - ZONE_S


@dataclass(frozen=True)
class Sky:
    """Weather at `times` (UTC seconds): outdoor temperature and its mean over the day around, both °C, (times,)."""

    times: Keys
    air_c: Floats
    day_mean_c: Floats


class Weather:
    def __init__(self, noise: Noise) -> None:
        self._noise = noise
        known = climate()
        self._mean = np.array(known["mean_c"])
        self._spread = np.array(known["day_to_day_c"])
        self._diurnal = np.array(known["diurnal_c"])
        self._rain_days = np.array(known["rain_days"])
        self._rain_mm = np.array(known["rain_mm"])
        self._warmest = float(known["warmest_hour"])

    def sky(self, times: Keys) -> Sky:
        local = times + ZONE_S
        days = np.asarray(local / DAY, np.float64)
        hour = (local % DAY) / 3600
        mean = self._day_mean(days)
        swing = _by_month(self._diurnal, days) * np.cos((hour - self._warmest) * (2 * np.pi / 24))
        return Sky(times, (mean + swing).astype(np.float32), mean.astype(np.float32))

    def rain(self, days: Keys) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """For each local day: millimetres, and the hour of the day around which they fall."""
        chance = np.clip(_by_month(self._rain_days, days + 0.5) / 30.4, 0, 1)
        typical = _by_month(self._rain_mm, days + 0.5) / (30.4 * chance)
        zero = np.zeros_like(days)
        wet = self._noise.uniform(Stream.RAIN, zero, days) < chance
        amount = -np.log1p(-self._noise.uniform(Stream.RAIN_MM, zero, days).astype(np.float64) * 0.999) * typical
        return np.where(wet, amount, 0.0), self._noise.uniform(Stream.RAIN_HOUR, zero, days).astype(np.float64) * 24

    def soak(self, times: Keys, since: int, rise_h: float, dry_h: float) -> npt.NDArray[np.float64]:
        """Water in a closure (mm of rain that got in and has not dried yet), counting rain after `since`.

        Rain shows after `rise_h` hours and dries with the time constant `dry_h`.
        """
        day = local_day(times)
        days = np.arange(int(day.min()) - RAIN_MEMORY_DAYS, int(day.max()) + 1)
        mm, hour = self.rain(days)
        fell = days * DAY - ZONE_S + hour * 3600
        mm = np.where(fell >= since, mm, 0.0)
        wet = mm > 0
        age = np.maximum(times[:, None] - fell[None, wet], 0) / 3600
        kernel = (1 - np.exp(-age / rise_h)) * np.exp(-age / dry_h)
        return np.asarray(kernel @ mm[wet])

    def rain_since(self, times: Keys, since: int) -> npt.NDArray[np.float64]:
        """Millimetres fallen between `since` and each time."""
        days = np.arange((since + ZONE_S) // DAY, int(local_day(times).max()) + 1)
        if not len(days):
            return np.zeros(len(times))
        mm, hour = self.rain(days)
        fell = days * DAY - ZONE_S + hour * 3600
        order = np.argsort(fell)
        total = np.concatenate([[0.0], np.cumsum(np.where(fell >= since, mm, 0.0)[order])])
        return np.asarray(total[np.searchsorted(fell[order], times, side="right")])

    def _day_mean(self, days: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Seasonal mean plus the day's anomaly, for fractional days."""
        knot = np.floor(days).astype(np.int64)
        first, last = int(knot.min()), int(knot.max()) + 1
        white = self._noise.normal(Stream.AIR, 0, np.arange(first - _LOOKBACK, last + 1)).astype(np.float64)
        weights = _MEMORY ** np.arange(_LOOKBACK + 1)
        anomaly = np.convolve(white, weights / np.sqrt((weights**2).sum()), mode="valid")
        f = days - knot
        i = knot - first
        blend = anomaly[i] * (1 - f) + anomaly[i + 1] * f
        return np.asarray(_by_month(self._mean, days) + blend * _by_month(self._spread, days))


def _by_month(monthly: npt.NDArray[np.float64], days: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Monthly figures interpolated to days since 1970, the year taken as 365.2425 days."""
    month = ((np.asarray(days, np.float64) % 365.2425) / 365.2425 * 12 - 0.5) % 12
    low = np.floor(month).astype(int) % 12
    f = month - np.floor(month)
    return np.asarray(monthly[low] * (1 - f) + monthly[(low + 1) % 12] * f, np.float64)
