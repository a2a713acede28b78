"""Users and tokens are made once, however often it is told, and what must stay secret is not kept to be told again."""

import hashlib

import sqlalchemy as sa

from maintenance.tables import once as kept
from tests.api.conftest import V1, World

KEY = {"Idempotency-Key": "5c1f0f4e"}
PASSWORD = "lamp river seventeen quiet"


def rows(world: World) -> list[sa.RowMapping]:
    with world.parts.ledger.engine.connect() as connection:
        return list(connection.execute(sa.select(kept)).mappings())


async def test_a_token_is_made_once_and_its_secret_is_not_kept(world: World) -> None:
    asked = {"name": "reporting", "role": "viewer", "days": 3}
    async with world.client() as client:
        first, again = [await client.post(f"{V1}/tokens", json=asked, headers=KEY) for _ in range(2)]
        other = await client.post(f"{V1}/tokens", json={**asked, "name": "other"}, headers=KEY)
    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 422)
    assert again.headers["Idempotency-Replayed"] == "true"
    secret = first.json()["token"]
    assert again.json() == {"token": None, "row": first.json()["row"]}
    assert [t.name for t in world.tokens.list()].count("reporting") == 1
    assert secret.rpartition("_")[2] not in str(rows(world))


async def test_a_user_is_made_once_and_his_password_cannot_be_guessed_from_what_is_kept(world: World) -> None:
    asked = {"name": "li", "role": "viewer", "password": PASSWORD}
    async with world.client() as client:
        first, again = [await client.post(f"{V1}/users", json=asked, headers=KEY) for _ in range(2)]
        other = await client.post(f"{V1}/users", json={**asked, "password": f"{PASSWORD} too"}, headers=KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert other.json()["type"].endswith("other-request")
    (row,) = rows(world)
    said = f"POST {V1}/users?\n".encode() + first.request.content
    assert PASSWORD not in str(row)
    assert row["digest"] != hashlib.sha256(said).hexdigest(), "a fast hash is soon guessed back"


async def test_after_a_refusal_the_key_is_free_again(world: World) -> None:
    async with world.client() as client:
        refused = await client.post(
            f"{V1}/users", json={"name": "li", "role": "viewer", "password": "short"}, headers=KEY
        )
        made = await client.post(f"{V1}/users", json={"name": "li", "role": "viewer"}, headers=KEY)
    assert (refused.status_code, made.status_code) == (422, 201)
