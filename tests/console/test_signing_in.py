"""Signing in and out, with and without a mouse; whose browser speaks Chinese sees Chinese."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.api.conftest import NOW
from tests.console.conftest import Open, Watch, settled
from tests.console.world import Served


@pytest.fixture
def visit(new_context: Callable[..., BrowserContext], service: Served, watch: Watch) -> Callable[..., Page]:
    """A browser that comes for the first time."""

    def make(link: str = "", language: str = "zh") -> Page:
        page = new_context(language).new_page()
        watch.unsigned += 1
        watch.follow(page)
        page.goto(f"{service.address}#/{link}")
        page.locator("#token").wait_for()
        return page

    return make


@pytest.mark.parametrize(
    ("language", "label", "button", "heading"),
    [("zh", "访问令牌", "登录", "总览"), ("en", "Access token", "Sign in", "Overview")],
)
def test_a_token_signs_in_in_the_language_of_the_browser(
    visit: Callable[..., Page], service: Served, language: str, label: str, button: str, heading: str
) -> None:
    page = visit(language=language)
    page.get_by_label(label).fill(f"  {service.token()}\n")  # pasted with what stood around it
    page.get_by_role("button", name=button, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN" if language == "zh" else "en")
    assert service.token() not in page.content()


def test_a_wrong_token_says_why_and_what_to_do_and_stays_in_reach(visit: Callable[..., Page], watch: Watch) -> None:
    page = visit(language="en")
    watch.unsigned += 1
    page.get_by_label("Access token").fill("ll_000000000000_wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("ask an administrator")
    expect(page.get_by_label("Access token")).to_be_focused()
    expect(page.get_by_label("Access token")).to_have_attribute("aria-invalid", "true")


def test_the_keyboard_alone_signs_in_reads_a_line_and_signs_out(visit: Callable[..., Page], service: Served) -> None:
    page = visit(language="en")
    tab_to(page, "Access token")
    page.keyboard.type(service.token())
    tab_to(page, "Sign in")
    page.keyboard.press("Enter")
    settled(page)
    tab_to(page, "Lines")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Lines")
    expect(page.get_by_role("heading", level=1)).to_be_focused()  # the reader follows to the new page
    settled(page)
    tab_to(page, "OLT1-1-0")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("OLT1-1-0")
    settled(page)
    page.locator("body").press("Home")
    tab_to(page, "Sign out", back=True)
    page.keyboard.press("Enter")
    expect(page.get_by_label("Access token")).to_be_visible()


def test_the_first_stop_of_the_keyboard_skips_the_navigation(open_page: Open) -> None:
    page = open_page(language="en")
    page.keyboard.press("Tab")
    assert focused(page) == "Skip to content"
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    assert page.url.endswith("#/")  # the link of the page is not lost to the jump


def test_a_link_to_a_page_leads_there_after_signing_in(visit: Callable[..., Page], service: Served) -> None:
    page = visit("lines?q=OLT2", "en")
    page.get_by_label("Access token").fill(service.token())
    page.keyboard.press("Enter")
    expect(page.get_by_role("searchbox")).to_have_value("OLT2")


def test_a_session_that_ended_asks_for_the_token_again(open_page: Open, service: Served, watch: Watch) -> None:
    page = open_page(language="en", role="viewer")
    watch.unsigned = 8  # of the questions that were under way
    shown = page.locator("header").inner_text()
    ended = next(token for token in service.tokens.list() if token.name in shown)
    service.tokens.revoke(ended.id, now=NOW)
    page.get_by_role("link", name="Planning").click()
    expect(page.get_by_label("Access token")).to_be_visible()


def test_the_language_is_switched_at_once_and_kept(open_page: Open) -> None:
    page = open_page(language="zh")
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    expect(page.locator("html")).to_have_attribute("lang", "en")


def focused(page: Page) -> str:
    """What the focused element is called."""
    told: str = page.evaluate(
        "() => { const e = document.activeElement;"
        " return (e.getAttribute('aria-label') || e.labels?.[0]?.innerText || e.innerText || '').trim() }"
    )
    return told


def tab_to(page: Page, name: str, *, back: bool = False) -> None:
    """Press Tab until what is called so has the focus."""
    seen = []
    for _ in range(80):
        page.keyboard.press("Shift+Tab" if back else "Tab")
        seen.append(focused(page))
        if seen[-1] == name:
            return
    pytest.fail(f"the keyboard never came to {name!r}; it came to {seen}")
