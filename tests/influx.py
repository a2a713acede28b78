"""A real InfluxDB 1.x on loopback, with its data in a temporary folder."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.parts import free_port, program

CONFIG = """\
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  index-version = "tsi1"
  max-series-per-database = 0
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


@contextmanager
def influx_server(folder: Path, *, auth: bool = False, port: int | None = None) -> Iterator[str]:
    """Start a server on what `folder` holds; its address as HOST:PORT. Skips where influxd is not installed."""
    influxd = program("influxd", "influxdb")
    port = port or free_port()
    config = folder / "influxdb.conf"
    config.write_text(CONFIG.format(folder=folder, rpc=free_port(), http=port, auth=str(auth).lower()))
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
