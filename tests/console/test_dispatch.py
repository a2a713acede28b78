"""The dispatcher's desk: the week by person, a plan made, compared and applied, a card moved, a storm and its end."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from maintenance.by_hand import Request
from tests.api.conftest import NOW, make_inventory
from tests.console.conftest import PHONE, Open, Watch, settled
from tests.console.test_everywhere import violations
from tests.console.world import OF_WEAK, TO_WORK_ON, Served, served, small

TUESDAY, WEDNESDAY = "2026-11-03", "2026-11-04"
AT_TEN = datetime.fromisoformat("2026-11-03T10:00:00+08:00")


@pytest.fixture(scope="module")
def service(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service of its own: these tests plan and move. Two visits are agreed on Tuesday."""
    with served(tmp_path_factory.mktemp("desk"), built, make_inventory(), small()) as running:
        agree(running, OF_WEAK, "Li Lei", AT_TEN)
        agree(running, TO_WORK_ON, "Han", AT_TEN + timedelta(hours=4, minutes=30))
        for line in ("OLT1-1-0", "OLT1-1-6", "OLT1-2-6"):
            opened(running, line)
        yield running


def agree(service: Served, ticket: int, engineer: str, at: datetime) -> None:
    steps: list[Any] = [("assign", {"engineer": engineer}), ("schedule", {"appointment_at": at})]
    version = service.ledger.ticket(ticket).version
    service.ledger.act_in_turn(ticket, steps, actor="dora", role="dispatcher", now=NOW, version=version)


def opened(service: Served, line: str) -> int:
    wish = Request("repair", f"line:{line}", "slow", cause="connector")
    return service.ledger.open_by_hand(wish, make_inventory(), actor="dora", role="dispatcher", now=NOW).id


def cell(page: Page, engineer: str, day: str) -> Locator:
    return page.locator(f'[data-cell="{engineer}|{day}"]')


def card(page: Page, ticket: int) -> Locator:
    return page.locator(f'.card[data-ticket="{ticket}"]')


def board(open_page: Open, link: str = "dispatch", **look: Any) -> Page:
    page = open_page(link, **{"role": "dispatcher", "language": "en", **look})
    expect(page.locator("[data-cell]").first).to_be_visible()
    return page


def test_the_week_shows_who_goes_where_and_what_waits(open_page: Open) -> None:
    page = board(open_page)
    expect(page.locator("thead th")).to_have_count(6)
    expect(page.locator("thead .today")).to_contain_text("Mon 11-02 · Today")
    visit = cell(page, "Li Lei", TUESDAY).locator(".card")
    expect(visit).to_contain_text("10:00–10:45")
    expect(visit).to_contain_text("agreed")
    expect(cell(page, "Li Lei", TUESDAY)).to_contain_text("visits: 1; 45 min on site")
    waiting = page.get_by_role("region", name="Waiting for a visit")
    expect(waiting.locator(".card")).to_have_count(4)
    page.get_by_role("button", name="Later").click()
    expect(page.locator("thead th").nth(1)).to_contain_text("Sat 11-07")
    expect(cell(page, "Li Lei", "2026-11-07")).to_contain_text("off")
    assert "first=2026-11-07" in page.url
    page.reload()
    expect(page.locator("thead th").nth(1)).to_contain_text("Sat 11-07")
    page.get_by_role("button", name="Today").click()
    expect(page.locator("thead .today")).to_be_visible()


