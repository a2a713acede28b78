"""A real Chromium on the built console, served by the real API."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.api.conftest import NOW, make_inventory
from tests.console.world import Served, served, small
from tests.parts import missing

CONSOLE = Path(__file__).resolve().parents[2] / "dashboards" / "console"
CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-default-apps", "--disable-dev-shm-usage",
)  # fmt: skip
DESK = {"width": 1360, "height": 900}
PHONE = {"width": 390, "height": 844}
LOCALES = {"zh": "zh-CN", "en": "en-GB"}

Open = Callable[..., Page]

expect.set_options(timeout=15_000)  # machines that run other things meanwhile are slow, not wrong


@pytest.fixture(scope="package")
def built() -> Path:
    if not (CONSOLE / "dist" / "index.html").exists():
        missing("the built console", "build it with: make console")
    return CONSOLE / "dist"


# package, not session: while Playwright's loop runs in this thread, asynchronous tests elsewhere cannot
@pytest.fixture(scope="package")
def browser(built: Path) -> Iterator[Browser]:
    if not os.access(CHROMIUM, os.X_OK):
        missing("chromium", "on Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def axe() -> str:
    """The source of axe-core, to be evaluated in a page."""
    source = CONSOLE / "node_modules" / "axe-core" / "axe.min.js"
    if not source.exists():
        missing("axe-core", "it comes with: make console")
    return source.read_text(encoding="utf-8")


@pytest.fixture(scope="package")
def service(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The small plant. Tests that change it leave the other tickets alone."""
    with served(tmp_path_factory.mktemp("small"), built, make_inventory(), small()) as running:
        yield running


class Watch:
    """What a page must never do: complain, or ask anybody but its own service."""

    def __init__(self) -> None:
        self.complaints: list[str] = []
        self.hosts: set[str] = set()
        self.unsigned = 0  # the answer 401 by which the console learns that nobody is signed in
        self.refusals: set[int] = set()  # statuses a test provokes: the browser reports each of them

    def follow(self, page: Page) -> None:
        page.on("console", lambda message: self._said(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))

    def _said(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            if "status of 401" in text and self.unsigned > 0:
                self.unsigned -= 1
            elif not any(f"status of {status}" in text for status in self.refusals):
                self.complaints.append(f"{kind}: {text}")


@pytest.fixture
def watch(service: Served) -> Iterator[Watch]:
    """Looks at every page of a test, whatever the test is about."""
    watching = Watch()
    yield watching
    assert watching.complaints == []
    assert watching.hosts <= {urlsplit(service.address).netloc, ""}


@pytest.fixture
def new_context(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Browsers without a past, in a zone that is not the operator's, at the moment at which the service is."""
    made: list[BrowserContext] = []

    def make(language: str = "zh", *, phone: bool = False, dark: bool = False) -> BrowserContext:
        context = browser.new_context(
            locale=LOCALES[language], viewport=PHONE if phone else DESK, has_touch=phone,  # type: ignore[arg-type]
            timezone_id="Europe/London", color_scheme="dark" if dark else "light",
        )  # fmt: skip
        context.clock.set_fixed_time(NOW)
        context.set_default_timeout(15_000)
        made.append(context)
        return context

    yield make
    for context in made:
        context.close()


@pytest.fixture
def open_page(new_context: Callable[..., BrowserContext], service: Served, watch: Watch) -> Open:
    """Signed in, at a link; waits until nothing is loading any more."""

    def make(link: str = "", role: str = "admin", areas: tuple[str, ...] = (), **look: object) -> Page:
        context = new_context(**look)
        signed = context.request.post(f"{service.address}api/v1/session", data={"token": service.token(role, areas)})
        assert signed.ok, signed.text()
        page = context.new_page()
        watch.follow(page)
        page.goto(f"{service.address}#/{link}")
        settled(page)
        return page

    return make


def settled(page: Page) -> None:
    """The page has its heading, and nothing on it says that it is loading."""
    page.locator("h1").first.wait_for()
    page.wait_for_function("() => !/Loading…|正在加载…/.test(document.body.innerText)")
