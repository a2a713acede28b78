"""Tickets as a list and as a board: one filter, one link; views kept, many at once, deadlines that count down."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from maintenance.by_hand import Request
from tests.api.conftest import NOW, make_inventory
from tests.console.conftest import PHONE, Open, settled
from tests.console.test_everywhere import violations
from tests.console.world import LATE, OF_WEAK, TO_WORK_ON, Served, served, small


@pytest.fixture(scope="module")
def service(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service of its own: these tests assign and cancel."""
    with served(tmp_path_factory.mktemp("many"), built, make_inventory(), small()) as running:
        yield running


def opened(service: Served, *lines: str) -> list[int]:
    wishes = [Request("repair", f"line:{line}", "slow", cause="connector") for line in lines]
    return [
        service.ledger.open_by_hand(wish, make_inventory(), actor="dora", role="dispatcher", now=NOW).id
        for wish in wishes
    ]


def test_list_and_board_are_two_views_of_one_filter(open_page: Open) -> None:
    page = open_page("tickets?area=east", language="en", role="dispatcher")
    expect(page.locator("tbody tr")).to_have_count(2)
    page.get_by_role("link", name="Board").click()
    expect(page.locator(".board .card")).to_have_count(2)
    column = page.get_by_role("region", name="To assign")
    expect(column.locator(".card").first).to_contain_text("Dirty or damaged connector")
    assert {"area=east", "as=board"} <= set(page.url.split("?")[1].split("&"))
    page.reload()
    expect(page.locator(".board .card")).to_have_count(2)
    page.get_by_label("Search titles").fill("splitter")
    expect(page.locator(".board .card")).to_have_count(1)
    assert "q=splitter" in page.url
    page.get_by_role("link", name="List").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Clear the filters").click()
    expect(page.locator("tbody tr")).to_have_count(3)


def test_deadlines_count_down_without_asking_the_service(open_page: Open, service: Served) -> None:
    page = open_page("tickets", language="en", role="dispatcher")
    late = page.locator("tbody tr", has=page.get_by_role("link", name=f"#{LATE}", exact=True))
    expect(late).to_contain_text(re.compile(r"Late by \d+ d \d+ h"))
    due = page.locator("tbody tr", has=page.get_by_role("link", name=f"#{OF_WEAK}", exact=True))
    deadline = service.ledger.ticket(OF_WEAK).deadline
    page.clock.set_fixed_time(deadline - timedelta(minutes=90))
    page.evaluate("() => dispatchEvent(new Event('focus'))")
    expect(due).to_contain_text("1 h 30 min left")
    page.clock.set_fixed_time(deadline - timedelta(minutes=89))
    page.evaluate("() => dispatchEvent(new Event('focus'))")
    expect(due).to_contain_text("1 h 29 min left")
    page.clock.set_fixed_time(deadline + timedelta(minutes=2))
    page.evaluate("() => dispatchEvent(new Event('focus'))")
    expect(due.locator(".bad")).to_have_text("■ Late by 2 min")


def test_a_view_is_saved_chosen_and_deleted(open_page: Open, service: Served) -> None:
    page = open_page("tickets?grade=P3&area=east", language="en", role="dispatcher")
    page.get_by_role("button", name="Save as a view").click()
    page.get_by_label("Name of the view").fill("P3 in the east")
    page.get_by_label("technician").check()
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("status").filter(has_text="Saved the view")).to_be_visible()
    shared = service.ledger.views.seen_by("nobody", "technician")
    assert [(v.name, v.filters) for v in shared] == [
        ("P3 in the east", {"state": "unfinished", "grade": "P3", "area": "east"})
    ]
    page.get_by_role("link", name="Clear the filters").click()
    expect(page.locator("tbody tr")).to_have_count(3)
    choose = page.get_by_label("Saved views")
    choose.select_option(label="P3 in the east")
    expect(page.get_by_label("Grade")).to_have_value("P3")
    expect(page.locator("tbody tr")).to_have_count(2)
    page.reload()
    settled(page)
    expect(choose).to_have_value(str(shared[0].id))
    page.get_by_role("button", name="Delete the view").click()
    page.get_by_role("button", name="Really delete it").click()
    expect(page.get_by_role("status").filter(has_text="Deleted the view")).to_be_visible()
    assert service.ledger.views.seen_by("nobody", "technician") == []


