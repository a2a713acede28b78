"""Seeding faults: which causes, where, since when and how large. Fixed by the seed and the plant's span."""

import numpy as np
import numpy.typing as npt

from plant.finding import Cause
from simulator.constants import physics
from simulator.laws import Fault
from simulator.layout import FAR, Layout, weak_shift
from simulator.weather import DAY, Weather, day_start

# The order in which causes are dealt: the first ten are the demo's.
ORDER: tuple[Cause, ...] = (
    "macrobend", "connector", "feeder", "splitter", "water", "olt_optics", "ont_laser", "thermal", "ethernet",
    "weak_since_install", "ont_power", "macrobend", "connector", "rogue_ont", "ont_laser", "macrobend", "connector",
    "thermal", "ont_power", "ethernet",
)  # fmt: skip
SHARED: frozenset[str] = frozenset({"feeder", "splitter", "water", "olt_optics", "rogue_ont"})
LEG: frozenset[str] = frozenset({"splitter", "water"})
_WEAKEST_DBM = -29.0  # where a fault leaves a line that still works, true power


class FaultsDoNotFitError(ValueError):
    """More faults were asked for than the plant has places for."""


class _Ground:
    """What of the plant is still without a fault."""

    def __init__(self, layout: Layout, rng: np.random.Generator, start: int) -> None:
        self.layout = layout
        self.rng = rng
        lines = layout.lines
        self.huawei = np.array([o.family == "huawei" for o in layout.olts])[lines.olt]
        steady = (lines.swapped_at == FAR) & (lines.born_at < start - 7 * DAY) & ~lines.night & ~lines.mqtt
        self.open_lines = steady
        self.faults_of_olt = np.zeros(len(layout.olts), np.int64)
        self.open_pons = np.ones(len(layout.pons.olt), bool)

    def line(self, cause: Cause) -> int:
        allowed = self.open_lines & self.open_pons[self.layout.lines.pon]
        if cause == "ethernet":
            allowed = allowed & self.huawei & (self.layout.lines.sold_mbps > 100)
        if cause == "weak_since_install":
            told = self.told()
            allowed = allowed & (told < np.quantile(told, 0.15))  # a bad joint on a long line, not a miracle of loss
        elif cause not in ("ethernet", "ont_power", "ont_laser", "thermal"):
            allowed = allowed & (self._margin() > 4.0)
        rows = np.flatnonzero(allowed)
        if not len(rows):
            raise FaultsDoNotFitError(f"no line is left for another {cause}; ask for fewer faults or more ONTs")
        row = self._elsewhere(rows, self.layout.lines.olt)
        self.open_lines[row] = False
        return row

    def pon(self, cause: Cause) -> int:
        pons, lines = self.layout.pons, self.layout.lines
        counts = pons.lines[:, 1] - pons.lines[:, 0]
        taken = np.bincount(lines.pon[~self.open_lines & (self._dealt)], minlength=len(pons.olt)) > 0
        allowed = self.open_pons & ~taken & (counts >= 8)
        if cause in LEG:
            allowed = allowed & (pons.legs > 1)
        if cause == "rogue_ont":
            allowed = allowed & np.array([o.family == "huawei" for o in self.layout.olts])[pons.olt]
        rows = np.flatnonzero(allowed)
        if not len(rows):
            raise FaultsDoNotFitError(f"no PON port is left for another {cause}; ask for fewer faults or more ONTs")
        pon = self._elsewhere(rows, pons.olt)
        self.open_pons[pon] = False
        return pon

    def _elsewhere(self, rows: npt.NDArray[np.int64], olt: npt.NDArray[np.int64]) -> int:
        """One of the rows, on the OLT with the fewest faults so far that has any."""
        least = self.faults_of_olt[olt[rows]]
        chosen = int(self.rng.choice(rows[least == least.min()]))
        self.faults_of_olt[olt[chosen]] += 1
        return chosen

    def leg(self, pon: int) -> npt.NDArray[np.int64]:
        lines = self.layout.lines
        rows = np.arange(*self.layout.pons.lines[pon])
        legs, counts = np.unique(lines.leg[rows], return_counts=True)
        leg = int(self.rng.choice(legs[counts >= min(4, counts.max())]))
        return np.asarray(rows[lines.leg[rows] == leg], np.int64)

    @property
    def _dealt(self) -> npt.NDArray[np.bool_]:
        lines = self.layout.lines
        return np.asarray((lines.swapped_at == FAR) & ~lines.night & ~lines.mqtt, np.bool_)

    def told(self) -> npt.NDArray[np.float32]:
        """dBm each line's ONT tells without a fault."""
        lines, pons, units = self.layout.lines, self.layout.pons, self.layout.units
        return np.asarray(pons.tx_dbm[lines.pon] - lines.loss_down + units.receiver_offset_db[0], np.float32)

    def _margin(self) -> npt.NDArray[np.float32]:
        """dB of true light above where a fault may leave a line."""
        lines, pons = self.layout.lines, self.layout.pons
        shift = np.array([weak_shift(olt.pon_class) for olt in self.layout.olts])[lines.olt]
        return np.asarray(pons.tx_dbm[lines.pon] - lines.loss_down - _WEAKEST_DBM - shift, np.float32)


