"""Who gets in, and who sees what: tokens, sessions, areas. Roles × routes are in test_matrix.py."""

import httpx
import pytest
from fastapi.routing import APIRoute

from api.app import create_app
from api.attempts import ALLOWED
from api.auth import COOKIE, REQUEST_HEADER
from tests.api.conftest import BASE, V1, World, signed_in


@pytest.mark.parametrize("path", ["/metrics", "/healthz"])
async def test_probes_find_what_they_look_for_at_the_root(world: World, path: str) -> None:
    async with world.client("operator") as client:
        assert (await client.get(path)).status_code == 200
    async with world.client(None) as client:
        assert (await client.get(path)).status_code == (200 if path == "/healthz" else 401)


async def test_expired_revoked_and_foreign_tokens_are_turned_away(world: World) -> None:
    text = world.token("viewer")
    async with httpx.AsyncClient(transport=world.transport, base_url=BASE) as client:
        for header in ("Bearer ", "Bearer x", f"Bearer {text}x", f"Basic {text}", text, f"Bearer ll_é_{text}"):
            response = await client.get(f"{V1}/health", headers={"Authorization": header.encode()})
            assert response.status_code == 401, header
            assert response.headers["www-authenticate"].startswith("Bearer")
        assert (await client.get(f"{V1}/health", headers={"Authorization": f"Bearer {text}"})).status_code == 200
        world.tokens.revoke(text.split("_")[1])
        assert (await client.get(f"{V1}/health", headers={"Authorization": f"Bearer {text}"})).status_code == 401


async def test_guessing_is_slowed_for_the_guessed_and_for_nobody_else(world: World) -> None:
    right = world.token("viewer")
    wrong = right[:-2] + "__"
    async with httpx.AsyncClient(transport=world.transport, base_url=BASE) as client:
        for _ in range(ALLOWED):
            response = await client.get(f"{V1}/system", headers={"Authorization": f"Bearer {wrong}"})
            assert response.status_code == 401
        response = await client.get(f"{V1}/system", headers={"Authorization": f"Bearer {wrong}"})
        assert response.status_code == 429
        assert 0 < int(response.headers["retry-after"]) <= 60
        # not even the right one, or the limit would limit nothing
        assert (await client.get(f"{V1}/system", headers={"Authorization": f"Bearer {right}"})).status_code == 429
        assert (await world.get("/system")).status_code == 200
        world.clock.forward(seconds=61)
        assert (await client.get(f"{V1}/system", headers={"Authorization": f"Bearer {right}"})).status_code == 200


async def test_a_browser_signs_in_with_a_token_and_out_again(world: World) -> None:
    async with signed_in(world, "dispatcher") as browser:
        cookie = next(c for c in browser.cookies.jar if c.name == COOKIE)
        assert cookie.has_nonstandard_attr("HttpOnly")
        assert cookie.get_nonstandard_attr("SameSite") == "strict"
        assert (cookie.path, cookie.value.startswith("ll_")) == ("/api", False)
        told = (await browser.get(f"{V1}/session")).json()
        assert (told["role"], told["rights"]) == (
            "dispatcher",
            ["ask", "customers", "export", "read", "self", "tickets"],
        )
        kept = {COOKIE: str(cookie.value)}
        assert (await browser.delete(f"{V1}/session", headers={REQUEST_HEADER: "1"})).status_code == 204
    async with httpx.AsyncClient(transport=world.transport, base_url=BASE, cookies=kept) as thief:
        assert (await thief.get(f"{V1}/session")).status_code == 401


async def test_a_session_ends_after_its_hours(world: World) -> None:
    async with signed_in(world) as browser:
        assert (await browser.get(f"{V1}/health")).status_code == 200
        world.clock.forward(hours=12)
        response = await browser.get(f"{V1}/health")
        assert (response.status_code, response.json()["detail"]) == (401, "the session has ended")


async def test_other_sites_cannot_act_with_the_cookie(world: World) -> None:
    note = {"action": "note", "version": 1, "note": "x"}
    path = f"{V1}/tickets/1/transitions"
    async with signed_in(world) as browser:
        for headers in (
            {},
            {REQUEST_HEADER: "1", "Origin": "https://elsewhere.example"},
            {REQUEST_HEADER: "1", "Origin": "null"},
            {REQUEST_HEADER: "1", "Origin": "http://[bad"},
            {REQUEST_HEADER: "1", "Sec-Fetch-Site": "cross-site"},
        ):
            response = await browser.post(path, json=note, headers=headers)
            assert (response.status_code, response.json()["type"]) == (403, "urn:lightline:problem:cross-site")
        headers = {REQUEST_HEADER: "1", "Origin": BASE, "Sec-Fetch-Site": "same-origin"}
        assert (await browser.post(path, json=note, headers=headers)).status_code == 200


async def test_other_sites_cannot_sign_a_browser_in(world: World) -> None:
    async with httpx.AsyncClient(transport=world.transport, base_url=BASE) as client:
        response = await client.post(
            f"{V1}/session", json={"token": world.token()}, headers={"Origin": "https://elsewhere.example"}
        )
        assert response.status_code == 403
        assert "set-cookie" not in response.headers


async def test_a_token_of_one_area_sees_nothing_of_another(world: World) -> None:
    west = {"role": "dispatcher", "areas": ("west",)}
    lines = await world.json("/lines", **west)
    assert {line["area"] for line in lines["lines"]} == {"west"}
    assert lines["total"] == 5
    for path in ("/lines/OLT1-1-0", "/lines/OLT1-1-0/series", "/tickets/1", "/devices/OLT1", "/pons/OLT1/0/1"):
        assert (await world.get(path, **west)).status_code == 404, path
    assert [t["area"] for t in (await world.json("/tickets", **west))["tickets"]] == ["west"]
    assert (await world.json("/tickets", **west, area="east"))["tickets"] == []
    assert [f["finding"]["place"] for f in (await world.json("/findings", **west))["findings"]] == ["line:OLT2-1-0"]
    assert [d["id"] for d in (await world.json("/devices", **west))["devices"]] == ["OLT2"]
    assert [p["id"] for p in (await world.json("/coverage", **west))["places"]] == ["west"]
    assert [p["id"] for p in (await world.json("/coverage", **west, by="device"))["places"]] == ["OLT2", None]
    health = await world.json("/health", **west)
    assert (health["lines"]["total"], health["tickets"]["unfinished"]) == (5, 1)
    assert [a["id"] for a in (await world.json("/system", **west))["areas"]] == ["west"]
    assert [a["area"] for a in (await world.json("/retrofit", **west))["areas"]] == ["west"]
    async with world.client(**west) as client:
        body = {"action": "note", "version": 1, "note": "x"}
        assert (await client.post(f"{V1}/tickets/1/transitions", json=body)).status_code == 404
        merge = {"action": "merge", "version": 1, "into": 1}
        assert (await client.post(f"{V1}/tickets/2/transitions", json=merge)).status_code == 404


async def test_answers_of_one_area_are_never_given_to_another(world: World) -> None:
    whole = await world.json("/coverage")
    west = await world.json("/coverage", areas=("west",))
    assert whole["total"]["lines"] == 22
    assert west["total"]["lines"] == 5
    assert (await world.json("/coverage"))["total"] == whole["total"]


def test_routes_are_all_under_one_prefix(world: World) -> None:
    app = create_app(world.parts)
    paths = {r.path for r in app.routes if isinstance(r, APIRoute)}
    assert {p for p in paths if not p.startswith(V1)} == {"/healthz", "/metrics"}
