"""A line asked for now, from its page."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import expect

from collector.asks import AskServer, LineAnswer
from tests.api.conftest import NOW
from tests.console.conftest import Open, Watch, settled
from tests.console.world import WEAK, Served

TOLD = LineAnswer(
    "answered", WEAK, device="OLT1", time=NOW, readings={"state": "up", "rx_dbm": -24.1, "tx_dbm": None},
    quality={"tx_dbm": "sentinel"}, requests=2, seconds=0.3,
)  # fmt: skip


@contextmanager
def collector(socket: Path, *answers: LineAnswer) -> Iterator[None]:
    """The collector's end of the socket, with an answer for each time it is asked."""
    left = list(answers)
    loop, stop = asyncio.new_event_loop(), asyncio.Event()

    async def answer(_: str) -> LineAnswer:
        return left.pop(0)

    thread = threading.Thread(target=loop.run_until_complete, args=(AskServer(socket, answer).run(stop),))
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


def test_a_line_says_what_its_light_is_now_and_how_it_has_changed(open_page: Open, service: Served) -> None:
    with collector(service.asks, TOLD):
        page = open_page(f"line/{WEAK}", "technician", language="en")
        page.get_by_role("button", name="Ask the line now").click()
        answer = page.get_by_role("table", name="Ask the line now")
        expect(answer.get_by_role("row").filter(has_text="−24.10 dBm")).to_be_visible()
        expect(page.get_by_text("ONT light changed by +4.20 dB since the reading before")).to_be_visible()
        expect(page.get_by_role("button", name="again in")).to_be_disabled()
        settled(page)


def test_who_comes_too_soon_is_told_when_to_come_again(open_page: Open, service: Served, watch: Watch) -> None:
    watch.refusals.add(429)
    with collector(service.asks, LineAnswer("too_soon", WEAK, "asked 20 s ago", "OLT1", retry_after_s=40.0)):
        page = open_page(f"line/{WEAK}", "technician", language="zh")
        page.get_by_role("button", name="立即查询这条线路").click()
        expect(page.get_by_role("alert").filter(has_text="刚刚查询过")).to_be_visible()
        expect(page.get_by_role("button", name="秒后可再查")).to_be_disabled()


def test_without_a_collector_the_page_says_so(open_page: Open, watch: Watch) -> None:
    watch.refusals.add(503)
    page = open_page(f"line/{WEAK}", "technician", language="en")
    page.get_by_role("button", name="Ask the line now").click()
    expect(page.get_by_role("alert").filter(has_text="The collector is not running")).to_be_visible()


def test_who_may_not_ask_has_no_button(open_page: Open) -> None:
    page = open_page(f"line/{WEAK}", "viewer", language="en")
    settled(page)
    expect(page.get_by_role("button", name="Ask the line now")).to_have_count(0)