def seed_faults(
    layout: Layout, weather: Weather, seed: int, count: int, start: int, end: int, *, growing: bool = False
) -> tuple[Fault, ...]:
    """`count` faults with onsets in the plant's span, dealt in ORDER again and again.

    Where a plant has no place for a shared cause any more, a line's cause takes its turn. `growing` faults begin at any
    time and take their own while to grow, many a bend and joint until the customer has weak light.
    """
    rng = np.random.default_rng([seed, 2])
    ground = _Ground(layout, rng, start)
    faults: list[Fault] = []
    shared_left = len(layout.pons.olt) // 2
    # Shared causes choose first: they need a port that no single fault is on.
    wanted = [ORDER[i % len(ORDER)] for i in range(count)]
    for cause in sorted(wanted, key=lambda c: c not in SHARED):
        dealt = cause
        if cause in SHARED:
            shared_left -= 1
            if shared_left < 0:
                dealt = ("macrobend", "connector")[len(faults) % 2]
        try:
            faults.append(_fault(ground, weather, dealt, start, end, growing))
        except FaultsDoNotFitError:
            faults.append(_fault(ground, weather, "connector", start, end, growing))
    return tuple(faults)


def _fault(ground: _Ground, weather: Weather, cause: Cause, start: int, end: int, growing: bool) -> Fault:
    layout, rng = ground.layout, ground.rng
    if cause in SHARED:
        pon = ground.pon(cause)
        place, rows = f"pon:{layout.pon_place(pon)}", np.arange(*layout.pons.lines[pon])
        if cause in LEG:
            rows = ground.leg(pon)
            place = f"splitter:{layout.pon_place(pon)}/S1/L{layout.lines.leg[rows[0]]}"
    else:
        pon, row = None, ground.line(cause)
        place, rows = f"line:{layout.lines.id[row]}", np.array([row])
    ranges = dict(physics()["faults"][cause])
    shapes = ranges.pop("shapes")
    shape = str(shapes[int(rng.integers(len(shapes)))])
    figures = {name: float(rng.uniform(low, high)) for name, (low, high) in ranges.items()}
    if "ratio" in figures:
        pon_class = layout.olts[int(layout.lines.olt[rows[0]])].pon_class
        figures["ratio"] *= physics()["bend_ratio_times"].get(pon_class, 1.0)
    # What grows needs time to be seen; what comes at once does not.
    share = rng.uniform(0.17, 0.4) if shape == "step" else rng.uniform(0.4, 0.62)
    onset = int(end - share * (end - start))
    source = None
    if shape in ("ramp", "stairs"):
        figures["grow_s"] = float(end - onset)
    if growing:
        onset, shape = _grown(ground, cause, rows, shape, figures, start, end)
    if cause == "water":
        onset, more = leak(weather, figures, start, end, rng.uniform(0.15, 0.7) if growing else 0.4)
        figures |= more
    elif cause == "weak_since_install":
        onset = int(layout.lines.installed[rows[0]].astype("datetime64[s]").astype(np.int64))
        figures = {"db": float(ground.told()[rows[0]]) - figures["told_dbm"] - _weak_shift(layout, rows)}
    elif cause == "rogue_ont":
        source = int(rng.choice(rows))
        rows = rows[rows != source]
    return Fault(cause, place, rows, onset, shape, figures, pon, source)


def _grown(
    ground: _Ground, cause: Cause, rows: npt.NDArray[np.int64], shape: str, figures: dict[str, float],
    start: int, end: int,
) -> tuple[int, str]:  # fmt: skip
    """Onset and shape of a fault in a plant of growing faults; its `figures` are changed to match."""
    p, rng = physics()["growing"], ground.rng
    onset = int(end - rng.uniform(*p["begin"]) * (end - start))
    if cause in ("macrobend", "connector") and rng.random() < p["hurting_share"]:
        shape = "ramp"
        told = float(ground.told()[rows[0]])
        figures["db"] = max(
            figures["db"], told - p["weak_dbm"] - _weak_shift(ground.layout, rows) + rng.uniform(*p["beyond_db"])
        )
    if shape in ("ramp", "stairs"):
        figures["grow_s"] = rng.uniform(*p["days"]) * DAY
    return onset, shape


def _weak_shift(layout: Layout, rows: npt.NDArray[np.int64]) -> float:
    return weak_shift(layout.olts[int(layout.lines.olt[rows[0]])].pon_class)


def leak(
    weather: Weather, figures: dict[str, float], start: int, end: int, share: float
) -> tuple[int, dict[str, float]]:
    """A closure that leaks since before some real rains: its onset, and the rain that fills it and stains it (mm).

    The onset is the rain before which `share` of all rains fell.
    """
    days = np.arange(start // DAY + 5, end // DAY - 5)
    mm, hour = weather.rain(days)
    wet = np.flatnonzero(mm > 4)
    first = int(wet[int(len(wet) * share)]) if len(wet) else len(days) // 2
    onset = day_start(int(days[first])) + int(hour[first] * 3600) - 1 if len(days) else start
    later = np.arange(onset, max(end, onset + 10 * DAY), 6 * 3600)
    peak = max(float(weather.soak(later, onset, figures["rise_h"], figures["dry_h"]).max()), 1.0)
    return onset, {"full_mm": peak * 0.5, "stain_mm": peak * 0.8}
