"""Nothing that can stand in a store breaks an analysis, warns, or makes it say another thing the second time."""

import tracemalloc
import warnings
from collections.abc import Iterator
from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from analyzer.analyze import analyze
from analyzer.history import REQUIRED, History
from analyzer.settings import Settings
from plant.fields import fields
from plant.finding import Finding
from plant.inventory import LINE_SCHEMA
from plant.matrix import Matrix
from tests.analyzer.plants import plant

SETTINGS = Settings.load()
few = hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(autouse=True)
def _warnings_are_errors() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def table(columns: dict[str, list[object]], rows: int) -> pa.Table:
    return pa.table({f.name: pa.array(columns.get(f.name, [None] * rows), f.type) for f in LINE_SCHEMA})


class Nonsense:
    """Matrices of every kind: constant, noise, extremes, infinities, whole numbers, steps, holes of every shape."""

    def __init__(self, seed: int, days: int, share: float) -> None:
        self.rng, self.share = np.random.default_rng(seed), share
        self.dates = np.arange(np.datetime64("2026-01-01"), np.datetime64("2026-01-01") + days)

    def some(self, of: int) -> np.ndarray:
        rng, size = self.rng, (of, len(self.dates))
        kinds = [
            np.zeros(size),
            rng.normal(-20, 3, size),
            np.full(size, rng.normal(-20, 9)),
            rng.choice([-1e6, -40.0, 0.0, 1.0, 2.0, 1e9], size),
            rng.choice([-3e38, 3e38, 0.0, np.inf, -np.inf], size),
            rng.integers(0, 3, size),
            np.where(np.arange(size[1]) < size[1] // 2, -20.0, -25.0) * np.ones(size),
            np.cumsum(rng.normal(0, 1, size), axis=1),
        ]
        values = np.asarray(kinds[rng.integers(0, len(kinds))], dtype=np.float64)
        values = np.where(rng.random(size) < self.share, np.nan, values)
        values[rng.random(of) < 0.2] = np.nan
        values[:, rng.random(size[1]) < 0.2] = np.nan
        return values.astype(np.float32)

    def history(self) -> History:
        rng = self.rng
        n, pons = int(rng.integers(1, 40)), int(rng.integers(1, 4))
        ids = np.array([f"A{i:02d}" for i in range(n)], dtype=object)
        every = [*ids, "unread"]

        def any_of(*choices: object) -> list[object]:
            return [choices[i] for i in rng.integers(0, len(choices), n + 1)]

        columns: dict[str, list[object]] = {
            "line_id": every,
            "device": any_of("D", "D", "E", None),
            "pon": any_of(None, *(f"0/{p}" for p in range(pons))),
            "splitter1": any_of("S1", "S2", None),
            "splitter2": any_of("T1", "T2", None),
            "grid": any_of("G", None),
            "technology": any_of("gpon", "epon", "coax", None),
            "sold_mbps": any_of(100, 1000, None),
            "distance_m": any_of(0.0, 1500.0, None),
            "installed": any_of(date(2020, 1, 1), date(2026, 1, 3), None),
        }
        ports = np.array([f"pon:D/0/{p}" for p in range(pons)], dtype=object)
        chosen = [q for q in REQUIRED if rng.random() < 0.8]
        lines_read = [q for q in chosen if fields()[q[0]].of != "pon"]
        ports_read = [q for q in chosen if fields()[q[0]].of == "pon"]
        return History.build(
            table(columns, n + 1),
            [Matrix(f, s, ids, self.dates, self.some(n)) for f, s in lines_read],
            [Matrix(f, s, ports, self.dates, self.some(pons)) for f, s in ports_read],
        )


@given(seed=st.integers(0, 10**9), share=st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]), days=st.integers(1, 100))
@few
def test_no_readings_break_it_and_the_same_ones_say_the_same(seed: int, share: float, days: int) -> None:
    history = Nonsense(seed, days, share).history()
    as_of = history.dates[-1].astype(object) if len(history.dates) else date(2026, 1, 1)
    found = analyze(history, as_of, SETTINGS)
    for finding in found:
        assert Finding.from_json(finding.to_json()).place == finding.place
        assert finding.lines
        assert set(finding.lines) <= set(history.line_ids)
        assert np.isfinite([finding.score, finding.probability]).all()
        assert sum(finding.causes.values()) == pytest.approx(1)
    assert analyze(history, as_of, SETTINGS) == found


@pytest.mark.parametrize("as_of", [date(2025, 1, 1), date(2026, 1, 1), date(2030, 1, 1)])
def test_any_day_may_be_asked_for(as_of: date) -> None:
    assert isinstance(analyze(Nonsense(1, 40, 0.1).history(), as_of, SETTINGS), list)


def test_a_line_listed_twice_is_one_line() -> None:
    p = plant(7, lines=64, faults=["connector"], nasty=False)
    inventory = {k: [*v, *v[:5]] for k, v in p.inventory.items()}
    history = p.history()
    matrices = [Matrix(f, s, history.line_ids, history.dates, v) for (f, s), v in history.values.items()]
    twice = History.build(table(inventory, 69), matrices)
    assert len(twice) == 64
    assert p.truths[0].place in {str(f.place) for f in analyze(twice, p.as_of, SETTINGS)}


@pytest.mark.parametrize("days", [1, 2, 3, 13, 14, 15, 20])
def test_a_young_plant_is_looked_at_in_peace(days: int) -> None:
    p = plant(5, lines=128, days=60, faults=["feeder", "ethernet", "ont_power"])
    history = p.history()
    first = history.dates[days - 1].astype(object)
    assert isinstance(analyze(history, first, SETTINGS), list)


def test_memory_stays_within_a_few_times_the_history() -> None:
    p = plant(5, lines=4096, faults=["connector", "splitter"], nasty=False)
    history = p.history()
    analyze(history, p.as_of, SETTINGS)
    tracemalloc.start()
    analyze(history, p.as_of, SETTINGS)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * sum(v.nbytes for v in history.values.values())