def test_a_view_with_more_than_the_page_has_fields_for_is_filtered_by_the_service(
    open_page: Open, service: Served
) -> None:
    filters = {"cause": ["splitter", "feeder"], "state": "unfinished"}
    service.ledger.views.save(
        "fibre", filters, owner="dora", role="dispatcher", now=NOW, shared_with=("planner",)
    )  # fmt: skip
    page = open_page("tickets", language="en", role="planner")
    page.get_by_label("Saved views").select_option(label="fibre (dora)")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody")).to_contain_text("Splitter or its leg damaged")
    page.reload()
    expect(page.locator("tbody tr")).to_have_count(1)


def test_many_are_assigned_at_once_and_each_outcome_is_told(open_page: Open, service: Served) -> None:
    numbers = opened(service, "OLT1-1-0", "OLT1-1-1", "OLT1-1-2", "OLT1-1-4")
    page = open_page("tickets", language="en", role="dispatcher")
    box = lambda number: page.get_by_label(f"Choose #{number}", exact=True)  # noqa: E731
    box(numbers[0]).focus()
    page.keyboard.press("Space")
    box(numbers[2]).focus()
    page.keyboard.press("Shift+Space")
    bar = page.get_by_role("region", name="Do with all of them")
    expect(bar).to_contain_text("3 chosen")
    # one of them changes before the dispatcher is done
    service.ledger.act(numbers[1], "note", actor="x", role="admin", now=NOW, version=1, note="called")
    bar.get_by_role("button", name="Assign").click()
    bar.get_by_label("Grid engineer").fill("Han")
    bar.get_by_role("button", name="Confirm").click()
    expect(bar).to_contain_text("Assign: 2 done")
    expect(bar).to_contain_text("1 were not")
    expect(bar.get_by_role("listitem")).to_contain_text(f"#{numbers[1]}")
    assert [service.ledger.ticket(n).engineer for n in (numbers[0], numbers[2])] == ["Han", "Han"]
    assert service.ledger.ticket(numbers[1]).state == "open"
    # it is still chosen, and goes with what is there now
    expect(bar).to_contain_text("1 chosen")


def test_with_the_mouse_a_range_is_chosen_and_all(open_page: Open, service: Served) -> None:
    page = open_page("tickets", language="en", role="dispatcher")
    boxes = page.locator("tbody input[type=checkbox]")
    count = boxes.count()
    boxes.nth(0).click()
    boxes.nth(2).click(modifiers=["Shift"])
    bar = page.get_by_role("region", name="Do with all of them")
    expect(bar).to_contain_text("3 chosen")
    page.get_by_label("Choose all that are shown").check()
    expect(bar).to_contain_text(f"{count} chosen")
    bar.get_by_role("button", name="Choose none").click()
    expect(bar).to_be_hidden()


def test_who_may_not_act_has_nothing_to_choose(open_page: Open) -> None:
    page = open_page("tickets", language="zh", role="viewer")
    expect(page.locator("tbody tr").first).to_be_visible()
    expect(page.locator("tbody input")).to_have_count(0)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_the_board_breaks_no_rule_and_fits(open_page: Open, axe: str, language: str, phone: bool) -> None:
    page = open_page("tickets?as=board", language=language, phone=phone, role="dispatcher")
    expect(page.locator(".board .card").first).to_be_visible()
    choose(page, TO_WORK_ON)
    page.get_by_role("button", name="Save as a view" if language == "en" else "存为视图").click()
    assert violations(page, axe) == []
    if phone:
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def choose(page: Page, number: int) -> None:
    page.locator(".board .card", has=page.get_by_role("link", name=f"#{number}", exact=True)).locator("input").check()
