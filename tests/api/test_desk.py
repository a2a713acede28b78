"""What a dispatcher does through HTTP: tickets by hand, many at once, modes, views, plans, lists, on-time rates."""

import csv
import io
from datetime import timedelta
from typing import Any

import httpx
import pytest
from openpyxl import load_workbook

from tests.api.conftest import NOW, V1, World, finding, make_inventory

COMPLAINT = {"kind": "complaint", "place": "line:OLT1-2-1", "note": "晚上很慢"}
LAT, LON = 23.13012, 113.36049  # where the lines of OLT1 are
WEST: dict[str, Any] = {"areas": ("west",)}


async def post(world: World, path: str, body: Any = None, role: str = "dispatcher", **more: Any) -> httpx.Response:
    headers = more.pop("headers", {})
    async with world.client(role, **more) as client:
        if isinstance(body, bytes):
            return await client.post(f"{V1}{path}", content=body, headers=headers)
        return await client.post(f"{V1}{path}", json=body, headers=headers)


async def test_a_complaint_is_opened_a_technicians_is_proposed(world: World) -> None:
    opened = await post(world, "/tickets", COMPLAINT)
    assert opened.status_code == 201, opened.text
    told = opened.json()
    assert (told["state"], told["engineer"], told["grade"]) == ("open", "Han", "P3")
    assert opened.headers["location"] == f"/api/v1/tickets/{told['id']}"
    covered = await post(world, "/tickets", {**COMPLAINT, "note": "again"})
    assert covered.json()["id"] == told["id"]
    other = await post(world, "/tickets", {**COMPLAINT, "kind": "inspection", "place": "line:OLT1-2-2"}, "technician")
    assert other.json()["state"] == "proposed"


async def test_a_call_with_a_key_opens_one_ticket(world: World) -> None:
    body = {**COMPLAINT, "kind": "repair"}
    answers = [await post(world, "/tickets", body, headers={"Idempotency-Key": "k1"}) for _ in range(3)]
    assert {a.json()["id"] for a in answers} == {3}
    assert len((await world.json("/tickets"))["tickets"]) == 3


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({**COMPLAINT, "place": "line:nowhere"}, 422), ({**COMPLAINT, "kind": "party"}, 422),
        ({**COMPLAINT, "note": ""}, 422), ({**COMPLAINT, "place": "x\x00"}, 422), ({**COMPLAINT, "state": "x"}, 422),
    ],
)  # fmt: skip
async def test_what_cannot_be_opened_is_told(world: World, body: dict[str, Any], status: int) -> None:
    assert (await post(world, "/tickets", body)).status_code == status


async def test_nobody_opens_begins_or_plans_outside_his_areas(world: World) -> None:
    assert (await post(world, "/tickets", COMPLAINT, **WEST)).status_code == 404
    assert (await post(world, "/tickets", {**COMPLAINT, "place": "line:OLT2-1-1"}, **WEST)).status_code == 201
    until = (NOW + timedelta(days=1)).isoformat()
    for area in ("east", None):
        mode = {"mode": "storm", "area": area, "until": until, "why": "x"}
        assert (await post(world, "/modes", mode, **WEST)).status_code == 404
    assert (await post(world, "/plans", {"areas": ["east"], "seconds": 0}, **WEST)).status_code == 404
    own = (await post(world, "/plans", {"seconds": 0}, **WEST)).json()
    assert own["plan"]["areas"] == ["west"]
    whole = (await post(world, "/plans", {"seconds": 0})).json()["plan"]["id"]
    assert (await world.get(f"/plans/{whole}", "dispatcher", **WEST)).status_code == 404
    assert [p["id"] for p in (await world.json("/plans", "dispatcher", **WEST))["plans"]] == [own["plan"]["id"]]
    bulk = {"action": "note", "note": "x", "tickets": [{"id": 1, "version": 1}, {"id": 2, "version": 1}]}
    told = (await post(world, "/tickets/bulk", bulk, **WEST)).json()
    assert ([t["id"] for t in told["done"]], [r["id"] for r in told["refused"]]) == ([2], [1])
    assert {t["area"] for t in (await world.json("/queue", "dispatcher", **WEST))["tickets"]} == {"west"}
    assert (await world.json("/queue", "dispatcher", **WEST, area="east"))["tickets"] == []
    exported = await world.get("/ledger/export", "dispatcher", **WEST, format="csv")
    assert "OLT1" not in exported.text
    assert (await post(world, "/ledger/import?format=csv", b"place,note\nline:OLT2-1-1,x\n", **WEST)).status_code == 403
    assert (await world.get("/on-time", "dispatcher", **WEST, area="east")).status_code == 404


async def test_of_many_each_is_done_or_told_why_not(world: World) -> None:
    body = {"action": "assign", "engineer": "Wei",
            "tickets": [{"id": 1, "version": 1}, {"id": 2, "version": 9}, {"id": 99, "version": 1}]}  # fmt: skip
    told = (await post(world, "/tickets/bulk", body)).json()
    assert [(t["id"], t["engineer"], t["state"]) for t in told["done"]] == [(1, "Wei", "assigned")]
    assert [r["id"] for r in told["refused"]] == [2, 99]
    assert "somebody changed it" in told["refused"][0]["why"]


