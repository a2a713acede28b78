"""Fixtures every room's tests may use."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of recorded device walks."""
    named = os.environ.get("LIGHTLINE_RECORDINGS")
    folder = Path(named) if named else ROOT.parent / "shared" / "recordings"
    if not folder.is_dir():
        pytest.skip(f"no recordings in {folder}; name their folder in LIGHTLINE_RECORDINGS")
    return folder


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """A command run in the tests' own process points the log at a stream that is closed when its test ends."""
    yield
    structlog.reset_defaults()
