"""Coax: faults of drops, taps, amplifiers and nodes are found at their place, told by both directions; noise is not."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest

from analyzer.analyze import analyze
from analyzer.backtest import affected_on
from analyzer.coax import points_to
from analyzer.history import History
from analyzer.naive import beyond_limits
from analyzer.scoring import Truth
from analyzer.settings import Settings
from plant.finding import Finding
from plant.inventory import LINE_SCHEMA
from plant.matrix import Matrix

SETTINGS = Settings.load()
NODES, AMPLIFIERS, TAPS, HOMES = 6, 3, 5, 6
LINES = NODES * AMPLIFIERS * TAPS * HOMES
DAYS = 90
ONSET = 60
DATES = np.arange("2026-06-01", "2026-08-30", dtype="datetime64[D]")
AS_OF = DATES[-1].astype(object)
LEVELS = {"ds_power_dbmv": 1.0, "ds_snr_db": 38.5, "us_power_dbmv": 43.0, "us_snr_db": 34.0}


class CoaxPlant:
    """Modems by node, amplifier, tap and home; `values` by field are (lines, days) of daily medians."""

    def __init__(self, seed: int = 1) -> None:
        rng = np.random.default_rng(seed)
        self.at = np.arange(LINES)
        self.values = {
            name: level + rng.normal(0, 2, (LINES, 1)) + rng.normal(0, 0.25, (LINES, DAYS))
            for name, level in LEVELS.items()
        }
        self.values["us_snr_db"] += rng.normal(0, 0.8, (NODES, DAYS))[self.node]  # one return path a node
        self.values["us_power_dbmv"] = np.round(self.values["us_power_dbmv"])
        self.changes = 2.0 * (rng.random((LINES, DAYS)) < 0.01)
        self.lost = rng.poisson(3, (LINES, DAYS)).astype(float)

    @property
    def node(self) -> np.ndarray:
        return self.at // (AMPLIFIERS * TAPS * HOMES)

    @property
    def amplifier(self) -> np.ndarray:
        return self.at // (TAPS * HOMES)

    @property
    def tap(self) -> np.ndarray:
        return self.at // HOMES

    def worse(self, rows: np.ndarray, since: int = ONSET, **by: float) -> None:
        for name, value in by.items():
            self.values[name][np.ix_(rows, range(since, DAYS))] += value

    def history(self) -> History:
        ids = np.array([f"H{i:05d}" for i in self.at], dtype=object)
        columns: dict[str, list[object]] = {
            "line_id": list(ids),
            "device": ["CMTS1"] * LINES,
            "pon": [str(1001 + n) for n in self.node],
            "splitter1": [f"A{a % AMPLIFIERS + 1}" for a in self.amplifier],
            "splitter2": [f"T{t % TAPS + 1}" for t in self.tap],
            "technology": ["coax"] * LINES,
        }
        table = pa.table({f.name: pa.array(columns.get(f.name, [None] * LINES), f.type) for f in LINE_SCHEMA})
        read = {(name, "median"): v for name, v in self.values.items()}
        read |= {("state", "changes"): self.changes, ("cw_uncorrected", "increase"): self.lost}
        return History.build(table, [Matrix(f, s, ids, DATES, v.astype(np.float32)) for (f, s), v in read.items()])

    def findings(self) -> list[Finding]:
        return analyze(self.history(), AS_OF, SETTINGS)


@pytest.fixture
def a_plant() -> CoaxPlant:
    return CoaxPlant()


def only(found: list[Finding]) -> Finding:
    assert len(found) == 1, [str(f.place) for f in found]
    return found[0]


def test_a_healthy_coax_plant_has_no_finding(a_plant: CoaxPlant) -> None:
    assert a_plant.findings() == []


@pytest.mark.parametrize(
    ("rows", "place", "cause", "by", "kind"),
    [
        ([77], "line:H00077", "coax_drop", {"us_power_dbmv": 7, "ds_power_dbmv": -1, "ds_snr_db": -4}, "gap"),
        ([77], "line:H00077", "coax_drop", {"ds_power_dbmv": -7, "us_power_dbmv": 1}, "cable"),
        (range(12, 18), "splitter:CMTS1/1001/A1/T3", "coax_plant", {"ds_power_dbmv": -5, "us_power_dbmv": 1}, "cable"),
        (range(120, 150), "splitter:CMTS1/1002/A2", "coax_plant", {"ds_power_dbmv": -5, "us_power_dbmv": 3}, "gain"),
        (range(90, 180), "pon:CMTS1/1002", "coax_plant", {"ds_power_dbmv": -4, "ds_snr_db": -2}, "forward_path"),
        (range(90, 180), "pon:CMTS1/1002", "coax_plant", {"us_power_dbmv": 4, "us_snr_db": -1}, "return_path"),
        (range(90, 180), "pon:CMTS1/1002", "coax_plant", {"us_snr_db": -7}, "ingress"),
    ],
)
def test_a_fault_is_one_finding_at_its_place_that_says_what_the_directions_tell(
    a_plant: CoaxPlant, rows: list[int], place: str, cause: str, by: dict[str, float], kind: str
) -> None:
    a_plant.worse(np.asarray(rows), **by)
    found = only(a_plant.findings())
    assert (str(found.place), found.cause) == (place, cause)
    assert set(found.lines) == {f"H{i:05d}" for i in rows}
    assert found.evidence["points_to"].value == kind
    assert abs((found.onset - DATES[ONSET].astype(object)).days) <= 2
    assert found.evidence["us_power_dbmv"].unit == "dBmV"


def test_single_drops_that_fail_in_one_week_are_not_the_nodes_fault(a_plant: CoaxPlant) -> None:
    for row in (3, 40, 75):  # one node, three amplifiers
        a_plant.worse(np.array([row]), us_power_dbmv=7, ds_snr_db=-4)
    assert {str(f.place) for f in a_plant.findings()} == {f"line:H{row:05d}" for row in (3, 40, 75)}


def test_a_node_that_goes_again_and_again_is_found_and_the_mains_are_not(a_plant: CoaxPlant) -> None:
    rows = np.flatnonzero(a_plant.node == 2)
    for day in (10, 30, 50):  # street mains: every node
        a_plant.changes[:, day] = 2
    a_plant.changes[np.ix_(np.flatnonzero(a_plant.node == 4), [33])] = 2  # planned works, once
    for day in (77, 80, 82, 85, 86, 88):
        a_plant.changes[rows, day] = 2
    found = only(a_plant.findings())
    assert (str(found.place), found.cause) == ("pon:CMTS1/1003", "coax_plant")
    assert found.evidence["falls"].value == 6
    assert found.onset == DATES[77].astype(object)


def test_a_modem_that_drops_alone_is_named_by_causes_coax_has(a_plant: CoaxPlant) -> None:
    rng = np.random.default_rng(3)
    a_plant.changes[200, ONSET:] = 2 * rng.poisson(2.5, DAYS - ONSET)
    found = only(a_plant.findings())
    assert set(found.causes) == {"coax_drop", "ont_power", "ethernet", "unknown"}


def test_customers_are_hurt_beyond_the_limits_of_a_modem(a_plant: CoaxPlant) -> None:
    row = np.array([77])
    a_plant.values["us_power_dbmv"][row] = 43
    a_plant.values["ds_power_dbmv"][row] = 1
    a_plant.values["us_power_dbmv"][77, ONSET:] = np.linspace(43, 54, DAYS - ONSET)
    history = a_plant.history()
    truth = Truth("line:H00077", frozenset({"H00077"}), "coax_drop", DATES[ONSET].astype(object))
    hurt = affected_on(history, truth, SETTINGS)
    assert hurt is not None
    assert 18 < (hurt - truth.onset).days < 25
    calm = replace(SETTINGS, coverage=replace(SETTINGS.coverage, coax_us_power_dbmv=(35.0, 58.0)))
    assert affected_on(history, truth, calm) is None
    assert "line:H00077" in {str(f.place) for f in beyond_limits(history, AS_OF, SETTINGS)}
    assert beyond_limits(history, AS_OF - timedelta(days=365), SETTINGS) == []
    felt = only(analyze(history, AS_OF, SETTINGS))
    assert felt.score == pytest.approx(1 / SETTINGS.crew_hours["line"], rel=0.01)


def test_directions_that_tell_nothing_point_to_nothing() -> None:
    assert points_to({"coax_level": 0.3, "coax_us": np.nan}, "line", "step") is None
    assert points_to({"coax_level": 6.0, "coax_us": 0.5}, "line", "episodes") == "water"
    assert points_to({"coax_level": 4.0, "coax_us": 4.0}, "pon", "step") == "node"
