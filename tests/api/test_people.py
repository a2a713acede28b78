"""The file of people: its forms both ways, the audit that only grows, grids, customers by need, rates."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from api.people import schema
from api.rates import Rates
from api.tokens import TokenStore
from storage.protocol import TelemetryStore
from tests.api.conftest import BASE, NOW, V1, World
from tests.api.test_matrix import MATRIX
from tests.clock import Clock

PASSWORD = "lamp river seventeen quiet"
GRID_1: dict[str, Any] = {"role": "technician", "areas": ("east",), "grids": ("g1",)}


def form_1(path: Path) -> None:
    """A file as the first form had it, with a token and a session."""
    engine = sa.create_engine(f"sqlite:///{path}")
    schema.migrate(engine, 1)
    engine.dispose()
    with sqlite3.connect(path) as file:
        file.execute("INSERT INTO tokens VALUES ('0123456789ab', 'd', 'old', 'viewer', '[\"east\"]', 1, NULL, NULL, 2)")
        file.execute("INSERT INTO sessions VALUES ('s', '0123456789ab', 3)")


def test_a_file_of_the_first_form_is_brought_up_to_date_with_its_tokens(tmp_path: Path) -> None:
    form_1(tmp_path / "tokens.sqlite")
    (token,) = TokenStore(tmp_path / "tokens.sqlite").list()
    assert (token.name, token.role, token.areas, token.grids, token.rights) == ("old", "viewer", ("east",), (), None)


def test_a_file_goes_back_without_giving_anybody_more_than_he_had(tmp_path: Path) -> None:
    path = tmp_path / "tokens.sqlite"
    form_1(path)
    tokens = TokenStore(path)
    tokens.create("of a grid", "technician", areas=["east"], grids=["g1"], now=NOW)
    tokens.create("of few rights", "admin", rights=["read"], now=NOW)
    user = tokens.people.users.create("li", "admin", NOW, password=PASSWORD)
    tokens.create("of a user", "admin", user_id=user.id, now=NOW)
    tokens.close()
    engine = sa.create_engine(f"sqlite:///{path}")
    assert schema.migrate(engine, 1) == schema.NEWEST
    with sqlite3.connect(path) as file:
        assert file.execute("SELECT name FROM tokens").fetchall() == [("old",)]
        assert file.execute("PRAGMA foreign_key_check").fetchall() == []
        tables = {name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert {"tokens", "sessions"} <= tables
    assert not tables & {"users", "audit", "failures", "recovery_codes", "kept"}
    assert schema.migrate(engine) == 1
    assert schema.migrate(engine, 0) == schema.NEWEST
    engine.dispose()


def test_a_step_that_breaks_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "tokens.sqlite"
    form_1(path)
    broken = schema.Step((*schema.STEPS[1].up[:3], "CREATE NONSENSE"), ())
    monkeypatch.setattr(schema, "STEPS", (schema.STEPS[0], broken))
    engine = sa.create_engine(f"sqlite:///{path}")
    with pytest.raises(sqlite3.OperationalError):
        schema.migrate(engine)
    with sqlite3.connect(path) as file:
        assert file.execute("PRAGMA user_version").fetchone() == (1,)
        assert file.execute("SELECT name FROM sqlite_master WHERE name = 'users'").fetchall() == []
    engine.dispose()


def test_what_is_in_the_audit_cannot_be_changed_or_taken_out(tmp_path: Path) -> None:
    tokens = TokenStore(tmp_path / "tokens.sqlite")
    tokens.people.audit.add("sign_in", NOW, actor="li")
    with sqlite3.connect(tmp_path / "tokens.sqlite") as file:
        for statement in ("UPDATE audit SET actor = 'han'", "DELETE FROM audit"):
            with pytest.raises(sqlite3.IntegrityError, match="only ever added to"):
                file.execute(statement)
    assert [entry.actor for entry in tokens.people.audit.page(limit=10)] == ["li"]


async def test_every_sign_in_is_in_the_audit_good_bad_and_locked(world: World) -> None:
    world.parts.people.users.create("li", "viewer", world.clock(), password=PASSWORD)
    async with httpx.AsyncClient(transport=world.transport, base_url=BASE) as client:
        await client.post(f"{V1}/session", json={"name": "LI", "password": PASSWORD})
        for _ in range(6):
            await client.post(f"{V1}/session", json={"name": "li", "password": "wrong password here"})
        await client.post(f"{V1}/session", json={"name": PASSWORD, "password": "typed into the wrong field"})
        await client.get(f"{V1}/system", headers={"Authorization": "Bearer ll_0123456789ab_wrong"})
    told = [
        (e["event"], e["outcome"], e["actor"], e["detail"].get("why"))
        for e in (await world.json("/audit", limit=100))["entries"]
    ]
    assert told == [
        ("token_refused", "refused", "", None),
        ("sign_in", "refused", "", "wrong"),  # nobody is called so: the name may be a password
        ("sign_in", "refused", "li", "locked"),
        *[("sign_in", "refused", "li", "wrong")] * 5,
        ("sign_in", "done", "li", None),
    ]
    assert {e["address"] for e in (await world.json("/audit"))["entries"]} == {"127.0.0.1"}


async def test_every_call_that_changes_something_is_in_the_audit(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever route it is: those of the matrix are walked, and each leaves a line with who asked."""
    monkeypatch.setenv("HOOK_SECRET", "whsec_" + "QUFB" * 8)
    async with world.client("admin") as admin:
        for row in MATRIX:
            method, route = row["route"].split()
            if method == "GET" or row["may"] == "nobody" or row["route"] == "DELETE /session":
                continue
            before = world.parts.people.audit.page(limit=1)
            await admin.request(method, f"{V1}{row.get('ask', route)}", json=row.get("body"))
            after = world.parts.people.audit.page(limit=1)[0]
            assert not before or after.id > before[0].id, row["route"]
            assert after.actor == "admin-", row["route"]


