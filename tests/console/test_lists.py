"""Searching, filtering and paging: what is asked stays in the link, and thousands of rows do not stop the page."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

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
    expect(page.get_by_role("status").filter(has_text="1 of 1 shown")).to_be_visible()  # told aloud


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


def test_a_refresh_keeps_rows_focus_and_place(open_page: Open) -> None:
    page = open_page("lines", language="en")
    link = page.get_by_role("link", name="OLT2-1-3")
    link.focus()
    link.evaluate("e => (window.kept = e)")
    with page.expect_response(lambda answer: "/api/v1/lines" in answer.url):
        page.evaluate("() => dispatchEvent(new HashChangeEvent('hashchange'))")  # asks again, as the timer does
    settled(page)
    assert link.evaluate("e => e === window.kept && document.activeElement === e")


@pytest.fixture(scope="module")
def large(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("large"), built, large_inventory(), [*small(), of_many()]) as running:
        yield running


def test_thousands_of_rows_come_by_more_and_do_not_freeze_the_page(
    large: Served, new_context: Callable[..., BrowserContext]
) -> None:
    context = new_context("en")
    context.request.post(f"{large.address}api/v1/session", data={"token": large.token()})
    page: Page = context.new_page()
    page.goto(f"{large.address}#/lines?shown={MANY}")
    expect(page.locator("tbody tr")).to_have_count(MANY, timeout=20_000)
    page.get_by_role("button", name="Show 200 more").click()
    expect(page.locator("tbody tr")).to_have_count(MANY + 22, timeout=20_000)
    assert "shown=3200" in page.url
    # a keystroke is on the screen within a few frames, with all rows there
    page.get_by_role("searchbox").focus()
    took = page.evaluate(
        "() => new Promise(done => { const began = performance.now();"
        " requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - began))) })"
    )
    page.keyboard.type("N-00007")
    expect(page.locator("tbody tr")).to_have_count(1)
    assert took < 1000
