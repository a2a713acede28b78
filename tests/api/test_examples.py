"""The description's examples: each fits its schema, and each that is a request is asked for real."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import jsonschema
import pyarrow as pa
import pytest
import yaml
from fastapi import FastAPI

from api.app import create_app
from api.auth import REQUEST_HEADER
from api.people.sessions import Visitor
from plant.inventory import LINE_SCHEMA, Area, Device, Grid
from storage.protocol import TelemetryStore
from tests.api.conftest import BASE, V1, World, make_inventory
from tests.api.test_matrix import MATRIX

PASSWORD = "four unrelated words here"  # as the examples have it
# Requests that are understood and cannot be granted: what they name is another's secret, or not so any more.
NOT_GRANTED = yaml.safe_load("""
PUT /account/second-factor: 422
POST /webhooks: 422
POST /moves: 422
POST /splitters/suggestions/{suggestion}: 404
PUT /rules/{name}: 422
POST /rules/{name}/undo: 422
""")


@pytest.fixture
def world(make_world: Callable[..., World], store: TelemetryStore) -> World:
    """The plant of the examples beside the usual one."""
    small, world = make_inventory(), make_world(store)
    line = {"line_id": "GZ-000017", "device": "GZ-OLT-01", "pon": "0/1/3", "grid": "shipai", "technology": "gpon"}
    whole = replace(
        small,
        areas={**small.areas, "tianhe": Area("tianhe", "天河", "天河维护部", (Grid("shipai", "石牌网格", "陈建国"),))},
        devices={**small.devices, "GZ-OLT-01": Device("GZ-OLT-01", "192.0.2.11", "olt", "tianhe")},
        lines=pa.concat_tables([small.lines, pa.Table.from_pylist([line], schema=LINE_SCHEMA)]),
    )
    object.__setattr__(world.parts, "inventory", lambda: whole)
    return world


@pytest.fixture
def app(world: World) -> FastAPI:
    return create_app(world.parts)


def test_every_example_fits_its_schema_as_it_is_published(app: FastAPI) -> None:
    document = app.openapi()
    found = 0
    for name, schema in document["components"]["schemas"].items():
        if "example" not in schema:
            continue
        found += 1
        whole = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        validator = jsonschema.Draft202012Validator(whole, format_checker=jsonschema.FormatChecker())
        assert not list(validator.iter_errors(schema["example"])), name
    assert found > 60


def requests(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Each operation that takes a body, with the example of it."""
    out = []
    for path, item in document["paths"].items():
        for method, operation in item.items():
            for kind, media in operation.get("requestBody", {}).get("content", {}).items():
                if not kind.endswith("json"):
                    continue  # a picture has no example in words
                schema = media["schema"]
                name = schema.get("$ref", "").rpartition("/")[2]
                example = media.get("example") or document["components"]["schemas"].get(name, schema).get("example")
                out.append((f"{method.upper()} {path.removeprefix(V1)}", example))
    return out


async def test_every_example_of_a_request_is_asked_for_real(world: World, app: FastAPI) -> None:
    ask = {row["route"]: row.get("ask", row["route"].split()[1]) for row in MATRIX}
    asked, wrong = 0, []
    for route, body in requests(app.openapi()):
        assert body is not None, f"{route} has no example"
        world.clock.forward(minutes=1)
        async with _somebody(world, route) as client:
            method = route.split()[0]
            path = ask[route].replace("000000000000", _id_of_a_user(world))
            headers = {REQUEST_HEADER: "1", "Idempotency-Key": f"example-{asked}"}
            response = await client.request(method, f"{V1}{path}", json=body, headers=headers)
        wanted = {NOT_GRANTED[route]} if route in NOT_GRANTED else {200, 201, 204}
        if response.status_code not in wanted:
            wrong.append((route, body, response.text))
        asked += 1
    assert wrong == []
    assert asked > 12


def _somebody(world: World, route: str) -> httpx.AsyncClient:
    """An administrator's token; for one's own account a user with the password of the examples."""
    for user in world.parts.people.users.everybody():
        world.parts.people.users.change(user.id, world.clock(), state="disabled")
    if "/account" not in route and route != "POST /session":
        return world.client("admin")
    name = "李雷" if route == "POST /session" else f"user {len(world.parts.people.users.everybody())}"
    user = world.parts.people.users.create(name, "dispatcher", world.clock(), password=PASSWORD)
    now = world.clock()
    ends = now.replace(year=now.year + 1)
    session = world.parts.people.sessions.open(now, ends, "password", Visitor("", ""), user_id=user.id)
    return httpx.AsyncClient(transport=world.transport, base_url=BASE, cookies={"lightline_session": session})


def _id_of_a_user(world: World) -> str:
    name = f"asked {len(world.parts.people.users.everybody())}"
    return world.parts.people.users.create(name, "viewer", world.clock()).id
