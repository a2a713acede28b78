"""Webhooks and idempotency keys through HTTP."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from api.once import HEADER, REPLAYED
from maintenance import database
from maintenance.once import Once
from maintenance.tables import once as once_table
from maintenance.tables import webhooks
from storage.protocol import TelemetryStore
from tests.api.conftest import NOW, V1, World

WANTED = {"url": "https://oss.example/told", "secret": "env:HOOK_SECRET"}


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", "whsec_" + "QUFB" * 8)


async def subscribe(world: World, key: str | None = None, role: str = "admin", **body: Any) -> httpx.Response:
    async with world.client(role) as client:
        headers = {HEADER: key} if key is not None else {}
        return await client.post(f"{V1}/webhooks", json={**WANTED, **body}, headers=headers)


def count(world: World) -> int:
    with database.reading(world.parts.ledger.engine) as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(webhooks)).scalar_one())


async def test_an_administrator_subscribes_looks_resumes_and_ends(world: World) -> None:
    made = await subscribe(world, kinds=["ticket.opened"])
    assert made.status_code == 201, made.text
    assert made.json()["secret"] == "env:HOOK_SECRET"
    told = await world.json("/webhooks")
    assert [hook["id"] for hook in told["webhooks"]] == [1]
    assert "ticket.opened" in told["kinds"]
    async with world.client() as client:
        assert (await client.post(f"{V1}/webhooks/1/resume")).json()["state"] == "active"
        assert (await client.delete(f"{V1}/webhooks/1")).json()["state"] == "ended"
        assert (await client.delete(f"{V1}/webhooks/7")).status_code == 404
    assert (await world.json("/webhooks"))["webhooks"] == []
    assert len((await world.json("/webhooks", ended="true"))["webhooks"]) == 1


async def test_a_wrong_subscription_names_what_is_wrong(world: World) -> None:
    for body, says in (({"kinds": ["x"]}, "not among"), ({"secret": "plain"}, "never written"), ({"url": "x"}, "url")):
        refused = await subscribe(world, **body)
        assert refused.status_code == 422
        assert says in refused.json()["detail"]


async def test_the_same_key_and_request_is_done_once_also_after_a_restart(
    world: World, make_world: Callable[..., World], store: TelemetryStore
) -> None:
    first = await subscribe(world, "k1")
    second = await subscribe(world, "k1")
    again = await subscribe(make_world(store), "k1")  # another process on the same ledger
    assert first.json() == second.json() == again.json()
    assert [r.headers.get(REPLAYED) for r in (first, second, again)] == [None, "true", "true"]
    assert [r.status_code for r in (first, second, again)] == [201] * 3
    assert count(world) == 1


async def test_a_key_for_another_request_is_refused(world: World) -> None:
    await subscribe(world, "k1")
    other = await subscribe(world, "k1", url="https://elsewhere.example/")
    assert (other.status_code, other.json()["type"]) == (422, "urn:lightline:problem:other-request")
    assert count(world) == 1


async def test_of_many_at_once_one_is_made(world: World) -> None:
    token = world.token("admin")

    async def one() -> httpx.Response:
        headers = {HEADER: "k", "Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(transport=world.transport, base_url="http://127.0.0.1") as client:
            return await client.post(f"{V1}/webhooks", json=WANTED, headers=headers)

    answers = await asyncio.gather(*(one() for _ in range(8)))
    assert {a.status_code for a in answers} == {201}
    assert len({json.dumps(a.json()) for a in answers}) == 1
    assert count(world) == 1


async def test_a_refusal_frees_the_key(world: World) -> None:
    assert (await subscribe(world, "k1", kinds=["x"])).status_code == 422
    assert (await subscribe(world, "k1")).status_code == 201


async def test_a_key_is_forgotten_after_a_day(world: World) -> None:
    await subscribe(world, "k1")
    world.clock.forward(hours=25)
    assert (await subscribe(world, "k1")).headers.get(REPLAYED) is None
    with database.reading(world.parts.ledger.engine) as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(once_table)).scalar_one() == 1


async def test_a_claim_of_a_killed_process_is_taken_over(world: World) -> None:
    keeper = Once(world.parts.ledger.engine)
    assert keeper.begin("a", "k", "d", NOW) is None
    waiting = keeper.begin("a", "k", "d", NOW + timedelta(seconds=30))
    assert waiting is not None
    assert waiting.status is None
    assert keeper.begin("a", "k", "d", NOW + timedelta(seconds=61)) is None


@pytest.mark.parametrize("key", ["", "x" * 201, "käse", "a b"])
async def test_an_odd_key_is_refused(world: World, key: str) -> None:
    async with world.client() as client:
        response = await client.post(f"{V1}/webhooks", json=WANTED, headers={HEADER: key.encode()})
    assert response.status_code == 422
