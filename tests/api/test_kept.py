"""What many ask is answered once, and from the next figures before those are shown; tickets stay true meanwhile."""

import asyncio
import threading
from typing import cast

from fastapi import Request

from api.answers import KeptAnswers
from api.caller import Caller
from api.newest import Newest
from api.schemas.service import Alive
from api.sight import ALL, Sight
from api.snapshot import Snapshot
from api.standing import Standing
from tests.api.conftest import NOW, World, finding, make_inventory


class Figures:
    """As much of a snapshot as answers are kept by."""

    def __init__(self, serial: int) -> None:
        self.serial = serial


def asked_for(path: str) -> Request:
    server = ("127.0.0.1", 80)
    return Request({"type": "http", "method": "GET", "scheme": "http", "path": path, "query_string": b"",
                    "headers": [], "server": server})  # fmt: skip


WHO = Caller("somebody", "admin", ALL)


class Build:
    """Counts how often an answer was made, and of which figures; waits until it is let."""

    def __init__(self) -> None:
        self.of: list[int] = []
        self.let = threading.Event()
        self.let.set()

    def __call__(self, figures: Snapshot) -> Alive:
        assert self.let.wait(30)
        self.of.append(figures.serial)
        return Alive()


async def give(kept: KeptAnswers, serial: int, build: Build, path: str = "/a") -> None:
    figures = cast(Snapshot, Figures(serial))
    response = await kept.give(asked_for(path), WHO, figures, store_down=False, build=build)
    assert response.status_code == 200


async def test_who_asks_the_same_at_the_same_moment_waits_for_one_answer() -> None:
    kept, build = KeptAnswers(), Build()
    build.let.clear()
    waiting = [asyncio.create_task(give(kept, 1, build)) for _ in range(20)]
    await asyncio.sleep(0)
    waiting[0].cancel()  # who goes away takes nothing from the others
    build.let.set()
    await asyncio.gather(*waiting[1:])
    await give(kept, 1, build)
    assert build.of == [1]


async def test_what_is_asked_often_is_made_of_the_next_figures_before_anybody_asks() -> None:
    kept, often, once = KeptAnswers(), Build(), Build()
    for _ in range(3):
        await give(kept, 1, often)
    await give(kept, 1, once, "/b")
    await kept.renew(cast(Snapshot, Figures(2)))
    assert (often.of, once.of) == ([1, 2], [1])
    await give(kept, 1, often)  # the present figures stand until the next are shown
    await give(kept, 2, often)
    await give(kept, 2, once, "/b")
    assert (often.of, once.of) == ([1, 2], [1, 2])
    await kept.renew(cast(Snapshot, Figures(3)))
    assert often.of == [1, 2], "nobody asked any more"


async def test_a_line_that_no_ticket_hits_is_known_without_the_ledger_until_something_changes(world: World) -> None:
    newest = Newest(world.parts)
    standing = Standing(world.parts, newest)
    assert await standing.may_be_hit("OLT1-1-3")
    assert not await standing.may_be_hit("OLT1-1-4")
    assert (await standing.counts(Sight(frozenset({"east"})))).unfinished == 1
    world.parts.ledger.take([finding("OLT1-1-4")], make_inventory(), NOW)
    newest.forget()  # a second later
    assert await standing.may_be_hit("OLT1-1-4"), "the log went on: it may be hit by now"
    standing.forget()
    assert not await standing.may_be_hit("OLT1-1-6")
    assert (await standing.counts(Sight(frozenset({"east"})))).unfinished == 2
    await standing.close()


async def test_a_ticket_is_on_its_lines_page_at_once(world: World) -> None:
    assert (await world.json("/lines/OLT1-1-4"))["tickets"] == []
    async with world.client() as client:
        wish = {"kind": "complaint", "place": "line:OLT1-1-4", "note": "slow since Monday"}
        made = await client.post("/api/v1/tickets", json=wish)
        assert made.status_code == 201, made.text
    assert [t["id"] for t in (await world.json("/lines/OLT1-1-4"))["tickets"]] == [made.json()["id"]]
