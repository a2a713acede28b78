"""The week by person, and a visit moved by hand: what it brings is told before, and is what is done."""

from datetime import datetime
from typing import Any

import pytest

from maintenance.by_hand import Request
from tests.api.conftest import NOW, World, make_inventory
from tests.api.test_desk import WEST, post

DAY = "2026-11-03"
AT_TEN = "2026-11-03T02:00:00Z"


def scheduled(world: World, ticket: int, engineer: str, at: str) -> None:
    ledger, when = world.parts.ledger, datetime.fromisoformat(at)
    version = ledger.ticket(ticket).version
    steps: list[Any] = [("assign", {"engineer": engineer}), ("schedule", {"appointment_at": when})]
    ledger.act_in_turn(ticket, steps, actor="dora", role="dispatcher", now=NOW, version=version)


def opened(world: World, line: str, **more: Any) -> int:
    wish = Request("repair", f"line:{line}", "dark", cause="connector", **more)
    return world.parts.ledger.open_by_hand(
        wish, make_inventory(), actor="dora", role="dispatcher", now=world.clock()
    ).id  # fmt: skip


async def moved(world: World, told: dict[str, Any], day: str = DAY, role: str = "dispatcher", **more: Any) -> Any:
    body = {"ticket": told["ticket"], "engineer": told["engineer"], "day": day, "at": told["at"],
            "expects": told["expects"], **({"plan": more.pop("plan")} if "plan" in more else {})}  # fmt: skip
    return await post(world, "/moves", body, role, **more)


async def test_the_board_shows_who_goes_where_and_what_waits(world: World) -> None:
    scheduled(world, 1, "Han", AT_TEN)
    told = await world.json("/board", days=3)
    assert told["days"] == ["2026-11-02", DAY, "2026-11-04"]
    assert [p["engineer"] for p in told["people"]] == ["Li Lei", "Han"]
    assert all(len(p["shifts"]) == 6 for p in told["people"])
    (visit,) = told["visits"]
    assert (visit["ticket"], visit["engineer"], visit["at"], visit["agreed"]) == (1, "Han", AT_TEN, True)
    assert visit["ends"] == "2026-11-03T02:45:00Z"
    assert [(w["ticket"], w["code"]) for w in told["waiting"]] == [(2, None)]
    assert {t["id"] for t in told["tickets"]} == {1, 2}
    assert told["totals"]["visits"] == 1
    later = await world.json("/board", first="2026-11-05", days=2)
    assert (later["visits"], [w["ticket"] for w in later["waiting"]]) == ([], [2])


async def test_the_board_is_of_ones_own_areas(world: World) -> None:
    scheduled(world, 1, "Han", AT_TEN)
    told = await world.json("/board", **WEST)
    assert (told["people"], told["visits"], [w["ticket"] for w in told["waiting"]]) == ([], [], [2])
    assert [p["engineer"] for p in (await world.json("/board", area="east"))["people"]] == ["Li Lei", "Han"]
    move = {"ticket": 2, "engineer": "Han", "day": DAY}
    assert (await post(world, "/moves/consequences", move, **WEST)).status_code == 404
    assert (await post(world, "/moves/consequences", {**move, "ticket": 1}, **WEST)).status_code == 404


async def test_a_plan_is_compared_with_what_is_agreed(world: World) -> None:
    opened(world, "OLT1-1-0")
    scheduled(world, 1, "Han", AT_TEN)
    made = (await post(world, "/plans", {"first": DAY, "seconds": 0})).json()
    told = await world.json("/board", plan=made["plan"]["id"], days=1)
    assert told["compared"]["new"] == [3]
    assert told["compared"]["moved"] == []
    assert (told["compared"]["agreed"]["visits"], told["totals"]["visits"]) == (1, 2)
    assert [(w["ticket"], w["code"], w["names"]) for w in told["waiting"]] == [(2, "nobody_has", ["area west"])]


