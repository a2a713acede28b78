"""The console on a slow phone: bytes of the first page and seconds until one can work with it, in a real Chromium.

The phone is the one of the usual audits: a processor four times slower, 1.6 Mbit/s down, 0.75 up, 150 ms both ways.
"""

import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from bench.result import Result

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
SLOWER = 4
LINK = {"offline": False, "latency": 150, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 0.75e6 / 8}
PHONE = {"width": 390, "height": 844}
MOST_KB, MOST_S = 250, 2.0


def measure(quick: bool) -> list[Result]:
    """Medians of first visits, nothing kept by the browser. The ratio is the limit to what was measured."""
    folder = Path(tempfile.mkdtemp(prefix="lightline-bench-"))
    try:
        with _demo(folder, 100 if quick else 1000) as (address, token), sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
            rounds = 3 if quick else 9
            seen = {
                "sign_in": [_visit(chromium, address, None, "#token, #name") for _ in range(rounds)],
                "overview": [_visit(chromium, address, token, "section.figures") for _ in range(rounds)],
            }
            chromium.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    results = []
    for name, visits in seen.items():
        kb = statistics.median(size for size, _ in visits) / 1000
        seconds = statistics.median(took for _, took in visits)
        results += [
            Result(f"{name}_bytes", kb, "kB", MOST_KB / kb, f"{MOST_KB} kB, as transferred"),
            Result(f"{name}_interactive", seconds, "s", MOST_S / seconds, f"{MOST_S:g} s, on a slow phone"),
        ]
    return results


def _visit(chromium: Browser, address: str, token: str | None, ready: str) -> tuple[int, float]:
    """Bytes that came and seconds since the navigation began, when `ready` is there and the page answers."""
    context = chromium.new_context(viewport=PHONE, has_touch=True)  # type: ignore[arg-type]
    try:
        if token:
            context.request.post(f"{address}api/v1/session", data={"token": token})
        page = context.new_page()
        devtools = context.new_cdp_session(page)
        came: list[int] = []
        devtools.on("Network.loadingFinished", lambda event: came.append(int(event["encodedDataLength"])))
        devtools.send("Network.enable")
        devtools.send("Network.emulateNetworkConditions", LINK)
        devtools.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
        page.goto(address, wait_until="commit")
        page.locator(ready).first.wait_for()
        # the page answers: a task of its own has run, and a frame is drawn
        took = page.evaluate(
            "() => new Promise(done => requestAnimationFrame(() => setTimeout(() => done(performance.now()))))"
        )
        return sum(came), float(took) / 1000
    finally:
        context.close()


@contextmanager
def _demo(folder: Path, onts: int) -> Iterator[tuple[str, str]]:
    """A running demo: its address and a token."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "lightline", "demo", "--data", str(folder / "demo"), "--port", str(port)]
    with (folder / "errors").open("w") as errors:
        process = subprocess.Popen(
            [*command, "--onts", str(onts)], cwd=folder, stdout=subprocess.PIPE, stderr=errors, text=True
        )
    try:
        assert process.stdout is not None
        told = ""
        while (found := re.search(r"ll_[0-9a-f]{12}_[\w-]+\s", told)) is None:
            line = process.stdout.readline()
            if not line:
                raise RuntimeError((folder / "errors").read_text()[-2000:])
            told += line
        yield f"http://127.0.0.1:{port}/", found[0].strip()
    finally:
        process.terminate()
        process.wait(30)
