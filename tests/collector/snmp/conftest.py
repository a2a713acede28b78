"""Devices for these tests: recordings and synthetic walks served by snmpsim."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.collector.snmp.walks import NAMES, write_snmprec
from tests.snmpsim import snmpsim


@pytest.fixture(scope="session")
def recorded(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The UDP port where every recording answers to the community of its name."""
    with snmpsim(recordings, tmp_path_factory.mktemp("recorded")) as port:
        yield port


@pytest.fixture(scope="session")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The same for the walks made up from the dictionary of OIDs (tests/collector/snmp/walks)."""
    walks = tmp_path_factory.mktemp("walks")
    for name in NAMES:
        write_snmprec(name, walks)
    with snmpsim(walks, tmp_path_factory.mktemp("synthetic")) as port:
        yield port
