"""The analyzer: lines a second beside a plain loop over lines, and what it finds on simulated plants beside rules.

The plain loop does the least that a script per line would, for each figure the analyzer scans: scipy's Theil–Sen slope
over the days, and a pandas rolling mean and deviation for a z-score. The plants are those of `make demo` (two OLTs,
1,000 ONTs, ten faults, 90 days), with other seeds, through the real store and its rollups.
"""

import asyncio
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import structlog
from scipy import stats

from analyzer.analyze import analyze
from analyzer.history import History
from analyzer.naive import THRESHOLDS, below, z_score
from analyzer.scoring import Score, Truth, score
from analyzer.settings import Settings
from bench.result import Result
from lightline.analysis import load_history, operators_day
from plant.finding import Finding
from plant.inventory import LINE_SCHEMA
from plant.loading import load_inventory
from plant.matrix import Matrix
from simulator.inventory import write_plant
from simulator.world import World
from storage.opening import open_store

DAYS = 90
PER_PON = 64
SEEDS = range(500, 510)
FIRST = np.datetime64("2026-01-01")
GAUGES = {
    "rx_dbm": (-20.0, 0.1), "tx_dbm": (2.2, 0.05), "olt_rx_dbm": (-21.0, 0.1), "bias_ma": (12.0, 0.1),
    "temp_c": (45.0, 1.0), "voltage_v": (3.3, 0.01),
}  # fmt: skip
SCANNED = (
    ("rx_dbm", "median"), ("olt_rx_dbm", "median"), ("tx_dbm", "median"), ("bias_ma", "median"), ("rx_dbm", "q10"),
    ("voltage_v", "median"), ("state", "changes"), ("fec_corrected", "increase"), ("fec_uncorrected", "increase"),
    ("bip_errors", "increase"),
)  # fmt: skip
FLAT = {("eth_speed_mbps", "median"): 1000.0, ("state", "up_share"): 1.0, ("state", "los_share"): 0.0}


def measure(quick: bool) -> list[Result]:
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # standard output is for the figures
    results = [_speed(5_000 if quick else 50_000, 100 if quick else 500)]
    return results + asyncio.run(_accuracy(SEEDS[:1] if quick else SEEDS))


def _speed(lines: int, sample: int) -> Result:
    history = _plain_history(lines)
    settings, last = Settings.load(), history.dates[-1].astype(object)
    analyze(_plain_history(PER_PON * 8), last, settings)  # compiled before the clock runs
    began = time.perf_counter()
    analyze(history, last, settings)
    ours = lines / (time.perf_counter() - began)
    figures = [history.values[key][:sample].astype(np.float64) for key in SCANNED]
    began = time.perf_counter()
    for line in range(sample):
        for figure in figures:
            _by_hand(figure[line])
    theirs = sample / (time.perf_counter() - began)
    return Result(
        "analyze", ours, "lines/s", ours / theirs, "per-line scipy theilslopes and pandas rolling over the same figures"
    )


def _by_hand(figure: np.ndarray) -> tuple[float, float]:
    slope = stats.theilslopes(figure, np.arange(len(figure)))[0]
    past = pd.Series(figure).rolling(30)
    z = (figure[-1] - past.mean().iloc[-2]) / max(past.std().iloc[-2], 1e-9)
    return float(slope), float(z)


def _plain_history(lines: int) -> History:
    """Healthy lines with noise, every field told, 64 a port."""
    rng = np.random.default_rng(1)
    dates = np.arange(FIRST, FIRST + DAYS)
    ids = np.array([f"L{i:07d}" for i in range(lines)], dtype=object)
    port = np.arange(lines) // PER_PON
    columns: dict[str, list[object]] = {
        "line_id": list(ids),
        "device": [f"OLT{p // 16}" for p in port],
        "pon": [f"0/{p % 16}" for p in port],
        "splitter1": [f"S{i % 8}" for i in range(lines)],
        "technology": ["gpon"] * lines,
    }
    table = pa.table({f.name: pa.array(columns.get(f.name, [None] * lines), f.type) for f in LINE_SCHEMA})

    def drawn(level: float, noise: float) -> np.ndarray:
        return (level + noise * rng.standard_normal((lines, DAYS))).astype(np.float32)

    values = {(name, "median"): drawn(*figures) for name, figures in GAUGES.items()}
    values |= {("rx_dbm", "q10"): drawn(-20.1, 0.02), ("rx_dbm", "q90"): drawn(-19.9, 0.02)}
    values |= {key: np.full((lines, DAYS), level, np.float32) for key, level in FLAT.items()}
    for counter in ("fec_corrected", "fec_uncorrected", "bip_errors"):
        values[counter, "increase"] = rng.poisson(2, (lines, DAYS)).astype(np.float32)
    values["state", "changes"] = 2 * (rng.random((lines, DAYS)) < 0.01).astype(np.float32)
    return History.build(table, [Matrix(f, s, ids, dates, v) for (f, s), v in values.items()])


async def _accuracy(seeds: range) -> list[Result]:
    settings = Settings.load()
    ours: list[Score] = []
    best = dict.fromkeys((*THRESHOLDS, "z_score"), 0)
    for seed in seeds:
        history, truths, as_of = await _simulated(seed)
        ours.append(score(analyze(history, as_of, settings), truths, as_of))
        for name, findings in _rules(history, as_of).items():
            best[name] += score(findings, truths, as_of).found
    faults, found = sum(s.faults for s in ours), sum(s.found for s in ours)
    rule = max(best, key=lambda name: best[name])
    false = sum(s.false + s.duplicates for s in ours)
    return [
        Result("faults_found", 100 * found / faults, "%", found / max(best[rule], 1), f"the rule {rule}"),
        Result("fewest_found", float(min(s.found for s in ours)), "of a plant's 10"),
        Result("place_right", 100 * sum(s.place_right for s in ours) / max(found, 1), "% of found"),
        Result("cause_right", 100 * sum(s.cause_right for s in ours) / max(found, 1), "% of found"),
        Result("false_tickets", false / (2.0 * len(seeds)), "per 500 lines"),
    ]


def _rules(history: History, as_of: date) -> dict[str, list[Finding]]:
    found = {name: below(history, as_of, limit) for name, limit in THRESHOLDS.items()}
    return found | {"z_score": z_score(history, as_of)}


async def _simulated(seed: int) -> tuple[History, list[Truth], date]:
    """A demo plant that ends on some day of the year, as the store gives it back."""
    end = datetime(2026, 1, 1, 9, tzinfo=UTC) + timedelta(days=(seed * 37) % 365)
    world = World(seed, end=end)
    with tempfile.TemporaryDirectory() as folder:
        write_plant(world, Path(folder), agent_ports={olt.id: 161 for olt in world.olts})
        inventory = load_inventory(Path(folder) / "devices.yaml")
        store = await open_store(f"delta:{folder}/store", zone=inventory.calendar.zone)
        try:
            await store.append(list(world.history()))
            await store.rollup()
            as_of = operators_day(inventory, world.end)
            history = await load_history(store, inventory, as_of, DAYS)
        finally:
            await store.close()
    return history, [Truth.from_json(entry) for entry in world.truth()], as_of
