"""A technician's day through HTTP: all of a visit at once, steps from without reception, photos."""

import asyncio
import io
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from api.once import HEADER
from maintenance.photos import MOST_BYTES
from maintenance.replay import replay
from tests.api.conftest import NOW, V1, World

LINE = "OLT1-1-3"


@pytest.fixture
def world(make_world: Any, store: Any, tmp_path: Path) -> World:
    return make_world(store, photos=tmp_path / "photos")


def act(world: World, action: str, ticket: int = 1, **given: Any) -> None:
    version = world.parts.ledger.ticket(ticket).version
    world.parts.ledger.act(ticket, action, actor="dora", role="dispatcher", now=world.clock(), version=version, **given)


async def step(
    world: World, key: str, action: str, version: int, at: datetime = NOW, ticket: int = 1, role: str = "technician",
    **given: Any,
) -> httpx.Response:  # fmt: skip
    body = {"action": action, "version": version, "done_at": at.isoformat(), **given}
    async with world.client(role, given.pop("areas", ())) as client:
        return await client.post(f"{V1}/visits/{ticket}/steps", json=body, headers={HEADER: key})


def whys(world: World, ticket: int = 1) -> list[tuple[str, str]]:
    return [(e.action, e.why) for e in world.parts.ledger.log(ticket)]


DONE = {"cause_code": "connector", "action_code": "cleaned_connector"}


async def test_the_day_tells_all_of_each_visit_appointments_first(world: World) -> None:
    for ticket in (1, 2):
        act(world, "assign", ticket, engineer="Li Lei")
    act(world, "schedule", 2, appointment_at=NOW + timedelta(hours=3))
    told = await world.json("/visits", "technician", engineer="Li Lei")
    assert [v["ticket"]["id"] for v in told["visits"]] == [2, 1]
    visit = told["visits"][1]
    assert visit["lines"][0] == {**visit["lines"][0], "line_id": LINE, "grid": "g1", "pon": "0/1", "rx_dbm": -28.3}
    assert "customer" not in str(visit["lines"])
    assert "one-click cleaner" in visit["bring_en"]
    assert visit["evidence"]["rx_dbm"] == {"value": -28.3, "unit": "dBm"}
    assert visit["series"]["line_id"] == LINE
    assert -28.3 in visit["series"]["rx_dbm"]
    assert {p["action"] for p in visit["possible"]} >= {"start", "resolve"}
    assert {c["code"] for c in told["action_codes"]} >= {"cleaned_connector", "none"}
    assert (await world.json("/visits", "technician"))["visits"] == []  # nobody's own


async def test_a_day_of_another_area_is_empty(world: World) -> None:
    act(world, "assign", engineer="Li Lei")
    told = await world.json("/visits", "technician", ("west",), engineer="Li Lei")
    assert told["visits"] == []
    assert (await step(world, "k", "start", 2, areas=("west",))).status_code in (404, 422)


async def test_steps_from_without_reception_are_done_in_order_at_the_time_they_were(world: World) -> None:
    act(world, "assign", engineer="Li Lei")
    there = NOW + timedelta(hours=1)
    world.clock.forward(hours=6)
    started = await step(world, "a", "start", 2, there)
    resolved = await step(world, "b", "resolve", 2, there + timedelta(minutes=40), note="脏", **DONE)
    assert [r.json()["outcome"] for r in (started, resolved)] == ["done", "done"]
    ticket = world.parts.ledger.ticket(1)
    assert ticket.resolved_at == there + timedelta(minutes=40)  # readings after that are what judges it
    assert "[2026-11-02 03:40 UTC, version 2]" in whys(world)[-1][1]


async def test_the_same_step_again_is_done_once_also_of_many_at_once(world: World) -> None:
    act(world, "assign", engineer="Li Lei")
    answers = await asyncio.gather(*(step(world, "same", "note", 2, note="loose") for _ in range(6)))
    assert {a.status_code for a in answers} == {200}
    assert [a for a, _ in whys(world)].count("note") == 1


@pytest.mark.parametrize(
    "meanwhile",
    [
        [("resolve", DONE)],
        [("cancel", {"note": "twice"})],
        [("merge", {"into": 2})],
        [("wait_customer", {"note": "away"})],
    ],
)
async def test_what_cannot_be_done_any_more_is_kept_in_the_log(world: World, meanwhile: list[Any]) -> None:
    act(world, "assign", engineer="Li Lei")
    for action, given in meanwhile:
        act(world, action, **given)
    before = world.parts.ledger.ticket(1)
    told = (await step(world, "k", "resolve", 2, note="换了接头", **DONE)).json()
    assert told["outcome"] == "kept"
    assert told["why"]
    action, why = whys(world)[-1]
    assert action == "report"
    assert "换了接头" in why
    assert "cause_code: connector" in why
    after = world.parts.ledger.ticket(1)
    assert (after.state, after.version) == (before.state, before.version + 1)
    assert (await step(world, "k", "resolve", 2, note="换了接头", **DONE)).json()["outcome"] == "kept"
    assert [a for a, _ in whys(world)].count("report") == 1
    assert replay(world.parts.ledger.log(1)) == after.to_json()


