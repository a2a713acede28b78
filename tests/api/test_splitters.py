"""Suggested splitters: seen by area, decided by those who may, each decision once and in the audit."""

from dataclasses import replace
from pathlib import Path

import pytest

from plant.corrections import read_decisions, with_corrections
from plant.suggested import Suggested, Suggestion, keep_suggested
from tests.api.conftest import NOW, V1, World, make_inventory

LEG = Suggestion("OLT1/0/1", ("OLT1-1-0", "OLT1-1-1", "OLT1-1-4"), 0.7, 60, ("OLT1/0/1/S1/S1-0", None), ("OLT1-1-2",))
WEST = Suggestion("OLT2/0/1", ("OLT2-1-0", "OLT2-1-1"), 0.7, 60, ("S1-0",), ())


@pytest.fixture
def offered(world: World, tmp_path: Path) -> World:
    keep_suggested(tmp_path / "splitters.json", Suggested(NOW.date(), (LEG, WEST)))
    log = tmp_path / "plant-corrections.jsonl"
    written = make_inventory()
    object.__setattr__(world.parts, "suggestions", tmp_path / "splitters.json")
    object.__setattr__(world.parts, "corrections", log)
    object.__setattr__(
        world.parts, "inventory", lambda: replace(written, lines=with_corrections(written.lines, read_decisions(log)))
    )
    return world


async def test_each_sees_the_suggestions_of_his_areas(offered: World) -> None:
    told = await offered.json("/splitters/suggestions", "viewer")
    assert [s["pon"] for s in told["suggestions"]] == ["OLT1/0/1", "OLT2/0/1"]
    assert told["suggestions"][0]["proposal"] == {"splitter1": "S1", "splitter2": "S1-0", "name": "S1-0", "joins": True}
    west = await offered.json("/splitters/suggestions", "planner", ("west",))
    assert [s["pon"] for s in west["suggestions"]] == ["OLT2/0/1"]
    assert (await offered.json("/splitters/suggestions", "planner", grids=("g1",)))["suggestions"] == []


async def test_accepting_moves_the_lines_and_is_written_down(offered: World) -> None:
    async with offered.client("operator", ("east",)) as client:
        path = f"{V1}/splitters/suggestions/{LEG.id}"
        assert (await client.post(path, json={"verdict": "accept"})).status_code == 200
        line = (await client.get(f"{V1}/lines/OLT1-1-4")).json()["line"]
        assert (line["splitter1"], line["splitter2"]) == ("S1", "S1-0")
        again = await client.post(path, json={"verdict": "accept"})
        assert (again.status_code, again.json()["type"].endswith("conflict")) == (409, True)
        assert (
            await client.post(f"{V1}/splitters/suggestions/{WEST.id}", json={"verdict": "decline"})
        ).status_code == 404
        assert (await client.post(path, json={"verdict": "undo"})).status_code == 200
        assert (await client.get(f"{V1}/lines/OLT1-1-4")).json()["line"]["splitter2"] == "S1-1"
        assert (await client.post(path, json={"verdict": "undo"})).status_code == 404
    entries = [e for e in (await offered.json("/audit"))["entries"] if e["event"] == "splitter"]
    assert [e["target"] for e in entries] == [f"undo {LEG.id}", f"accept {LEG.id}"]
    assert entries[0]["actor"] == "operator-east"


@pytest.mark.parametrize("name", ["S1", "with space", "a/b", "", "x" * 61])
async def test_a_name_that_cannot_be_is_refused(offered: World, name: str) -> None:
    async with offered.client("planner") as client:
        path = f"{V1}/splitters/suggestions/{WEST.id}"
        response = await client.post(path, json={"verdict": "accept", "name": name})
        assert response.status_code == 422
        assert "name" in response.json()["detail"]
    assert (await offered.json("/splitters/suggestions"))["decided"] == []