async def test_tickets_are_split_and_merged(world: World) -> None:
    wide = {**COMPLAINT, "kind": "repair", "place": "pon:OLT1/0/2"}
    number = (await post(world, "/tickets", wide)).json()["id"]
    action = {"action": "split", "version": 1, "lines": ["OLT1-2-0", "OLT1-2-1"], "note": "another cause"}
    assert (await post(world, f"/tickets/{number}/transitions", action)).status_code == 200
    found = (await world.json("/tickets", line="OLT1-2-0"))["tickets"]
    (own,) = [t for t in found if t["split_from"] == number]
    merge = {"action": "merge", "version": own["version"], "into": number}
    merged = await post(world, f"/tickets/{own['id']}/transitions", merge)
    assert merged.json()["ticket"]["merged_into"] == number


async def test_a_storm_turns_the_queue_and_is_undone(world: World) -> None:
    until = (NOW + timedelta(days=1)).isoformat()
    begun = await post(world, "/modes", {"mode": "storm", "area": "west", "until": until, "why": "台风"})
    assert begun.status_code == 201, begun.text
    assert begun.json()["response"]["held"] == [2]
    (mode,) = (await world.json("/modes"))["modes"]
    assert (mode["mode"], mode["area"], mode["in_force"], mode["why"]) == ("storm", "west", True, "台风")
    queue = (await world.json("/queue"))["tickets"]
    assert [(t["id"], t["held_by"]) for t in queue] == [(1, None), (2, mode["id"])]
    ended = (await post(world, f"/modes/{mode['id']}/end")).json()
    assert ended["response"]["released"] == [2]
    assert (await world.json("/modes"))["modes"] == []
    assert (await post(world, f"/modes/{mode['id']}/end")).status_code == 404
    past = {"mode": "storm", "until": (NOW - timedelta(days=1)).isoformat(), "why": "x"}
    assert (await post(world, "/modes", past)).status_code == 422


async def test_the_general_managers_list(world: World) -> None:
    world.clock.forward(days=60)
    assert (await world.json("/tickets", escalation="general_manager"))["tickets"] == []
    world.parts.ledger.escalate(world.clock())
    told = (await world.json("/tickets", escalation="general_manager"))["tickets"]
    assert [(t["id"], t["escalation"]) for t in told] == [(1, "general_manager"), (2, "general_manager")]


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({"q": "Li Lei"}, [1]), ({"q": "接头"}, [1, 2]),
        ({"engineer": "Li Lei"}, [1]), ({"cause": "connector"}, [1, 2]),
        ({"grid": "g3"}, [2]), ({"kind": "inspection"}, [1, 2]),
        ({"q": "nobody"}, []), ({"q": "'; DROP TABLE tickets"}, []),
    ],
)  # fmt: skip
async def test_tickets_are_searched(world: World, query: dict[str, str], ids: list[int]) -> None:
    assert [t["id"] for t in (await world.json("/tickets", **query))["tickets"]] == ids


async def test_a_caller_of_some_grids_lists_their_tickets_only(world: World) -> None:
    token = world.tokens.create("grid", "dispatcher", areas=("east",), grids=("g2",), now=NOW)
    await post(world, "/tickets", COMPLAINT)
    async with httpx.AsyncClient(
        transport=world.transport, base_url="http://127.0.0.1", headers={"Authorization": f"Bearer {token}"}
    ) as client:
        for path in ("/tickets", "/queue"):
            told = (await client.get(f"{V1}{path}")).json()["tickets"]
            assert [t["grid"] for t in told] == ["g2"], path
        assert (await client.post(f"{V1}/plans", json={"seconds": 0})).status_code == 403


async def test_views_are_saved_shared_and_looked_through(world: World) -> None:
    mine = {"name": "东区 open", "filters": {"state": "unfinished", "area": "east"}, "roles": ["viewer"]}
    saved = await post(world, "/views", mine)
    assert saved.status_code == 200, saved.text
    number = saved.json()["id"]
    (seen,) = (await world.json("/views", "viewer"))["views"]
    assert (seen["name"], seen["mine"], seen["filters"]) == ("东区 open", False, mine["filters"])
    assert [t["id"] for t in (await world.json(f"/views/{number}/tickets", "viewer"))["tickets"]] == [1]
    assert (await world.json(f"/views/{number}/tickets", "viewer", **WEST))["tickets"] == []
    assert (await world.json("/views", "planner"))["views"] == []
    assert (await world.get(f"/views/{number}/tickets", "planner")).status_code == 404
    assert (await post(world, "/views", {**mine, "filters": {"colour": "red"}})).status_code == 422
    assert (await post(world, "/views", mine, "viewer")).status_code == 403
    async with world.client("viewer") as client:
        assert (await client.delete(f"{V1}/views/{number}")).status_code == 403
    async with world.client("dispatcher") as client:
        assert (await client.delete(f"{V1}/views/{number}")).status_code == 204


