"""`lightline status --watch`: what a person sees of the collector, and that Ctrl-C ends it."""

import fcntl
import io
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console

from collector.drain import DrainStatus
from collector.spool import SpoolStatus
from collector.status import CollectorStatus, DeviceStatus, TierStatus, write_status
from lightline.watching import frame
from tests.collector.service.test_lateness import device
from tests.conftest import ROOT

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SPOOL = SpoolStatus(3, 2 << 20, 1 << 30, full=False, detail="", damaged=0, torn_bytes=0, quarantined=[], set_aside=0)
OWN_TERMINAL = (  # so that Ctrl-C typed into the terminal reaches the process
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)
READ = TierStatus(cadence_s=300, last_success=NOW - timedelta(seconds=42), rows=10)


def shown(devices: Sequence[DeviceStatus], height: int = 60, written: datetime = NOW) -> str:
    status = CollectorStatus(written, NOW, list(devices), [], SPOOL, DrainStatus("delivering"))
    screen = Console(file=io.StringIO(), width=200)
    screen.print(frame(status, NOW, height))
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()


def test_a_device_shows_how_it_answers_its_pace_and_when_each_tier_was_read() -> None:
    text = shown([device(status=READ, optics=replace(READ, cadence_s=3600, last_success=NOW - timedelta(minutes=40)))])
    for words in ("OLT-1", "answering", "12.0 ms", "no pause", "83%", "status 42 s ago", "optics 40 min ago"):
        assert words in text, words
    assert "3 batches wait" in text


def test_what_is_behind_left_out_silent_or_unknown_comes_first_and_says_why() -> None:
    devices = [
        device("A", status=READ),
        device("B", status=replace(READ, skipped="the budget of requests an hour is spent")),
        device("C", status=replace(READ, behind_s=77.0, seconds=500.0)),
        replace(device("D", status=READ), state="silent", trouble="does not answer within 3 s"),
        replace(device("E"), state="unknown", profile_reason="none fits", evidence=["1.3.6.1.4.1.99999 answers"]),
    ]
    text = shown(devices)
    firsts = [word for line in text.splitlines() for word in line.split()[:1] if word in tuple("ABCDE")]
    assert firsts == ["D", "E", "B", "C", "A"]
    for words in (
        "does not answer",
        "1.3.6.1.4.1.99999",
        "left out: the budget",
        "77 s behind",
        "1 tiers behind",
    ):
        assert words in text, words


def test_a_thousand_devices_fit_into_the_window() -> None:
    text = shown([device(f"OLT-{n:04}", status=READ) for n in range(1000)], height=30)
    assert len(text.splitlines()) <= 30
    assert "more: " in text


def test_a_collector_that_stopped_is_told() -> None:
    assert "not running" in shown([device(status=READ)], written=NOW - timedelta(minutes=5))


def test_ctrl_c_ends_it(tmp_path: Path) -> None:
    write_status(
        tmp_path / "collector-status.json",
        CollectorStatus(NOW, NOW, [device(status=READ)], [], SPOOL, DrainStatus()),
    )
    command = [sys.executable, "-m", "lightline", "status", "--watch", "--data", str(tmp_path)]
    environment = {**os.environ, "COLUMNS": "200", "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    while "OLT-1" not in (line := process.stdout.readline()):
        assert line, process.communicate()[1]
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "Traceback" not in err


def test_in_a_terminal_it_renews_in_place_and_gives_the_terminal_back(tmp_path: Path) -> None:
    """Another screen while it runs, renewed with the status; Ctrl-C is typed, and the first screen is back."""

    def tell(*devices: DeviceStatus) -> None:
        status = CollectorStatus(datetime.now(UTC), NOW, list(devices), [], SPOOL, DrainStatus())
        write_status(tmp_path / "collector-status.json", status)

    tell(device("FIRST", status=READ))
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 160, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-c", OWN_TERMINAL, "-m", "lightline", "status", "--watch", "--data", str(tmp_path)],
        cwd=ROOT, env={**os.environ, "TERM": "xterm-256color"}, stdin=slave, stdout=slave, stderr=slave,
        start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    seen = _until(master, "FIRST")
    assert "\x1b[?1049h" in seen, "no screen of its own"
    tell(device("SECOND", status=READ))
    assert "FIRST" not in _until(master, "SECOND").rpartition("\x1b[H")[2]
    os.write(master, b"\x03")
    left = _until(master, "\x1b[?1049l")
    left += _until(master, None)
    assert process.wait(20) == 0
    assert "\x1b[?25h" in seen + left, "the cursor stays hidden"
    assert "Traceback" not in left


def _until(terminal: int, words: str | None) -> str:
    """What is written to the terminal until these words, or until nobody writes any more."""
    said = ""
    while words is None or words not in said:
        try:
            part = os.read(terminal, 65536).decode(errors="replace")
        except OSError:  # the other end is closed
            part = ""
        if not part:
            assert words is None, said[-2000:]
            break
        said += part
    return said
