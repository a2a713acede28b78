"""Worlds the analyzer's tests speak of."""

import pytest

from analyzer.settings import Settings


@pytest.fixture(scope="session")
def settings() -> Settings:
    return Settings.load()