async def test_a_dispatcher_who_was_faster_does_not_undo_the_visit(world: World) -> None:
    act(world, "assign", engineer="Li Lei")
    act(world, "note", note="called the customer")
    act(world, "assign", engineer="Han")
    told = (await step(world, "k", "resolve", 2, **DONE)).json()
    assert (told["outcome"], told["ticket"]["ticket"]["state"]) == ("done", "resolved")


async def test_nonsense_from_a_phone_is_kept_too(world: World) -> None:
    act(world, "assign", engineer="Li Lei")
    told = (await step(world, "k", "resolve", 2, cause_code="nonsense", action_code="none", note="weiß nicht")).json()
    assert told["outcome"] == "kept"
    assert "nonsense" in whys(world)[-1][1]


async def test_a_phones_clock_is_believed_within_reason(world: World) -> None:
    act(world, "assign", engineer="Li Lei")
    await step(world, "future", "start", 2, NOW + timedelta(days=400))
    assert world.parts.ledger.ticket(1).changed_at == NOW
    assert (await step(world, "past", "note", 3, NOW - timedelta(days=4000), note="x")).json()["outcome"] == "done"
    assert world.parts.ledger.ticket(1).changed_at == NOW  # a log's time never goes back


async def test_a_step_needs_a_key_and_a_role(world: World) -> None:
    async with world.client("technician") as client:
        body = {"action": "note", "version": 1, "done_at": NOW.isoformat(), "note": "x"}
        assert (await client.post(f"{V1}/visits/1/steps", json=body)).status_code == 422
    assert (await step(world, "k", "note", 1, role="viewer", note="x")).status_code == 403
    assert (await step(world, "k", "note", 1, ticket=99, note="x")).status_code == 404


def picture(kind: str = "JPEG", size: tuple[int, int] = (640, 480), **more: Any) -> bytes:
    out = io.BytesIO()
    Image.effect_noise(size, 60).convert("RGB").save(out, kind, **more)
    return out.getvalue()


async def send(world: World, sent: bytes, role: str = "technician", kind: str = "image/jpeg") -> httpx.Response:
    async with world.client(role) as client:
        return await client.post(f"{V1}/visits/1/photos", content=sent, headers={"Content-Type": kind})


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
async def test_photos_are_kept_once_without_what_the_phone_wrote_into_them(
    world: World, tmp_path: Path, kind: str
) -> None:
    exif = Image.Exif()
    exif[0x010F] = "SecretPhone"
    exif[0x8825] = {1: "N", 2: (31.0, 12.0, 0.0)}
    exif[0x0112] = 6  # turned by a quarter
    sent = picture(kind, exif=exif)
    first, second = await send(world, sent), await send(world, sent)
    assert first.status_code == 201, first.text
    assert first.json() == second.json()
    told = first.json()
    assert (told["width"], told["height"]) == (480, 640)
    files = list((tmp_path / "photos").rglob("*.jpg"))
    assert [f.stem for f in files] == [told["digest"]]
    act(world, "assign", engineer="Li Lei")
    day = await world.json("/visits", "technician", engineer="Li Lei")
    assert [p["digest"] for p in day["visits"][0]["photos"]] == [told["digest"]]
    got = await world.get(f"/visits/1/photos/{told['digest']}", "viewer")
    assert got.headers["content-type"] == "image/jpeg"
    assert b"SecretPhone" not in got.content
    with Image.open(io.BytesIO(got.content)) as kept:
        assert not kept.getexif()
    for role, areas, status in (("technician", ("west",), 404), ("technician", ("east",), 200)):
        assert (await world.get(f"/visits/1/photos/{told['digest']}", role, areas)).status_code == status
    assert (await world.get(f"/visits/2/photos/{told['digest']}")).status_code == 404


@pytest.mark.parametrize(
    "sent",
    [
        b"", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", b"GIF89a" + b"\0" * 40,
        b"\xff\xd8\xff\xe0" + b"\0" * 200, b"%PDF-1.4 photo.jpg", picture()[:500], b"MZ\x90",
    ],
)  # fmt: skip
async def test_what_is_no_photo_is_refused_whatever_it_is_called(world: World, tmp_path: Path, sent: bytes) -> None:
    refused = await send(world, sent)
    assert refused.status_code == 422
    assert "no photo" in refused.json()["detail"]
    assert not list((tmp_path / "photos").rglob("*"))


async def test_a_large_photo_becomes_small_and_a_huge_file_is_not_taken(world: World) -> None:
    told = (await send(world, picture(size=(3000, 1500)))).json()
    assert (told["width"], told["height"]) == (2048, 1024)
    assert (await send(world, b"\0" * (MOST_BYTES + 1))).status_code == 413
    bomb = io.BytesIO()
    Image.new("1", (12_000, 12_000)).save(bomb, "PNG")
    assert (await send(world, bomb.getvalue())).status_code == 422
    async with world.client("technician") as client:  # elsewhere the usual limit holds
        assert (await client.post(f"{V1}/visits/1/steps", content=b"\0" * 100_000)).status_code == 413
