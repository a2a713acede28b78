"""A real InfluxDB 1.x on loopback, with its data in a temporary folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.influxd import serving
from tests.parts import program


@contextmanager
def influx_server(folder: Path, *, auth: bool = False, port: int | None = None, series: int = 0) -> Iterator[str]:
    """Start a server on what `folder` holds; its address as HOST:PORT. Skips where influxd is not installed."""
    with serving(program("influxd", "influxdb"), folder, auth=auth, port=port, series=series) as address:
        yield address
