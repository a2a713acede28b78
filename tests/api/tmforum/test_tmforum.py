"""TM Forum's resources: what we answer has the published shape, and what is asked in it is done."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
import yaml

from api.once import HEADER
from api.tmf.mapping import mapping
from api.tmf.trouble import notification
from maintenance.hooks.messages import Event
from maintenance.hooks.outbox import TOLD
from maintenance.hooks.subscriptions import Subscriptions
from maintenance.ledger import Judgement
from plant.finding import Finding
from plant.place import Place
from tests.api.conftest import NOW, V1, World, finding, make_inventory
from tests.conftest import ROOT

SHAPES: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("shapes.yaml").read_text(encoding="utf-8"))
TROUBLE = "/tmf-api/troubleTicket/v4"
ALARM = "/tmf-api/alarm/v4/alarm"
DARK = {
    "description": "没有信号", "severity": "Major", "ticketType": "complain", "externalId": "CRM-1",
    "relatedEntity": [{"id": "OLT1-2-2", "role": "affected", "@referredType": "line"}],
}  # fmt: skip


def schema(name: str) -> dict[str, Any]:
    """JSON schema of a shape: no attribute that is not published, every type as published."""

    def of(kind: str) -> dict[str, Any]:
        if kind.startswith("["):
            return {"type": "array", "items": of(kind.strip("[]"))}
        if kind in ("string", "integer", "boolean", "object"):
            return {"type": kind}
        if kind in ("date-time", "uri"):
            return {"type": "string", "format": kind}
        return {"$ref": f"#/$defs/{kind}"}

    def shaped(shape: Any) -> dict[str, Any]:
        if isinstance(shape, list):
            return {"type": "string", "enum": shape}
        must = [attribute.rstrip("!") for attribute in shape if attribute.endswith("!")]
        properties = {attribute.rstrip("!"): of(kind) for attribute, kind in shape.items()}
        return {"type": "object", "properties": properties, "required": must, "additionalProperties": False}

    return {**of(name), "$defs": {key: shaped(shape) for key, shape in SHAPES.items() if not key.endswith("Must")}}


def fits(told: Any, name: str) -> None:
    jsonschema.validate(told, schema(name), format_checker=jsonschema.FormatChecker())


async def ask(world: World, method: str, path: str, role: str = "dispatcher", **given: Any) -> httpx.Response:
    async with world.client(role, given.pop("areas", ())) as client:
        return await client.request(method, f"{V1}{path}", **given)


async def act(world: World, ticket: int, action: str, **given: Any) -> None:
    version = world.parts.ledger.ticket(ticket).version
    world.parts.ledger.act(ticket, action, actor="li", role="dispatcher", now=world.clock(), version=version, **given)


async def test_trouble_tickets_have_the_published_shape_in_every_state(world: World) -> None:
    steps: list[tuple[str, dict[str, Any]]] = [
        ("assign", {"engineer": "Li Lei"}), ("schedule", {"appointment_at": NOW + timedelta(days=1)}),
        ("wait_customer", {"note": "away"}), ("resume", {}),
        ("wait_parts", {"part": "splitter", "expected_at": NOW + timedelta(days=2)}), ("resume", {}),
        ("start", {}), ("resolve", {"cause_code": "connector", "action_code": "cleaned_connector"}),
    ]  # fmt: skip
    seen = []
    for action, given in [("", {}), *steps]:
        if action:
            world.clock.forward(hours=1)
            await act(world, 1, action, **given)
        told = (await ask(world, "GET", f"{TROUBLE}/troubleTicket/1")).json()
        fits(told, "TroubleTicket")
        assert set(SHAPES["TroubleTicketMust"]) <= set(told)
        seen.append(told["status"])
        assert told["status"] == told["statusChange"][-1]["status"]
    assert seen == ["acknowledged", "inProgress", "inProgress", "pending", "inProgress", "held", "inProgress",
                    "inProgress", "resolved"]  # fmt: skip
    for one in (await ask(world, "GET", f"{TROUBLE}/troubleTicket")).json():
        fits(one, "TroubleTicket")
    assert {"text": "away", "author": "li"}.items() <= told["note"][0].items()


async def test_lists_are_filtered_cut_and_counted(world: World) -> None:
    world.parts.ledger.take([finding(f"OLT1-2-{n}") for n in range(5)], make_inventory(), NOW)
    await act(world, 2, "assign", engineer="Han")

    async def listed(**query: Any) -> tuple[list[str], int]:
        response = await ask(world, "GET", f"{TROUBLE}/troubleTicket", params=query)
        assert response.status_code == 200, response.text
        assert int(response.headers["x-result-count"]) == len(response.json())
        return [one["id"] for one in response.json()], int(response.headers["x-total-count"])

    assert await listed() == ([str(n) for n in range(1, 8)], 7)
    assert await listed(offset=5, limit=1) == (["6"], 7)
    assert await listed(status="inProgress") == (["2"], 1)
    assert await listed(ticketType="complaint") == ([], 0)
    assert await listed(ticketType="nonsense") == ([], 0)
    assert await listed(severity="nonsense") == ([], 0)
    assert await listed(**{"lastUpdate.gte": NOW.isoformat()}) == (["2", "3", "4", "5", "6", "7"], 6)
    assert (await ask(world, "GET", f"{TROUBLE}/troubleTicket", params={"colour": "red"})).status_code == 422
    few = (await ask(world, "GET", f"{TROUBLE}/troubleTicket/1", params={"fields": "status,name"})).json()
    assert set(few) == {"id", "href", "status", "name"}
    strange = await ask(world, "GET", f"{TROUBLE}/troubleTicket/1", params={"fields": "colour"})
    assert strange.status_code == 422


async def test_another_system_opens_a_ticket_once(world: World) -> None:
    made = await ask(world, "POST", f"{TROUBLE}/troubleTicket", json=DARK)
    assert made.status_code == 201, made.text
    told = made.json()
    fits(told, "TroubleTicket")
    assert (told["ticketType"], told["severity"], told["status"]) == ("complaint", "Major", "acknowledged")
    assert told["externalId"] == "CRM-1"
    assert made.headers["location"] == told["href"]
    again = await ask(world, "POST", f"{TROUBLE}/troubleTicket", json=DARK)
    assert again.json()["id"] == told["id"]
    keyed = [
        await ask(world, "POST", f"{TROUBLE}/troubleTicket", headers={HEADER: "k"},
                  json={**DARK, "externalId": None, "ticketType": "request"})
        for _ in range(2)
    ]  # fmt: skip
    assert keyed[0].json() == keyed[1].json()
    assert len(world.parts.ledger.tickets()) == 4


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"severity": "Awful"}, 422),
        ({"ticketType": "song"}, 422),
        ({"relatedEntity": []}, 422),
        ({"relatedEntity": [{"id": "x", "role": "a", "@referredType": "Product"}]}, 422),
        ({"relatedEntity": [{"id": "nowhere", "role": "a", "@referredType": "line"}]}, 422),
        ({"description": ""}, 422),
        ({"status": "closed"}, 422),
    ],
)
async def test_what_cannot_be_opened_is_refused_and_nothing_is(
    world: World, given: dict[str, Any], status: int
) -> None:
    response = await ask(world, "POST", f"{TROUBLE}/troubleTicket", json={**DARK, **given})
    assert response.status_code == status, response.text
    assert len(world.parts.ledger.tickets()) == 2


async def test_nobody_opens_or_sees_what_is_in_another_area(world: World) -> None:
    west = {"areas": ("west",)}
    assert (await ask(world, "POST", f"{TROUBLE}/troubleTicket", json=DARK, **west)).status_code == 404
    assert (await ask(world, "GET", f"{TROUBLE}/troubleTicket/1", **west)).status_code == 404
    patched = await ask(world, "PATCH", f"{TROUBLE}/troubleTicket/1", json={"note": [{"text": "x"}]}, **west)
    assert patched.status_code == 404
    assert [t["id"] for t in (await ask(world, "GET", f"{TROUBLE}/troubleTicket", **west)).json()] == ["2"]
    assert [a["id"] for a in (await ask(world, "GET", ALARM, **west)).json()] == [2]
    assert (await ask(world, "GET", f"{ALARM}/1", **west)).status_code == 404
    assert len(world.parts.ledger.tickets()) == 2


async def test_changes_follow_the_ledgers_table(world: World) -> None:
    async def patch(**body: Any) -> httpx.Response:
        return await ask(world, "PATCH", f"{TROUBLE}/troubleTicket/1", json=body)

    early = await patch(status="inProgress")
    assert (early.status_code, early.json()["type"]) == (422, "urn:lightline:problem:transition")
    party = [{"id": "Li Lei", "@referredType": "Individual"}]
    assert (await patch(relatedParty=party)).json()["status"] == "inProgress"
    assert (await patch(status="pending", statusChangeReason="customer away")).json()["status"] == "pending"
    assert (await patch(status="inProgress")).json()["status"] == "inProgress"
    assert (await patch(status="held", statusChangeReason="splitter 1:8")).status_code == 422  # expected when?
    held = await patch(status="held", statusChangeReason="splitter", expectedResolutionDate="2026-11-05T02:00:00Z")
    assert held.json()["status"] == "held"
    assert world.parts.ledger.ticket(1).part == "splitter"
    assert (await patch(status="inProgress")).json()["status"] == "inProgress"
    assert (await patch(note=[{"text": "又打来一次"}])).json()["note"][-1]["text"] == "又打来一次"
    for refused in ("resolved", "closed"):
        response = await patch(status=refused)
        assert response.status_code == 422
        assert "new readings" in response.json()["detail"] or "readings" in response.json()["detail"]
    assert (await patch(status="cancelled")).status_code == 422  # without a reason
    assert (await patch(status="cancelled", note=[{"text": "x"}])).status_code == 422
    told = (await patch(status="cancelled", statusChangeReason="twice")).json()
    assert (told["status"], told["statusChangeReason"]) == ("cancelled", "twice")


async def test_alarms_have_the_published_shape_and_clear_when_readings_confirm_the_repair(world: World) -> None:
    ledger = world.parts.ledger
    outage = Finding(
        place=Place("pon", "OLT1/0/1"), lines=("OLT1-1-0",), cause="mains_outage", probability=0.9,
        onset=NOW.date(), score=1.0, evidence={}, forecast=None,
    )  # fmt: skip
    ledger.take([outage], make_inventory(), NOW)
    told = (await ask(world, "GET", ALARM)).json()
    assert [a["id"] for a in told] == [1, 2, 3]
    for one in told:
        fits(one, "Alarm")
        assert set(SHAPES["AlarmMust"]) <= set(one)
    assert told[2]["perceivedSeverity"] == "indeterminate"
    assert told[0]["alarmRaisedTime"] == "2026-10-28T00:00:00+08:00"
    await act(world, 1, "assign", engineer="Li Lei")
    await act(world, 1, "resolve", cause_code="connector", action_code="cleaned_connector")
    resolved = ledger.ticket(1).resolved_at
    assert resolved is not None
    assert (await ask(world, "GET", f"{ALARM}/1")).json()["state"] == "raised"
    world.clock.forward(hours=30)
    ledger.verify(1, Judgement("held", resolved, 30, 30, 24, 1, 1, 1), world.clock())
    cleared = (await ask(world, "GET", f"{ALARM}/1")).json()
    fits(cleared, "Alarm")
    assert (cleared["state"], cleared["perceivedSeverity"]) == ("cleared", "cleared")
    assert cleared["alarmClearedTime"] == "2026-11-03T08:00:00Z"
    for state, ids in (("cleared", [1]), ("raised", [2, 3])):
        listed = await ask(world, "GET", ALARM, params={"state": state})
        assert [a["id"] for a in listed.json()] == ids
        assert listed.headers["x-total-count"] == str(len(ids))
    assert (await ask(world, "GET", f"{ALARM}/9")).status_code == 404


async def test_listeners_are_told_in_the_published_shape(world: World) -> None:
    made = await ask(world, "POST", f"{TROUBLE}/hub", "admin", json={"callback": "https://oss.example/listener"})
    assert made.status_code == 201
    fits(made.json(), "EventSubscription")
    ticket = world.parts.ledger.ticket(1).to_json()
    for kind, expected in (
        ("ticket.opened", "TroubleTicketCreateEvent"),
        ("ticket.started", "TroubleTicketStatusChangeEvent"),
        ("ticket.changed", "TroubleTicketAttributeValueChangeEvent"),
    ):
        event = Event(7, NOW, 1, 1, kind, {"ticket": {name: ticket[name] for name in TOLD}})
        told = notification(event)
        fits(told, "TroubleTicketNotification")
        assert told["eventType"] == expected
    assert (await ask(world, "DELETE", f"{TROUBLE}/hub/1", "admin")).status_code == 204
    assert (await ask(world, "DELETE", f"{TROUBLE}/hub/9", "admin")).status_code == 404
    assert Subscriptions(world.parts.ledger.engine).all() == []


def test_the_page_shows_the_mapping_as_it_is() -> None:
    page = (ROOT / "docs" / "tmforum.md").read_text(encoding="utf-8")
    words = mapping()
    for state, status in words.trouble_ticket.status.items():
        assert f"| {state} | {status} |" in page
    for cause, (kind, probable) in words.alarm.cause.items():
        assert f"| {cause} | {kind} | {probable} |" in page
    for grade, severity in words.trouble_ticket.severity.items():
        priority, alarm = words.trouble_ticket.priority[grade], words.alarm.severity[grade]
        assert f"| {grade} | {severity} | {priority} | {alarm} |" in page
