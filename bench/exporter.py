"""prometheus-snmp-exporter as the peer to beat: it walks the same columns and is asked over HTTP."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import yaml

INSTALL = "on Debian: apt-get install prometheus-snmp-exporter"
_PATIENCE_S = 10.0


def found() -> str | None:
    """The program, None where it is not here."""
    return shutil.which("prometheus-snmp-exporter", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/bin")


def _config(columns: Sequence[str], community: str) -> dict[str, object]:
    """A module of gauges indexed by ifIndex and ONT, in the form of exporter 0.21."""
    index = [{"labelname": "ifIndex", "type": "gauge"}, {"labelname": "ont", "type": "gauge"}]
    metrics = [
        {"name": f"column{n}", "oid": oid, "type": "gauge", "help": oid, "indexes": index}
        for n, oid in enumerate(columns)
    ]
    return {
        "bench": {
            "walk": list(columns), "metrics": metrics, "version": 2, "max_repetitions": 50, "timeout": "30s",
            "auth": {"community": community},
        }
    }  # fmt: skip


@contextmanager
def serving(program: str, folder: Path, columns: Sequence[str], community: str) -> Iterator[str]:
    """Start it; yields its address."""
    path = folder / "snmp.yml"
    path.write_text(yaml.safe_dump(_config(columns, community)), encoding="utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    with (folder / "exporter.log").open("wb") as log:
        process = subprocess.Popen(
            [program, f"--config.file={path}", f"--web.listen-address={address}"], stdout=log, stderr=log
        )
    try:
        _wait(process, address, folder)
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(10)


def _wait(process: subprocess.Popen[bytes], address: str, folder: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(f"http://{address}/", timeout=1)
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"the exporter did not start: {(folder / 'exporter.log').read_text()[-500:]}")


def scrape(address: str, port: int) -> int:
    """Ask it to walk the device; the bytes of its answer."""
    asked = {"target": f"127.0.0.1:{port}", "module": "bench"}
    answer = httpx.get(f"{address}/snmp", params=asked, timeout=120)
    answer.raise_for_status()
    return len(answer.content)
