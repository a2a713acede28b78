"""Plants of arrays for the analyzer's tests: no time steps, no devices, other laws and other noise than the simulator.

Daily statistics are drawn directly: noise is Student's t with three degrees of freedom on an AR(1) of a line's own
strength, growth is exponential or saturating, weather is a random walk about a half sine, meters are offset by normal
errors and read in steps of the maker's. `Plant.history` is what the analyzer sees, `Plant.truths` what is wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from analyzer.history import History
from analyzer.scoring import Truth
from plant.inventory import LINE_SCHEMA
from plant.matrix import Matrix

FIRST = date(2026, 3, 1)
LINE_CAUSES = ("macrobend", "connector", "thermal", "ont_laser", "ont_power", "ethernet", "weak_since_install")
SHARED_CAUSES = ("feeder", "splitter", "water", "olt_optics", "rogue_ont")
# what a maker tells: resolution in dB, and the fields it keeps to itself
MAKERS = (
    (0.01, ()),
    (0.1, ("bias_ma",)),
    (0.01, ("tx_dbm",)),
    (0.5, ()),
    (0.04, ("olt_rx_dbm",)),
)


@dataclass
class Plant:
    """`arrays` maps (field, statistic) to lines × days; `inventory` to LINE_SCHEMA columns."""

    days: int
    lines: list[str]
    inventory: dict[str, list[object]]
    arrays: dict[tuple[str, str], np.ndarray]
    pons: list[str]
    pon_arrays: dict[tuple[str, str], np.ndarray]
    truths: list[Truth] = field(default_factory=list)

    @property
    def as_of(self) -> date:
        return FIRST + timedelta(days=self.days - 1)

    def history(self) -> History:
        dates = np.arange(np.datetime64(FIRST), np.datetime64(FIRST) + self.days)
        ids, ports = np.array(self.lines, dtype=object), np.array([f"pon:{p}" for p in self.pons], dtype=object)
        rows = len(self.inventory["line_id"])
        table = pa.table({f.name: pa.array(self.inventory.get(f.name, [None] * rows), f.type) for f in LINE_SCHEMA})
        return History.build(
            table,
            [Matrix(f, s, ids, dates, v.astype(np.float32)) for (f, s), v in self.arrays.items()],
            [Matrix(f, s, ports, dates, v.astype(np.float32)) for (f, s), v in self.pon_arrays.items()],
        )


def plant(
    seed: int,
    *,
    lines: int = 1024,
    days: int = 90,
    faults: Sequence[str] = (),
    splitters: bool = True,
    per_pon: int = 32,
    nasty: bool = True,
) -> Plant:
    """A plant with the faults named, at places of their own. `nasty` adds swaps, habits, outages, gaps and repairs."""
    return _Maker(seed, lines, days, splitters, per_pon, nasty).make(faults)


class _Maker:
    def __init__(self, seed: int, lines: int, days: int, splitters: bool, per_pon: int, nasty: bool) -> None:
        self.rng = np.random.default_rng(seed)
        self.n, self.days, self.splitters, self.per_pon, self.nasty = lines, days, splitters, per_pon, nasty
        rng = self.rng
        self.pon = np.arange(lines) // per_pon
        self.pons = int(self.pon[-1]) + 1
        self.olt = self.pon // 8
        self.leg = (np.arange(lines) % per_pon) // 8
        self.maker = rng.integers(0, len(MAKERS), self.olt[-1] + 1)[self.olt]
        self.t = np.arange(days)
        self.warmth = (
            8 * np.sin(np.pi * self.t / 120 + rng.uniform(0, 6))
            + _ar(rng, 1, days, 0.8, 1.8)[0]
            + rng.normal(0, 0.4, days)
        )
        # what the faults add, line × day
        self.down, self.up, self.tx, self.meter = (np.zeros((lines, days)) for _ in range(4))
        self.bias = np.ones((lines, days))
        self.swing = np.zeros((lines, days))
        self.errors, self.drops = np.zeros((lines, days)), np.zeros((lines, days))
        self.sag, self.slow = np.zeros((lines, days)), np.zeros((lines, days), dtype=bool)
        self.power = np.zeros((lines, days), dtype=bool)
        self.olt_tx, self.olt_bias = np.zeros((self.pons, days)), np.ones((self.pons, days))
        self.free = set(range(self.pons))
        self.swaps = np.zeros((lines, days))
        self.truths: list[Truth] = []
        self.ids = [f"L{i:06d}" for i in range(lines)]

    def make(self, faults: Sequence[str]) -> Plant:
        for cause in faults:
            getattr(self, f"_{cause}")()
        if self.nasty:
            self._healthy_troubles()
        return self._read()

    # --- faults -----------------------------------------------------------------------------------------------------
    def _onset(self, late: int = 12) -> int:
        return int(self.rng.integers(20, self.days - late))

    def _growth(self, onset: int, size: float) -> np.ndarray:
        age = np.maximum(self.t - onset, 0)
        left = max(self.days - onset, 2)
        kind = self.rng.integers(0, 3)
        if kind == 0:
            return size * (self.t >= onset)
        if kind == 1:
            return size * (1 - np.exp(-3 * age / left))
        return size * np.expm1(2 * age / left) / np.expm1(2)

    def _pick(self) -> int:
        pon = int(self.rng.choice(sorted(self.free)))
        self.free.discard(pon)
        return pon

    def _line(self) -> int:
        pon = self._pick()
        return int(self.rng.choice(np.flatnonzero(self.pon == pon)))

    def _tell(self, place: str, rows: np.ndarray, cause: str, onset: int) -> None:
        self.truths.append(
            Truth(place, frozenset(self.ids[r] for r in rows), cause, FIRST + timedelta(days=int(onset)))
        )

    def _own(self, row: int, cause: str, onset: int) -> None:
        self._tell(f"line:{self.ids[row]}", np.array([row]), cause, onset)

    def _macrobend(self) -> None:
        row, onset = self._line(), self._onset()
        grown = self._growth(onset, self.rng.uniform(1.5, 5))
        self.down[row] += grown
        self.up[row] += grown / self.rng.uniform(1.7, 3.5)
        self._own(row, "macrobend", onset)

    def _connector(self) -> None:
        row, onset = self._line(), self._onset()
        grown = self._growth(onset, self.rng.uniform(1.2, 5))
        self.down[row] += grown
        self.up[row] += grown * self.rng.uniform(0.93, 1.07)
        self._own(row, "connector", onset)

    def _thermal(self) -> None:
        row, onset = self._line(), self._onset(20)
        cold = np.maximum(self.warmth.max() - self.warmth, 0) / 10
        act = self._growth(onset, self.rng.uniform(1.0, 2.0)) * cold
        self.swing[row] += act * 1.5
        self.down[row] += act * 0.6
        self.up[row] += act * 0.3
        self._own(row, "thermal", onset)

    def _ont_laser(self) -> None:
        row, onset = self._line(), self._onset(30)
        age = np.maximum(self.t - onset, 0) / max(self.days - onset, 1)
        end = self.rng.uniform(0.25, 0.7)
        self.bias[row] *= 1 + end * age**1.3
        self.tx[row] -= 3 * end * age**3
        self._own(row, "ont_laser", onset)

    def _ont_power(self) -> None:
        row, onset = self._line(), self._onset(20)
        since = self.t >= onset
        self.drops[row] += since * self.rng.negative_binomial(1, 0.35, self.days)
        self.power[row] |= since
        self.sag[row] += since * self.rng.uniform(0.1, 0.5)
        self._own(row, "ont_power", onset)

    def _ethernet(self) -> None:
        row, onset = self._line(), self._onset()
        self.slow[row] |= self.t >= onset
        self._own(row, "ethernet", onset)

    def _weak_since_install(self) -> None:
        row = self._line()
        extra = self.rng.uniform(11, 12.5)
        self.down[row] += extra
        self.up[row] += extra * self.rng.uniform(0.9, 1.1)
        self._own(row, "weak_since_install", 0)

    def _pon_rows(self) -> tuple[int, np.ndarray]:
        pon = self._pick()
        return pon, np.flatnonzero(self.pon == pon)

    def _feeder(self) -> None:
        pon, rows = self._pon_rows()
        onset = self._onset()
        grown = self._growth(onset, self.rng.uniform(1, 4))
        self.down[rows] += grown
        self.up[rows] += grown * self.rng.uniform(0.7, 1)
        self._tell(f"pon:{self._pon_name(pon)}", rows, "feeder", onset)

    def _leg_rows(self) -> tuple[str, np.ndarray]:
        pon, rows = self._pon_rows()
        leg = int(self.rng.integers(0, 4))
        return f"splitter:{self._pon_name(pon)}/S{leg}", rows[self.leg[rows] == leg]

    def _splitter(self) -> None:
        place, rows = self._leg_rows()
        onset = self._onset()
        grown = self._growth(onset, self.rng.uniform(1, 4))
        self.down[rows] += grown
        self.up[rows] += grown * self.rng.uniform(0.85, 1.1)
        self._tell(place, rows, "splitter", onset)

    def _water(self) -> None:
        place, rows = self._leg_rows()
        onset = self._onset(25)
        wet = np.zeros(self.days)
        for day in range(onset, self.days):
            rain = self.rng.gamma(0.5, 2.4) if day > onset else 4
            wet[day] = 0.8 * wet[day - 1] + 0.45 * rain
        for row in rows:
            share = self.rng.uniform(0.7, 1.3)
            self.down[row] += wet * share
            self.up[row] += wet * share * 0.75
        self._tell(place, rows, "water", onset)

    def _olt_optics(self) -> None:
        pon, rows = self._pon_rows()
        onset = self._onset(25)
        age = np.maximum(self.t - onset, 0) / (self.days - onset)
        fall = self.rng.uniform(1.2, 3)
        self.olt_tx[pon] -= fall * age
        self.olt_bias[pon] *= 1 + 0.3 * age
        self.down[rows] += fall * age
        self._tell(f"pon:{self._pon_name(pon)}", rows, "olt_optics", onset)

    def _rogue_ont(self) -> None:
        pon, rows = self._pon_rows()
        onset = self._onset()
        hit = rows[1:]
        self.errors[hit] += (self.t >= onset) * self.rng.lognormal(8, 1, (len(hit), self.days))
        self._tell(f"pon:{self._pon_name(pon)}", hit, "rogue_ont", onset)

    # --- what is no fault -------------------------------------------------------------------------------------------
    def _healthy_troubles(self) -> None:
        rng, n = self.rng, self.n
        clear = np.isin(self.pon, sorted(self.free))
        some = rng.permutation(np.flatnonzero(clear))
        share = max(n // 100, 1)
        for row in some[:share]:  # swaps, told
            day = int(rng.integers(5, self.days - 3))
            self.swaps[row, day] = 1
            self.meter[row, day:] += rng.normal(0, 1.5)
            self.tx[row, day:] += rng.normal(0, 0.6)
            self.bias[row, day:] *= rng.uniform(0.7, 1.4)
        for row in some[share : 3 * share]:  # customers who switch off every night, some from one day on
            since = self.t >= (0 if rng.random() < 0.7 else rng.integers(10, self.days))
            self.drops[row] += since * (rng.random(self.days) < 0.96)
            self.power[row] |= since
        for row in some[3 * share : 4 * share]:  # repaired within the window
            a, b = np.sort(rng.integers(0, self.days - 10, 2))
            self.down[row, a:b] += 3
            self.up[row, a:b] += 3
        for row in some[4 * share : 5 * share]:  # weather bears on the connector, a little
            self.down[row] += 0.02 * self.warmth
            self.up[row] += 0.02 * self.warmth
        for row in some[5 * share : 6 * share]:  # one stormy day of errors
            self.errors[row, rng.integers(0, self.days)] += rng.lognormal(10, 1)
        for pon in rng.choice(sorted(self.free), min(2, len(self.free)), replace=False):  # outage; a cleaning
            self.drops[self.pon == pon, rng.integers(0, self.days)] += 1
            day = int(rng.integers(10, self.days - 10))
            self.down[self.pon == pon, day:] -= 1.2
            self.up[self.pon == pon, day:] -= 1.2

    # --- what is read -----------------------------------------------------------------------------------------------
    def _pon_name(self, pon: int) -> str:
        return f"OLT{pon // 8}/0/{pon % 8}"

    def _read(self) -> Plant:
        rng, n, days = self.rng, self.n, self.days
        km = rng.uniform(0.3, 9, n)
        level = -17.5 - 0.25 * km + rng.normal(0, 1.2, n) - rng.choice([0, 0, 0, 3], self.pons)[self.pon]
        noise = rng.uniform(0.02, 0.12, n)[:, None]
        phi = rng.choice([0.0, 0.3, 0.6], n)
        jitter = np.stack([_ar(rng, 1, days, p, 1.0)[0] for p in phi]) * noise
        both = rng.uniform(0, 1) * 0.06 * rng.standard_t(4, (self.pons, days)) + 0.004 * self.warmth
        heavy = rng.standard_t(3, (2, n, days)) * noise * 0.5
        rx = level[:, None] - self.down - jitter - heavy[0] - both[self.pon]
        weak = np.maximum(-26 - rx, 0)
        rx += rng.normal(0, 1.0, (n, 1)) + self.meter
        tx = rng.normal(2.3, 0.5, n)[:, None] + self.tx + 0.03 * rng.standard_normal((n, days))
        olt_rx = tx + level[:, None] - 1.5 - 0.1 * km[:, None] - self.up - 0.7 * jitter - heavy[1] - both[self.pon]
        temp = rng.normal(45, 4, n)[:, None] + 0.6 * self.warmth + rng.normal(0, 0.8, (n, days))
        bias = (
            rng.uniform(8, 16, n)[:, None] * self.bias * (1 + 0.008 * (temp - 45)) * rng.lognormal(0, 0.008, (n, days))
        )
        spread = np.abs(rng.gamma(3, 0.04, (n, days))) + self.swing
        volts = 3.3 + rng.normal(0, 0.02, (n, 1)) - self.sag + rng.normal(0, 0.01, (n, days))
        burst = rng.negative_binomial(0.08, 0.005, (n, days)) * (rng.random((n, days)) < 0.3)
        bip = np.floor(burst + self.errors + 30 * np.expm1(2 * weak))
        fec = np.floor(rng.lognormal(3, 1.2, (n, days)) * np.exp(np.minimum(1.5 * weak, 12)))
        drops = self.drops + (rng.random((n, days)) < 0.01)
        causes = np.where(drops > 0, np.where(self.power, 2, rng.choice([0, 2, 3], (n, days))), np.nan)
        up = np.clip(1 - 0.02 * drops, 0, 1)
        speed = np.where(self.slow, 100.0, 1000.0) * np.ones((n, days))
        step = np.array([m[0] for m in MAKERS])[self.maker][:, None]

        def told(values: np.ndarray, name: str) -> np.ndarray:
            hidden = np.array([name in m[1] for m in MAKERS])[self.maker]
            out = np.round(values / step) * step if name.endswith("dbm") else values
            return np.where(hidden[:, None] | missing, np.nan, out)

        missing = rng.random((n, days)) < (0.05 if self.nasty else 0.0)
        if self.nasty:
            for olt in np.unique(self.olt):  # a collector that was away
                a = int(rng.integers(0, days - 6))
                missing[self.olt == olt, a : a + int(rng.integers(0, 5))] = True
        arrays = {
            ("rx_dbm", "median"): told(rx, "rx_dbm"),
            ("rx_dbm", "q10"): told(rx - spread / 2, "rx_dbm"),
            ("rx_dbm", "q90"): told(rx + spread / 2, "rx_dbm"),
            ("tx_dbm", "median"): told(tx, "tx_dbm"),
            ("olt_rx_dbm", "median"): told(olt_rx, "olt_rx_dbm"),
            ("bias_ma", "median"): told(bias, "bias_ma"),
            ("temp_c", "median"): told(temp, "temp_c"),
            ("voltage_v", "median"): told(volts, "voltage_v"),
            ("voltage_v", "min"): told(volts - 0.02, "voltage_v"),
            ("eth_speed_mbps", "median"): told(speed, "eth_speed_mbps"),
            ("bip_errors", "increase"): told(bip, "bip_errors"),
            ("fec_corrected", "increase"): told(fec, "fec_corrected"),
            ("fec_uncorrected", "increase"): told(np.floor(bip / 50), "fec_uncorrected"),
            ("state", "up_share"): told(up, "state"),
            ("state", "los_share"): told(0 * up, "state"),
            ("state", "changes"): told(2 * drops, "state"),
            ("down_cause", "last"): causes,
            ("ont_serial", "changes"): self.swaps,
        }
        hears = rng.random(self.pons) < 0.6
        pon_tx = 3.5 + rng.normal(0, 0.5, (self.pons, 1)) + self.olt_tx + 0.03 * rng.standard_normal((self.pons, days))
        pon_bias = 20 * self.olt_bias * rng.lognormal(0, 0.01, (self.pons, days))
        quiet = np.where(hears[:, None], 0.0, np.nan)
        names = [self._pon_name(p) for p in range(self.pons)]
        legs = [f"S{leg}" if self.splitters else None for leg in self.leg]
        inventory: dict[str, list[object]] = {
            "line_id": list(self.ids),
            "device": [f"OLT{o}" for o in self.olt],
            "pon": [f"0/{p % 8}" for p in self.pon],
            "splitter1": list(legs),
            "grid": [f"G{p // 4}" for p in self.pon],
            "technology": ["gpon"] * n,
            "sold_mbps": [300] * n,
            "distance_m": [float(k) * 1000 for k in km],
        }
        return Plant(
            days, self.ids, inventory, arrays, names,
            {("pon_tx_dbm", "median"): pon_tx + quiet, ("pon_bias_ma", "median"): pon_bias + quiet}, self.truths,
        )  # fmt: skip


def _ar(rng: np.random.Generator, rows: int, days: int, phi: float, sd: float) -> np.ndarray:
    out = np.empty((rows, days))
    now = rng.normal(0, sd, rows)
    for day in range(days):
        now = phi * now + np.sqrt(1 - phi**2) * rng.normal(0, sd, rows)
        out[:, day] = now
    return out
