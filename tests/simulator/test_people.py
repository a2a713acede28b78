"""Customers call after they have felt a fault; technicians' codes are mostly right, and most repairs hold."""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from simulator.__main__ import main
from simulator.people import complaints, repair_by, visits
from simulator.world import World

END = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def world() -> World:
    return World(6, 4, 2000, faults=40, end=END, days=150, growing=True)


def test_nobody_calls_about_a_fault_before_it_began(world: World) -> None:
    calls = complaints(world)
    began = {str(world.layout.lines.id[row]): (f.cause, f.onset) for f in world.faults for row in f.rows}
    about = [c for c in calls if c["about"] != "other"]
    assert about
    for call in about:
        cause, onset = began[call["line_id"]]
        assert call["about"] == cause
        assert datetime.fromisoformat(call["at"]).timestamp() > onset
    assert calls == sorted(calls, key=lambda c: c["at"])
    assert 60 < sum(c["about"] == "other" for c in calls) < 190  # 2,000 lines, 150 days, 0.0004 a day: 120
    assert complaints(world) == calls


def test_calls_come_days_after_the_first_bad_day(world: World) -> None:
    power = {
        str(world.layout.lines.id[f.rows[0]]): f.onset for f in world.faults if f.cause in ("ont_power", "ethernet")
    }
    late = [datetime.fromisoformat(c["at"]).timestamp() - power[c["line_id"]]
            for c in complaints(world) if c["about"] in ("ont_power", "ethernet")]  # fmt: skip
    assert 1 < np.median(late) / 86400 < 15


def test_codes_are_right_wrong_and_missing(world: World) -> None:
    kinds: Counter[str] = Counter()
    for seed in range(1, 8):
        for v in visits(World(seed, 4, 1200, faults=30, end=END, days=150)):
            kinds["missing" if v["code"] is None else "right" if v["code"] == v["cause"] else "wrong"] += 1
    total = sum(kinds.values())
    assert 0.65 < kinds["right"] / total < 0.85
    assert kinds["wrong"] / total > 0.05
    assert kinds["missing"] / total > 0.03


def test_a_repair_that_held_is_seen_in_the_readings_and_one_that_failed_is_not() -> None:
    world = World(6, 4, 2000, faults=40, end=END, days=150, growing=True)
    told = visits(world)
    repair_by(world, told)
    until = {f.place: f.until for f in world.faults}
    assert {v["place"] for v in told if until[v["place"]] is not None} == {v["place"] for v in told if v["held"]}
    assert any(not v["held"] for v in told)


def test_they_stand_in_files_of_their_own(tmp_path: Path) -> None:
    assert main(["--seed", "3", "--olts", "1", "--onts", "200", "--faults", "6", "--days", "60", "--step", "43200",
                 "--folder", str(tmp_path), "--history", "parquet", "--crews"]) == 0  # fmt: skip
    assert all({"line_id", "at", "about"} == set(c) for c in json.loads((tmp_path / "complaints.json").read_text()))
    written = json.loads((tmp_path / "visits.json").read_text())
    assert written
    repaired = json.loads((tmp_path / "simulator.json").read_text())["repairs"]
    assert set(repaired) == {v["place"] for v in written if v["held"]}
