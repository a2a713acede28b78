"""Planning, reviews and settings: which lines next and why, what is late and whose, files checked before they count."""

import re

import pytest
from playwright.sync_api import expect

from tests.console.conftest import PHONE, Open, Watch
from tests.console.test_everywhere import violations
from tests.console.world import LATE, Served


def test_planning_says_which_lines_come_next_and_why(open_page: Open) -> None:
    page = open_page("planning", "planner", language="en")
    row = page.get_by_role("table", name="Which lines next").get_by_role("row").nth(1)
    expect(row).to_contain_text("coax/g3/1")
    expect(row).to_contain_text("an old line, with no other reason yet")
    coverage = page.get_by_role("table", name="Good rate by area")
    expect(coverage.get_by_role("row").filter(has_text="东区")).to_contain_text("%")
    page.goto(page.url.replace("planning", "retrofit"))  # as it was called
    expect(page.get_by_role("heading", level=1)).to_have_text("Planning")


def test_reviews_name_what_is_late_and_whose_it_is(open_page: Open) -> None:
    page = open_page("reviews", "viewer", language="en")
    late = page.get_by_role("table", name="Late tickets, and whose they are")
    row = late.get_by_role("row").filter(has_text=f"#{LATE}")
    expect(row).to_contain_text("West maintenance")
    rates = page.get_by_role("table", name="On time")
    expect(rates.get_by_role("row").nth(1)).to_contain_text("■ 0.0%")
    expect(page.get_by_role("table", name="Weekly visits").get_by_role("row")).to_have_count(9)
    row.get_by_role("link", name=f"#{LATE}").click()
    assert page.url.endswith(f"#/ticket/{LATE}")


def test_settings_say_where_they_came_from_and_files_are_checked(open_page: Open) -> None:
    page = open_page("settings", "operator", language="en")
    row = page.get_by_role("table", name="Settings").get_by_role("row").filter(has_text="analyze_hours")
    expect(row).to_contain_text("6 h")
    expect(row).to_contain_text("time between analyses")
    page.get_by_role("button", name="Check now").click()
    expect(page.get_by_role("row").filter(has_text="devices.yaml:7")).to_contain_text("take it away")
    page.get_by_role("main").get_by_role("combobox").select_option("taking")
    expect(page.get_by_label("Text of taking.yaml")).to_have_attribute("readonly", "")
    expect(page.get_by_role("button", name="Save")).to_have_count(0)


def test_rules_are_saved_only_when_right_and_taken_back(open_page: Open, service: Served, watch: Watch) -> None:
    page = open_page("settings?rules=taking", language="en")
    text = page.get_by_label("Text of taking.yaml")
    expect(text).to_have_value(re.compile("repeat_days: 30"))
    before = text.input_value()
    text.fill(before.replace("repeat_days: 30", "repeat_days: many"))
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("row").filter(has_text="repeat_days: Input should be a valid integer")).to_be_visible()
    text.fill(before.replace("repeat_days: 30", "repeat_days: 45"))
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved; it counts from the next start")).to_be_visible()
    expect(page.get_by_role("main").get_by_role("combobox").locator("option:checked")).to_have_text("taking.yaml · own")
    page.get_by_role("button", name="Back to the version before").click()
    expect(text).to_have_value(before)


def test_system_has_words_for_what_the_store_counts(open_page: Open) -> None:
    page = open_page("system", language="zh")
    expect(page.get_by_text("原始读数行数")).to_be_visible()
    expect(page.get_by_text("raw_rows")).to_have_count(0)
    page.get_by_role("main").get_by_role("link", name="设置").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("设置")


@pytest.mark.parametrize("link", ["planning", "reviews", "settings?rules=hooks"])
@pytest.mark.parametrize(("language", "phone"), [("zh", False), ("en", True)])
def test_these_pages_fit_a_phone_and_break_no_rule(
    open_page: Open, axe: str, link: str, language: str, phone: bool
) -> None:
    page = open_page(link, language=language, phone=phone)
    assert violations(page, axe) == []
    assert not phone or page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