async def test_the_audit_is_read_a_page_at_a_time_and_filtered(world: World) -> None:
    for n in range(5):
        world.parts.people.audit.add("sign_in" if n % 2 else "call", NOW, actor=f"user{n % 2}")
    first = await world.json("/audit", limit=3)
    rest = await world.json("/audit", limit=3, before=first["next"])
    ids = [e["id"] for e in (*first["entries"], *rest["entries"])]
    assert (ids, rest["next"]) == ([5, 4, 3, 2, 1], None)
    assert [e["id"] for e in (await world.json("/audit", actor="user1", event="sign_in"))["entries"]] == [4, 2]
    assert (await world.json("/audit", since="2026-11-02T03:00:00Z"))["entries"] == []


async def test_a_technician_of_a_grid_sees_nothing_of_another_on_any_page(world: World) -> None:
    """Every GET of the matrix, asked by a technician of grid g1: no line of g2 or g3 is named in an answer."""
    foreign = [n for n in world.parts.inventory().lines["line_id"].to_pylist() if not n.startswith("OLT1-1-")]
    async with world.client(**GRID_1) as client:
        for row in MATRIX:
            method, route = row["route"].split()
            if method != "GET" or "may" not in row or route == "/openapi.json":
                continue
            response = await client.get(f"{V1}{row.get('ask', route)}")
            assert not [name for name in foreign if name in response.text], row["route"]
        for path in ("/lines/OLT1-2-0", "/lines/OLT2-1-0", "/lines/OLT1-2-0/series", "/tickets/2", "/pons/OLT2/0/1"):
            assert (await client.get(f"{V1}{path}")).status_code == 404, path
        note = {"action": "note", "version": 1, "note": "x"}
        assert (await client.post(f"{V1}/tickets/2/transitions", json=note)).status_code == 404
    lines = await world.json("/lines", **GRID_1)
    assert (lines["total"], {line["grid"] for line in lines["lines"]}) == (8, {"g1"})
    assert [t["id"] for t in (await world.json("/tickets", **GRID_1))["tickets"]] == [1]
    health = await world.json("/health", **GRID_1)
    assert (health["lines"]["total"], health["tickets"]["unfinished"]) == (8, 1)


