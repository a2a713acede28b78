"""The overview: five figures with their week, what changed since yesterday, every grid; and all of it by itself."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.api.conftest import NOW, finding, make_inventory
from tests.console.conftest import Open, Watch, settled
from tests.console.test_everywhere import violations
from tests.console.world import OF_WEAK, Served, served, small


def test_each_figure_has_its_week(open_page: Open) -> None:
    page = open_page("", language="en")
    # two lines have been read for ninety days, the others since today
    expect(page.get_by_role("img", name="Lines up, 7 days: 2 → 19")).to_be_visible()
    expect(page.get_by_role("img", name="Lines at risk, 7 days: 1 → 6")).to_be_visible()
    expect(page.get_by_role("img", name="Tickets late, 7 days: 1 → 1")).to_be_visible()
    assert page.locator("a.figure svg").count() == 5


def test_since_yesterday_tells_common_causes_first_and_each_entry_leads_on(open_page: Open) -> None:
    page = open_page("", language="en")
    changed = page.get_by_role("region", name="Since yesterday")
    heads = [text.rsplit(" ", 1)[0].strip() for text in changed.get_by_role("heading", level=3).all_inner_texts()]
    assert heads[:2] == ["■New common causes", "▲New findings on single lines"]
    # told twice since, it stands once
    expect(changed.get_by_role("link", name=f"#{OF_WEAK}")).to_have_count(1)
    changed.get_by_role("link", name="OLT2 does not answer").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("OLT2")
    page.go_back()
    changed.get_by_role("link", name="Splitter or its leg damaged #3").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("3")


def test_a_grid_says_in_words_how_it_is_and_opens_its_lines(open_page: Open) -> None:
    page = open_page("", language="en")
    tile = page.get_by_role("list", name="东区").get_by_role("link", name="One 75.0% 2 of 8 lines not good")
    expect(tile).to_contain_text("■")
    tile.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Lines")
    assert "grid=g1" in page.url
    assert "sort=margin_db" in page.url


@pytest.fixture(scope="module")
def lively(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service that tells of changes as long as somebody listens."""
    folder = tmp_path_factory.mktemp("lively")
    with served(folder, built, make_inventory(), small(), stream_s=600.0, refresh_s=0.2) as running:
        yield running


def signed_in(lively: Served, context: BrowserContext, link: str = "") -> Page:
    signed = context.request.post(f"{lively.address}api/v1/session", data={"token": lively.token()})
    assert signed.ok
    page = context.new_page()
    with page.expect_response(lambda answer: "/api/v1/events" in answer.url):
        page.goto(f"{lively.address}#/{link}")
    settled(page)
    return page


def break_line(lively: Served, line: str) -> None:
    lively.ledger.take([finding(line)], make_inventory(), NOW - timedelta(minutes=5))


def test_what_happens_is_on_the_page_by_itself_and_nothing_else_moves(
    lively: Served, new_context: Callable[..., BrowserContext]
) -> None:
    page = signed_in(lively, new_context("en"))
    page.get_by_role("button", name="Open 东区").click()
    tile = page.get_by_role("link", name="Two 100.0%")
    tile.focus()
    tile.evaluate("e => (window.kept = e)")
    at = page.evaluate("scrollY")
    break_line(lively, "OLT1-1-6")
    # sooner than anybody would have asked again
    expect(page.get_by_role("region", name="Since yesterday")).to_contain_text("line OLT1-1-6")
    expect(page.locator("a.figure", has_text="Lines at risk")).to_contain_text("▲7")
    assert tile.evaluate("e => e === window.kept && document.activeElement === e")
    assert page.evaluate("scrollY") == at
    expect(page.get_by_role("button", name="Open 东区")).to_have_attribute("aria-expanded", "true")


def test_a_tab_that_nobody_sees_hears_nothing_and_misses_nothing(
    lively: Served, new_context: Callable[..., BrowserContext]
) -> None:
    page = signed_in(lively, new_context("en"))
    expect(page.get_by_role("region", name="Since yesterday")).to_be_visible()
    hide = "(yes) => { Object.defineProperty(document, 'hidden', { value: yes, configurable: true });"
    hide += " document.dispatchEvent(new Event('visibilitychange')) }"
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    with page.expect_event("requestfailed", lambda request: "/api/v1/events" in request.url):
        page.evaluate(hide, True)
    break_line(lively, "OLT1-2-5")
    assert not [url for url in asked if "/api/" in url]
    with page.expect_request(lambda request: "/api/v1/events?after=" in request.url):
        page.evaluate(hide, False)
    expect(page.get_by_role("region", name="Since yesterday")).to_contain_text("line OLT1-2-5")


def test_without_the_stream_pages_are_asked_for_as_before(
    lively: Served, new_context: Callable[..., BrowserContext]
) -> None:
    context = new_context("en")
    context.clock.install(time=NOW)
    context.request.post(f"{lively.address}api/v1/session", data={"token": lively.token()})
    page = context.new_page()
    page.route("**/api/v1/events**", lambda route: route.abort())
    page.goto(lively.address)
    settled(page)
    break_line(lively, "OLT1-2-6")
    page.clock.run_for(31_000)
    expect(page.get_by_role("region", name="Since yesterday")).to_contain_text("line OLT1-2-6")


@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_overview_breaks_no_rule_with_everything_open(
    open_page: Open, watch: Watch, axe: str, language: str, phone: bool, tmp_path: Path
) -> None:
    page = open_page("", language=language, phone=phone)
    assert violations(page, axe) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
