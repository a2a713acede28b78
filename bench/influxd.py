"""A real InfluxDB 1.x on loopback, on what a folder holds, stopped afterwards."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

INSTALL = "on Debian: apt-get install influxdb"
_CONFIG = """\
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  index-version = "{index}"
  max-series-per-database = {series}
  max-values-per-tag = 0
  query-log-enabled = false
[http]
  bind-address = "127.0.0.1:{http}"
  log-enabled = false
  auth-enabled = {auth}
[monitor]
  store-enabled = false
[logging]
  level = "warn"
  suppress-logo = true
"""


def found() -> str | None:
    """The path of the server's program, None where it is not installed."""
    return shutil.which("influxd") or shutil.which("influxd", path="/usr/sbin:/usr/local/sbin:/sbin")


@contextmanager
def serving(
    influxd: str, folder: Path, *, auth: bool = False, port: int | None = None, series: int = 0
) -> Iterator[str]:
    """Run the server, which takes so many `series` a database (0: any); its address as HOST:PORT.

    RuntimeError where it does not answer within a minute.
    """
    port = port or _free_port()
    config = folder / "influxdb.conf"
    index = "inmem" if series else "tsi1"  # which alone counts series
    config.write_text(
        _CONFIG.format(folder=folder, rpc=_free_port(), http=port, auth=str(auth).lower(), index=index, series=series)
    )
    process = subprocess.Popen(
        [influxd, "run", "-config", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                httpx.get(f"http://127.0.0.1:{port}/ping", timeout=1)
                break
            except httpx.HTTPError:
                if time.monotonic() > deadline or process.poll() is not None:
                    raise RuntimeError(f"influxd does not answer on port {port}") from None
                time.sleep(0.1)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])
