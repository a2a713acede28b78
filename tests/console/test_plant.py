"""The plant: the tree of an OLT down to its lines, read again without leaving it; ONTs that no lines file has."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from collector.asks import AskServer, DeviceLook, LineAnswer
from tests.console.conftest import PHONE, Open, Watch, settled
from tests.console.test_everywhere import violations
from tests.console.test_lists import large as large  # noqa: PLC0414 - a fixture
from tests.console.world import MANY, TO_WORK_ON, WEAK, Served

STRANGER = "OLT1/0/1/77"


def test_a_tree_opens_from_port_to_line_by_keyboard_and_shows_common_causes(open_page: Open) -> None:
    page = open_page("plant/OLT1", language="en")
    ports = page.get_by_role("list", name="PON ports")
    expect(ports.get_by_role("link", name="0/1", exact=True)).to_be_visible()
    cause = ports.get_by_role("link", name="Splitter or its leg damaged, 4 lines")
    expect(cause).to_have_attribute("href", f"#/ticket/{TO_WORK_ON}")
    expect(ports.get_by_text("S1-0", exact=True)).to_have_count(0)  # what is closed is not there
    port = page.get_by_role("button", name="Open 0/1")
    port.focus()
    page.keyboard.press("Enter")
    expect(port).to_have_attribute("aria-expanded", "true")
    assert "open=0%2F1" in page.url
    page.get_by_role("button", name="Open S1", exact=True).press("Enter")
    expect(page.get_by_text("Least margin −1.3", exact=False).first).to_be_visible()
    page.get_by_role("button", name="Open S1-0", exact=True).press("Enter")
    weak = page.get_by_role("link", name=f"{WEAK}, Up, Not good, Margin −1.3 dB")
    expect(weak).to_have_text("■")
    page.reload()
    expect(page.get_by_role("button", name="Open 0/1")).to_have_attribute("aria-expanded", "true")
    page.get_by_role("button", name="Close all").click()
    expect(page.get_by_role("button", name="Open S1", exact=True)).to_have_count(0)


def test_what_is_in_trouble_is_opened_by_one_click_and_nothing_else_shown(open_page: Open) -> None:
    page = open_page("plant/OLT1", language="zh")
    page.get_by_role("button", name="展开异常端口").click()
    expect(page.get_by_role("button", name="展开 0/2", exact=True)).to_have_attribute("aria-expanded", "true")
    expect(page.get_by_role("button", name="展开 S1", exact=True)).to_have_count(2)
    page.get_by_label("仅看异常端口").check()
    expect(page.get_by_role("list", name="PON口").get_by_role("link", name="0/2", exact=True)).to_be_visible()
    assert "only=trouble" in page.url


def test_olts_are_found_and_the_worst_stands_first(open_page: Open) -> None:
    page = open_page("plant", language="en")
    expect(page.locator("tbody th a").first).to_have_text("OLT1")
    page.get_by_role("searchbox").fill("西区")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name="OLT2").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Tree of OLT2")


@contextmanager
def looking(socket: Path, *looks: DeviceLook) -> Iterator[list[str]]:
    """The collector's end of the socket; what it was asked for."""
    left, asked = list(looks), list[str]()
    loop, stop = asyncio.new_event_loop(), asyncio.Event()

    async def nobody(line: str) -> LineAnswer:
        return LineAnswer("unknown_line", line)

    def look(device: str) -> DeviceLook:
        asked.append(device)
        return left.pop(0)

    thread = threading.Thread(target=loop.run_until_complete, args=(AskServer(socket, nobody, look).run(stop),))
    thread.start()
    try:
        yield asked
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


def test_one_olt_is_read_again_without_leaving_the_page(open_page: Open, service: Served, watch: Watch) -> None:
    watch.refusals.add(429)
    looks = (DeviceLook("begun", "OLT1"), DeviceLook("too_soon", "OLT1", "a moment ago", 90))
    page = open_page("plant/OLT1?open=0%2F1", "operator", language="en")
    first = page.get_by_role("button", name="Open S1", exact=True)
    first.evaluate("e => (window.kept = e)")
    with page.expect_response("**/devices/OLT1/tree"):
        page.get_by_role("button", name="Refresh this OLT").click()
    with looking(service.asks, *looks) as asked:
        while not service.asks.is_socket():
            page.wait_for_timeout(20)
        page.get_by_role("button", name="Read its states now").click()
        expect(page.get_by_text("The collector reads its states now")).to_be_visible()
        page.reload()
        settled(page)
        page.get_by_role("button", name="Read its states now").click()
        expect(page.get_by_role("alert")).to_contain_text("It was asked a moment ago")
    assert asked == ["OLT1", "OLT1"]


def test_thousands_of_onts_open_port_by_port(large: Served, new_context: Callable[..., BrowserContext]) -> None:
    context = new_context("en")
    context.request.post(f"{large.address}api/v1/session", data={"token": large.token()})
    page: Page = context.new_page()
    page.goto(f"{large.address}#/plant/OLT3")
    ports = page.get_by_role("list", name="PON ports")
    expect(ports.get_by_role("listitem")).to_have_count(-(-MANY // 64))
    assert page.locator("main a[href*='#/line/']").count() == 0
    page.get_by_role("button", name="Open 0/7", exact=True).click()
    expect(page.locator("main a[href*='#/line/']")).to_have_count(64)


def test_an_unknown_ont_says_what_to_write_where(open_page: Open) -> None:
    page = open_page("unknown", "planner", language="en")
    row = page.get_by_role("row").filter(has_text=STRANGER)
    expect(row).to_contain_text("STRANGER")
    expect(row).to_contain_text("2026-11-02")
    expect(row.locator("code")).to_have_text(f"{STRANGER},OLT1,0/1,STRANGER,77")
    with page.expect_download() as got:
        page.get_by_role("link", name="Download as CSV").click()
    assert STRANGER in got.value.path().read_text(encoding="utf-8")
    page.get_by_role("searchbox").fill("nothing such")
    expect(page.get_by_text("Nothing matches")).to_be_visible()


@pytest.mark.parametrize("link", ["plant", "plant/OLT1?open=0%2F1%2C0%2F2", "unknown", "splitters"])
@pytest.mark.parametrize(("language", "phone"), [("zh", False), ("en", True)])
def test_the_plants_pages_fit_a_phone_and_break_no_rule(
    open_page: Open, axe: str, link: str, language: str, phone: bool
) -> None:
    page = open_page(link, language=language, phone=phone)
    assert violations(page, axe) == []
    assert not phone or page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_a_suggested_splitter_is_looked_at_accepted_and_taken_back(open_page: Open, service: Served) -> None:
    page = open_page("splitters", "planner", language="en")
    card = page.get_by_role("region", name="OLT1/0/2")
    expect(card.get_by_text("4 lines move together")).to_be_visible()
    card.get_by_role("button", name="Show their curves").click()
    expect(card.get_by_role("img")).to_have_count(4)
    card.get_by_label("Name of the new splitter").fill("FDH-7")
    card.get_by_role("button", name="Accept").click()
    row = page.get_by_role("row").filter(has_text="FDH-7")
    expect(row).to_contain_text("in force for 4 of 4 lines")
    expect(card).to_have_count(0)
    row.get_by_role("button", name="Undo").click()
    expect(card).to_be_visible()
    viewer = open_page("splitters", "viewer", language="zh")
    expect(viewer.get_by_role("button", name="接受", exact=True)).to_have_count(0)
