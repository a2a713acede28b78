"""A line's page tells its whole story: on the curves, as a picture of its loss, and in words."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from plant.batch import Batch
from plant.changes import PlantEvent, written
from plant.inventory import Inventory
from plant.place import Place
from plant.works import Work
from tests.api.conftest import NOW, make_inventory
from tests.console.conftest import settled
from tests.console.test_everywhere import violations
from tests.console.world import DAYS, FINE, OF_WEAK, WEAK, Served, finding, served, small

FALLING = "OLT1-1-2"


def inventory() -> Inventory:
    works = Work(Place("pon", "OLT1/0/1"), date(2026, 9, 8), date(2026, 9, 11), "new closure")
    return replace(make_inventory(), works=(works,))


def weather() -> list[Batch]:
    """ONTs of OLT1 through a warm and then a cooler autumn; the weak line also tells what a budget needs."""
    ids = [f"OLT1-{pon}-{n}" for pon in (1, 2) for n in range(8)]
    days = np.arange(DAYS, 0, -1)
    outdoors = 8 * np.cos(days / DAYS * np.pi) * -1 + 2 * np.sin(days)
    batches = [
        Batch.of("OLT1", "optics", NOW - timedelta(days=int(day), minutes=10), ids,
                 {"temp_c": [45.0 + n / 2 + warm for n in range(len(ids))]})
        for day, warm in zip(days, outdoors, strict=True)
    ]  # fmt: skip
    # falls, and has not reached its limit
    batches += [
        Batch.of("OLT1", "optics", NOW - timedelta(days=int(day), minutes=20), [FALLING], {"rx_dbm": [-21.0 - fall]})
        for day, fall in zip(days, np.maximum(0, 40 - days) * 0.1, strict=True)
    ]
    told = {"distance_m": [2350.0, 1800.0], "tx_dbm": [2.2, 2.4]}
    return [*batches, Batch.of("OLT1", "optics", NOW - timedelta(minutes=50), [WEAK, FINE], told)]


def story(running: Served) -> None:
    """A storm goes over the east; somebody comes to the weak line."""
    running.ledger.begin_mode(
        "storm", inventory(), area="east", until=NOW - timedelta(days=3), actor="wang", role="dispatcher",
        why="typhoon", begins=NOW - timedelta(days=5), now=NOW - timedelta(days=5),
    )  # fmt: skip
    falling = finding(f"line:{FALLING}", (FALLING,), "macrobend", {"macrobend": 0.6, "unknown": 0.4})
    running.ledger.take([falling], inventory(), NOW - timedelta(hours=2))
    version = running.ledger.ticket(OF_WEAK).version
    for action, more in (("assign", {"engineer": "Li Lei"}), ("start", {})):
        now: datetime = NOW - timedelta(minutes=20)
        done = running.ledger.act(OF_WEAK, action, actor="Li Lei", role="dispatcher", now=now, version=version, **more)
        version = done.version


@pytest.fixture(scope="module")
def storied(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("storied")
    swap = PlantEvent("swap", "OLT1", WEAK, "HWTCOLD", "HWTCNEW", NOW - timedelta(days=70))
    (folder / "plant-log.jsonl").write_bytes(written([swap]))
    with served(folder, built, inventory(), [*small(), *weather()]) as running:
        story(running)
        yield running


def opened(storied: Served, context: BrowserContext, link: str) -> Page:
    signed = context.request.post(f"{storied.address}api/v1/session", data={"token": storied.token()})
    assert signed.ok
    page = context.new_page()
    page.goto(f"{storied.address}#/{link}")
    settled(page)
    return page


def test_what_happened_is_told_in_words_newest_first(
    storied: Served, new_context: Callable[..., BrowserContext]
) -> None:
    page = opened(storied, new_context("en"), f"line/{WEAK}")
    table = page.get_by_role("table", name="What happened")
    rows = [" ".join(text.split()) for text in table.locator("tbody tr").all_inner_texts()]
    kinds = [next(k for k in ("Visit", "Ticket", "Storm", "Works", "ONT swapped") if k in row) for row in rows]
    assert kinds == ["Visit", "Ticket", "Storm", "Works", "ONT swapped"]
    assert "Li Lei" in rows[0]
    assert "typhoon, until 10-30 10:00" in rows[2]
    assert "new closure" in rows[3]
    assert "HWTCOLD → HWTCNEW" in rows[4]
    table.get_by_role("link", name=f"#{OF_WEAK}").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(str(OF_WEAK))


def test_the_curves_carry_the_weather_and_the_link_keeps_the_view(
    storied: Served, new_context: Callable[..., BrowserContext]
) -> None:
    page = opened(storied, new_context("en"), f"line/{WEAK}?from=2026-09-01T00:00&to=2026-10-01T00:00")
    expect(page.get_by_role("img", name="Outdoor temperature (proxy)")).to_be_visible()
    expect(page.get_by_text("Median of 16 ONTs of OLT1")).to_be_visible()
    expect(page.get_by_role("button", name="Show all of it")).to_be_visible()


def test_a_forecast_is_drawn_into_the_days_to_come_and_said(
    storied: Served, new_context: Callable[..., BrowserContext]
) -> None:
    page = opened(storied, new_context("en"), f"line/{FALLING}")
    expect(page.get_by_text("Falls to −27.0 dBm in about 20 days (10–40, 90 % interval)")).to_be_visible()
    chart = page.get_by_role("img", name="ONT Rx").first
    expect(chart).to_have_attribute("data-ahead", re.compile("^2026-12-"))


def test_expected_and_measured_loss_are_a_picture_and_a_table(
    storied: Served, new_context: Callable[..., BrowserContext]
) -> None:
    page = opened(storied, new_context("en"), f"line/{WEAK}")
    expect(page.get_by_role("img", name="Downstream: Expected 12.9 dB, Measured 32.5 dB")).to_be_visible()
    expect(page.get_by_text("19.6 dB more than expected")).to_be_visible()
    table = page.get_by_role("table", name="Loss: expected and measured")
    expect(table.get_by_role("row", name="Fibre, 2,350 m 0.6 0.8")).to_be_visible()


def test_a_line_of_which_the_length_is_not_known_says_so(
    storied: Served, new_context: Callable[..., BrowserContext]
) -> None:
    page = opened(storied, new_context("en"), "line/OLT1-2-0")
    expect(page.get_by_text("Not known and left out: fibre length, power sent by the PON port")).to_be_visible()
    expect(page.get_by_text("not measured: power sent by the PON port is missing")).to_be_visible()


def test_a_line_that_is_fine_says_so_in_one_sentence(
    storied: Served, new_context: Callable[..., BrowserContext]
) -> None:
    page = opened(storied, new_context("zh"), f"line/{FINE}")
    expect(page.get_by_text("该线路正常：各项读数在要求之内，没有未闭环工单。")).to_be_visible()
    expect(page.get_by_text("该线路从未有过工单。")).to_be_visible()


@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_whole_story_breaks_no_rule(
    storied: Served, new_context: Callable[..., BrowserContext], axe: str, language: str, phone: bool
) -> None:
    page = opened(storied, new_context(language, phone=phone), f"line/{WEAK}")
    page.locator("canvas").first.wait_for()
    assert violations(page, axe) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
