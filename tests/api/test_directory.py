"""Signing in with the operator's directory: a real provider on loopback, and everything it might do wrong."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from authlib.oidc.core import OpenIDCode

from api.auth import REQUEST_HEADER
from api.cookies import COOKIE
from api.people.directory import DirectorySettings
from storage.protocol import TelemetryStore
from tests.api.conftest import BASE, V1, World
from tests.api.provider import CLIENT, SECRET, Provider, provider
from tests.clock import Clock

BACK = f"{BASE}{V1}/session/directory/back"


@pytest.fixture
def idp() -> Iterator[Provider]:
    with provider(BACK) as running:
        yield running


@pytest.fixture
def settings(idp: Provider) -> DirectorySettings:
    return DirectorySettings(
        idp.issuer, CLIENT, SECRET, roles={"bosses": "dispatcher", "crew": "technician"},
        areas={"crew": ("east",)}, grids={"crew": ("g1",)}, label="统一身份认证",
    )  # fmt: skip


@pytest.fixture
def world(make_world: Callable[..., World], store: TelemetryStore, settings: DirectorySettings, clock: Clock) -> World:
    clock.now = datetime.now(UTC)  # what the provider signs is dated by the machine's clock
    return make_world(store, directory=settings)


@pytest.fixture
async def browser(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=world.transport, base_url=BASE) as client:
        yield client


async def there(browser: httpx.AsyncClient) -> str:
    """From the button to the provider, and the address it sends the browser back to."""
    begun = await browser.get(f"{V1}/session/directory")
    assert begun.status_code == 303, begun.text
    async with httpx.AsyncClient() as outside:
        answered = await outside.get(begun.headers["location"])
    assert answered.status_code == 302, answered.text
    return answered.headers["location"]


async def sign_in(browser: httpx.AsyncClient) -> httpx.Response:
    return await browser.get(await there(browser))


async def refused(world: World, browser: httpx.AsyncClient, response: httpx.Response) -> str:
    """Nobody is signed in, the page learns that, and the audit why."""
    assert (response.status_code, response.headers["location"]) == (303, "/#/?refused=directory")
    assert (await browser.get(f"{V1}/session")).status_code == 401
    entry = world.parts.people.audit.page(limit=1)[0]
    assert (entry.event, entry.outcome) == ("sign_in", "refused")
    return str(entry.detail["why"])


async def test_who_the_directory_vouches_for_is_signed_in_with_the_rights_of_his_groups(
    world: World, browser: httpx.AsyncClient
) -> None:
    response = await sign_in(browser)
    assert (response.status_code, response.headers["location"]) == (303, "/")
    told = (await browser.get(f"{V1}/session")).json()
    assert (told["name"], told["role"], told["areas"], told["grids"]) == ("han", "technician", ["east"], ["g1"])
    assert {line["grid"] for line in (await browser.get(f"{V1}/lines")).json()["lines"]} == {"g1"}
    assert (await browser.get(f"{V1}/session/ways")).json() == {"password": False, "directory": "统一身份认证"}
    session = next(c for c in browser.cookies.jar if c.name == COOKIE)
    assert session.get_nonstandard_attr("SameSite") == "strict"
    entry = world.parts.people.audit.page(limit=1)[0]
    assert (entry.actor, entry.way, entry.event, entry.outcome) == ("han", "directory", "sign_in", "done")


async def test_the_question_carries_all_that_keeps_it_safe(browser: httpx.AsyncClient) -> None:
    begun = await browser.get(f"{V1}/session/directory")
    asked = {k: v[0] for k, v in parse_qs(urlsplit(begun.headers["location"]).query).items()}
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == BACK
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
    assert min(len(asked[name]) for name in ("state", "nonce", "code_challenge")) >= 43
    cookie = begun.headers["set-cookie"]
    assert asked["state"] not in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


async def test_a_role_follows_the_groups_and_a_user_without_any_is_refused(
    world: World, browser: httpx.AsyncClient, idp: Provider
) -> None:
    await sign_in(browser)
    idp.claims = {**idp.claims, "groups": ["crew", "bosses"]}
    await sign_in(browser)
    assert (await browser.get(f"{V1}/session")).json()["role"] == "dispatcher"
    await browser.delete(f"{V1}/session", headers={REQUEST_HEADER: "1"})
    idp.claims = {**idp.claims, "groups": ["guests"]}
    assert "groups" in await refused(world, browser, await sign_in(browser))


async def test_the_way_back_is_good_once_and_for_the_browser_that_went(
    world: World, browser: httpx.AsyncClient
) -> None:
    address = await there(browser)
    async with httpx.AsyncClient(transport=world.transport, base_url=BASE) as victim:
        await refused(world, victim, await victim.get(address))  # an attacker's code, given to somebody else
    await refused(world, browser, await browser.get(address))  # and then it is used up
    address = await there(browser)
    await browser.get(address)
    await browser.delete(f"{V1}/session", headers={REQUEST_HEADER: "1"})
    await refused(world, browser, await browser.get(address))


async def test_a_way_back_that_takes_too_long_or_was_made_up_is_refused(
    world: World, browser: httpx.AsyncClient
) -> None:
    address = await there(browser)
    world.clock.forward(minutes=10)
    assert "too long ago" in await refused(world, browser, await browser.get(address))
    for query in ("", "?state=made-up&code=made-up", "?error=access_denied", "?code=x", "?state=x"):
        await refused(world, browser, await browser.get(f"{V1}/session/directory/back{query}"))
    address = await there(browser)
    await refused(world, browser, await browser.get(f"{address}&iss=https://elsewhere.example"))


async def test_a_stolen_code_is_worth_nothing_without_its_verifier(
    world: World, browser: httpx.AsyncClient, idp: Provider
) -> None:
    stolen = parse_qs(urlsplit(await there(browser)).query)["code"][0]
    mine = await there(browser)
    state = parse_qs(urlsplit(mine).query)["state"][0]
    response = await browser.get(f"{V1}/session/directory/back", params={"code": stolen, "state": state})
    assert "invalid_grant" in await refused(world, browser, response)


@pytest.mark.parametrize(
    ("lie", "why"),
    [({"nonce": "another"}, "another sign-in"), ({"aud": "another-program"}, "udience"),
     ({"exp": 1_700_000_000}, "expired"), ({"iss": "https://elsewhere.example"}, "ssuer"),
     ({"azp": "another-program"}, "another program"), ({"iat": 4_000_000_000}, "not yet valid")],
)  # fmt: skip
async def test_a_token_that_was_not_made_for_this_is_refused(
    world: World, browser: httpx.AsyncClient, idp: Provider, monkeypatch: pytest.MonkeyPatch, lie: dict[str, object],
    why: str,
) -> None:  # fmt: skip
    address = await there(browser)
    _sign_with(idp, monkeypatch, lie)
    assert why in await refused(world, browser, await browser.get(address))


async def test_a_key_that_changes_is_followed_and_one_that_is_not_published_is_not(
    world: World, browser: httpx.AsyncClient, idp: Provider
) -> None:
    await sign_in(browser)
    idp.rotate()
    world.clock.forward(minutes=2)
    await sign_in(browser)
    assert (await browser.get(f"{V1}/session")).status_code == 200
    assert idp.asked["keys"] == 2
    await browser.delete(f"{V1}/session", headers={REQUEST_HEADER: "1"})
    idp.shown = list(idp.keys)
    idp.rotate()
    for _ in range(3):
        assert "does not publish" in await refused(world, browser, await sign_in(browser))
    assert idp.asked["keys"] == 2  # who sends unknown keys makes us ask once a minute at most
    world.clock.forward(minutes=2)
    await refused(world, browser, await sign_in(browser))
    assert idp.asked["keys"] == 3


async def test_a_token_signed_with_a_shared_secret_or_not_at_all_is_refused(
    world: World, browser: httpx.AsyncClient, idp: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    for algorithm in ("HS256", "none"):
        address = await there(browser)
        _sign_with(idp, monkeypatch, {}, algorithm)
        assert "public key" in await refused(world, browser, await browser.get(address))
        monkeypatch.undo()


async def test_a_directory_never_takes_over_a_user_of_ours(world: World, browser: httpx.AsyncClient) -> None:
    world.parts.people.users.create("Han", "admin", world.clock(), password="lamp river seventeen quiet")
    assert "already" in await refused(world, browser, await sign_in(browser))


async def test_a_user_disabled_here_stays_out_whatever_the_directory_says(
    world: World, browser: httpx.AsyncClient
) -> None:
    await sign_in(browser)
    user = world.parts.people.users.named("han") or pytest.fail("no user was made")
    world.parts.people.users.change(user.id, world.clock(), state="disabled")
    assert "disabled" in await refused(world, browser, await sign_in(browser))
    response = await browser.post(f"{V1}/session", json={"name": "han", "password": "lamp river seventeen quiet"})
    assert response.status_code == 401  # nor with a password: he has none here


async def test_a_directory_that_is_away_or_calls_itself_otherwise_is_said(
    make_world: Callable[..., World], store: TelemetryStore, settings: DirectorySettings, idp: Provider
) -> None:
    for world in (
        make_world(store, directory=replace(settings, issuer="http://127.0.0.1:9")),
        make_world(store, directory=replace(settings, issuer=f"{idp.issuer}/other")),
    ):
        response = await world.get("/session/directory", role="viewer")
        assert (response.status_code, response.json()["type"]) == (503, "urn:lightline:problem:directory-away")


def test_a_directory_is_reached_by_tls_but_on_this_machine(settings: DirectorySettings) -> None:
    with pytest.raises(ValueError, match="https"):
        replace(settings, issuer="http://login.example")


def _sign_with(
    idp: Provider, monkeypatch: pytest.MonkeyPatch, lie: dict[str, object], algorithm: str = "RS256"
) -> None:
    """From now on what the provider signs is not as it should be."""
    key = idp.keys[0]
    right = OpenIDCode.process_token

    def lying(self: OpenIDCode, grant: object, response: object) -> object:
        told = right(self, grant, response)
        claims = {**jwt.decode(told["id_token"], options={"verify_signature": False}), **lie}
        secret: object = {
            "RS256": jwt.PyJWK(key.as_dict(private=True)).key, "HS256": "s" * 32, "none": None,
        }[algorithm]  # fmt: skip
        told["id_token"] = jwt.encode(claims, secret, algorithm, headers={"kid": key.kid})  # type: ignore[arg-type]
        return told

    monkeypatch.setattr(OpenIDCode, "process_token", lying)
