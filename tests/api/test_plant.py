"""Devices, ports and the collector's word on itself."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from collector.drain import DrainStatus
from collector.spool.spool import SpoolStatus
from collector.status import CollectorStatus, DeviceStatus, PaceStatus, TierStatus, write_status
from plant.place import Place
from tests.api.conftest import NOW, World, finding, make_inventory


def told_by_collector(written_at: datetime = NOW) -> CollectorStatus:
    def device(name: str, area: str, trouble: str | None) -> DeviceStatus:
        return DeviceStatus(
            id=name, host="127.0.0.1", port=161, kind="olt", area=area, state="silent" if trouble else "answering",
            trouble=trouble, since=NOW - timedelta(hours=3) if trouble else None, next_try=None, profile="huawei-gpon",
            profile_reason="sysObjectID fits", evidence=[], tiers={"optics": TierStatus(3600, NOW, NOW, 1.5, 10, 17)},
            pace=PaceStatus(5.0, 0.0, 0, 3600, 3590), lines=17, missing=1, unknown_count=1,
            unknown=["OLT1/0/1/77"] if name == "OLT1" else [], notes=[],
        )  # fmt: skip

    return CollectorStatus(
        written_at=written_at,
        started_at=NOW - timedelta(days=1),
        devices=[device("OLT1", "east", None), device("OLT2", "west", "no answer to SNMP within 3 s")],
        brokers=[],
        spool=SpoolStatus(0, 0, 1 << 30, full=False, detail="", damaged=0, torn_bytes=0, quarantined=[], set_aside=0),
        drain=DrainStatus(),
    )


@pytest.fixture
def collecting(world: World, tmp_path: Path) -> World:
    write_status(tmp_path / "collector-status.json", told_by_collector())
    return world


async def test_devices_show_what_the_collector_says_and_how_their_lines_are(collecting: World) -> None:
    east, west = (await collecting.json("/devices"))["devices"]
    assert (east["state"], east["profile"], east["last_answer"]) == ("answering", "huawei-gpon", "2026-11-02T02:00:00Z")
    assert east["lines"] == {"total": 17, "up": 15, "good": 14, "not_good": 2, "no_reading": 1}
    assert (west["state"], west["trouble"]) == ("silent", "no answer to SNMP within 3 s")
    assert [d["id"] for d in (await collecting.json("/devices", area="west", kind="olt"))["devices"]] == ["OLT2"]
    assert (await collecting.json("/devices", kind="cmts"))["devices"] == []


async def test_a_device_comes_with_its_ports_and_unknown_onts(collecting: World) -> None:
    told = await collecting.json("/devices/OLT1")
    assert [(p["pon"], p["lines"]["total"], p["pon_tx_dbm"]) for p in told["pons"]] == [
        ("0/1", 9, 4.2),
        ("0/2", 8, None),
    ]
    assert told["unknown"] == ["OLT1/0/1/77"]
    assert told["tiers"]["optics"]["rows"] == 17


async def test_devices_are_shown_before_any_collector_ran(world: World) -> None:
    assert {d["state"] for d in (await world.json("/devices"))["devices"]} == {"not_collected"}
    assert await world.json("/collector") == {"running": False, "written_at": None, "status": None}


async def test_a_port_shows_its_module_and_its_lines(world: World) -> None:
    told = await world.json("/pons/OLT1/0/1")
    readings = {r["field"]: r["value"] for r in told["readings"]}
    assert (readings["pon_tx_dbm"], readings["onts_up"], readings["pon_temp_c"]) == (4.2, 8.0, None)
    assert len(told["lines"]) == told["counts"]["total"] == 9
    assert told["counts"]["not_good"] == 2


async def test_the_collector_page_says_whether_it_still_runs(collecting: World) -> None:
    told = await collecting.json("/collector")
    assert told["running"]
    assert [d["id"] for d in told["status"]["devices"]] == ["OLT1", "OLT2"]
    assert [d["id"] for d in (await collecting.json("/collector", areas=("east",)))["status"]["devices"]] == ["OLT1"]
    collecting.clock.forward(minutes=2)
    assert not (await collecting.json("/collector"))["running"]


async def test_a_status_of_another_version_is_said_and_the_rest_goes_on(world: World, tmp_path: Path) -> None:
    (tmp_path / "collector-status.json").write_text('{"version": 99}', encoding="utf-8")
    response = await world.get("/collector")
    assert response.status_code == 503
    assert response.json()["remedy"] == "restart the collector"
    parts = {p["name"]: p["state"] for p in (await world.json("/health"))["parts"]}
    assert parts == {"store": "well", "collector": "troubled"}
    assert (await world.get("/metrics")).status_code == 200


async def test_health_names_the_device_that_is_silent_and_since_when(collecting: World) -> None:
    told = await collecting.json("/health")
    part = next(p for p in told["parts"] if p["name"] == "collector")
    assert (told["state"], part["state"], part["since"]) == ("troubled", "troubled", "2026-11-01T23:00:00Z")
    assert "OLT2: no answer to SNMP" in part["detail"]


async def test_a_tree_shows_ports_with_their_margins_and_what_is_placed_at_a_node(collecting: World) -> None:
    splitter = replace(
        finding("OLT1-2-0"), place=Place("splitter", "OLT1/0/2/S1/S1-0"), lines=tuple(f"OLT1-2-{n}" for n in range(4))
    )
    port = replace(finding("OLT1-1-0"), place=Place("pon", "OLT1/0/1"), lines=("OLT1-1-0", "OLT1-1-1"))
    collecting.parts.ledger.take([splitter, port], make_inventory(), NOW)
    told = await collecting.json("/devices/OLT1/tree")
    first, second = told["ports"]
    assert (first["pon"], first["lines"]["total"], first["splitters"]) == ("0/1", 9, 3)
    assert first["margins"]["worst_db"] == -1.3
    assert first["margins"]["worst_db"] < first["margins"]["median_db"]
    assert second["margins"]["worst_db"] > 0
    assert told["margins"]["worst_db"] == -1.3
    assert [(t["place"], t["pon"], t["lines"]) for t in told["tickets"]] == [
        ("splitter:OLT1/0/2/S1/S1-0", "0/2", 4),
        ("pon:OLT1/0/1", "0/1", 2),
    ]
    assert (await collecting.json("/devices/OLT2/tree"))["tickets"] == []
    assert (await collecting.get("/devices/OLT1/tree", areas=("west",))).status_code == 404
