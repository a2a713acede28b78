"""Searching, filtering and paging: what is asked stays in the link, and thousands of rows do not stop the page."""

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.api.conftest import NOW
from tests.console.conftest import Open, settled
from tests.console.world import MANY, WEAK, Served, large_inventory, of_many, served, small


def test_a_search_finds_by_serial_and_by_customer(open_page: Open) -> None:
    page = open_page("lines", language="en")
    page.get_by_role("searchbox").fill("STRANGER")
    expect(page.locator("tbody tr")).to_have_count(0)  # its serial came from the device: not searched for
    page.get_by_role("searchbox").fill("hwtcOLT213")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("searchbox").fill("客户OLT113")
    expect(page.locator("tbody th a")).to_have_text(WEAK)
    expect(page.get_by_role("status").filter(has_text="Lines found: 1")).to_be_visible()  # told aloud


def test_nothing_found_offers_a_next_step(open_page: Open) -> None:
    page = open_page("lines?q=nobody", language="en")
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    page.locator("p.panel a").click()
    expect(page.locator("tbody tr")).to_have_count(22)


def test_filters_are_in_the_link_and_survive_reload_and_back(open_page: Open) -> None:
    page = open_page("lines", language="en")
    page.get_by_label("Area").select_option("east")
    page.get_by_label("Grid").select_option("g1")
    page.get_by_label("Quality").select_option("not_good")
    page.get_by_label("Order").select_option("margin_db")
    expect(page.locator("tbody tr")).to_have_count(2)
    link = page.url
    assert {"area=east", "grid=g1", "good=not_good", "sort=margin_db"} <= set(link.split("?")[1].split("&"))
    page.reload()
    expect(page.locator("tbody tr")).to_have_count(2)
    page.get_by_role("link", name=WEAK).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(WEAK)
    page.go_back()
    expect(page.locator("tbody tr")).to_have_count(2)
    assert page.url == link
    assert page.get_by_label("Quality").input_value() == "not_good"


def test_filters_are_saved_under_a_name_and_taken_up_again(open_page: Open) -> None:
    page = open_page("lines?area=east&good=not_good&sort=margin_db&q=HWTC", language="en")
    page.get_by_role("button", name="Save", exact=False).first.click()
    page.get_by_role("form").get_by_role("textbox").fill("weak in the east")
    page.get_by_role("form").get_by_role("button", name="Confirm").click()
    choice = page.get_by_role("combobox").filter(has_text="weak in the east")
    expect(choice).to_be_visible()
    page.goto(f"{page.url.split('#')[0]}#/lines")
    expect(page.locator("tbody tr")).to_have_count(22)
    choice.select_option("weak in the east")
    expect(page.locator("tbody tr")).to_have_count(2)
    assert page.get_by_role("searchbox").input_value() == "HWTC"
    assert {"area=east", "good=not_good", "sort=margin_db"} <= set(page.url.split("?")[1].split("&"))
    page.goto(f"{page.url.split('#')[0]}#/tickets")
    settled(page)
    expect(choice).to_have_count(0)  # a view of lines is none of tickets


def test_another_area_does_not_keep_the_grid_of_the_last(open_page: Open) -> None:
    page = open_page("lines?area=east&grid=g1", language="en")
    page.get_by_label("Area").select_option("west")
    expect(page.locator("tbody tr")).to_have_count(5)


def test_tickets_are_filtered_by_grade_department_and_lateness(open_page: Open) -> None:
    page = open_page("tickets", language="en")
    page.get_by_label("Late only").check()
    expect(page.locator("tbody tr")).to_have_count(1)
    assert "overdue=true" in page.url
    page.reload()
    settled(page)
    expect(page.get_by_label("Late only")).to_be_checked()
    page.get_by_role("link", name="Clear the filters").click()
    expect(page.locator("tbody tr")).to_have_count(3)
    page.get_by_label("Department").select_option("East maintenance")
    expect(page.locator("tbody tr")).to_have_count(2)
    page.get_by_label("State").select_option("closed")
    expect(page.get_by_text("Nothing matches")).to_be_visible()


def test_a_refresh_keeps_rows_focus_and_place(service: Served, new_context: Callable[..., BrowserContext]) -> None:
    context = new_context("en")
    context.clock.install(time=NOW)
    context.request.post(f"{service.address}api/v1/session", data={"token": service.token()})
    page = context.new_page()
    page.goto(f"{service.address}#/lines?sort=margin_db")
    settled(page)
    link = page.get_by_role("link", name="OLT2-1-3")
    link.focus()
    link.evaluate("e => (window.kept = e)")
    with page.expect_response(lambda answer: "/api/v1/lines?" in answer.url):
        page.clock.run_for(125_000)
    settled(page)
    assert link.evaluate("e => e === window.kept && document.activeElement === e")


