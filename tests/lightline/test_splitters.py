"""From lines that move together to a splitter: found by the analysis, accepted, used by the tree and the analysis."""

import csv
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.app import create_app
from api.parts import ApiSettings, Parts
from api.tokens import TokenStore
from lightline.analysis import analyze_day, operators_day
from lightline.commands.analyze import _Work
from lightline.inventory import InventoryFile
from lightline.legs import find_legs
from lightline.settings import ClosedSettings
from maintenance.ledger import Ledger
from simulator.inventory import write_plant
from simulator.world import World
from storage.opening import open_store
from storage.protocol import TelemetryStore

NOW = datetime(2026, 11, 2, 2, 0, tzinfo=UTC)
DAYS = 60
V1 = "http://127.0.0.1/api/v1"
CLOSURE = "TI-OLT-01/1/4"  # the port of the wet one


def a_plant_without_splitters(folder: Path) -> tuple[World, Path]:
    """A small plant with a wet closure behind a splitter that its lines file does not know."""
    world = World(7, 1, 256, faults=8, end=NOW, days=DAYS)
    (place,) = (fault.place for fault in world.faults if fault.cause == "water")
    assert place.startswith(f"splitter:{CLOSURE}/")
    files = write_plant(world, folder, agent_ports={olt.id: 1 for olt in world.olts})
    path = folder / "lines.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows({**row, "splitter1": "", "splitter2": ""} for row in rows)
    return world, files.devices


@dataclass
class Service:
    """The API and the analysis on one data folder, each with an inventory of its own, as in two processes."""

    file: InventoryFile
    store: TelemetryStore
    client: httpx.AsyncClient

    async def suggestion(self) -> dict[str, Any]:
        """That of the closure."""
        told = (await self.client.get(f"{V1}/splitters/suggestions")).json()
        assert told["as_of"] == "2026-11-02"
        (found,) = (s for s in told["suggestions"] if s["pon"] == CLOSURE)
        return dict(found)

    async def decide(self, ident: str, **asked: str) -> httpx.Response:
        return await self.client.post(f"{V1}/splitters/suggestions/{ident}", json=asked)

    async def splitters(self) -> dict[str, str | None]:
        port = (await self.client.get(f"{V1}/pons/{CLOSURE}")).json()
        return {line["line_id"]: line["splitter1"] for line in port["lines"]}

    async def analysed(self) -> set[str]:
        """Places of what a new analysis finds."""
        day = operators_day(self.file.current(), NOW)
        return {str(f.place) for f in (await analyze_day(self.store, self.file.current(), day, DAYS)).findings}

    async def offered(self) -> set[str]:
        """Ports of which a new look at the lines tells."""
        day = operators_day(self.file.current(), NOW)
        return {leg.pon for leg in await find_legs(self.store, self.file.current(), day, DAYS)}


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    world, devices = a_plant_without_splitters(tmp_path / "plant")
    settings = ClosedSettings(inventory=devices, data=tmp_path / "data", history_days=DAYS)
    files = [InventoryFile(settings.inventory, settings.plant_log_path) for _ in range(2)]
    store = await open_store(settings.store_url)
    for batch in world.history(step_s=14_400):
        await store.append([batch])
    await store.rollup()
    tokens = TokenStore(settings.tokens_path)
    with Ledger.open(settings.ledger_url) as ledger:
        await _Work(settings, store, ledger).look_at_tree(files[0].current())
        parts = Parts(
            files[1].current, store, ledger, tokens, lambda: None, ApiSettings(version="0"), lambda: NOW,
            suggestions=settings.suggestions_path, corrections=settings.corrections_path,
        )  # fmt: skip
        headers = {"Authorization": f"Bearer {tokens.create('p', 'planner', now=NOW)}"}
        transport = httpx.ASGITransport(app=create_app(parts))
        async with httpx.AsyncClient(transport=transport, headers=headers) as client:
            yield Service(files[0], store, client)
    await store.close()
    tokens.close()


async def test_an_accepted_splitter_stands_in_the_tree_and_the_analysis_finds_at_it(service: Service) -> None:
    found = await service.suggestion()
    lines = set(found["lines"])
    assert found["proposal"] == {"splitter1": "X1", "splitter2": None, "name": "X1", "joins": False}
    assert f"pon:{CLOSURE}" in await service.analysed()  # the trouble has no better place yet
    before = await service.splitters()
    assert set(before.values()) == {None}

    response = await service.decide(found["id"], verdict="accept", name="FDH-7")
    assert response.status_code == 200, response.text
    (decided,) = response.json()["decided"]
    assert (decided["who"], decided["verdict"], decided["in_force"]) == ("p", "accept", len(lines))
    assert found["id"] not in {s["id"] for s in response.json()["suggestions"]}
    assert await service.splitters() == {line: "FDH-7" if line in lines else None for line in before}
    assert f"splitter:{CLOSURE}/FDH-7" in await service.analysed()
    assert CLOSURE not in await service.offered()
    assert "FDH-7" not in (service.file.path.parent / "lines.csv").read_text(encoding="utf-8")

    assert (await service.decide(found["id"], verdict="decline")).status_code == 409
    assert (await service.decide(found["id"], verdict="undo")).status_code == 200
    assert await service.splitters() == before
    assert CLOSURE in await service.offered()
    assert (await service.suggestion())["id"] == found["id"]
    told = (await service.decide(found["id"], verdict="decline")).json()
    assert found["id"] not in {s["id"] for s in told["suggestions"]}
