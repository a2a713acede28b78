"""Both stores, opened afresh for each test."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from storage.opening import open_store
from storage.protocol import TelemetryStore
from tests.influx import influx_server

Opener = Callable[[], Awaitable[TelemetryStore]]
_numbers = itertools.count()


@pytest.fixture(scope="session")
def influx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with influx_server(tmp_path_factory.mktemp("influx")) as address:
        yield address


@pytest.fixture(params=["embedded", "influx1"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty store."""
    if request.param == "embedded":
        return f"delta:{tmp_path / 'telemetry'}"
    return f"influx1://{request.getfixturevalue('influx')}/test{next(_numbers)}"


@pytest.fixture
async def store(url: str) -> AsyncIterator[TelemetryStore]:
    opened = await open_store(url, zone="Asia/Shanghai")
    yield opened
    await opened.close()
