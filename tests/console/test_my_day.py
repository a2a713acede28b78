"""A technician's day on a phone: a visit in one hand, with reception and without; nothing that was tapped is lost."""

import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from maintenance.by_hand import Request
from tests.api.conftest import NOW, make_inventory
from tests.console.conftest import Open, Watch, settled
from tests.console.test_everywhere import violations
from tests.console.world import WEAK, Served, served, small

ENGINEER = "Zhao Min"


@pytest.fixture(scope="module")
def service(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service of its own: these tests close tickets."""
    with served(tmp_path_factory.mktemp("day"), built, make_inventory(), small()) as running:
        yield running


@pytest.fixture
def visit(service: Served) -> Iterator[int]:
    """A ticket of the weak line's, opened for this test, that is to be visited."""

    wish = Request("repair", f"line:{WEAK}", "for the day", cause="connector")
    made = service.ledger.open_by_hand(wish, make_inventory(), actor="dora", role="dispatcher", now=NOW)
    made = act(service, made.id, "assign", engineer=ENGINEER)
    act(service, made.id, "schedule", appointment_at=NOW + timedelta(hours=1))
    yield made.id
    ticket = service.ledger.ticket(made.id)
    if ticket.state not in ("resolved", "cancelled"):
        if ticket.state == "on_site":
            ticket = act(service, made.id, "wait_customer", note="over")
        act(service, made.id, "cancel", note="over")


def act(service: Served, ticket: int, action: str, **given: Any) -> Any:
    version = service.ledger.ticket(ticket).version
    return service.ledger.act(ticket, action, actor="dora", role="dispatcher", now=NOW, version=version, **given)


def my_day(open_page: Open) -> Page:
    page = open_page("visits", role="technician", language="en", phone=True)
    page.get_by_label("Grid engineer").fill(ENGINEER)
    page.get_by_role("button", name="Show").click()
    expect(page.locator("article").first).to_contain_text(WEAK)
    return page


def arrived(page: Page, service: Served, ticket: int, action: str) -> None:
    """Wait until the ticket's log ends with the action."""
    for _ in range(150):
        if service.ledger.log(ticket)[-1].action == action:
            return
        page.wait_for_timeout(100)
    raise AssertionError([e.action for e in service.ledger.log(ticket)])


def photo() -> dict[str, Any]:
    out = io.BytesIO()
    Image.effect_noise((320, 240), 60).save(out, "JPEG")
    return {"name": "IMG_1.jpg", "mimeType": "image/jpeg", "buffer": out.getvalue()}


def test_a_visit_is_told_shown_and_done_with_one_thumb(open_page: Open, service: Served, visit: int, axe: str) -> None:
    page = my_day(open_page)
    card = page.locator("article").first
    expect(card).to_contain_text("one-click cleaner")
    expect(card.locator("svg[role=img]")).to_be_visible()
    expect(card.get_by_role("button", name="Ask")).to_be_visible()
    assert violations(page, axe) == []
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    card.locator("input[type=file]").set_input_files(photo())
    expect(card.get_by_role("img", name="Photo 1")).to_be_visible()
    card.get_by_role("button", name="Start on site").click()
    expect(card).to_contain_text("On site")
    card.get_by_role("button", name="Resolve").click()
    page.get_by_label("What was done").select_option(label="Cleaned connector")
    page.get_by_role("button", name="Confirm").click()
    expect(page.locator("article")).to_have_count(0)
    ticket = service.ledger.ticket(visit)
    assert (ticket.state, ticket.cause_code, ticket.action_code) == ("resolved", "connector", "cleaned_connector")


def test_what_is_tapped_while_a_step_is_on_its_way_goes_right_after_it(
    open_page: Open, service: Served, visit: int
) -> None:
    page = my_day(open_page)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/visits/*/steps", hold)
    card = page.locator("article").first
    card.get_by_role("button", name="Start on site").click()
    expect(page.get_by_text("1 not sent yet")).to_be_visible()
    while not held:
        page.wait_for_timeout(50)
    card.locator("input[type=file]").set_input_files(photo())
    expect(page.get_by_text("2 not sent yet")).to_be_visible()
    held[0].continue_()
    expect(card.get_by_role("img", name="Photo 1")).to_be_visible()
    expect(page.get_by_text("not sent yet")).to_have_count(0)


def test_without_reception_the_day_is_there_and_what_was_tapped_arrives_later(
    open_page: Open, service: Served, visit: int, watch: Watch, axe: str
) -> None:
    page = my_day(open_page)
    page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    page.wait_for_function(
        "async () => { const c = await caches.open('lightline-day-1'); return (await c.keys()).length >= 3 }"
    )
    page.context.set_offline(True)
    page.reload()
    settled(page)
    expect(page.get_by_text("No reception")).to_be_visible()
    card = page.locator("article").first
    expect(card).to_contain_text(WEAK)
    card.get_by_role("button", name="Start on site").click()
    card.locator("input[type=file]").set_input_files(photo())
    card.get_by_role("button", name="Resolve").click()
    page.get_by_label("What was done").select_option(label="Cleaned connector")
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("3 not sent yet")).to_be_visible()
    assert violations(page, axe) == []
    page.reload()  # the phone was put away
    settled(page)
    expect(page.get_by_text("3 not sent yet")).to_be_visible()
    assert service.ledger.ticket(visit).state == "scheduled"

    # meanwhile somebody at the desk writes a note: what was done on site is done all the same
    act(service, visit, "note", note="the customer called")
    page.context.set_offline(False)
    page.reload()
    settled(page)
    arrived(page, service, visit, "resolve")
    expect(page.get_by_text("not sent yet")).to_have_count(0)
    ticket = service.ledger.ticket(visit)
    assert (ticket.state, ticket.action_code) == ("resolved", "cleaned_connector")
    assert [e.action for e in service.ledger.log(visit)][3:] == ["note", "start", "resolve"]
    watch.complaints.clear()  # the browser itself reports what it could not load


def test_what_the_desk_has_ended_meanwhile_is_kept_in_the_log(
    open_page: Open, service: Served, visit: int, watch: Watch
) -> None:
    page = my_day(open_page)
    page.route("**/visits/*/steps", lambda route: route.abort())
    page.context.set_offline(True)
    page.locator("article").first.get_by_role("button", name="Start on site").click()
    expect(page.get_by_text("1 not sent yet")).to_be_visible()
    act(service, visit, "cancel", note="the customer moved away")
    page.unroute("**/visits/*/steps")
    page.context.set_offline(False)
    page.reload()
    settled(page)
    arrived(page, service, visit, "report")
    expect(page.get_by_text("not sent yet")).to_have_count(0)
    assert service.ledger.ticket(visit).state == "cancelled"
    watch.complaints.clear()


def test_who_signs_out_leaves_nothing_of_the_day_on_the_phone(open_page: Open, visit: int) -> None:
    page = my_day(open_page)
    page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("button", name="Sign out").click()
    page.locator("#token, input").first.wait_for()
    page.wait_for_function("async () => !(await caches.has('lightline-day-1'))")
