"""The outermost layer: headers, hosts, sizes, and no surprise without an answer."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from storage.protocol import TelemetryStore
from tests.api.conftest import BASE, V1, World


async def test_every_answer_carries_strict_headers(world: World) -> None:
    async with world.client() as client:
        for path in (f"{V1}/health", f"{V1}/nothing", "/nothing", f"{V1}/lines/none"):
            headers = (await client.get(path)).headers
            assert "default-src 'self'" in headers["content-security-policy"]
            assert "frame-ancestors 'none'" in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
            assert "server" not in headers
            if path.startswith("/api"):
                assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1:8080", 200), ("localhost", 200), ("[::1]:8080", 200), ("evil.example", 400), ("", 400),
     ("127.0.0.1.evil.example", 400), ("[::1", 400), ("localhost:notaport", 400), ("user@localhost", 400)],
)  # fmt: skip
async def test_only_known_names_are_answered(world: World, host: str, status: int) -> None:
    async with world.client() as client:
        assert (await client.get(f"{V1}/healthz", headers={"Host": host})).status_code == status


async def test_large_bodies_are_refused_however_they_come(world: World) -> None:
    async def drops():  # type: ignore[no-untyped-def]
        for _ in range(200):
            yield b"x" * 1024

    async with world.client() as client:
        path = f"{V1}/tickets/1/transitions"
        for response in (
            await client.post(path, content=b"x" * 70_000),
            await client.post(path, content=drops(), headers={"Content-Type": "application/json"}),
        ):
            assert (response.status_code, response.json()["title"]) == (413, "The request is too large")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nothing", 404), ("PUT", "/lines", 405), ("GET", "/tickets/abc", 422), ("GET", "/tickets/0", 422),
     ("GET", "/lines?limit=0", 422), ("GET", "/tickets/999", 404), ("GET", "/devices/none", 404),
     ("GET", "/pons/OLT1/9/9", 404), ("GET", "/pons/none/0/1", 404), ("GET", "/coverage?by=street", 422)],
)  # fmt: skip
async def test_every_error_is_a_problem_with_a_remedy(world: World, method: str, path: str, status: int) -> None:
    async with world.client() as client:
        response = await client.request(method, f"{V1}{path}")
    told = response.json()
    assert (response.status_code, told["status"]) == (status, status)
    assert response.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "remedy"} <= set(told)
    if status == 405:
        assert response.headers["allow"] == "GET"


async def test_a_body_that_is_no_json_is_a_problem_too(world: World) -> None:
    async with world.client() as client:
        for body in (b"{", b"", b"\xff\xfe", b"[1]", b'{"action": "note", "version": 1e400}', b"[" * 5000):
            headers = {"Content-Type": "application/json"}
            response = await client.post(f"{V1}/tickets/1/transitions", content=body, headers=headers)
            assert response.status_code in (400, 422), body
            assert response.headers["content-type"] == "application/problem+json"


async def test_what_nobody_foresaw_is_answered_without_inner_words(
    make_world: Callable[..., World], store: TelemetryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world(store)
    monkeypatch.setattr(world.parts.ledger, "_engine", None)  # a part that breaks in a way nobody thought of
    response = await world.get("/tickets")
    assert response.status_code == 500
    assert response.json()["request_id"] == response.headers["x-request-id"]
    assert "NoneType" not in response.text


async def test_scripts_in_paths_and_filters_come_back_as_text_only(world: World) -> None:
    script = "<script>alert(1)</script>"
    async with world.client() as client:
        for path in (f"{V1}/lines/{script}", f"{V1}/lines?q={script}", f"{V1}/{script}"):
            response = await client.get(path)
            assert response.headers["content-type"].split(";")[0] in ("application/json", "application/problem+json")
            assert response.headers["x-content-type-options"] == "nosniff"


@pytest.fixture
def console(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>Lightline</title>", encoding="utf-8")
    (folder / "assets" / "app-1a2b.js").write_text("1", encoding="utf-8")
    (tmp_path / "secret").write_text("secret", encoding="utf-8")
    return folder


async def test_the_console_is_served_without_a_token_and_nothing_beside_it(
    make_world: Callable[..., World], store: TelemetryStore, console: Path
) -> None:
    world = make_world(store, console=console)
    async with httpx.AsyncClient(transport=world.transport, base_url=BASE) as client:
        page = await client.get("/")
        assert (page.status_code, page.headers["cache-control"]) == (200, "no-cache")
        assert "Lightline" in page.text
        assert "immutable" in (await client.get("/assets/app-1a2b.js")).headers["cache-control"]
        for path in ("/../secret", "/%2e%2e/secret", "/..%2fsecret", "/assets/../../secret", "/nothing.js"):
            response = await client.get(path)
            assert response.status_code == 404, path
            assert "secret" not in response.text
        assert (await client.get(f"{V1}/health")).status_code == 401
        assert (await client.post("/")).status_code == 405
