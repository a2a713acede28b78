"""Roles × routes: every cell of matrix.yaml is asked for real."""

from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from api.app import create_app
from api.auth import REQUEST_HEADER
from api.roles import ROLES
from tests.api.conftest import V1, World, browser_of

MATRIX: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "matrix.yaml").read_text(encoding="utf-8"))


def expected(row: dict[str, Any], role: str | None, *, named: bool) -> set[int]:
    answers = set(row.get("answers", [200]))
    if row["may"] == "nobody":
        return answers
    if role is None:
        return {401}
    may = row["may"] == "everybody" or role in row["may"]
    return answers if may and (named or not row.get("users")) else {403}


def test_the_matrix_holds_every_route_once(world: World) -> None:
    paths = create_app(world.parts).openapi()["paths"]
    described = sorted(f"{method.upper()} {path.removeprefix(V1)}" for path, item in paths.items() for method in item)
    assert sorted(row["route"] for row in MATRIX) == described


@pytest.mark.parametrize("row", MATRIX, ids=lambda row: row["route"])
def test_the_matrix_knows_the_roles(row: dict[str, Any]) -> None:
    assert row["may"] in ("everybody", "nobody") or set(row["may"]) <= set(ROLES)


async def walk(client: httpx.AsyncClient, role: str | None, *, named: bool) -> None:
    for row in MATRIX:
        method, route = row["route"].split()
        headers = {REQUEST_HEADER: "1"} if named else {}
        response = await client.request(method, f"{V1}{row.get('ask', route)}", json=row.get("body"), headers=headers)
        assert response.status_code in expected(row, role, named=named), (role, row["route"], response.text)
        if response.status_code >= 400:
            assert response.headers["content-type"] == "application/problem+json"
            assert response.json()["remedy"]


@pytest.mark.parametrize("role", [None, *ROLES])
async def test_a_token_of_a_role_may_what_the_matrix_says(
    world: World, role: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_SECRET", "whsec_" + "QUFB" * 8)
    async with world.client(role) as client:
        await walk(client, role, named=False)


@pytest.mark.parametrize("role", ROLES)
async def test_a_user_of_a_role_may_what_the_matrix_says(
    world: World, role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_SECRET", "whsec_" + "QUFB" * 8)
    async with browser_of(world, role, way="second_factor") as browser:
        await walk(browser, role, named=True)


@pytest.mark.parametrize("row", MATRIX, ids=lambda row: row["route"])
async def test_no_cookie_changes_anything_for_another_site(world: World, row: dict[str, Any]) -> None:
    method, route = row["route"].split()
    if method in ("GET", "HEAD"):
        return
    async with browser_of(world, "admin", way="second_factor") as browser:
        headers = {REQUEST_HEADER: "1", "Origin": "https://elsewhere.example"}
        response = await browser.request(method, f"{V1}{row.get('ask', route)}", json=row.get("body"), headers=headers)
    assert (response.status_code, response.json()["type"]) == (403, "urn:lightline:problem:cross-site")
