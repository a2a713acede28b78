"""Every page shows the figures of the plant, with their units, in both languages and in the operator's time."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.console.conftest import Open, settled
from tests.console.world import FINE, OF_WEAK, UNREAD, WEAK


def text(page: Page) -> str:
    """The page as it is read, with single blanks."""
    return re.sub(r"\s+", " ", page.locator("body").inner_text())


def row(page: Page, table: str, head: str) -> list[str]:
    """The cells of the row that begins with `head`."""
    found = (
        page.get_by_role("table", name=table).get_by_role("row").filter(has=page.get_by_role("rowheader", name=head))
    )
    return [re.sub(r"\s+", " ", cell).strip() for cell in found.first.locator("th, td").all_inner_texts()]


# 22 lines: 21 of the inventory and a stranger; OLT1-1-5 is dark, OLT1-2-7 and the coax line were never read
PAGES: list[tuple[str, str, str]] = [
    (
        "",
        "zh",
        "在线线路 19 共 22 条 | 网络覆盖优良率 90.0% 18 / 20 条有读数线路 | 隐患线路 ▲6 | 超时工单 ■1 未闭环 3 件",
    ),
    ("", "zh", "应答设备 ▲1 共 2 台 | 截至 10:00 | 新发现共因故障 1 分光器或其支路损坏 #3 | 影响 4 条线路"),
    ("", "en", "Lines up 19 of 22 | Good rate 90.0% 18 of 20 lines read | Lines at risk ▲6"),
    (
        "",
        "en",
        "Tickets late ■1 of 3 open | Devices answering ▲1 of 2 | as of 10:00 | Dirty or damaged connector #2",
    ),
    ("lines", "zh", "共 22 条线路 | 无光 | 不达标 弱光 | 无读数 | •••13"),
    ("lines", "en", "Lines found: 22 | No light | Not good weak light | No reading | unknown"),
    (
        f"line/{WEAK}",
        "zh",
        "该线路不达标：弱光。 | 余量 −1.30 dB；要求不低于 1.0 dB | 接头脏污或损坏 80.0% | 接头盒进水 15.0%",
    ),
    (
        f"line/{WEAK}",
        "zh",
        "当前ONT接收光功率 −28.30 dBm | 预计 20 天后（10–40 天，90%区间）降至 −27.0 dBm | 近90天光功率",
    ),
    (f"line/{WEAK}", "en", "This line is not good: weak light. | Margin −1.30 dB; at least 1.0 dB is wanted"),
    (
        f"line/{WEAK}",
        "en",
        "ONT receive power now −28.30 dBm | 3 other lines behind OLT1/0/1/S1/S1-0 | East maintenance",
    ),
    (f"line/{WEAK}", "en", "Falls to −27.0 dBm in about 20 days (10–40, 90 % interval)"),
    (f"line/{FINE}", "zh", "该线路正常：各项读数在要求之内，没有未闭环工单。"),
    (f"line/{FINE}", "en", "This line is fine: every reading is as it should be, and it has no open ticket."),
    (f"line/{UNREAD}", "en", "This line was never read: no device lists its ONT."),
    ("line/coax/g3/1", "zh", "资料中没有该线路的设备，无法采集。 | 近90天电平"),
    ("line/OLT1-1-5", "en", "This line is not good: down. | No light"),
    ("tickets", "zh", "已超时 | ONT激光器老化 | 西区 | 显示 3 条"),
    ("tickets", "en", "Late | ONT laser ageing | West maintenance | 3 shown"),
    (
        f"ticket/{OF_WEAK}",
        "zh",
        "接头脏污或损坏 80.0% | East maintenance | 随带工具 清洁笔 | 下行损耗增加 7.80 dB | Li Lei",
    ),
    (f"ticket/{OF_WEAK}", "en", "one-click cleaner | Downstream loss rose by 7.80 dB | Nobody closes a ticket"),
    ("retrofit", "zh", "240 / 1,000 (24.0%) | 4 / 100 (4.0%) | 年底预测 | 2026-10"),
    ("retrofit", "en", "240 / 1,000 (24.0%) | Expected to miss the target | Old lines replaced"),
    (
        "system",
        "zh",
        "无应答 08:00 | 应答正常 | no answer; check the community | 待写入批次 3 | 20 kB / 1.0 GB | 已连接 | 1,234",
    ),
    ("system", "en", "Silent 08:00 | Answering | Rows delivered 81,234 | The collector is running | ONT swapped"),
    ("device/OLT1", "zh", "huawei-gpon | 采集档位 | 4.20 | 8 / 9"),
    ("device/OLT2", "en", "no answer; check the community | Cadence tiers | 1 h"),
    ("port/OLT1/0/1", "en", "4.20 dBm | Lines 9 · Lines up 8 | 8 ONTs"),
]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_shows_the_plants_figures(open_page: Open, language: str) -> None:
    page = open_page(language=language)
    wrong = {}
    for link, of, told in PAGES:
        if of == language:
            page.goto(f"{page.url.split('#')[0]}#/{link}")
            settled(page)
            shown = text(page)
            if lost := [words for words in told.split(" | ") if words not in shown]:
                wrong[link or "overview"] = (lost, shown)
    assert wrong == {}


def test_simulated_data_is_marked_on_every_page_and_cannot_be_unmarked(open_page: Open) -> None:
    page = open_page(language="en")
    for link in ("", "lines", "tickets", "retrofit", "system", f"line/{WEAK}", "nowhere"):
        page.goto(f"{page.url.split('#')[0]}#/{link}")
        band = page.get_by_role("region", name="Simulated data")
        expect(band).to_be_visible()
        assert band.get_by_role("button").count() == 0


def test_areas_open_into_grids_devices_and_ports_and_stay_open(open_page: Open) -> None:
    page = open_page(language="en")
    assert row(page, "By area", "东区")[1:4] == ["17", "87.5%", "2"]
    for name in ("东区", "One", "OLT1"):
        opener = page.get_by_role("button", name=f"Open {name}", exact=True)
        opener.click()
        expect(opener).to_have_attribute("aria-expanded", "true")
    expect(page.get_by_role("rowheader", name="0/1")).to_be_visible()
    page.get_by_role("link", name="System").click()
    page.go_back()
    expect(page.get_by_role("rowheader", name="0/1")).to_be_visible()


def test_a_red_cell_is_one_step_from_the_lines_behind_it(open_page: Open) -> None:
    page = open_page(language="en")
    page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="东区")).get_by_role(
        "link", name="2", exact=True
    ).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Lines")
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.locator("tbody")).to_contain_text(WEAK)


def test_the_curve_of_ninety_days_is_there_for_readers_of_tables_too(open_page: Open) -> None:
    page = open_page(f"line/{WEAK}", language="en")
    picture = page.get_by_role("img", name="over the last 90 days in dBm, times in Asia/Shanghai").first
    expect(picture).to_be_visible()
    page.get_by_text("As a table").click()
    table = page.get_by_role("table", name="Optical power, last 90 days")
    days = table.get_by_role("row").count() - 1
    assert 89 <= days <= 91
    assert row(page, "Optical power, last 90 days", "2026-10-31")[:3] == ["2026-10-31", "−28.10", "−24.80"]


def test_what_is_dragged_over_is_looked_at_and_kept_in_the_link(open_page: Open) -> None:
    page = open_page(f"line/{WEAK}", language="en")
    picture = page.get_by_role("img", name="over the last 90 days in dBm").first
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    assert box is not None
    y = box["y"] + 150
    page.mouse.move(box["x"] + 0.5 * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.7 * box["width"], y, steps=5)
    page.mouse.up()
    whole = page.get_by_role("button", name="Show all of it")
    expect(whole).to_be_visible()
    kept = page.url
    assert re.search(r"from=2026-09-\d\dT.*&to=2026-1\d-\d\dT", kept), kept
    page.reload()
    expect(whole).to_be_visible()
    assert page.url == kept
    whole.click()
    expect(whole).not_to_be_visible()
    assert "from=" not in page.url


def test_a_reading_outside_of_its_range_is_marked_by_more_than_colour(open_page: Open) -> None:
    page = open_page(f"line/{WEAK}", language="en")
    assert row(page, "Newest readings", "ONT receive power")[1:3] == ["■ −28.30 dBm", "−27 … −8 dBm"]


def test_neighbours_come_weakest_first(open_page: Open) -> None:
    page = open_page(f"line/{FINE}", language="en")
    first = page.get_by_role("table", name="Behind the same node").get_by_role("rowheader").first
    expect(first).to_have_text(WEAK)


def test_who_is_limited_to_an_area_sees_that_and_nothing_else(open_page: Open) -> None:
    page = open_page(role="viewer", areas=("west",), language="en")
    expect(page.locator("header")).to_contain_text("Limited to: 西区")
    assert "Lines up 4 of 5" in text(page)
    page.goto(f"{page.url.split('#')[0]}#/lines")
    expect(page.locator("tbody tr")).to_have_count(5)
    assert page.get_by_role("columnheader", name="Customer").count() == 0
