"""The demo: the whole service on one machine, from a bare folder to tickets, and cleanly away again."""

import json
import re
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.lightline.commands import lightline, processes_of, start
from tests.parts import free_port

# Half a minute of work: on a machine that does much else beside it, as much longer as it has to share.
LIMIT_S = 500
pytestmark = pytest.mark.timeout(2 * LIMIT_S)


@dataclass(frozen=True)
class Once:
    """A folder in which `lightline demo --once --json` ran twice."""

    folder: Path
    first: dict[str, Any]
    second: dict[str, Any]


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    folder = tmp_path_factory.mktemp("demo")
    (folder / "lightline.toml").write_text(f'ledger = "sqlite:///{folder / "production.sqlite"}"\n')
    told = []
    for _ in range(2):
        ran = lightline(folder, "demo", "--once", "--json", timeout=LIMIT_S)
        assert ran.returncode == 0, ran.stderr
        told.append(json.loads(ran.stdout))
    return Once(folder, *told)


def test_one_cycle_takes_readings_all_the_way_to_tickets(once: Once) -> None:
    for name in ("devices", "lines", "readings", "findings", "tickets"):
        assert once.first[name] > 0, name
    assert (once.first["devices"], once.first["lines"]) == (3, 1120)
    assert once.first["poll"]["mqtt_readings"] > 0
    assert once.first["poll"]["problems"] == []
    assert once.first["simulated"] is True


def test_the_seeded_faults_are_found_without_crying_wolf(once: Once) -> None:
    truth = once.first["truth"]
    assert truth["faults"] == 12
    assert truth["found"] >= 10
    assert any(f["cause"] == "coax_drop" and f["place_right"] for f in truth["by_fault"])
    assert truth["false_per_500_healthy_lines"] <= 1
    assert truth["duplicates"] == 0


def test_the_next_cycle_opens_no_ticket_twice(once: Once) -> None:
    assert once.second["tickets"] == once.first["tickets"]
    assert once.second["ledger"]["opened"] == []
    assert once.second["store"]["newest_reading"] > once.first["store"]["newest_reading"]


def test_the_demo_keeps_off_the_ledger_of_a_real_service(once: Once) -> None:
    assert not (once.folder / "production.sqlite").exists()


def test_another_plant_in_the_same_folder_is_refused(once: Once) -> None:
    ran = lightline(once.folder, "demo", "--once", "--onts", "50")
    assert ran.returncode == 2
    assert "onts 1000, not 50" in ran.stderr


def test_json_without_once_is_refused(tmp_path: Path) -> None:
    ran = lightline(tmp_path, "demo", "--json")
    assert ran.returncode == 2
    assert "--once" in ran.stderr


class Demo:
    """A running `lightline demo`, up to the address it prints."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.process = start(
            folder, "demo", "--port", str(self.port), "--data", folder / "kept", "--onts", "120", "--days", "40"
        )
        assert self.process.stdout is not None
        printed = ""
        while "Ctrl-C" not in printed:
            line = self.process.stdout.readline()
            assert line, (folder / "stderr.txt").read_text()
            printed += line
        self.printed = printed
        found = re.search(r"ll_[0-9a-f]{12}_[\w-]+", printed)
        assert found, printed
        self.token = found[0]

    def get(self, path: str, token: str | None = None) -> httpx.Response:
        return httpx.get(
            f"http://127.0.0.1:{self.port}{path}",
            headers={"Authorization": f"Bearer {token or self.token}"},
            timeout=20,
        )

    def until(self, true: Callable[[], bool], what: str, seconds: float = 300) -> None:
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, f"{what}\n{(self.folder / 'stderr.txt').read_text()[-3000:]}"
            time.sleep(0.3)

    def interrupt(self) -> float:
        """Ctrl-C; seconds until it has ended."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        self.process.wait(10)
        return time.monotonic() - began


def test_the_service_runs_ends_within_five_seconds_and_goes_on_where_it_was(tmp_path: Path) -> None:
    demo = Demo(tmp_path)
    try:
        assert f"http://127.0.0.1:{demo.port}/" in demo.printed
        assert demo.get("/api/v1/health", token="ll_000000000000_wrong").status_code == 401
        demo.until(lambda: demo.get("/api/v1/tickets").json()["tickets"] != [], "no ticket came")
        health = demo.get("/api/v1/health").json()
        assert health["simulated"] is True
        assert health["lines"]["total"] >= 120
        tickets = [t["id"] for t in demo.get("/api/v1/tickets").json()["tickets"]]
        second = lightline(tmp_path, "demo", "--once", "--data", tmp_path / "kept")
        assert second.returncode == 2
        assert "runs in" in second.stderr
        assert demo.interrupt() < 5
    finally:
        demo.process.kill()
        demo.process.wait()
    assert demo.process.returncode == 0
    assert processes_of(tmp_path) == []

    again = Demo(tmp_path)
    try:
        assert again.get("/api/v1/health", token=demo.token).status_code == 401, "the earlier token is revoked"
        assert [t["id"] for t in again.get("/api/v1/tickets").json()["tickets"]] == tickets
        again.process.kill()
        again.process.wait()
        again.until(lambda: processes_of(tmp_path) == [], "parts outlived their supervisor", 20)
    finally:
        again.process.kill()
        again.process.wait()


def test_a_demo_stopped_while_it_prepares_goes_on_at_the_next_start(tmp_path: Path) -> None:
    process = start(tmp_path, "demo", "--data", tmp_path / "kept", "--onts", "600", "--port", str(free_port()))
    try:
        telemetry = tmp_path / "kept" / "telemetry"
        end = time.monotonic() + 300
        while not telemetry.exists():
            assert process.poll() is None, (tmp_path / "stderr.txt").read_text()
            assert time.monotonic() < end
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        process.wait(10)
        assert time.monotonic() - began < 5
    finally:
        process.kill()
        process.wait()
    ran = lightline(tmp_path, "demo", "--once", "--json", "--data", tmp_path / "kept", "--onts", "600", timeout=LIMIT_S)
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert told["truth"]["found"] >= 8
    assert told["poll"]["problems"] == []


def test_a_taken_port_that_was_asked_for_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ran = lightline(tmp_path, "demo", "--port", str(taken.getsockname()[1]), "--data", tmp_path / "kept")
    assert ran.returncode == 2
    assert "is taken" in ran.stderr