async def test_a_moved_visit_brings_what_was_told_and_stands_in_the_log(world: World) -> None:
    scheduled(world, 1, "Han", AT_TEN)
    told = (await post(world, "/moves/consequences", {"ticket": 1, "engineer": "Li Lei", "day": "2026-11-04"})).json()
    assert (told["refused"], told["engineer_before"], told["at_before"]) == (None, "Han", AT_TEN)
    (effect,) = told["effects"]
    assert (effect["kind"], effect["ticket"], effect["at_before"]) == ("appointment", 1, AT_TEN)
    assert world.parts.ledger.ticket(1).engineer == "Han"
    done = await moved(world, told, "2026-11-04")
    assert (done.status_code, done.json()) == (200, {"moved": [1], "plan": None}), done.text
    ticket = world.parts.ledger.ticket(1)
    assert (ticket.engineer, ticket.appointment_at and ticket.appointment_at.isoformat()) == (
        "Li Lei", told["at"].replace("Z", "+00:00"),
    )  # fmt: skip
    assert [e.action for e in world.parts.ledger.log(1)][-2:] == ["assign", "schedule"]


async def test_others_pushed_are_told_and_change_with_it_or_not_at_all(world: World) -> None:
    other = opened(world, "OLT1-1-2")
    scheduled(world, 1, "Li Lei", AT_TEN)
    scheduled(world, other, "Han", AT_TEN)
    ask = {"ticket": other, "engineer": "Li Lei", "day": DAY, "at": "2026-11-03T01:40:00Z"}
    told = (await post(world, "/moves/consequences", ask)).json()
    kinds = {(e["kind"], e["ticket"]) for e in told["effects"]}
    assert {("appointment", other), ("appointment", 1)} <= kinds
    pushed = next(e for e in told["effects"] if e["ticket"] == 1)
    assert pushed["minutes"] > 0
    # somebody changes the one that gives way: nothing is done, and the asker is told
    world.parts.ledger.act(1, "note", actor="x", role="admin", now=NOW, version=3, note="called")
    stale = await moved(world, told)
    assert (stale.status_code, stale.json()["type"]) == (409, "urn:lightline:problem:conflict")
    assert world.parts.ledger.ticket(other).engineer == "Han"
    told = (await post(world, "/moves/consequences", ask)).json()
    assert (await moved(world, told)).json()["moved"] == [other, 1]
    appointment = world.parts.ledger.ticket(1).appointment_at
    assert appointment is not None
    assert appointment.isoformat() == pushed["at"].replace("Z", "+00:00")
    assert world.parts.ledger.log(1)[-1].why == f"makes room for ticket {other}"


async def test_the_same_move_with_a_key_is_done_once(world: World) -> None:
    told = (await post(world, "/moves/consequences", {"ticket": 1, "engineer": "Han", "day": DAY})).json()
    headers = {"Idempotency-Key": "drag-1"}
    async with world.client("dispatcher") as client:
        body = {"ticket": 1, "engineer": "Han", "day": DAY, "at": told["at"], "expects": told["expects"]}
        first, again = [await client.post("/api/v1/moves", json=body, headers=headers) for _ in range(2)]
    assert (first.status_code, again.status_code, again.headers["idempotency-replayed"]) == (200, 200, "true")
    assert world.parts.ledger.ticket(1).version == 3


@pytest.mark.parametrize(
    ("more", "refused"),
    [
        ({"day": "2026-11-01"}, "past"), ({"day": "2026-11-08"}, "not_there"),
        ({"at": "2026-11-02T22:00:00Z"}, "hours"), ({"ticket": 3}, "state"),
    ],
)  # fmt: skip
async def test_what_cannot_be_is_told_and_not_done(world: World, more: dict[str, Any], refused: str) -> None:
    number = opened(world, "OLT1-2-0")
    ledger = world.parts.ledger
    ledger.act(number, "assign", actor="d", role="admin", now=NOW, version=1, engineer="Han")
    ledger.act(number, "start", actor="d", role="admin", now=NOW, version=2)
    ask = {"ticket": 1, "engineer": "Han", "day": DAY, **more}
    told = (await post(world, "/moves/consequences", ask)).json()
    assert (told["refused"], told["expects"], told["at"]) == (refused, None, None)
    body = {**ask, "at": ask.get("at", AT_TEN), "expects": "0" * 32}
    assert (await post(world, "/moves", body)).status_code in (409, 422)


