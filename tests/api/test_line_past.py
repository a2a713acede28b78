"""What happened to a line stands beside its figures; its loss is told part by part, with what is not known."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from maintenance.ledger import Ledger
from plant.batch import Batch
from plant.changes import PlantEvent, written
from plant.following import FollowedLog
from plant.loss_budget import loss_data
from plant.place import Place
from plant.works import Work
from storage.protocol import TelemetryStore
from tests.api.conftest import NOW, World, make_inventory


async def test_visits_swaps_works_and_storms_of_a_line_are_told_in_order(
    world: World, ledger: Ledger, tmp_path: Path
) -> None:
    ticket = ledger.ticket(1)
    codes = {"cause_code": "connector", "action_code": "cleaned_connector"}
    for action, more in (("assign", {"engineer": "Li Lei"}), ("start", {}), ("resolve", codes)):
        world.clock.forward(minutes=1)
        ticket = ledger.act(
            1, action, actor="Li Lei", role="dispatcher", now=world.clock(), version=ticket.version, **more
        )
    ledger.begin_mode(
        "storm", make_inventory(), area="east", until=NOW + timedelta(hours=5), actor="wang", role="dispatcher",
        why="typhoon", now=world.clock(),
    )  # fmt: skip
    days = date(2026, 10, 20), date(2026, 10, 21)
    works = (Work(Place("pon", "OLT1/0/1"), *days, "new closure"), Work(Place("pon", "OLT1/0/2"), *days, "elsewhere"))
    inventory = replace(make_inventory(), works=works)
    object.__setattr__(world.parts, "inventory", lambda: inventory)
    swap = PlantEvent("swap", "OLT1", "OLT1-1-3", "HWTCOLD", "HWTCNEW", NOW - timedelta(days=3))
    (tmp_path / "plant-log.jsonl").write_bytes(written([swap, replace(swap, line_id="OLT1-1-0")]))
    object.__setattr__(world.parts, "plant_log", FollowedLog(tmp_path / "plant-log.jsonl"))
    told = await world.json("/lines/OLT1-1-3/past")
    assert [e["kind"] for e in told["events"]] == ["works", "swap", "found", "visit", "repaired", "storm"]
    by = {e["kind"]: e for e in told["events"]}
    assert (by["works"]["why"], by["works"]["ends"]) == ("new closure", "2026-10-22T00:00:00+08:00")
    assert (by["swap"]["was"], by["swap"]["now"]) == ("HWTCOLD", "HWTCNEW")
    assert (by["visit"]["ticket"], by["visit"]["who"]) == (1, "Li Lei")
    assert by["repaired"]["why"] == "cleaned_connector"
    assert by["storm"]["why"] == "typhoon"
    assert told["outdoor"] is None  # no ONT tells its temperature
    assert [e["kind"] for e in (await world.json("/lines/OLT1-1-3/past", days=1))["events"]] == [
        "found", "visit", "repaired", "storm"
    ]  # fmt: skip
    assert (await world.get("/lines/OLT1-1-3/past", areas=("west",))).status_code == 404


async def test_how_warm_it_was_is_the_median_of_the_devices_onts(world: World, store: TelemetryStore) -> None:
    ids = [f"OLT1-{pon}-{n}" for pon in (1, 2) for n in range(8)]
    for ago, outdoors in ((2, 0.0), (1, 6.0), (0, 3.0)):
        own = [40.0 + n for n in range(len(ids))]  # every ONT has its own place, warm or cool
        at = NOW - timedelta(days=ago, minutes=5)
        await store.append([Batch.of("OLT1", "optics", at, ids, {"temp_c": [t + outdoors for t in own]})])
    await store.rollup()
    told = (await world.json("/lines/OLT1-1-3/past", days=5))["outdoor"]
    assert (told["device"], told["onts"]) == ("OLT1", 16)
    assert told["degrees"] == [None, None, None, -3.0, 3.0, 0.0]


async def test_expected_and_measured_loss_stand_beside_each_other(world: World, store: TelemetryStore) -> None:
    told = await world.json("/lines/OLT1-1-3/budget")
    assert told["missing"] == ["distance_m", "tx_dbm"]
    await store.append([Batch.of("OLT1", "optics", NOW, ["OLT1-1-3"], {"distance_m": [2000.0], "tx_dbm": [2.5]})])
    told = await world.json("/lines/OLT1-1-3/budget")
    data = loss_data()
    # two second splitters behind the first, four lines behind the second
    assert {p["kind"]: p["size"] for p in told["parts"]} == {
        "fibre": 2000.0, "splitter1": 2, "splitter2": 4, "connectors": data.connectors,
    }  # fmt: skip
    fixed = data.splitter_db[2] + data.splitter_db[4] + data.connectors * data.connector_db
    assert told["down"]["expected_db"] == pytest.approx(fixed + 2 * data.fibre_db_per_km[1490], abs=0.01)
    assert told["up"]["expected_db"] == pytest.approx(fixed + 2 * data.fibre_db_per_km[1310], abs=0.01)
    assert told["down"]["measured_db"] == pytest.approx(4.2 + 28.3, abs=0.01)
    assert told["up"]["measured_db"] == pytest.approx(2.5 + 22.0, abs=0.01)
    assert told["missing"] == []


async def test_a_line_of_which_little_is_known_says_so(world: World) -> None:
    stranger = await world.json("/lines/OLT1/0/1/77/budget")
    assert (stranger["down"], stranger["parts"]) == (None, [])
    coax = await world.json("/lines/coax/g3/1/budget")
    assert coax["down"] is None
    unread = await world.json("/lines/OLT1-2-7/budget")
    assert {"distance_m", "rx_dbm", "olt_rx_dbm", "pon_tx_dbm"} <= set(unread["missing"])
    assert unread["down"]["measured_db"] is None
    assert np.isfinite(unread["down"]["expected_db"])
