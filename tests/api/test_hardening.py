"""What docs/asvs.md asks for and no other test has: origins, methods, proxies, members nobody asked for, refusals."""

import httpx
import pytest
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from api.app import create_app
from api.cookies import COOKIE
from tests.api.conftest import BASE, V1, World, browser_of
from tests.api.test_matrix import MATRIX

PASSWORD = "lamp river seventeen quiet"
ASKED = [(row["route"].split()[0], row.get("ask", row["route"].split()[1])) for row in MATRIX]


async def test_no_other_origin_is_let_in(world: World) -> None:
    async with world.client("admin") as client:
        for path in ("/lines", "/session/ways", "/nothing"):
            answer = await client.get(f"{V1}{path}", headers={"Origin": "https://elsewhere.example"})
            assert not [name for name in answer.headers if name.startswith("access-control-")]
            asked = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
            assert (await client.options(f"{V1}{path}", headers=asked)).status_code in (404, 405)


async def test_safe_methods_change_nothing(world: World) -> None:
    def kept() -> object:
        people = world.parts.people
        tokens = [(t.id, t.revoked_at) for t in world.tokens.list()]
        return world.parts.ledger.newest(), people.users.everybody(), people.audit.page(limit=9), tokens

    async with world.client("admin") as client:
        await client.get(f"{V1}/lines")
        before = kept()
        for method, path in ASKED:
            if method == "GET" and "/session/directory" not in path:
                if (await client.get(f"{V1}{path}")).status_code == 403:
                    before = kept()  # that it was refused is written down
                assert kept() == before, path


async def test_only_a_proxy_on_this_machine_tells_whose_request_it_is(world: World) -> None:
    """As uvicorn is run: X-Forwarded-* of anybody else is not looked at."""
    app = ProxyHeadersMiddleware(create_app(world.parts), trusted_hosts="127.0.0.1")  # type: ignore[arg-type]
    told = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
    for peer, address, secure in (("198.51.100.7", "198.51.100.7", False), ("127.0.0.1", "203.0.113.9", True)):
        transport = httpx.ASGITransport(app=app, client=(peer, 4711))  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url=BASE, headers=told) as client:
            answer = await client.post(f"{V1}/session", json={"token": world.token("viewer")})
        assert ("Secure" in answer.headers["set-cookie"]) is secure
        assert world.parts.people.audit.page(limit=1)[0].address == address


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "CONNECT", "PUT", "BREW"])
async def test_no_method_is_taken_that_was_not_asked_for(world: World, method: str) -> None:
    async with world.client("admin") as client:
        assert (await client.request(method, f"{V1}/lines")).status_code == 405


def test_no_secret_has_a_place_in_an_address(world: World) -> None:
    secrets = {"token", "password", "secret", "session", "api_key", "key", "authorization"}
    for path, item in create_app(world.parts).openapi()["paths"].items():
        for operation in item.values():
            queries = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "query"}
            assert not queries & secrets, path


async def test_members_that_were_not_asked_for_are_refused(world: World) -> None:
    async with world.client("admin") as client:
        user = {"name": "li", "role": "viewer"}
        for more in (
            {"id": "000000000000"},
            {"must_change": False},
            {"state": "active"},
            {"totp": "A"},
            {"__proto__": {}},
        ):
            assert (await client.post(f"{V1}/users", json={**user, **more})).status_code == 422, more
        made = (await client.post(f"{V1}/users?role=admin", json=user)).json()
        assert made["role"] == "viewer"  # what stands in the address does not reach the body
        for more in ({"password": PASSWORD}, {"second_factor": True}, {"signed_in_at": None}):
            assert (await client.patch(f"{V1}/users/{made['id']}", json=more)).status_code == 422, more


TWICE = ["area=east&area=west", "area=east&%61rea=east", "limit=1&limit=", "&".join(["q=1"] * 500)]


@pytest.mark.parametrize("query", TWICE, ids=range(len(TWICE)))
async def test_a_parameter_that_stands_twice_is_refused(world: World, query: str) -> None:
    async with world.client("viewer") as client:
        answer = await client.get(f"{V1}/lines?{query}")
    assert (answer.status_code, "given twice" in answer.json()["detail"]) == (422, True)


async def test_a_call_that_a_role_may_not_make_is_in_the_audit(world: World) -> None:
    async with browser_of(world, "viewer") as viewer:
        assert (await viewer.get(f"{V1}/users")).status_code == 403
    entry = world.parts.people.audit.page(limit=1)[0]
    assert (entry.event, entry.outcome, entry.actor, entry.target) == ("call", "refused", "viewer", "GET /users")


async def test_a_new_password_leaves_the_second_factor_as_it_is(world: World) -> None:
    async with browser_of(world, "operator", way="second_factor"):
        pass
    user = world.parts.people.users.named("operator") or pytest.fail("there is no user")
    async with world.client("admin") as admin:
        told = {"password": PASSWORD}
        assert (await admin.put(f"{V1}/users/{user.id}/password", json=told)).status_code == 204
    async with httpx.AsyncClient(transport=world.transport, base_url=BASE) as client:
        answer = await client.post(f"{V1}/session", json={"name": "operator", "password": PASSWORD})
    assert answer.json()["type"].endswith(":code-needed")


async def test_an_administrator_signs_a_user_out_everywhere(world: World) -> None:
    async with browser_of(world, "viewer") as viewer, world.client("admin") as admin:
        assert viewer.cookies[COOKIE]
        user = world.parts.people.users.named("viewer") or pytest.fail("there is no user")
        assert (await admin.delete(f"{V1}/users/{user.id}/sessions")).status_code == 204
        assert (await viewer.get(f"{V1}/session")).status_code == 401
