"""Users in the console: by name and code, by the directory; one's account; what administrators keep."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from api.people import totp
from api.people.directory import DirectorySettings
from tests.api.conftest import NOW, make_inventory
from tests.api.provider import CLIENT, SECRET, Provider, provider
from tests.console.conftest import PHONE, Watch, settled
from tests.console.test_everywhere import violations
from tests.console.world import WEAK, Served, served, small

PASSWORD = "lamp river seventeen quiet"


@pytest.fixture(scope="module")
def idp() -> Iterator[Provider]:
    with provider("") as running:
        yield running


@pytest.fixture(scope="module")
def manned(built: Path, idp: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service with users and a directory."""
    directory = DirectorySettings(
        idp.issuer, CLIENT, SECRET, roles={"crew": "technician"}, areas={"crew": ("east",)}, label="统一身份认证"
    )
    folder = tmp_path_factory.mktemp("manned")
    with served(folder, built, make_inventory(), small(), directory=directory) as running:
        idp.client.back = f"{running.address}api/v1/session/directory/back"
        users = running.tokens.people.users
        users.create("韩梅梅", "dispatcher", NOW, password=PASSWORD)
        yield running


@pytest.fixture
def visit(new_context: Callable[..., BrowserContext], manned: Served) -> Iterator[Callable[..., Page]]:
    """A browser that comes for the first time; it may complain of refusals alone, and ask the two services only."""
    watching = Watch()

    def make(language: str = "en", refusals: int = 0, *, phone: bool = False, link: str = "") -> Page:
        page = new_context(language, phone=phone).new_page()
        watching.unsigned += 1 + refusals
        watching.follow(page)
        page.goto(f"{manned.address}#/{link}")
        page.locator("#name").wait_for()
        return page

    yield make
    assert watching.complaints == []
    assert {host.partition(":")[0] for host in watching.hosts} <= {"127.0.0.1", ""}


def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    page.locator("#name").fill(name)
    page.locator("#password").fill(password)
    page.keyboard.press("Enter")


def go(page: Page, link: str) -> None:
    page.goto(f"{page.url.split('#')[0]}#/{link}")
    settled(page)


