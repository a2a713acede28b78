"""Tickets through HTTP: lists, one ticket, what people do with it, and who was faster."""

import asyncio
import json
from datetime import timedelta
from itertools import zip_longest
from typing import Any

import httpx
import pytest

from maintenance.transitions import allowed
from tests.api.conftest import NOW, V1, World, finding, make_inventory


async def do(world: World, ticket: int, role: str = "dispatcher", **body: Any) -> httpx.Response:
    async with world.client(role) as client:
        return await client.post(f"{V1}/tickets/{ticket}/transitions", json=body)


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({}, [1, 2]),
        ({"state": "open"}, [1, 2]),
        ({"state": "unfinished"}, [1, 2]),
        ({"state": "closed"}, []),
        ({"area": "east"}, [1]),
        ({"department": "West maintenance"}, [2]),
        ({"place": "line:OLT1-1-3"}, [1]),
        ({"line": "OLT2-1-0"}, [2]),
        ({"limit": 1}, [1]),
        ({"limit": 1, "after": 1}, [2]),
        ({"overdue": "true"}, []),
        ({"place": "x\x00y"}, []),
    ],
)
async def test_tickets_are_found_by_what_people_look_for(world: World, query: dict[str, Any], ids: list[int]) -> None:
    told = await world.json("/tickets", **query)
    assert [t["id"] for t in told["tickets"]] == ids


async def test_a_ticket_past_its_deadline_is_overdue(world: World) -> None:
    world.clock.forward(days=60)
    told = (await world.json("/tickets", overdue="true"))["tickets"]
    assert [(t["id"], t["overdue"]) for t in told] == [(1, True), (2, True)]


async def test_a_ticket_comes_with_evidence_log_findings_and_what_may_be_done(world: World) -> None:
    told = await world.json("/tickets/1", "dispatcher")
    assert told["lines"] == ["OLT1-1-3"]
    assert told["evidence"]["rx_dbm"] == {"value": -28.3, "unit": "dBm"}
    assert told["forecast"]["days"] == {"low": 10, "mid": 20, "high": 40}
    assert [e["action"] for e in told["log"]] == ["open"]
    assert told["findings"][0]["finding"]["place"] == "line:OLT1-1-3"
    assert [p["action"] for p in told["possible"]] == list(allowed("open", "dispatcher"))
    assert next(p for p in told["possible"] if p["action"] == "assign")["needs"] == ["engineer"]
    assert (await world.json("/tickets/1", "viewer"))["possible"] == []


async def test_every_code_that_is_offered_is_taken(world: World) -> None:
    await do(world, 1, version=1, action="assign", engineer="Li Lei")
    told = await world.json("/tickets/1", "technician")
    assert "one-click cleaner" in told["bring_en"]
    assert "清洁笔" in told["bring_zh"]
    possible = {p["action"]: p for p in told["possible"]}
    assert possible["schedule"]["choices"] == {}
    causes, actions = (possible["resolve"]["choices"][need] for need in ("cause_code", "action_code"))
    assert {"connector", "no_fault_found"} <= {c["code"] for c in causes}
    version = told["ticket"]["version"]
    for cause, action in zip_longest(causes, actions, fillvalue=actions[0]):
        codes = {"cause_code": cause["code"], "action_code": action["code"]}
        resolved = await do(world, 1, version=version, action="resolve", **codes)
        assert resolved.status_code == 200, resolved.text
        await do(world, 1, version=version + 1, action="reopen", note="once more")
        await do(world, 1, version=version + 2, action="assign", engineer="Li Lei")
        version += 3


async def test_a_repair_goes_its_way_and_the_log_says_who(world: World) -> None:
    steps = [
        {"action": "assign", "engineer": "Li Lei"},
        {"action": "schedule", "appointment_at": (NOW + timedelta(days=1)).isoformat()},
        {"action": "start"},
        {"action": "resolve", "cause_code": "connector", "action_code": "cleaned_connector", "note": "dirty"},
    ]
    for version, step in enumerate(steps, start=1):
        response = await do(world, 1, "technician", version=version, **step)
        assert response.status_code == 200, response.text
    told = response.json()
    assert (told["ticket"]["state"], told["ticket"]["version"]) == ("resolved", 5)
    assert [(e["actor"], e["role"], e["action"]) for e in told["log"]][1:] == [
        ("technician-", "technician", step["action"]) for step in steps
    ]


