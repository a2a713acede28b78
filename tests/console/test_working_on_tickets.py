"""A ticket goes its way from the console, as far as the ledger lets the caller."""

import pytest
from playwright.sync_api import Page, expect

from tests.api.conftest import NOW
from tests.console.conftest import Open, Watch, settled
from tests.console.world import LATE, OF_WEAK, TO_WORK_ON, Served


def do(page: Page, action: str) -> None:
    page.get_by_role("button", name=action, exact=True).click()


def confirm(page: Page, said: str) -> None:
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("status").filter(has_text=said)).to_be_visible()


def test_a_ticket_is_assigned_scheduled_started_and_resolved(open_page: Open, service: Served) -> None:
    page = open_page(f"ticket/{TO_WORK_ON}", role="technician", language="en")
    do(page, "Assign")
    expect(page.get_by_label("Grid engineer")).to_be_focused()
    page.get_by_label("Grid engineer").fill("Han")
    page.get_by_label("Note").fill("on his way past")
    confirm(page, "Done: Assign")
    expect(page.locator(".title")).to_contain_text("Assigned")

    do(page, "Schedule")
    # the browser is in London; the appointment is in the operator's zone
    page.get_by_label("Appointment (Asia/Shanghai)").fill("2026-11-03T09:30")
    confirm(page, "Done: Schedule")
    ticket = service.ledger.ticket(TO_WORK_ON)
    assert ticket.appointment_at is not None
    assert ticket.appointment_at.isoformat() == "2026-11-03T01:30:00+00:00"
    expect(page.locator("dl")).to_contain_text("11-03 09:30")

    do(page, "Start on site")
    confirm(page, "Done: Start on site")
    do(page, "Resolve")
    page.get_by_label("What it was").select_option(label="Splitter or its leg damaged")
    page.get_by_label("What was done").select_option(label="Replaced splitter")
    confirm(page, "Done: Resolve")
    expect(page.locator(".title")).to_contain_text("Resolved, to be verified")

    log = page.locator("ol.panel li")
    expect(log).to_have_count(5)
    expect(log.nth(3)).to_contain_text("on his way past")
    ticket = service.ledger.ticket(TO_WORK_ON)
    assert (ticket.state, ticket.cause_code, ticket.action_code) == ("resolved", "splitter", "replaced_splitter")


def test_who_was_slower_is_told_and_sees_what_is_there_now(open_page: Open, service: Served, watch: Watch) -> None:
    page = open_page(f"ticket/{LATE}", role="dispatcher", language="en")
    do(page, "Assign")
    page.get_by_label("Grid engineer").fill("Late Comer")
    ticket = service.ledger.ticket(LATE)
    service.ledger.act(
        LATE, "assign", actor="wang", role="dispatcher", now=NOW, version=ticket.version, note="", engineer="Wang"
    )
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("alert")).to_contain_text("Somebody changed this ticket")
    expect(page.locator("dl")).to_contain_text("Wang")
    assert service.ledger.ticket(LATE).engineer == "Wang"
    watch.complaints.clear()  # the browser itself reports the 409


def test_what_is_missing_is_asked_for_before_anything_is_sent(open_page: Open, service: Served) -> None:
    page = open_page(f"ticket/{OF_WEAK}", role="dispatcher", language="en")
    before = service.ledger.ticket(OF_WEAK).version
    do(page, "Cancel the ticket")
    page.get_by_role("button", name="Confirm").click()
    assert page.get_by_label("Note (needed)").evaluate("e => !e.validity.valid")
    assert service.ledger.ticket(OF_WEAK).version == before


@pytest.mark.parametrize(
    ("role", "words"), [("viewer", "您的角色只能查看工单。"), ("planner", "您的角色只能查看工单。")]
)
def test_who_may_not_act_is_told_so(open_page: Open, role: str, words: str) -> None:
    page = open_page(f"ticket/{OF_WEAK}", role=role, language="zh")
    expect(page.get_by_text(words)).to_be_visible()


def test_a_ticket_there_is_none_of_says_so_and_how_to_go_on(open_page: Open, watch: Watch) -> None:
    page = open_page("ticket/999", language="en")
    expect(page.get_by_role("alert")).to_contain_text("There is nothing here, or it is not in your area.")
    page.get_by_role("link", name="Tickets").click()
    settled(page)
    expect(page.locator("tbody tr").first).to_be_visible()
    watch.complaints.clear()  # the browser itself reports the 404