async def test_in_a_plan_a_move_is_kept_and_planned_around(world: World) -> None:
    for line in ("OLT1-1-0", "OLT1-1-1"):
        opened(world, line)
    scheduled(world, 1, "Han", AT_TEN)
    made = (await post(world, "/plans", {"first": DAY, "days": 2, "seconds": 0})).json()["plan"]["id"]
    ask = {"ticket": 3, "engineer": "Han", "day": "2026-11-04", "at": "2026-11-04T06:30:00Z", "plan": made}
    told = (await post(world, "/moves/consequences", ask)).json()
    assert told["refused"] is None
    assert (await moved(world, told, "2026-11-04", plan=made)).status_code == 200
    assert world.parts.ledger.ticket(3).state == "open"
    (visit,) = [v for v in (await world.json(f"/plans/{made}"))["visits"] if v["ticket"] == 3]
    assert (visit["engineer"], visit["at"], visit["fixed"]) == ("Han", "2026-11-04T06:30:00Z", False)
    assert visit["by"]
    # who moves by what he saw before is told that it is another plan now
    assert (await moved(world, told, "2026-11-04", plan=made)).status_code == 409
    anew = (await post(world, "/plans", {"first": DAY, "days": 2, "seconds": 0, "keep": made})).json()
    (kept,) = [v for v in anew["visits"] if v["ticket"] == 3]
    assert (kept["engineer"], kept["at"], kept["by"]) == ("Han", "2026-11-04T06:30:00Z", visit["by"])
    applied = (await post(world, f"/plans/{anew['plan']['id']}/apply")).json()
    assert (sorted(applied["done"]), applied["refused"]) == ([3, 4], [])
    assert world.parts.ledger.log(3)[-1].why.startswith("put there by hand")
    late = await post(world, "/moves/consequences", {**ask, "plan": anew["plan"]["id"]})
    assert late.status_code == 409


async def test_an_agreed_visit_moved_in_a_plan_changes_when_it_is_applied(world: World) -> None:
    scheduled(world, 1, "Han", AT_TEN)
    made = (await post(world, "/plans", {"first": DAY, "days": 2, "seconds": 0})).json()["plan"]["id"]
    ask = {"ticket": 1, "engineer": "Li Lei", "day": "2026-11-04", "plan": made}
    told = (await post(world, "/moves/consequences", ask)).json()
    assert (await moved(world, told, "2026-11-04", plan=made)).status_code == 200
    board = await world.json("/board", plan=made, days=2)
    assert [(m["ticket"], m["engineer_before"], m["engineer"]) for m in board["compared"]["moved"]] == [
        (1, "Han", "Li Lei")
    ]
    await post(world, f"/plans/{made}/apply")
    ticket = world.parts.ledger.ticket(1)
    assert (ticket.engineer, ticket.state) == ("Li Lei", "scheduled")
    after = await world.json("/board", plan=made, days=2)
    assert after["compared"]["moved"] == []
    assert [v["agreed"] for v in after["visits"]] == [True]


async def test_what_a_plan_took_in_and_somebody_changed_since_is_marked(world: World) -> None:
    made = (await post(world, "/plans", {"first": DAY, "seconds": 0})).json()["plan"]["id"]
    world.parts.ledger.act(1, "note", actor="x", role="admin", now=NOW, version=1, note="gate code 7")
    assert [v["changed"] for v in (await world.json("/board", plan=made))["visits"]] == [True]


async def test_who_sees_some_grids_only_moves_nothing(world: World) -> None:
    answer = await post(
        world, "/moves/consequences", {"ticket": 1, "engineer": "Han", "day": DAY}, areas=("east",), grids=("g1",)
    )
    assert answer.status_code == 403