async def test_a_customer_is_shown_by_need_and_the_audit_says_why(world: World) -> None:
    line = (await world.json("/lines/OLT1-1-0", "dispatcher"))["line"]
    assert line["customer_ref"] == "•••10"
    async with world.client(**GRID_1) as client:
        for body in ({}, {"reason": ""}, {"reason": "   "}):
            assert (await client.post(f"{V1}/lines/OLT1-1-0/customer", json=body)).status_code == 422
        shown = await client.post(f"{V1}/lines/OLT1-1-0/customer", json={"reason": "the line is dark, I am calling"})
        assert shown.json()["customer_ref"] == "客户OLT110"
        assert (await client.post(f"{V1}/lines/OLT1-2-0/customer", json={"reason": "curious"})).status_code == 404
    entry = next(e for e in world.parts.people.audit.page(limit=9) if e.event == "customer_shown")
    assert (entry.target, entry.detail["reason"]) == ("OLT1-1-0", "the line is dark, I am calling")


async def test_who_asks_too_much_waits_and_nobody_else_does(
    make_world: Callable[..., World], store: TelemetryStore
) -> None:
    world = make_world(store, rate_per_s=2.0, rate_burst=3.0)
    async with world.client("viewer") as client, world.client("operator") as other:
        assert [(await client.get(f"{V1}/system")).status_code for _ in range(4)] == [200, 200, 200, 429]
        refused = await client.get(f"{V1}/system")
        assert (refused.json()["type"], refused.headers["retry-after"]) == ("urn:lightline:problem:rate-limit", "1")
        assert (await other.get(f"{V1}/system")).status_code == 200
        world.clock.forward(seconds=1)
        assert [(await client.get(f"{V1}/system")).status_code for _ in range(3)] == [200, 200, 429]


def test_a_clock_that_is_set_back_neither_fills_nor_empties_a_bucket(clock: Clock) -> None:
    rates = Rates(1.0, 2.0)
    assert [rates.wait_s("a", clock()) for _ in range(3)] == [0, 0, 1]
    clock.forward(hours=-1)
    assert rates.wait_s("a", clock()) == 1
    clock.forward(seconds=1)
    assert rates.wait_s("a", clock()) == 0


async def test_areas_and_grids_of_users_are_those_of_the_inventory(world: World) -> None:
    async with world.client("admin") as admin:
        made = await admin.post(f"{V1}/users", json={"name": "li", "role": "technician", "grids": ["g3"]})
        assert (made.json()["areas"], made.json()["grids"]) == (["west"], ["g3"])
        for body in ({"areas": ["nowhere"]}, {"grids": ["g9"]}):
            refused = await admin.post(f"{V1}/users", json={"name": "b", "role": "technician", **body})
            assert refused.status_code == 422
        assert (await admin.post(f"{V1}/users", json={"name": "LI ", "role": "viewer"})).status_code == 409


async def test_a_token_of_a_program_has_what_it_was_given_and_no_more(world: World) -> None:
    async with world.client("admin") as admin:
        asked = {"name": "reporting", "role": "admin", "days": 7, "areas": ["west"], "rights": ["read", "export"]}
        made = (await admin.post(f"{V1}/tokens", json=asked)).json()
        too_much = {**asked, "role": "viewer", "rights": ["people"]}
        assert (await admin.post(f"{V1}/tokens", json=too_much)).status_code == 422
        bearer = {"Authorization": f"Bearer {made['token']}"}
        async with httpx.AsyncClient(transport=world.transport, base_url=BASE, headers=bearer) as program:
            assert (await program.get(f"{V1}/lines")).json()["total"] == 5
            refused = await program.get(f"{V1}/users")
            assert (refused.status_code, "without the right" in refused.json()["detail"]) == (403, True)
            assert (await admin.get(f"{V1}/tokens")).json()["tokens"][-1]["last_used_at"] is not None
            assert (await admin.delete(f"{V1}/tokens/{made['row']['id']}")).status_code == 204
            assert (await program.get(f"{V1}/lines")).status_code == 401
