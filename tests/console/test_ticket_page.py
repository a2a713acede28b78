"""A ticket's page after the repair: before and after, in figures and as a picture; on paper. A day without visits."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from playwright.sync_api import expect

from maintenance.by_hand import Request
from maintenance.verification import judge
from plant.batch import Batch
from tests.api.conftest import NOW, make_inventory
from tests.console.conftest import Open
from tests.console.test_everywhere import violations
from tests.console.world import LATE, Served, served, small

LINE = "OLT1-2-1"
REPAIRED = NOW - timedelta(hours=30)
HOURS = range(-48, 29)


def light(hour: int) -> dict[str, Any]:
    """The line two days before the repair and since: 6 dB better."""
    return {"rx_dbm": -28.0 if hour < 0 else -22.0, "olt_rx_dbm": -27.0 if hour < 0 else -23.0, "state": "up"}


@pytest.fixture(scope="module")
def service(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service of its own, with readings around a repair."""
    batches = [
        Batch.of("OLT1", "optics", at(hour), [LINE], {name: [value] for name, value in light(hour).items()})
        for hour in HOURS
    ]
    with served(tmp_path_factory.mktemp("repaired"), built, make_inventory(), [*small(), *batches]) as running:
        yield running


def at(hour: int) -> Any:
    return REPAIRED + timedelta(hours=hour, minutes=10)


@pytest.fixture(scope="module")
def repaired(service: Served) -> int:
    """A ticket that was resolved, and closed because the ledger's own judgement of the readings says that it held."""
    ledger = service.ledger
    wish = Request("repair", f"line:{LINE}", "weak", cause="connector")
    opened = NOW - timedelta(days=4)
    number = ledger.open_by_hand(wish, make_inventory(), actor="dora", role="dispatcher", now=opened).id
    codes = {"cause_code": "connector", "action_code": "cleaned_connector"}
    steps: list[Any] = [("assign", {"engineer": "Han"}), ("resolve", codes)]
    ledger.act_in_turn(number, steps, actor="han", role="technician", now=REPAIRED, version=1)
    table = pa.Table.from_pylist([{"line_id": LINE, "time": at(hour), **light(hour)} for hour in HOURS])
    judgement = judge("connector", table, table, REPAIRED, NOW, ledger.rules, [LINE])
    assert ledger.verify(number, judgement, NOW).state == "closed"
    return number


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_before_and_after_stand_in_figures_and_as_a_picture(
    open_page: Open, repaired: int, axe: str, language: str, phone: bool
) -> None:
    page = open_page(f"ticket/{repaired}", language=language, phone=phone)
    part = page.get_by_role("region", name={"zh": "修复验证", "en": "Verification of the repair"}[language], exact=True)
    row = part.get_by_role("row", name={"zh": "ONT接收", "en": "ONT receive"}[language]).first
    expect(row).to_contain_text("−28.00")
    expect(row).to_contain_text("−22.00")
    expect(row).to_contain_text("+6.00")
    expect(part).to_contain_text({"zh": "修复有效", "en": "The repair held"}[language])
    picture = part.get_by_role("img", name=LINE)
    expect(picture).to_be_visible()
    expect(part.locator("figcaption")).to_contain_text("−28.0 → −22.0 dBm")
    assert picture.locator("circle").count() > 48
    assert violations(page, axe) == []
    expect(page.locator("main")).not_to_contain_text("verdict")


def test_a_repair_that_waits_for_readings_says_so(open_page: Open, service: Served) -> None:
    ledger = service.ledger
    wish = Request("repair", "line:OLT1-2-2", "weak", cause="connector")
    number = ledger.open_by_hand(wish, make_inventory(), actor="dora", role="dispatcher", now=REPAIRED).id
    codes = {"cause_code": "connector", "action_code": "cleaned_connector"}
    steps: list[Any] = [("assign", {"engineer": "Han"}), ("resolve", codes)]
    ledger.act_in_turn(number, steps, actor="han", role="technician", now=REPAIRED, version=1)
    page = open_page(f"ticket/{number}", language="en")
    expect(page.get_by_text("Repaired; new readings have to confirm it.")).to_be_visible()


def test_a_ticket_prints_without_what_one_clicks(open_page: Open, repaired: int) -> None:
    page = open_page(f"ticket/{repaired}", language="en", dark=True)
    page.emulate_media(media="print")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_role("navigation", name="Main")).to_be_hidden()
    expect(page.get_by_role("heading", name="What can be done")).to_be_hidden()
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
    assert len(page.pdf()) > 10_000


def test_a_day_without_visits_goes_on_somewhere(open_page: Open, service: Served) -> None:
    version = service.ledger.ticket(LATE).version
    service.ledger.act(LATE, "assign", actor="d", role="admin", now=NOW, version=version, engineer="Wei")
    page = open_page("visits", language="en", role="dispatcher")
    page.get_by_label("Grid engineer").fill("Nobody")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("link", name="Plan visits on Dispatch")).to_be_visible()
    expect(page.get_by_role("link", name="Tickets of Nobody")).to_have_attribute("href", "#/tickets?engineer=Nobody")
    page.get_by_role("button", name="Wei").click()
    expect(page.locator("article")).to_contain_text(f"#{LATE}")
    expect(page.get_by_label("Grid engineer")).to_have_value("Wei")