@pytest.mark.parametrize(
    ("language", "name", "password", "heading"),
    [("zh", "用户名", "密码", "总览"), ("en", "Name", "Password", "Overview")],
)
def test_a_name_and_a_password_sign_in(
    visit: Callable[..., Page], axe: str, language: str, name: str, password: str, heading: str
) -> None:
    page = visit(language)
    assert violations(page, axe) == []
    # hidden while it is typed, and a password manager may fill it
    expect(page.locator("#password")).to_have_attribute("type", "password")
    expect(page.locator("#password")).to_have_attribute("autocomplete", "current-password")
    page.get_by_label(name, exact=True).fill("韩梅梅")
    page.get_by_label(password, exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    assert PASSWORD not in page.content()


def test_a_wrong_password_says_no_more_than_that_and_a_token_is_in_reach(
    visit: Callable[..., Page], manned: Served
) -> None:
    page = visit("zh", refusals=1)
    sign_in(page, "韩梅梅", "not the password")
    expect(page.get_by_role("alert")).to_contain_text("用户名、密码或验证码不正确")
    expect(page.locator("#password")).to_be_focused()
    page.get_by_role("button", name="使用访问令牌登录").click()
    page.get_by_label("访问令牌").fill(manned.token("viewer"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("总览")


def test_an_administrator_sets_up_a_second_factor_and_keeps_users(
    visit: Callable[..., Page], manned: Served, axe: str
) -> None:
    manned.tokens.people.users.create("root", "admin", NOW, password=PASSWORD)
    page = visit("en", refusals=1)
    sign_in(page, "root")
    expect(page.get_by_text("Your role needs a second factor")).to_be_visible()
    page.get_by_label("Present password").fill(PASSWORD)
    page.get_by_role("button", name="Set up").click()
    shown = page.locator("section", has_text="authenticator").locator("code").inner_text()
    secret = re.sub(r"\s", "", shown)
    assert violations(page, axe) == []
    page.get_by_label("Code").fill(totp.code(secret, int(NOW.timestamp()) // 30, 6))
    page.get_by_role("button", name="Confirm").click()
    expect(page.locator(".codes li")).to_have_count(10)
    recovery = page.locator(".codes li").first.inner_text()
    assert violations(page, axe) == []
    page.get_by_role("button", name="Confirm").click()

    expect(page.get_by_role("link", name="System")).to_be_visible()
    go(page, "system")
    page.locator("#user-name").fill("新来的")
    page.locator("#user-role").select_option("technician")
    page.locator("#user-place").select_option("grid/g1")
    page.locator("#user-password").fill("violet harbour under nine")
    page.get_by_role("button", name="Make", exact=True).click()
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="新来的", exact=True))
    expect(row.first).to_contain_text("东区")
    expect(row.first).to_contain_text("One")
    page.get_by_role("button", name="Disable: 新来的").click()
    expect(page.get_by_role("button", name="Enable: 新来的")).to_be_visible()

    page.locator("#program-name").fill("reporting")
    page.locator("section", has=page.locator("#program-name")).get_by_role("button", name="Make a token").click()
    expect(page.get_by_text(re.compile("^ll_[0-9a-f]{12}_"))).to_be_visible()
    page.reload()
    settled(page)
    audit = page.locator("section", has=page.get_by_role("heading", name="Audit"))
    for event in ("token_made", "user_changed", "user_made", "second_factor_set", "sign_in"):
        expect(audit.get_by_role("cell", name=re.compile(f"^{event}")).first).to_be_visible()
    assert violations(page, axe) == []

    page.get_by_role("button", name="Sign out", exact=True).first.click()
    page.locator("#name").wait_for()
    sign_in(page, "root")
    page.locator("#code").fill(recovery)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("System")


def test_the_account_shows_where_one_is_signed_in_and_changes_the_password(
    visit: Callable[..., Page], manned: Served, axe: str
) -> None:
    manned.tokens.people.users.create("陈建国", "technician", NOW, password=PASSWORD, areas=["east"])
    other = visit()
    sign_in(other, "陈建国")
    settled(other)
    page = visit(phone=True, refusals=1)
    sign_in(page, "陈建国")
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("link", name="Account").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Account")
    settled(page)
    assert violations(page, axe) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    expect(page.get_by_role("button", name="End", exact=True)).to_have_count(1)
    page.locator("#present").fill("not the password")
    page.locator("#new-password").fill("violet harbour under nine")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_role("alert").filter(has_text="not right")).to_be_visible()
    page.locator("#present").fill(PASSWORD)
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    expect(page.get_by_role("button", name="End", exact=True)).to_have_count(0)  # the other one is signed out


def test_the_directory_signs_in_and_back(visit: Callable[..., Page], idp: Provider) -> None:
    page = visit("zh", refusals=1)
    page.get_by_role("link", name="统一身份认证").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("总览")
    expect(page.locator("header")).to_contain_text("han")
    assert urlsplit(page.url).query == ""
    page.get_by_role("button", name="退出").click()
    idp.claims = {**idp.claims, "groups": []}
    page.get_by_role("link", name="统一身份认证").click()
    expect(page.get_by_role("alert")).to_contain_text("统一认证未能登录")


def test_a_customer_is_shown_when_the_reason_is_given(visit: Callable[..., Page], manned: Served) -> None:
    page = visit("zh", link=f"line/{WEAK}")
    sign_in(page, "韩梅梅")
    settled(page)
    assert "客户OLT113" not in page.content()
    page.get_by_role("button", name="查看用户信息").click()
    page.get_by_label("查看原因").fill("用户来电，准备上门")
    page.keyboard.press("Enter")
    expect(page.get_by_text("客户OLT113")).to_be_visible()
    entry = manned.tokens.people.audit.page(limit=1, event="customer_shown")[0]
    assert (entry.actor, entry.target, entry.detail["reason"]) == ("韩梅梅", WEAK, "用户来电，准备上门")