@pytest.fixture(scope="module")
def large(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("large"), built, large_inventory(), [*small(), of_many()]) as running:
        yield running


def of_large(large: Served, new_context: Callable[..., BrowserContext], link: str = "lines", **look: bool) -> Page:
    context = new_context("en", **look)
    context.request.post(f"{large.address}api/v1/session", data={"token": large.token()})
    page: Page = context.new_page()
    page.goto(f"{large.address}#/{link}")
    settled(page)
    return page


def scroll_to(page: Page, share: float) -> None:
    page.get_by_role("group", name="Lines").evaluate("(e, share) => (e.scrollTop = share * e.scrollHeight)", share)


def test_of_thousands_of_rows_only_those_in_sight_are_there(
    large: Served, new_context: Callable[..., BrowserContext]
) -> None:
    page = of_large(large, new_context)
    table = page.get_by_role("table", name="Lines")
    expect(table).to_have_attribute("aria-rowcount", str(MANY + 22 + 1))
    expect(page.get_by_role("link", name="N-00000", exact=True)).to_be_visible()
    scroll_to(page, 1.0)
    last = page.get_by_role("row").filter(has=page.get_by_role("link", name="coax/g3/1"))
    expect(last).to_have_count(0)  # ids are in the order of their bytes: capitals first, then this one at the very end
    assert page.locator("tbody tr").count() < 150


def test_going_back_leaves_one_where_one_stood(large: Served, new_context: Callable[..., BrowserContext]) -> None:
    page = of_large(large, new_context)
    scroll_to(page, 0.5)
    seen = page.locator("tbody tr[aria-rowindex='1520'] th a")
    expect(seen).to_be_visible()
    page.wait_for_url("**at=1*")
    name, kept = seen.inner_text(), page.url
    seen.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    page.go_back()
    expect(seen).to_be_in_viewport()
    assert page.url.split("at=")[0] == kept.split("at=")[0]
    page.reload()
    expect(seen).to_be_in_viewport()


def test_the_keyboard_walks_through_the_whole_list(large: Served, new_context: Callable[..., BrowserContext]) -> None:
    page = of_large(large, new_context)
    focused = "(row) => Number(document.activeElement.closest('tr')?.getAttribute('aria-rowindex')) === row"
    page.locator("tbody tr").first.get_by_role("link").first.focus()
    for _ in range(60):
        page.keyboard.press("ArrowDown")
    page.wait_for_function(focused, arg=62)
    page.keyboard.press("End")
    page.wait_for_function(focused, arg=MANY + 22 + 1)
    page.keyboard.press("Home")
    page.wait_for_function(focused, arg=2)
    expect(page.locator("tbody tr a:focus")).to_be_visible()


def test_a_search_among_thousands_leaves_the_page_quick(
    large: Served, new_context: Callable[..., BrowserContext]
) -> None:
    page = of_large(large, new_context, phone=True)
    scroll_to(page, 0.7)
    page.get_by_role("searchbox").fill("N-00007")
    expect(page.locator("tbody tr")).to_have_count(1)
    assert "at=" not in page.url


def test_a_million_lines_are_scrolled_from_end_to_end(
    large: Served, new_context: Callable[..., BrowserContext]
) -> None:
    """More pixels than a browser draws: the rows stand where the scroll bar says."""
    page = of_large(large, new_context)
    row = page.request.get(f"{large.address}api/v1/lines?limit=1").json()
    total = 1_000_000

    def give(route: Route) -> None:
        asked = {k: int(v[0]) for k, v in parse_qs(urlsplit(route.request.url).query).items() if v[0].isdigit()}
        skip = asked.get("skip", 0)
        numbers = range(skip, min(total, skip + asked["limit"]))
        lines = [{**row["lines"][0], "line_id": f"L{n:07}"} for n in numbers]
        route.fulfill(json={**row, "total": total, "next": None, "lines": lines})

    page.route("**/api/v1/lines?**", give)
    page.get_by_label("Order").select_option("margin_db")
    expect(page.get_by_role("link", name="L0000000")).to_be_visible()
    scroll_to(page, 1.0)
    expect(page.get_by_role("link", name="L0999999")).to_be_in_viewport()
    scroll_to(page, 0.5)
    page.wait_for_function("() => /L0(499|500)/.test(document.querySelector('tbody').innerText)")
    assert page.locator("tbody tr").count() < 150
