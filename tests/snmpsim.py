"""Recorded and synthetic walks served by snmpsim on loopback: the community is the name of the file."""

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.parts import free_port, missing

_PATIENCE_S = 60.0
# snmpsim asks pysmi, which it does not require, for nothing but a version to print.
_PROGRAM = """
import sys, types
sys.modules.setdefault("pysmi", types.SimpleNamespace(__version__="none"))
from snmpsim.commands.responder import main
sys.exit(main())
"""


@contextmanager
def snmpsim(walks: Path, scratch: Path) -> Iterator[int]:
    """Serve every *.snmprec of a folder; yields the UDP port. `scratch` must be writable."""
    if importlib.util.find_spec("snmpsim") is None:
        missing("snmpsim", "pip install snmpsim (it is among the dev extras)")
    port = free_port(socket.SOCK_DGRAM)
    arguments = [
        sys.executable,
        "-c",
        _PROGRAM,
        f"--data-dir={walks}",
        f"--cache-dir={scratch}",
        f"--agent-udpv4-endpoint=127.0.0.1:{port}",
        "--log-level=error",
    ]
    if os.geteuid() == 0:
        arguments += ["--process-user=root", "--process-group=root"]
    log = scratch / "snmpsim.log"
    with log.open("wb") as out:
        process = subprocess.Popen(arguments, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
    try:
        _wait(process, port, log)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Until the port is taken: snmpsim indexes every walk before it listens."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return
        time.sleep(0.1)
    said = log.read_text(errors="replace")[-2000:]
    raise AssertionError(f"snmpsim did not start: {said}")
