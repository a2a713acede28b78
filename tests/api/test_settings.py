"""Settings are told to operators; rules are checked by them and written by administrators alone."""

from pathlib import Path

import pytest

from api.schemas.settings import ToldSetting
from maintenance.rules import Rules
from plant.problems import Problem
from tests.api.conftest import V1, World

TOLD = ToldSetting(name="port", value="8080", default="8080", source="default", unit="", zh="监听端口", en="port")


@pytest.fixture
def ruled(world: World, tmp_path: Path) -> World:
    object.__setattr__(world.parts, "rules", tmp_path / "rules")
    object.__setattr__(world.parts, "told_settings", lambda: [TOLD])
    object.__setattr__(world.parts, "examine", lambda: [Problem("devices.yaml", 4, "names no area", "add it")])
    return world


async def test_an_operator_sees_the_settings_and_what_is_wrong_with_the_files(ruled: World, tmp_path: Path) -> None:
    told = await ruled.json("/settings", "operator")
    assert told == {"settings": [TOLD.model_dump()], "rules": str(tmp_path / "rules")}
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "taking.yaml").write_text("record_only: []\nrepeat_days: -1\n")
    found = await ruled.json("/settings/check", "operator")
    assert (found["errors"], found["problems"][0]["file"]) == (len(found["problems"]), "devices.yaml")
    assert (str(tmp_path / "rules" / "taking.yaml"), 2) in [(p["file"], p["line"]) for p in found["problems"]]
    assert (await ruled.get("/settings", "dispatcher")).status_code == 403


async def test_rules_are_checked_written_and_taken_back(ruled: World, tmp_path: Path) -> None:
    async with ruled.client() as client:
        file = (await client.get(f"{V1}/rules/taking")).json()
        assert not file["own"]
        text = file["text"].replace("repeat_days: 30", "repeat_days: 45")
        wrong = (await client.post(f"{V1}/rules/taking/check", json={"text": "repeat_days: x\n"})).json()
        assert "repeat_days: Input should be a valid integer" in str(wrong)
        refused = await client.put(f"{V1}/rules/taking", json={"text": "a: [", "version": file["version"]})
        assert (refused.status_code, refused.json()["errors"][0]["where"]) == (422, "taking.yaml:2")
        written = await client.put(f"{V1}/rules/taking", json={"text": text, "version": file["version"]})
        assert written.json()["own"]
        assert Rules.load(tmp_path / "rules").taking.repeat_days == 45
        late = await client.put(f"{V1}/rules/taking", json={"text": text, "version": file["version"]})
        assert late.status_code == 409
        back = await client.post(f"{V1}/rules/taking/undo", json={"version": written.json()["version"]})
        assert (back.json()["own"], back.json()["text"]) == (False, file["text"])
        assert [f["name"] for f in (await client.get(f"{V1}/rules")).json()["files"] if f["previous"]] == ["taking"]
        assert (await client.get(f"{V1}/rules/nothing")).status_code == 404
    entries = [e for e in (await ruled.json("/audit"))["entries"] if e["event"] == "rules"]
    assert [e["target"] for e in entries] == ["undo taking", "taking"]


async def test_without_a_folder_the_shipped_rules_are_shown_and_a_remedy_told(world: World) -> None:
    assert (await world.json("/rules", "operator"))["folder"] is None
    async with world.client() as client:
        file = (await client.get(f"{V1}/rules/hooks")).json()
        refused = await client.put(f"{V1}/rules/hooks", json={"text": file["text"], "version": file["version"]})
        assert refused.status_code == 422
        assert "lightline.toml" in refused.json()["remedy"]
