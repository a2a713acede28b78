"""Signing in by name: passwords, second factors, lock-out, sessions."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from api.auth import REQUEST_HEADER
from api.cookies import COOKIE, SAFE_COOKIE
from api.people import passwords, totp
from storage.protocol import TelemetryStore
from tests.api.conftest import BASE, V1, World

PASSWORD = "lamp river seventeen quiet"
OTHER = "violet harbour under nine"
HERE = {REQUEST_HEADER: "1"}


@pytest.fixture
def li(world: World) -> str:
    """A dispatcher's id."""
    return world.parts.people.users.create("李雷", "dispatcher", world.clock(), areas=["east"], password=PASSWORD).id


@pytest.fixture
async def browser(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=world.transport, base_url=BASE) as client:
        yield client


async def sign_in(
    client: httpx.AsyncClient, name: str = "李雷", password: str = PASSWORD, **more: str
) -> httpx.Response:
    return await client.post(f"{V1}/session", json={"name": name, "password": password, **more})


def kind(response: httpx.Response) -> str:
    told: str = response.json()["type"].removeprefix("urn:lightline:problem:")
    return told


def code_of(world: World, secret: str) -> str:
    return totp.code(secret, int(world.clock().timestamp()) // 30, 6)


async def with_second_factor(world: World, client: httpx.AsyncClient) -> tuple[str, list[str]]:
    """Signed in, and with a second factor from now on: its secret and the recovery codes."""
    assert (await sign_in(client)).status_code == 200
    begun = await client.post(f"{V1}/account/second-factor", json={"password": PASSWORD}, headers=HERE)
    secret = begun.json()["secret"]
    confirmed = await client.put(f"{V1}/account/second-factor", json={"code": code_of(world, secret)}, headers=HERE)
    assert confirmed.status_code == 200, confirmed.text
    world.clock.forward(seconds=30)
    return secret, confirmed.json()["recovery_codes"]


async def test_a_name_and_its_password_sign_in(browser: httpx.AsyncClient, li: str) -> None:
    response = await sign_in(browser, name=" 李雷 ")
    assert response.status_code == 200
    told = response.json()
    assert (told["name"], told["role"], told["areas"], told["account"]) == ("李雷", "dispatcher", ["east"], True)
    cookie = next(c for c in browser.cookies.jar if c.name == COOKIE)
    assert cookie.has_nonstandard_attr("HttpOnly")
    assert cookie.get_nonstandard_attr("SameSite") == "strict"
    assert (await browser.get(f"{V1}/lines")).json()["total"] == 17


async def test_over_tls_the_cookie_is_bound_to_this_host(world: World, li: str) -> None:
    async with httpx.AsyncClient(transport=world.transport, base_url=BASE.replace("http", "https")) as client:
        response = await sign_in(client)
        told = response.headers["set-cookie"].lower()
        assert told.startswith(f"{SAFE_COOKIE.lower()}=")
        for attribute in ("secure", "httponly", "samesite=strict", "path=/"):
            assert attribute in told.split("; "), told
        assert "domain" not in told
        assert "max-age=63072000" in response.headers["strict-transport-security"]
        assert (await client.get(f"{V1}/session")).status_code == 200
        planted = {COOKIE: client.cookies[SAFE_COOKIE]}
    async with httpx.AsyncClient(transport=world.transport, base_url=client.base_url, cookies=planted) as neighbour:
        assert (await neighbour.get(f"{V1}/session")).status_code == 401


async def test_nobody_learns_whether_a_name_exists(
    world: World, browser: httpx.AsyncClient, li: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same answer after the same work, and the same lock, for a name of somebody, of nobody and of one disabled."""
    hashed: list[bool] = []
    verify = passwords.matches

    def counting(kept: str | None, password: str) -> bool:
        hashed.append(True)
        return verify(kept, password)

    monkeypatch.setattr(passwords, "matches", counting)
    disabled = world.parts.people.users.create("gone", "viewer", world.clock(), password=PASSWORD)
    world.parts.people.users.change(disabled.id, world.clock(), state="disabled")
    answers: dict[str, list[Any]] = {}
    for name in ("李雷", "nobody", "gone"):
        for _ in range(6):
            response = await sign_in(browser, name, "wrong password of somebody")
            told = {**response.json(), "retry": response.headers.get("retry-after")}
            answers.setdefault(name, []).append((response.status_code, told, response.headers["content-length"]))
    assert answers["李雷"] == answers["nobody"] == answers["gone"]
    assert [status for status, _, _ in answers["nobody"]] == [401] * 5 + [429]
    assert len(hashed) == 15


async def test_an_account_waits_longer_after_each_failure_and_an_administrator_can_end_it(
    world: World, browser: httpx.AsyncClient, li: str
) -> None:
    waits = []
    for _ in range(8):
        response = await sign_in(browser, password="wrong password of somebody")
        while response.status_code == 429:
            waits.append(int(response.headers["retry-after"]))
            assert (await sign_in(browser)).status_code == 429  # not even the right one
            world.clock.forward(seconds=waits[-1])
            response = await sign_in(browser, password="wrong password of somebody")
    assert waits == [30, 30, 30]
    assert int((await sign_in(browser)).headers["retry-after"]) == 120
    async with world.client("admin") as admin:
        assert (await admin.delete(f"{V1}/users/{li}/lock")).status_code == 204
    assert (await sign_in(browser)).status_code == 200
    assert (await sign_in(browser, password="wrong password of somebody")).status_code == 401  # counted anew


async def test_an_address_that_tries_many_names_waits_too(world: World, browser: httpx.AsyncClient, li: str) -> None:
    for n in range(20):
        world.parts.people.failures.failed(f"name{n}", "127.0.0.1", world.clock())
    assert kind(await sign_in(browser)) == "locked"
    world.clock.forward(seconds=30)
    assert (await sign_in(browser)).status_code == 200


async def test_a_second_factor_is_asked_for_after_the_password(
    world: World, browser: httpx.AsyncClient, li: str
) -> None:
    secret, _ = await with_second_factor(world, browser)
    assert kind(await sign_in(browser)) == "code-needed"
    assert kind(await sign_in(browser, password="wrong password of somebody")) == "wrong-sign-in"
    assert kind(await sign_in(browser, code="000000")) == "wrong-sign-in"
    good = code_of(world, secret)
    assert (await sign_in(browser, code=good)).status_code == 200
    assert kind(await sign_in(browser, code=good)) == "wrong-sign-in"  # read over a shoulder
    world.clock.forward(seconds=30)
    assert (await sign_in(browser, code=code_of(world, secret))).status_code == 200


async def test_a_recovery_code_is_good_once(world: World, browser: httpx.AsyncClient, li: str) -> None:
    _, codes = await with_second_factor(world, browser)
    assert len(set(codes)) == 10
    assert (await sign_in(browser, code=codes[0].upper().replace("-", " "))).status_code == 200
    assert (await browser.get(f"{V1}/account")).json()["recovery_codes_left"] == 9
    assert kind(await sign_in(browser, code=codes[0])) == "wrong-sign-in"


def test_the_codes_are_those_of_the_standard() -> None:
    """RFC 6238, appendix B, for SHA-1."""
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    for at, code in ((59, "94287082"), (1111111109, "07081804"), (1234567890, "89005924"), (20000000000, "65353130")):
        assert totp.code(secret, at // 30, 8) == code


async def test_a_role_that_must_have_a_second_factor_sets_it_up_before_anything_else(
    world: World, browser: httpx.AsyncClient
) -> None:
    world.parts.people.users.create("root", "admin", world.clock(), password=PASSWORD)
    told = (await sign_in(browser, "root")).json()
    assert (told["unfinished"], told["rights"]) == ("second_factor", ["self"])
    assert kind(await browser.get(f"{V1}/lines")) == "unfinished-account"
    assert kind(await browser.post(
        f"{V1}/account/tokens", json={"name": "a", "days": 1, "password": PASSWORD}, headers=HERE
    )) == "unfinished-account"  # fmt: skip
    begun = await browser.post(f"{V1}/account/second-factor", json={"password": PASSWORD}, headers=HERE)
    assert begun.json()["address"].startswith("otpauth://totp/Lightline:root?secret=")
    code = code_of(world, begun.json()["secret"])
    assert (await browser.put(f"{V1}/account/second-factor", json={"code": code}, headers=HERE)).status_code == 200
    assert (await browser.get(f"{V1}/users")).status_code == 200


async def test_a_password_that_somebody_else_set_is_changed_first(world: World, browser: httpx.AsyncClient) -> None:
    async with world.client("admin") as admin:
        made = await admin.post(f"{V1}/users", json={"name": "new", "role": "viewer", "password": OTHER})
        assert (made.status_code, made.json()["must_change"]) == (201, True)
    assert (await sign_in(browser, "new", OTHER)).json()["unfinished"] == "password"
    assert kind(await browser.get(f"{V1}/health")) == "unfinished-account"
    change = {"present": OTHER, "password": OTHER}
    assert (await browser.post(f"{V1}/account/password", json=change, headers=HERE)).status_code == 422
    change = {"present": OTHER, "password": PASSWORD}
    assert (await browser.post(f"{V1}/account/password", json=change, headers=HERE)).status_code == 204
    assert (await browser.get(f"{V1}/health")).status_code == 200


@pytest.mark.parametrize(
    "password",
    ["short", "x" * 129, "passwordpassword", "aaaaaaaaaaaaaaaa", "qwertyuiop123", "李雷" * 6, "Lightline2026",
     "administrator1"],
)  # fmt: skip
def test_passwords_that_would_be_guessed_are_refused_with_a_reason(password: str) -> None:
    with pytest.raises(ValueError, match="password"):
        passwords.check(password, ["李雷"])


@pytest.mark.parametrize("password", [PASSWORD, "灯塔 河流 十七 安静 的 早晨", "pz8!Kd03-qwm", "ünïcödé wörds tøø"])
def test_any_characters_are_taken_and_no_kinds_are_asked_for(password: str) -> None:
    passwords.check(password, ["李雷"])
    kept = passwords.hashed(password)
    assert kept.startswith("$argon2id$v=19$m=47104,t=1,p=1$")
    assert passwords.matches(kept, password)
    assert not passwords.matches(kept, password + " ")
    assert not passwords.matches(None, password)


async def test_signing_in_always_gives_a_new_session_and_ends_the_old(
    world: World, browser: httpx.AsyncClient, li: str
) -> None:
    await sign_in(browser)
    first = browser.cookies[COOKIE]
    await sign_in(browser)
    assert browser.cookies[COOKIE] != first
    async with httpx.AsyncClient(transport=world.transport, base_url=BASE, cookies={COOKIE: first}) as thief:
        assert (await thief.get(f"{V1}/session")).status_code == 401
    fixed = "a-session-that-an-attacker-chose"
    async with httpx.AsyncClient(transport=world.transport, base_url=BASE, cookies={COOKIE: fixed}) as victim:
        response = await sign_in(victim)
        assert fixed not in response.headers["set-cookie"]


async def test_a_session_ends_when_nobody_uses_it_and_at_its_latest(
    make_world: Callable[..., World], store: TelemetryStore
) -> None:
    world = make_world(store, idle=timedelta(hours=1), session_hours=3)
    world.parts.people.users.create("李雷", "viewer", world.clock(), password=PASSWORD)
    async with httpx.AsyncClient(transport=world.transport, base_url=BASE) as client:
        await sign_in(client)
        world.clock.forward(minutes=59)
        assert (await client.get(f"{V1}/system")).status_code == 200
        world.clock.forward(minutes=59)
        assert (await client.get(f"{V1}/system")).status_code == 200
        world.clock.forward(minutes=61)
        assert (await client.get(f"{V1}/system")).status_code == 401
        await sign_in(client)
        for _ in range(3):
            assert (await client.get(f"{V1}/system")).status_code == 200
            world.clock.forward(minutes=59)
        world.clock.forward(minutes=3)
        assert (await client.get(f"{V1}/system")).status_code == 401


async def test_a_user_sees_his_sessions_and_ends_them(world: World, browser: httpx.AsyncClient, li: str) -> None:
    await sign_in(browser)
    async with httpx.AsyncClient(transport=world.transport, base_url=BASE, headers={"User-Agent": "phone"}) as phone:
        await sign_in(phone)
        told = (await browser.get(f"{V1}/account/sessions")).json()["sessions"]
        assert sorted((s["agent"] == "phone", s["present"]) for s in told) == [(False, True), (True, False)]
        other = next(s["id"] for s in told if not s["present"])
        assert (await browser.delete(f"{V1}/account/sessions/{other}", headers=HERE)).status_code == 204
        assert (await phone.get(f"{V1}/session")).status_code == 401
        await sign_in(phone)
        assert (await browser.delete(f"{V1}/account/sessions", headers=HERE)).status_code == 204
        assert (await phone.get(f"{V1}/session")).status_code == 401
    stranger = world.parts.people.users.create("other", "viewer", world.clock(), password=PASSWORD)
    async with httpx.AsyncClient(transport=world.transport, base_url=BASE) as client:
        await sign_in(client, "other")
        mine = (await browser.get(f"{V1}/account/sessions")).json()["sessions"][0]["id"]
        assert (await client.delete(f"{V1}/account/sessions/{mine}", headers=HERE)).status_code == 404
    assert (await browser.get(f"{V1}/session")).status_code == 200
    assert stranger.id != li


async def test_a_changed_password_ends_every_other_session(world: World, browser: httpx.AsyncClient, li: str) -> None:
    await sign_in(browser)
    async with httpx.AsyncClient(transport=world.transport, base_url=BASE) as thief:
        await sign_in(thief)
        wrong = {"present": OTHER, "password": OTHER + " and more"}
        assert kind(await thief.post(f"{V1}/account/password", json=wrong, headers=HERE)) == "wrong-sign-in"
        change = {"present": PASSWORD, "password": OTHER}
        assert (await browser.post(f"{V1}/account/password", json=change, headers=HERE)).status_code == 204
        assert (await thief.get(f"{V1}/session")).status_code == 401
    assert (await browser.get(f"{V1}/session")).status_code == 200
    assert kind(await sign_in(browser)) == "wrong-sign-in"
    assert (await sign_in(browser, password=OTHER)).status_code == 200


async def test_who_is_disabled_or_given_another_role_feels_it_at_once(
    world: World, browser: httpx.AsyncClient, li: str
) -> None:
    await sign_in(browser)
    async with world.client("admin") as admin:
        await admin.patch(f"{V1}/users/{li}", json={"role": "viewer", "areas": ["west"]})
        assert (await browser.get(f"{V1}/session")).json()["role"] == "viewer"
        assert (await browser.get(f"{V1}/lines")).json()["total"] == 5
        await admin.patch(f"{V1}/users/{li}", json={"state": "disabled"})
        assert (await browser.get(f"{V1}/session")).status_code == 401
        assert kind(await sign_in(browser)) == "wrong-sign-in"


async def test_nobody_raises_his_own_role(world: World, browser: httpx.AsyncClient) -> None:
    people = world.parts.people
    user = people.users.create("root", "admin", world.clock(), password=PASSWORD)
    secret = people.users.begin_second_factor(user.id) or ""
    people.users.confirm_second_factor(user.id, code_of(world, secret), world.clock(), keep=None)
    world.clock.forward(seconds=30)
    await sign_in(browser, "root", code=code_of(world, secret))
    for change in ({"role": "viewer"}, {"state": "disabled"}):
        response = await browser.patch(f"{V1}/users/{user.id}", json=change, headers=HERE)
        assert kind(response) == "not-allowed"


async def test_a_personal_token_can_what_its_user_can_as_far_as_it_was_told(
    world: World, browser: httpx.AsyncClient, li: str
) -> None:
    await sign_in(browser)
    asked = {"name": "notebook", "days": 30, "rights": ["read"], "password": PASSWORD}
    made = await browser.post(f"{V1}/account/tokens", json=asked, headers=HERE)
    assert made.status_code == 201, made.text
    bearer = {"Authorization": f"Bearer {made.json()['token']}"}
    async with httpx.AsyncClient(transport=world.transport, base_url=BASE, headers=bearer) as program:
        assert (await program.get(f"{V1}/lines")).json()["total"] == 17
        assert (await program.get(f"{V1}/session")).json()["rights"] == ["read"]
        assert kind(await program.post(f"{V1}/lines/OLT1-1-0/customer", json={"reason": "none"})) == "not-allowed"
        told = (await program.get(f"{V1}/account")).json()
        assert told["type"].endswith("no-account")
        assert "sign in with name and password" in told["remedy"]
        world.parts.people.users.change(li, world.clock(), areas=["west"])
        assert (await program.get(f"{V1}/lines")).json()["total"] == 5
        world.parts.people.users.change(li, world.clock(), state="disabled")
        assert (await program.get(f"{V1}/lines")).status_code == 401
    asked["rights"] = ["people"]
    world.parts.people.users.change(li, world.clock(), state="active")
    await sign_in(browser)
    assert (await browser.post(f"{V1}/account/tokens", json=asked, headers=HERE)).status_code == 422


async def test_no_secret_of_a_user_is_in_the_file_or_in_an_answer(
    world: World, browser: httpx.AsyncClient, li: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    _, codes = await with_second_factor(world, browser)
    session = browser.cookies[COOKIE]
    async with world.client("admin") as admin:
        told = "".join([(await admin.get(f"{V1}/{p}")).text for p in ("users", f"users/{li}", "tokens", "audit")])
    for secret in (PASSWORD, session, *codes):
        assert secret not in told
    assert "argon2" not in told
    path = world.tokens.path
    for file in path.parent.glob("tokens.sqlite*"):
        for secret in (PASSWORD, session, *codes):
            assert secret.encode() not in file.read_bytes()


async def test_a_sign_in_is_one_way_or_the_other(browser: httpx.AsyncClient) -> None:
    for body in ({}, {"name": "a"}, {"password": "b"}, {"token": "ll_x", "name": "a", "password": "b"}, {"code": "1"}):
        assert (await browser.post(f"{V1}/session", json=body)).status_code == 422, body


async def test_the_page_learns_how_one_can_sign_in(world: World, browser: httpx.AsyncClient) -> None:
    assert (await browser.get(f"{V1}/session/ways")).json() == {"password": False, "directory": None}
    world.parts.people.users.create("a", "viewer", world.clock(), password=PASSWORD)
    assert (await browser.get(f"{V1}/session/ways")).json() == {"password": True, "directory": None}
