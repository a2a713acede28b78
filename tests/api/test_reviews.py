"""The standing reports: by department, by week, what recurs, what is late and whose."""

from datetime import timedelta

from tests.api.conftest import NOW, V1, World, finding, make_inventory


async def a_repair(world: World, ticket: int, days_ago: float) -> None:
    """Somebody went there; the world's clock is where it was afterwards."""
    ledger, at = world.parts.ledger, NOW - timedelta(days=days_ago)
    code = {"cause_code": "connector", "action_code": "cleaned_connector"}
    for action, given in (("assign", {"engineer": "Li Lei"}), ("resolve", code)):
        version = ledger.ticket(ticket).version
        ledger.act(ticket, action, actor="d", role="dispatcher", now=at, version=version, note="done", **given)


async def test_what_recurs_is_late_or_was_visited_is_reviewed(world: World) -> None:
    ledger = world.parts.ledger
    for days_ago, line in ((40, "OLT1-2-0"), (20, "OLT1-2-1")):
        (opened,) = ledger.take([finding(line)], make_inventory(), NOW - timedelta(days=days_ago)).opened
        await a_repair(world, opened, days_ago - 2)
    ledger.take([finding("OLT1-2-5")], make_inventory(), NOW - timedelta(days=60))
    told = await world.json("/reviews", "viewer")
    assert (told["day"], told["days"], told["target"]) == ("2026-11-02", 30, 0.95)
    assert len(told["weeks"]) == 8
    assert told["weeks"][-1] == {"first": "2026-11-02", "opened": 2, "visits": 0, "held": 0, "failed": 0}
    assert sum(week["visits"] for week in told["weeks"]) == 2
    assert [v["visits"] for v in told["visits"]] == [1, 1] or sum(v["visits"] for v in told["visits"]) == 2
    assert {row["department"] for row in told["on_time"]} == {"East maintenance"}
    assert [(t["place"], t["department"]) for t in told["late"]] == [("line:OLT1-2-5", "East maintenance")]
    assert told["late_total"] == 1
    assert [c["what"] for c in told["causes"]] == ["connector"]
    west = await world.json("/reviews", areas=("west",))
    assert (west["late"], west["on_time"]) == ([], [])


async def test_old_lines_come_with_their_reasons(world: World) -> None:
    (line,) = (await world.json("/retrofit/next", "planner"))["lines"]
    assert line == {
        "line_id": "coax/g3/1", "area": "west", "grid": "g3", "bad": False, "why": [], "repairs": 0,
        "age_years": None, "together": 1,
    }  # fmt: skip
    assert (await world.json("/retrofit/next", "planner", ("east",)))["lines"] == []
    async with world.client("planner") as client:
        assert (await client.get(f"{V1}/retrofit/next?limit=0")).status_code == 422
