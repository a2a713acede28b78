"""The overview's figures day by day, and what changed: counted from what store and ledger hold, after any restart."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from collector.status import write_status
from maintenance.by_hand import Request
from maintenance.ledger import Ledger
from plant.batch import Batch
from plant.changes import PlantEvent, written
from plant.following import FollowedLog
from plant.place import Place
from storage.protocol import TelemetryStore
from tests.api.conftest import NOW, World, finding, make_inventory
from tests.console.world import collector_status


async def read_on(store: TelemetryStore, days_ago: int, rx: list[float], state: list[str]) -> None:
    ids = [f"OLT2-1-{n}" for n in range(len(rx))]
    at = NOW - timedelta(days=days_ago)
    await store.append([Batch.of("OLT2", "optics", at, ids, {"rx_dbm": rx, "state": state})])
    await store.rollup()


async def test_days_that_are_over_are_judged_by_what_was_read_on_them(world: World, store: TelemetryStore) -> None:
    await read_on(store, 2, [-19.0, -19.0, -19.0, -33.0], ["up", "up", "los", "up"])
    told = await world.json("/health/history")
    assert [d["day"] for d in told["days"]] == [
        f"2026-{d}" for d in ["10-27", "10-28", "10-29", "10-30", "10-31", "11-01", "11-02"]
    ]
    assert told["since"] == "2026-10-31"
    then, today = told["days"][4], told["days"][-1]
    assert (then["up"], then["good"], then["not_good"], then["good_rate"]) == (3, 2, 2, 0.5)
    assert (then["devices"], then["devices_read"]) == (2, 1)
    health = await world.json("/health")
    assert (today["up"], today["good_rate"]) == (19, pytest.approx(health["lines"]["good_rate"]))
    assert (today["at_risk"], today["unfinished"], today["devices_read"]) == (2, 2, 2)
    assert told["days"][5]["good_rate"] is None  # nothing was read that day


async def test_a_plant_read_since_today_says_so(world: World) -> None:
    told = await world.json("/health/history", days=3)
    assert told["since"] == told["days"][-1]["day"] == "2026-11-02"


async def test_tickets_of_past_days_stand_as_they_did_then(world: World, ledger: Ledger) -> None:
    ago = NOW - timedelta(days=20)
    ledger.take([finding("OLT2-1-2")], make_inventory(), ago)
    (old,) = [t for t in ledger.tickets() if t.opened_at == ago]
    cancelled = NOW - timedelta(days=1)
    ledger.act(old.id, "cancel", actor="li", role="dispatcher", now=cancelled, version=old.version, note="twice")
    told = (await world.json("/health/history"))["days"]
    assert [d["unfinished"] for d in told] == [1, 1, 1, 1, 1, 0, 2]
    assert [d["at_risk"] for d in told] == [1, 1, 1, 1, 1, 0, 2]
    ends = [datetime(2026, 10, 28, tzinfo=ZoneInfo("Asia/Shanghai")) + timedelta(days=n) for n in range(6)]
    late = [old.deadline < end and end < cancelled for end in ends]
    assert [d["late"] for d in told[:-1]] == late
    assert True in late
    west = (await world.json("/health/history", areas=("east",)))["days"]
    assert [d["unfinished"] for d in west] == [0, 0, 0, 0, 0, 0, 1]


async def test_a_restart_changes_nothing(world: World, make_world: Callable[..., World], store: TelemetryStore) -> None:
    await read_on(store, 3, [-19.0], ["up"])
    before = await world.json("/health/history")
    assert (await make_world(store).json("/health/history"))["days"] == before["days"]


def told_of(answer: dict[str, Any]) -> list[tuple[str, str]]:
    return [(c["kind"], c["place"]) for c in answer["changes"]]


async def test_what_changed_is_told_common_causes_first(world: World, ledger: Ledger, tmp_path: Path) -> None:
    now, inventory = world.clock(), make_inventory()
    splitter = replace(
        finding("OLT1-2-0"), place=Place.parse("splitter:OLT1/0/2/S1/S1-0"), cause="splitter",
        lines=tuple(f"OLT1-2-{n}" for n in range(4)),
    )  # fmt: skip
    ledger.take([splitter], inventory, now - timedelta(minutes=30))
    # two customers complain, so that the ticket is more urgent
    complaint = Request(kind="complaint", place="line:OLT1-1-3", note="no picture", grade="P1")
    ledger.open_by_hand(complaint, inventory, actor="li", role="dispatcher", now=now - timedelta(minutes=20))
    events = [
        PlantEvent("swap", "OLT1", "OLT1-1-0", "HWTCOLD", "HWTCNEW", now - timedelta(hours=2)),
        PlantEvent("unknown", "OLT2", "OLT2/0/1/9", None, "ZTEG9", now - timedelta(hours=3)),
        PlantEvent("swap", "OLT1", "OLT1-1-1", "A", "B", now - timedelta(days=2)),
    ]
    (tmp_path / "plant-log.jsonl").write_bytes(written(events))
    object.__setattr__(world.parts, "plant_log", FollowedLog(tmp_path / "plant-log.jsonl"))
    write_status(tmp_path / "collector-status.json", collector_status())
    told = await world.json("/changes")
    assert told_of(told) == [
        ("common_cause", "splitter:OLT1/0/2/S1/S1-0"), ("finding", "line:OLT2-1-0"), ("finding", "line:OLT1-1-3"),
        ("raised", "line:OLT1-1-3"), ("silent", "olt:OLT2"), ("unknown_ont", "olt:OLT2"), ("swap", "line:OLT1-1-0"),
    ]  # fmt: skip
    assert {k["kind"]: k["total"] for k in told["kinds"]}["finding"] == 2
    first, raised, swap = told["changes"][0], told["changes"][3], told["changes"][-1]
    assert (first["lines"], first["cause"], first["area"]) == (4, "splitter", "east")
    assert raised["grade"] == "P1"
    assert (swap["was"], swap["now"]) == ("HWTCOLD", "HWTCNEW")
    assert told_of(await world.json("/changes", areas=("west",))) == [
        ("finding", "line:OLT2-1-0"), ("silent", "olt:OLT2"), ("unknown_ont", "olt:OLT2"),
    ]  # fmt: skip
    assert told_of(await world.json("/changes", since=(now - timedelta(minutes=25)).isoformat())) == [
        ("raised", "line:OLT1-1-3")
    ]
    assert len((await world.json("/changes", limit=1))["changes"]) == 6


def test_a_followed_log_reads_only_what_is_new_and_notices_another_file(tmp_path: Path) -> None:
    path = tmp_path / "plant-log.jsonl"
    log = FollowedLog(path)
    assert list(log.since(NOW)) == []
    events = [PlantEvent("swap", "OLT1", f"L{n}", "A", "B", NOW + timedelta(minutes=n)) for n in range(3)]
    whole = written(events)
    path.write_bytes(whole[:-20])  # the last line is being written
    assert [e.line_id for e in log.since(NOW)] == ["L0", "L1"]
    with path.open("ab") as out:
        out.write(whole[-20:])
    assert [e.line_id for e in log.since(NOW + timedelta(minutes=1))] == ["L1", "L2"]
    assert [e.line_id for e in log.of_line("L2")] == ["L2"]
    path.write_bytes(written(events[:1]))
    assert [e.line_id for e in log.since(NOW)] == ["L0"]