def test_a_card_is_dragged_and_its_consequences_come_before_it_moves(open_page: Open, service: Served) -> None:
    page = board(open_page)
    before = service.ledger.ticket(OF_WEAK).version
    carry(page, card(page, OF_WEAK), cell(page, "Han", WEDNESDAY))
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("the appointment at 11-03 10:00 becomes 11-04")
    expect(dialog).to_contain_text("was Li Lei, 11-03 10:00")
    assert service.ledger.ticket(OF_WEAK).version == before
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert service.ledger.ticket(OF_WEAK).version == before
    carry(page, card(page, OF_WEAK), cell(page, "Han", WEDNESDAY))
    dialog.get_by_role("button", name="Move it all the same").click()
    expect(cell(page, "Han", WEDNESDAY).locator(".card")).to_contain_text(f"#{OF_WEAK}")
    expect(page.get_by_role("status").filter(has_text=f"#{OF_WEAK} has moved")).to_be_visible()
    ticket = service.ledger.ticket(OF_WEAK)
    assert (ticket.engineer, ticket.state) == ("Han", "scheduled")
    assert [entry.action for entry in service.ledger.log(OF_WEAK)][-2:] == ["assign", "schedule"]


def carry(page: Page, what: Locator, to: Locator) -> None:
    what.scroll_into_view_if_needed()
    start, end = what.bounding_box(), to.bounding_box()
    assert start is not None
    assert end is not None
    page.mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] - 6)
    page.mouse.down()
    page.mouse.move(end["x"] + 20, end["y"] + 14, steps=6)
    expect(to).to_have_class(re.compile(r"\bover\b"))
    page.mouse.up()


def test_a_card_is_dragged_by_its_handle_with_a_finger(open_page: Open, service: Served) -> None:
    number = opened(service, "OLT1-1-1")
    agree(service, number, "Han", AT_TEN + timedelta(days=2))
    page = board(open_page, phone=True)
    grip, to = card(page, number).locator(".grip"), cell(page, "Han", "2026-11-06")
    to.scroll_into_view_if_needed()
    start, end = grip.bounding_box(), to.bounding_box()
    assert start is not None
    assert end is not None
    touch = page.context.new_cdp_session(page)
    places = [(start["x"] + 8, start["y"] + 8), (start["x"] + 20, start["y"] + 30), (end["x"] + 40, end["y"] + 10)]
    for kind, (x, y) in zip(("touchStart", "touchMove", "touchMove"), places, strict=True):
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    expect(to).to_have_class(re.compile(r"\bover\b"))
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(page.get_by_role("dialog")).to_contain_text("Fri 11-06 10:00")


def test_a_card_is_moved_by_keyboard_alone(open_page: Open, service: Served) -> None:
    page = board(open_page)
    button = card(page, TO_WORK_ON).get_by_role("button", name="Move")
    button.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("To")).to_be_focused()
    dialog.get_by_label("On").select_option(WEDNESDAY)
    dialog.get_by_label("At (empty").fill("16:00")
    expect(dialog).to_contain_text("Wed 11-04 16:00")
    page.keyboard.press("Escape")
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    dialog.get_by_label("On").select_option(WEDNESDAY)
    dialog.get_by_label("At (empty").fill("15:30")
    expect(dialog).to_contain_text("Wed 11-04 15:30")
    dialog.get_by_label("At (empty").press("Enter")
    expect(cell(page, "Han", WEDNESDAY)).to_contain_text(f"#{TO_WORK_ON}")
    expect(card(page, TO_WORK_ON).get_by_role("button", name="Move")).to_be_focused()
    appointment = service.ledger.ticket(TO_WORK_ON).appointment_at
    assert appointment is not None
    assert appointment.isoformat() == "2026-11-04T07:30:00+00:00"


def test_what_changed_since_is_told_and_asked_again(open_page: Open, service: Served, watch: Watch) -> None:
    watch.refusals.add(409)
    number = opened(service, "OLT1-2-5")
    page = board(open_page)
    card(page, number).get_by_role("button", name="Move").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("On").select_option("2026-11-05")
    confirm = dialog.get_by_role("button", name="Move it")
    expect(dialog).to_contain_text("Han, Thu 11-05")  # the days to choose from name it too
    version = service.ledger.ticket(number).version
    service.ledger.act(number, "note", actor="x", role="admin", now=NOW, version=version, note="gate code")
    confirm.click()
    expect(dialog).to_contain_text("Something changed meanwhile")
    assert service.ledger.ticket(number).state == "open"
    confirm.click()
    expect(cell(page, "Han", "2026-11-05")).to_contain_text(f"#{number}")


