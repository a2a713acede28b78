"""The running demo, the people who work on it, and how a test drives what they see, in the language they read."""

import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, Locator, Page, expect

from tests.console.conftest import CONSOLE, DESK, LOCALES, PHONE, settled
from tests.console.test_everywhere import violations
from tests.lightline.commands import ROOT, start
from tests.parts import free_port

ARTEFACTS = ROOT / "artefacts" / "days"
FAULTS = 10
READY_S = 240.0
PASSWORD = "rain-on-a-phone-7"
TEXT = r'"((?:[^"\\]|\\.)*)"'
WORDS = re.compile(rf'^\s+(\w+): (?:term\("\w+", |\[){TEXT}, {TEXT}[\])]', re.M)  # a pair of words, or a term


@cache
def spoken() -> dict[str, dict[str, str]]:
    """The console's words and terms by their key, in both languages; a word goes before a term of its key."""
    library = CONSOLE / "src" / "lib"
    return {
        key: {"zh": json.loads(f'"{zh}"'), "en": json.loads(f'"{en}"')}
        for file in (library / "terms.ts", *sorted((library / "words").glob("*.ts")), library / "words.ts")
        for key, zh, en in WORDS.findall(file.read_text(encoding="utf-8"))
    }


@dataclass
class Demo:
    """`lightline demo`, with its first tickets."""

    address: str
    admin: httpx.Client

    def person(self, name: str, role: str, **limits: Any) -> str:
        """A user who can sign in with PASSWORD; the name."""
        made = self.admin.post("api/v1/users", json={"name": name, "role": role, **limits})
        if made.status_code != 409:  # who was made for another test stays
            made.raise_for_status()
            changed = self.admin.put(f"api/v1/users/{made.json()['id']}/password", json={"password": PASSWORD})
            changed.raise_for_status()
        return name

    def ready(self) -> bool:
        """There are tickets, and every device has been asked."""
        tickets, devices = self.get("tickets", state="unfinished")["tickets"], self.get("devices")["devices"]
        return len(tickets) >= FAULTS // 2 and all(device["state"] == "answering" for device in devices)

    def get(self, path: str, **query: Any) -> Any:
        answer = self.admin.get(f"api/v1/{path}", params=query)
        answer.raise_for_status()
        return answer.json()


@contextmanager
def running_demo(folder: Path) -> Iterator[Demo]:
    """A small demo in a process of its own, once it works."""
    port = free_port()
    process = start(
        folder, "demo", "--port", str(port), "--data", folder / "kept", "--onts", "300", "--days", "60",
        "--faults", str(FAULTS),
    )  # fmt: skip
    try:
        token = _token(process, folder)
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}/", headers={"Authorization": f"Bearer {token}"}, timeout=30
        ) as admin:
            demo = Demo(f"http://127.0.0.1:{port}/", admin)
            end = time.monotonic() + READY_S
            while not demo.ready():
                assert time.monotonic() < end, (folder / "stderr.txt").read_text()[-3000:]
                time.sleep(0.5)
            yield demo
    finally:
        process.terminate()
        process.wait(30)


def _token(process: "subprocess.Popen[str]", folder: Path) -> str:
    assert process.stdout is not None
    printed = ""
    while "Ctrl-C" not in printed:
        line = process.stdout.readline()
        assert line, (folder / "stderr.txt").read_text()[-3000:]
        printed += line
    found = re.search(r"ll_[0-9a-f]{12}_[\w-]+", printed)
    assert found, printed
    return found[0]


@dataclass
class Worker:
    """A person at a screen: signs in, goes by the links, and every page that is looked at is checked and pictured."""

    demo: Demo
    page: Page
    axe: str
    name: str
    language: str
    size: str
    complaints: list[str] = field(default_factory=list)
    looked: int = 0

    def say(self, key: str) -> str:
        """The console's own word, in the language of this person."""
        return spoken()[key][self.language]

    def sign_in(self) -> None:
        """With the password the administrator gave, which is to be changed first."""
        page = self.page
        page.goto(self.demo.address)
        page.locator("#name").fill(self.name)
        page.locator("#password").fill(PASSWORD)
        page.get_by_role("button", name=self.say("signIn"), exact=True).click()
        page.locator("#present").fill(PASSWORD)
        page.locator("#new-password").fill(PASSWORD.replace("7", "8"))
        page.get_by_role("button", name=self.say("changePassword"), exact=True).click()
        expect(page.get_by_text(self.say("mustChange"))).to_have_count(0)
        self.complaints.clear()  # the browser reports the answer by which it learnt that nobody was signed in

    def go(self, part: str) -> None:
        """By the navigation, as a person does; on a phone it is behind a button."""
        if self.size == "phone":
            self.page.get_by_role("button", name=self.say("menu"), exact=True).click()
        self.nav.get_by_role("link", name=self.say(part), exact=True).click()
        expect(self.page.get_by_role("heading", level=1)).to_contain_text(self.say(part))

    @property
    def nav(self) -> Locator:
        return self.page.get_by_role("navigation", name=self.say("navigation"))

    def look(self, name: str) -> None:
        """The page is whole, fits, breaks no rule, bears the band of simulated data; its picture is kept."""
        settled(self.page)
        self.looked += 1
        ARTEFACTS.mkdir(parents=True, exist_ok=True)
        file = f"{self.name}-{self.looked:02}-{name}.png"
        self.page.screenshot(path=ARTEFACTS / file, full_page=True)
        expect(self.page.get_by_label(self.say("simulatedLabel"))).to_be_visible()
        told = violations(self.page, self.axe)
        assert told == [], (file, told)
        width = self.page.evaluate("document.documentElement.scrollWidth")
        assert width <= self.page.viewport_size["width"], (file, width)  # type: ignore[index]
        assert self.complaints == [], file


@contextmanager
def worker(
    demo: Demo, browser: Browser, axe: str, role: str, language: str, size: str, **limits: Any
) -> Iterator[Worker]:
    """A person of this role, with a browser of their own."""
    context = browser.new_context(
        locale=LOCALES[language], viewport=PHONE if size == "phone" else DESK, has_touch=size == "phone",  # type: ignore[arg-type]
        timezone_id="Europe/London",
    )  # fmt: skip
    context.set_default_timeout(20_000)
    try:
        page = context.new_page()
        person = Worker(demo, page, axe, demo.person(f"{role}-{language}-{size}", role, **limits), language, size)
        page.on("console", lambda m: person.complaints.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: person.complaints.append(str(error)))
        yield person
    finally:
        context.close()
