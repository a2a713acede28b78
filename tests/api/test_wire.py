"""What a socket can do and a client library cannot: slow senders, requests in two minds, what is no HTTP."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.api.conftest import V1, World
from tests.api.test_events import serving

SLOW = 200


@pytest.fixture
async def port(world: World) -> AsyncIterator[int]:
    async with serving(world) as address:
        yield int(address.rpartition(":")[2])


async def answer_to(port: int, sent: bytes) -> bytes:
    """The first line of the answer; empty where the connection is closed without one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(sent)
        return await asyncio.wait_for(reader.readline(), 60)
    except ConnectionError:
        return b""
    finally:
        writer.close()


def request(world: World, path: str, *headers: str, method: str = "GET", body: str = "") -> bytes:
    told = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {world.token('admin')}", *headers]
    return ("\r\n".join(told) + "\r\n\r\n" + body).encode()


async def test_who_never_ends_his_request_keeps_nobody_from_being_answered(world: World, port: int) -> None:
    whole = request(world, f"{V1}/lines")
    slow = [await asyncio.open_connection("127.0.0.1", port) for _ in range(SLOW)]
    try:
        for number, (_, writer) in enumerate(slow):
            body = request(world, f"{V1}/tickets/1/transitions", "Content-Length: 100", method="POST", body="{")
            writer.write(body if number % 2 else whole[: 20 + number % 60])
        assert b" 200 " in await answer_to(port, whole)
    finally:
        for _, writer in slow:
            writer.close()


async def test_a_body_that_does_not_come_in_time_is_refused(
    world: World, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.security.BODY_S", 0.2)
    path = f"{V1}/tickets/1/transitions"
    headers = ("Content-Type: application/json", "Content-Length: 100")
    assert b" 400 " in await answer_to(port, request(world, path, *headers, method="POST", body="{"))


@pytest.mark.parametrize(
    "headers",
    [
        ("Content-Length: 4", "Content-Length: 40"),
        ("Content-Length: -1",),
        ("Content-Length: 4, 5",),
        ("Transfer-Encoding: chunked, identity",),
        ("X-Long: " + "a" * 100_000,),
        ("Bad Name: x",),
        ("X-Null: a\0b",),
    ],
    ids=lambda headers: headers[0][:30],
)
async def test_a_request_in_two_minds_is_none(world: World, port: int, headers: tuple[str, ...]) -> None:
    sent = request(world, f"{V1}/tickets/1/transitions", *headers, method="POST", body="{}{}")
    line = await answer_to(port, sent)
    assert line == b"" or line.split()[1].startswith(b"4"), line
    assert b" 200 " in await answer_to(port, request(world, f"{V1}/lines"))


@pytest.mark.parametrize(
    "sent", [b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", b"\r\n" * 1000, b"GET / HTTP/9.9\r\n\r\n"]
)
async def test_what_is_no_http_is_turned_away(world: World, port: int, sent: bytes) -> None:
    line = await answer_to(port, sent + b"\r\n\r\n")
    assert line == b"" or line.split()[1].startswith(b"4"), line


async def test_scripts_in_names_come_back_as_the_text_they_are(world: World) -> None:
    script = "<script>alert(1)</script>"
    async with world.client() as client:
        made = {
            "/users": {"name": script, "role": "viewer"},
            "/tokens": {"name": script, "role": "viewer", "days": 1},
            "/tickets": {"kind": "complaint", "place": "line:OLT1-1-4", "note": script},
        }
        for path, body in made.items():
            assert (await client.post(f"{V1}{path}", json=body)).status_code == 201, path
        for path, members in (("/users", "users"), ("/tokens", "tokens"), ("/audit", "entries")):
            told = await client.get(f"{V1}{path}")
            assert told.headers["content-type"] == "application/json"
            assert told.headers["x-content-type-options"] == "nosniff"
            assert script in str(told.json()[members])