def test_a_plan_is_made_compared_changed_and_applied(open_page: Open, service: Served) -> None:
    waiting = opened(service, "OLT1-1-4")
    page = board(open_page, "dispatch?first=2026-11-05&days=3")
    page.get_by_role("button", name="Plan now").click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    expect(page.get_by_role("button", name="Apply the plan")).to_be_visible(timeout=45_000)
    assert "plan=" in page.url
    plan = page.get_by_role("region", name="Plan #")
    expect(plan).to_contain_text("not applied yet")
    expect(plan).to_contain_text("No appointment moves.")
    expect(plan.get_by_role("row", name="Visits")).to_contain_text("+")
    expect(card(page, waiting)).to_contain_text("proposed")
    assert service.ledger.ticket(waiting).state == "open"
    plan.get_by_text("could not be planned").click()
    expect(plan).to_contain_text("nobody has 西区")

    card(page, waiting).get_by_role("button", name="Move").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("To").select_option("Han")
    dialog.get_by_label("On").select_option("2026-11-06")
    dialog.get_by_label("At (empty").fill("15:00")
    expect(dialog).to_contain_text("Fri 11-06 15:00")
    dialog.get_by_role("button", name="Move it").click()
    expect(cell(page, "Han", "2026-11-06").locator(f'[data-ticket="{waiting}"]')).to_contain_text("put there by")
    assert service.ledger.ticket(waiting).state == "open"

    page.get_by_role("button", name="Apply the plan").click()
    expect(page.get_by_text("tickets assigned and scheduled")).to_be_visible()
    expect(card(page, waiting)).to_contain_text("agreed")
    ticket = service.ledger.ticket(waiting)
    assert (ticket.state, ticket.engineer) == ("scheduled", "Han")
    assert "plan=" not in page.url


def test_a_storm_is_switched_on_and_undone(open_page: Open, service: Served) -> None:
    page = board(open_page)
    page.get_by_role("button", name="Storm or holiday mode").click()
    form = page.get_by_role("form", name="Storm or holiday mode")
    expect(form).to_contain_text("P1 and P2 go first")
    form.get_by_label("Area").select_option("west")
    form.get_by_label("Why").fill("typhoon, red warning")
    form.get_by_role("button", name="Switch it on").click()
    banner = page.get_by_role("group", name="Storm mode")
    expect(banner).to_contain_text("Storm mode in 西区 until 11-03")
    expect(banner).to_contain_text("typhoon, red warning")
    assert [mode.mode for mode in service.ledger.modes(NOW)] == ["storm"]
    banner.get_by_role("button", name="End it").click()
    expect(banner).to_be_hidden()
    assert service.ledger.modes(NOW) == []


@pytest.mark.parametrize("role", ["viewer", "technician", "planner"])
def test_others_read_the_board_and_change_nothing(open_page: Open, role: str) -> None:
    page = board(open_page, role=role)
    expect(page.get_by_role("button", name="Move")).to_have_count(0)
    for name in ("Plan now", "Storm or holiday mode"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    expect(page.get_by_role("navigation").get_by_role("link", name="Dispatch")).to_have_count(0)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_the_board_breaks_no_rule_and_fits(
    open_page: Open, axe: str, language: str, phone: bool, tmp_path: Path
) -> None:
    page = board(open_page, language=language, phone=phone)
    assert violations(page, axe) == []
    if phone:
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    card(page, OF_WEAK).get_by_role("button").click()
    expect(page.get_by_role("dialog")).to_contain_text("Han")
    assert violations(page, axe) == []
    page.keyboard.press("Escape")
    page.screenshot(path=tmp_path / f"dispatch-{language}.png", full_page=True)


def test_an_area_without_anybody_says_so(open_page: Open) -> None:
    page = open_page("dispatch?area=west", role="dispatcher", language="en")
    settled(page)
    expect(page.get_by_text("Nobody works in this area.")).to_be_visible()
