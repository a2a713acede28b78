"""Events: as they happen, as far as they may be seen, and with nothing left out after a break."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import orjson
import pytest
import uvicorn
from httpx import AsyncClient

from api.app import create_app
from maintenance import changes
from maintenance.changes import Mark
from maintenance.ledger import Ledger
from storage.protocol import TelemetryStore
from tests.api.conftest import NOW, V1, World, finding, make_inventory
from tests.parts import free_port

Event = tuple[str, str, Any]


def told(text: str) -> list[Event]:
    """(kind, id, data) of each event of a stream's text."""
    out: list[Event] = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if line and not line.startswith(":"))
        if "event" in fields:
            out.append((fields["event"], fields["id"], orjson.loads(fields["data"])))
    return out


@pytest.fixture
def short(make_world: Callable[..., World], store: TelemetryStore) -> World:
    """A service whose streams end at once, after what there is to tell."""
    return make_world(store, stream_s=0.0)


async def read(world: World, after: str | None = None, **who: Any) -> list[Event]:
    async with world.client(**who) as client:
        response = await client.get(f"{V1}/events", headers={"Last-Event-ID": after} if after else {})
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    return told(response.text)


def note(world: World, ticket: int) -> None:
    """Something that changes a ticket."""
    version = world.parts.ledger.ticket(ticket).version
    world.parts.ledger.act(
        ticket, "note", actor="li", role="dispatcher", now=world.clock(), version=version, note="seen"
    )


async def test_who_comes_first_hears_what_happens_from_now_on(short: World) -> None:
    events = await read(short)
    assert [kind for kind, _, _ in events] == ["ready", "health", "readings"]
    assert events[2][2] == {"newest": (NOW - timedelta(hours=1)).isoformat()}
    assert events[1][2]["lines"]["total"] == 22


async def test_who_comes_back_hears_all_he_missed_once_and_in_order(short: World) -> None:
    mark = (await read(short))[-1][1]
    for ticket in (1, 2, 1):
        note(short, ticket)
    short.parts.ledger.take([finding("OLT1-2-0")], make_inventory(), short.clock())
    events = [e for e in await read(short, mark) if e[0] in ("ticket", "finding")]
    assert [(kind, data["ticket"]) for kind, _, data in events[:4]] == [
        ("ticket", 1), ("ticket", 2), ("ticket", 1), ("ticket", 3),
    ]  # fmt: skip
    assert [data["place"] for kind, _, data in events if kind == "finding"] == ["line:OLT1-2-0"]
    for at, (_, ident, _) in enumerate(events):
        assert [e[1] for e in await read(short, ident) if e[0] in ("ticket", "finding")] == [
            e[1] for e in events[at + 1 :]
        ]


async def test_a_break_anywhere_leaves_no_gap_and_tells_nothing_twice(
    make_world: Callable[..., World], store: TelemetryStore
) -> None:
    """A real server; the reader is cut off again and again while tickets change, and comes back with the last id."""
    world = make_world(store, stream_s=60.0)
    async with serving(world) as address:
        heard: list[str] = []
        last = (await first_events(world, address, None, 1))[0][1]
        writes = asyncio.create_task(_notes(world, 12))
        while len(heard) < 12:
            for kind, ident, _ in await first_events(world, address, last, 3):
                last = ident
                if kind == "ticket":
                    heard.append(ident)
        await writes
    assert heard == sorted(set(heard), key=lambda ident: int(ident.split("-")[0]))
    assert len(heard) == 12


async def _notes(world: World, count: int) -> None:
    for n in range(count):
        await asyncio.to_thread(note, world, 1 + n % 2)
        await asyncio.sleep(0.05)


@asynccontextmanager
async def serving(world: World) -> AsyncIterator[str]:
    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(create_app(world.parts), port=port, log_config=None, timeout_graceful_shutdown=1)
    )
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await running


async def first_events(world: World, address: str, after: str | None, count: int) -> list[Event]:
    """The first events of a stream, which is then cut off."""
    headers = {"Authorization": f"Bearer {world.token('admin')}", **({"Last-Event-ID": after} if after else {})}
    text = ""
    async with (
        AsyncClient(timeout=20) as client,
        client.stream("GET", f"{address}{V1}/events", headers=headers) as answer,
    ):
        async for part in answer.aiter_text():
            text += part
            events = told(text[: text.rfind("\n\n") + 2])
            if len(events) >= count:
                return events[:count]
    return told(text)


async def test_a_reader_hears_only_of_what_he_may_see(short: World) -> None:
    for ticket in (1, 2):
        note(short, ticket)
    short.parts.ledger.take([finding("OLT1-2-0")], make_inventory(), short.clock())
    west = await read(short, "0-0", role="dispatcher", areas=("west",))
    assert {data["ticket"] for kind, _, data in west if kind == "ticket"} == {2}
    assert {data["place"] for kind, _, data in west if kind == "finding"} == {"line:OLT2-1-0"}
    grid = await read(short, "0-0", role="technician", areas=("east",), grids=("g1",))
    assert {data["ticket"] for kind, _, data in grid if kind == "ticket"} == {1}
    assert {data["place"] for kind, _, data in grid if kind == "finding"} == {"line:OLT1-1-3"}
    assert [d["lines"]["total"] for k, _, d in grid if k == "health"] == [8]


async def test_a_stream_ends_when_the_reader_may_no_longer(
    make_world: Callable[..., World], store: TelemetryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.changes.BEAT_S", 0.0)
    world = make_world(store, stream_s=600.0)
    token = world.token("viewer")
    async with serving(world) as address, AsyncClient(timeout=30) as client:
        headers = {"Authorization": f"Bearer {token}"}
        async with client.stream("GET", f"{address}{V1}/events", headers=headers) as answer:
            parts = answer.aiter_text()
            assert "ready" in await anext(parts)
            world.tokens.revoke(token.split("_")[1])
            async for _ in parts:  # it ends: else this would wait for ten minutes
                pass


@pytest.mark.parametrize("ident", ["x", "1", "1-", "-1", "1-1-1", "1-99999999999999999999", "１-１"])
async def test_an_id_that_is_none_is_refused(short: World, ident: str) -> None:
    response = await short.get("/events", after=ident)
    assert (response.status_code, response.json()["errors"][0]["where"]) == (422, "query.after")


def test_what_follows_a_hole_waits_until_it_cannot_be_filled_any_more(ledger: Ledger) -> None:
    """Two processes on PostgreSQL: the later number is seen first."""
    rows: list[Any] = [{"id": n, "at": NOW} for n in (5, 6, 8)]
    assert [r["id"] for r in changes._whole(rows, 4, NOW)] == [5, 6]
    assert [r["id"] for r in changes._whole([*rows[:2], {"id": 7, "at": NOW}, rows[2]], 4, NOW)] == [5, 6, 7, 8]
    assert [r["id"] for r in changes._whole(rows, 4, NOW + timedelta(seconds=10))] == [5, 6, 8]
    assert ledger.newest() > Mark()
