"""What every page keeps: it fits a phone, asks nobody else, breaks no rule of accessibility, and survives trouble."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.console.conftest import CONSOLE, PHONE, Open, Watch, settled
from tests.console.world import FINE, OF_WEAK, UNREAD, WEAK, Served

LINKS = (
    "", "lines", f"line/{WEAK}", f"line/{FINE}", f"line/{UNREAD}", "line/coax/g3/1", "tickets", f"ticket/{OF_WEAK}",
    "planning", "reviews", "system", "settings", "plant", "plant/OLT1", "unknown", "splitters",
    "device/OLT1", "port/OLT1/0/1", "visits", "dispatch", "nowhere",
)  # fmt: skip
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")


def violations(page: Page, axe: str, rules: Sequence[str] = RULES) -> list[str]:
    # evaluated, not added to the page: the page's own policy would rightly refuse it
    page.evaluate(axe)
    found: dict[str, Any] = page.evaluate(
        "(rules) => axe.run(document, { runOnly: rules, resultTypes: ['violations'] })", list(rules)
    )
    return [
        f"{v['id']} ({v['impact']}), {len(v['nodes'])} times: {v['nodes'][0]['html'][:200]}"
        for v in found["violations"]
    ]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_no_page_breaks_a_rule_of_accessibility(open_page: Open, axe: str, dark: bool) -> None:
    page = open_page(language="en" if dark else "zh", dark=dark)
    found = {}
    for link in LINKS:
        page.goto(f"{page.url.split('#')[0]}#/{link}")
        settled(page)
        # in the dark only the colours are others
        if told := violations(page, axe, ("color-contrast",) if dark else RULES):
            found[link] = told
    assert found == {}


def test_signing_in_and_an_open_form_break_no_rule_either(
    open_page: Open, new_context: Callable[..., BrowserContext], service: Served, axe: str
) -> None:
    page = new_context("zh").new_page()
    page.goto(service.address)
    page.locator("#token").wait_for()
    assert violations(page, axe) == []
    page = open_page(f"ticket/{OF_WEAK}", language="en")
    for action in ("Assign", "Merge"):
        page.get_by_role("button", name=action, exact=True).click()
        assert violations(page, axe) == []


@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_page_is_wider_than_a_phone(open_page: Open, language: str) -> None:
    page = open_page(language=language, phone=True)
    for link in LINKS:
        page.goto(f"{page.url.split('#')[0]}#/{link}")
        settled(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], link


def test_on_a_phone_the_links_to_all_pages_are_behind_a_button(open_page: Open, axe: str) -> None:
    page = open_page(language="en", phone=True)
    menu, navigation = page.get_by_role("button", name="Menu"), page.get_by_role("navigation", name="Main")
    expect(navigation).to_be_hidden()
    menu.click()
    expect(menu).to_have_attribute("aria-expanded", "true")
    assert violations(page, axe) == []
    navigation.get_by_role("link", name="Lines", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Lines")
    expect(navigation).to_be_hidden()


def test_a_page_has_a_title_one_heading_and_landmarks(open_page: Open) -> None:
    page = open_page(language="en")
    titles = set()
    for link in LINKS:
        page.goto(f"{page.url.split('#')[0]}#/{link}")
        settled(page)
        assert page.get_by_role("heading", level=1).count() == 1
        assert page.get_by_role("main").count() == page.get_by_role("banner").count() == 1
        titles.add(page.title())
    assert len(titles) == len(LINKS)


def test_the_page_forbids_inline_scripts_and_needs_none(open_page: Open, service: Served) -> None:
    page = open_page()
    answer = page.request.get(service.address)
    policy = answer.headers["content-security-policy"]
    assert "unsafe-inline" not in policy
    assert "default-src 'self'" in policy
    html = answer.text()
    assert "<style" not in html
    assert html.count("<script") == html.count('<script type="module" crossorigin src="/assets/') == 1
    for text in (file.read_text(encoding="utf-8") for file in (CONSOLE / "dist").rglob("*.css")):
        assert "http" not in text
        assert "@import" not in text


def refuse(status: int, kind: str, **more: object) -> Callable[[Route], None]:
    body = {
        "type": f"urn:lightline:problem:{kind}",
        "title": "",
        "status": status,
        "detail": "told",
        "remedy": "do",
        **more,
    }
    return lambda route: route.fulfill(status=status, content_type="application/problem+json", body=json.dumps(body))


def test_what_was_read_stays_beside_a_failure_and_comes_back(open_page: Open, watch: Watch) -> None:
    page = open_page("planning", language="en")
    page.route("**/api/v1/retrofit", refuse(503, "store-down"))
    page.get_by_role("link", name="Overview").click()
    page.get_by_role("link", name="Planning").click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("The telemetry store cannot be asked")
    page.unroute("**/api/v1/retrofit")
    alert.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("240 / 1,000")).to_be_visible()
    page.route("**/api/v1/retrofit", lambda route: route.abort())
    page.clock.resume()
    watch.complaints.clear()  # the browser itself reports what did not answer


def test_a_service_that_cannot_be_reached_says_what_to_do(
    new_context: Callable[..., BrowserContext], service: Served
) -> None:
    page = new_context("en").new_page()
    page.route("**/api/v1/**", lambda route: route.abort())
    page.goto(service.address)
    expect(page.get_by_role("alert")).to_contain_text("lightline serve")
    page.unroute("**/api/v1/**")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_label("Access token")).to_be_visible()


def test_figures_that_lag_are_marked_late(open_page: Open) -> None:
    page = open_page("lines", language="en")
    told = page.request.get(f"{page.url.split('#')[0]}api/v1/lines?limit=200&sort=line_id").json()
    told |= {"as_of": "2026-11-02T01:40:00Z", "store_down_since": "2026-11-02T01:41:00Z"}
    page.route("**/api/v1/lines?**", lambda route: route.fulfill(json=told))
    page.reload()
    expect(page.locator(".title .warning")).to_have_text("▲ as of 09:40, late, store down since 09:41")