async def test_a_plan_is_made_looked_at_and_applied_once(world: World) -> None:
    made = await post(world, "/plans", {"days": 2, "seconds": 0})
    assert made.status_code == 201, made.text
    told = made.json()
    assert [(v["ticket"], v["engineer"]) for v in told["visits"]] == [(1, "Li Lei")]
    reason = {"why": "nobody has area west", "code": "nobody_has", "names": ["area west"]}
    assert told["left_out"] == [{"ticket": 2, **reason}]
    number = told["plan"]["id"]
    assert (await world.json(f"/plans/{number}"))["visits"] == told["visits"]
    assert (await world.json("/tickets/1"))["ticket"]["state"] == "open"
    applied = (await post(world, f"/plans/{number}/apply")).json()
    assert applied == {"done": [1], "refused": []}
    assert (await world.json("/tickets/1"))["ticket"]["appointment_at"] == told["visits"][0]["at"]
    again = await post(world, f"/plans/{number}/apply")
    assert (again.status_code, "was applied by" in again.json()["detail"]) == (422, True)
    assert (await post(world, "/plans", {"urgent": 2, "seconds": 0})).json()["left_out"][0]["ticket"] == 2
    assert (await post(world, "/plans", {"urgent": 1, "seconds": 0})).status_code == 422
    assert (await post(world, "/plans", {"days": 9})).status_code == 422


async def test_an_urgent_ticket_moves_one_appointment_and_the_plan_names_it(world: World) -> None:
    lines = [f"line:OLT1-1-{n}" for n in (0, 1, 2, 4, 5, 6, 7)]
    world.parts.ledger.take([finding(line.partition(":")[2], -24.0) for line in lines], make_inventory(), NOW)
    people = [{"name": "Li Lei", "area": "east", "lat": LAT, "lon": LON}]
    day = (await post(world, "/plans", {"seconds": 0, "engineers": people})).json()
    await post(world, f"/plans/{day['plan']['id']}/apply")
    urgent = (await post(world, "/tickets", {**COMPLAINT, "kind": "repair", "grade": "P1"})).json()["id"]
    plan = (await post(world, "/plans", {"urgent": urgent, "engineers": people})).json()
    assert [v["ticket"] for v in plan["visits"]][:1] == [urgent], plan
    (moved,) = plan["moved"]
    assert moved["engineer_before"] == "Li Lei"
    applied = (await post(world, f"/plans/{plan['plan']['id']}/apply")).json()
    assert (sorted(applied["done"]), applied["refused"]) == (sorted([urgent, moved["ticket"]]), [])


async def test_a_part_that_is_missing_is_named(world: World) -> None:
    path = "/tickets/1/transitions"
    await post(world, path, {"action": "assign", "version": 1, "engineer": "Li Lei"})
    assert (await post(world, path, {"action": "wait_parts", "version": 2})).status_code == 422
    when = (NOW + timedelta(days=2)).isoformat().replace("+00:00", "Z")
    told = (
        await post(world, path, {"action": "wait_parts", "version": 2, "part": "SFP C+", "expected_at": when})
    ).json()
    assert (told["ticket"]["part"], told["ticket"]["expected_at"]) == ("SFP C+", when)


async def test_the_ledger_as_a_list_and_a_list_into_it(world: World) -> None:
    exported = await world.get("/ledger/export", format="csv", state="unfinished")
    assert exported.headers["content-disposition"] == 'attachment; filename="tickets.csv"'
    rows = list(csv.reader(io.StringIO(exported.content.decode("utf-8-sig"))))
    assert [row[0] for row in rows[1:]] == ["1", "2"]
    sheet = load_workbook(io.BytesIO((await world.get("/ledger/export", q="Li Lei")).content)).active
    assert sheet.max_row == 2
    body = ("位置,说明,工单编号\nline:OLT1-2-3,慢,a\nline:nowhere,x,b\n").encode("gb18030")
    told = (await post(world, "/ledger/import?format=csv", body)).json()
    assert (told["rows"], told["opened"], told["known"]) == (2, [3], 0)
    assert [(r["row"], "not in the inventory" in r["why"]) for r in told["rejected"]] == [(3, True)]
    again = (await post(world, "/ledger/import?format=csv", body)).json()
    assert (again["opened"], again["known"]) == ([], 1)
    large = ("place,note\n" + "nowhere:1,x\n" * 9000).encode()
    assert len(large) > 64 * 1024
    assert len((await post(world, "/ledger/import?format=csv", large)).json()["rejected"]) == 9000
    for path, content in (("csv", b"\xff\xfe\x00"), ("xlsx", b"no sheet"), ("ods", b"x")):
        assert (await post(world, f"/ledger/import?format={path}", content)).status_code == 422
    assert (await post(world, "/ledger/import?format=csv", b"x" * (17 << 20))).status_code == 413


async def test_on_time_rates_come_from_the_log(world: World) -> None:
    assert (await world.json("/on-time"))["months"] == []
    world.clock.forward(days=60)
    months = (await world.json("/on-time", area="east"))["months"]
    assert [(m["work"], m["due"], m["on_time"], m["rate"]) for m in months] == [("maintenance", 1, 0, 0.0)]
    assert sum(m["due"] for m in (await world.json("/on-time"))["months"]) == 2
