"""The day of each of the three groups on the running demo, in both languages, at a desk and on a phone."""

import io
from collections.abc import Iterator

import pytest
from PIL import Image
from playwright.sync_api import Browser, FilePayload, expect

from tests.console.conftest import settled
from tests.console.demo import Demo, running_demo, worker

pytestmark = pytest.mark.timeout(420)
WAYS = [(language, size) for language in ("zh", "en") for size in ("desk", "phone")]
EVERY = pytest.mark.parametrize(("language", "size"), WAYS)


@pytest.fixture(scope="module")
def demo(built: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with running_demo(tmp_path_factory.mktemp("days")) as running:
        yield running


@EVERY
def test_operations_watch_the_lines(demo: Demo, browser: Browser, axe: str, language: str, size: str) -> None:
    with worker(demo, browser, axe, "operator", language, size) as one:
        one.sign_in()
        page = one.page
        one.look("overview")
        # from a figure to the lines behind it, and to the worst of them
        page.get_by_role("main").get_by_role("link", name=one.say("goodRate")).first.click()
        one.look("lines-not-good")
        # each of these people another one: a line is asked once a minute
        row = page.get_by_role("main").get_by_role("row").nth(1 + WAYS.index((language, size)))
        row.get_by_role("link").first.click()
        one.look("line")
        expect(page.get_by_role("button", name=one.say("askNow"))).to_be_visible()
        page.get_by_role("button", name=one.say("askNow")).click()
        expect(page.get_by_text(one.say("answeredAt"))).to_be_visible(timeout=60_000)
        one.look("line-asked")
        address = page.url
        page.reload()
        settled(page)
        assert page.url == address
        # where trouble lies in the plant, and what stands behind no line
        one.go("plant")
        one.look("plant")
        page.get_by_role("main").get_by_role("row").nth(1).get_by_role("link").first.click()
        one.look("device")
        one.go("tickets")
        one.look("tickets")
        page.get_by_role("main").get_by_role("link", name="#").first.click()
        one.look("ticket")
        page.go_back()
        settled(page)
        one.go("system")
        one.look("system")
        if size == "phone":
            page.get_by_role("button", name=one.say("menu"), exact=True).click()
        page.get_by_role("button", name=one.say("signOut"), exact=True).click()
        page.locator("#name").wait_for()


@EVERY
def test_maintenance_plans_a_visit_makes_it_and_reports(
    demo: Demo, browser: Browser, axe: str, language: str, size: str
) -> None:
    ticket = demo.get("tickets", state="open")["tickets"][0]
    with worker(demo, browser, axe, "dispatcher", language, size) as desk:
        desk.sign_in()
        page = desk.page
        desk.go("tickets")
        desk.look("tickets")
        desk.go("dispatch")
        desk.look("dispatch")
        page.goto(f"{demo.address}#/ticket/{ticket['id']}")
        for action in ("assign", "schedule"):
            page.get_by_role("button", name=desk.say(action), exact=True).click()
            page.get_by_role("form", name=desk.say(action)).locator("button[type=submit]").click()
            expect(page.get_by_role("form", name=desk.say(action))).to_have_count(0)
        desk.look("ticket-scheduled")

    with worker(demo, browser, axe, "technician", language, size, areas=[ticket["area"]]) as van:
        van.sign_in()
        page = van.page
        van.go("visits")
        page.get_by_label(van.say("engineer")).fill(ticket["engineer"])
        page.get_by_role("button", name=van.say("showDay"), exact=True).click()
        card = page.locator("article").filter(has_text=f"#{ticket['id']} ")
        card.get_by_role("button", name=van.say("askNow")).click()
        expect(card.get_by_text(van.say("answeredAt"))).to_be_visible(timeout=60_000)
        van.look("my-day")
        card.get_by_role("button", name=van.say("start"), exact=True).click()
        card.locator("input[type=file]").set_input_files(a_photo())
        expect(card.get_by_role("img", name=van.say("photo"))).to_be_visible()
        card.get_by_role("button", name=van.say("resolve"), exact=True).click()
        card.get_by_label(van.say("actionTaken")).select_option(index=1)
        van.look("resolving")
        card.get_by_role("form", name=van.say("resolve")).locator("button[type=submit]").click()
        expect(card).to_have_count(0)
        van.look("done")
    assert demo.get(f"tickets/{ticket['id']}")["ticket"]["state"] in ("resolved", "verifying")


def a_photo() -> FilePayload:
    out = io.BytesIO()
    Image.effect_noise((320, 240), 60).save(out, "JPEG")
    return {"name": "IMG_1.jpg", "mimeType": "image/jpeg", "buffer": out.getvalue()}


@EVERY
def test_planners_see_what_to_retrofit_next(demo: Demo, browser: Browser, axe: str, language: str, size: str) -> None:
    with worker(demo, browser, axe, "planner", language, size) as one:
        one.sign_in()
        page = one.page
        one.go("planning")
        one.look("planning")
        page.goto(f"{demo.address}#/retrofit")
        one.look("retrofit")
        one.go("reviews")
        one.look("reviews")