async def test_of_two_who_act_at_once_one_is_told_that_the_other_was_faster(world: World) -> None:
    answers = await asyncio.gather(
        *(do(world, 1, version=1, action="assign", engineer=name) for name in ("Li Lei", "Han"))
    )
    assert sorted(a.status_code for a in answers) == [200, 409]
    conflict = next(a for a in answers if a.status_code == 409).json()
    assert (conflict["type"], conflict["current"]) == ("urn:lightline:problem:conflict", 2)


async def test_what_cannot_be_done_now_names_what_can(world: World) -> None:
    response = await do(world, 1, version=1, action="resolve", cause_code="connector", action_code="none")
    assert response.status_code == 422
    assert response.json()["type"] == "urn:lightline:problem:transition"
    assert response.json()["allowed"] == list(allowed("open"))
    assert (await do(world, 1, version=1, action="fly")).json()["allowed"] == list(allowed("open"))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"action": "assign", "engineer": "Li\x00"}, 422),
        ({"action": "assign", "engineer": "Li", "cause_code": "connector"}, 422),
        ({"action": "close"}, 422),  # only readings close, and only what is verified
        ({"action": "grow"}, 403),  # a consequence of readings: nobody can ask for it
        ({"action": "cancel"}, 422),
        ({"action": "merge", "into": 99}, 404),
        ({"action": "merge", "into": 1}, 422),
        ({"action": "note", "note": "x" * 2001}, 422),
        ({"action": "note", "note": "\ud800"}, 422),
        ({"action": "note", "note": "x", "state": "closed"}, 422),
        ({"action": "note", "note": "x", "version": True}, 422),
        ({"action": "note", "note": "x", "version": "1"}, 422),
        ({"action": "schedule", "appointment_at": "tomorrow"}, 422),
    ],
)
async def test_what_is_missing_or_odd_is_refused_and_nothing_changes(
    world: World, body: dict[str, Any], status: int
) -> None:
    raw = json.dumps({"version": 1} | body)
    async with world.client("dispatcher") as client:
        response = await client.post(
            f"{V1}/tickets/1/transitions", content=raw, headers={"Content-Type": "application/json"}
        )
    assert response.status_code == status, response.text
    assert response.json()["remedy"]
    assert (await world.json("/tickets/1"))["ticket"]["version"] == 1


async def test_scripts_in_notes_are_kept_as_the_text_they_are(world: World) -> None:
    note = "<img src=x onerror=alert(1)>"
    response = await do(world, 1, version=1, action="note", note=note)
    assert response.json()["log"][-1]["why"] == note
    assert response.headers["content-type"] == "application/json"


async def test_findings_come_page_by_page_and_by_ticket(world: World) -> None:
    world.parts.ledger.take([finding(f"OLT1-2-{n}") for n in range(5)], make_inventory(), NOW)
    seen: list[int] = []
    query: dict[str, int] = {}
    while True:
        told = await world.json("/findings", limit=2, **query)
        seen += [f["id"] for f in told["findings"]]
        if told["next"] is None:
            break
        query = {"after": told["next"]}
    assert seen == sorted(seen)
    assert len(seen) == len(set(seen)) == 7
    assert len((await world.json("/findings", ticket=1))["findings"]) == 1
    assert len((await world.json("/findings", since=NOW.isoformat()))["findings"]) == 5
    east = await world.json("/findings", areas=("east",), limit=3)
    assert [f["finding"]["place"] for f in east["findings"]] == ["line:OLT1-1-3", "line:OLT1-2-0", "line:OLT1-2-1"]


async def test_a_change_shows_on_the_health_page_at_once(world: World) -> None:
    before = (await world.json("/health"))["tickets"]
    await do(world, 1, version=1, action="cancel", note="wrong address")
    after = (await world.json("/health"))["tickets"]
    assert (before["unfinished"], after["unfinished"]) == (2, 1)
