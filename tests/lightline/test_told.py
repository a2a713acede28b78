"""What the last analysis told is kept, and a file that cannot be read costs no analysis."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from analyzer.steadiness import NOTHING, Told
from lightline.told import keep_told, read_told
from plant.finding import Figure, Finding, Forecast
from plant.place import Place

DAY = date(2026, 11, 1)


def test_what_was_told_comes_back_as_it_was(tmp_path: Path) -> None:
    finding = Finding(
        Place("line", "L1"), ("L1",), "connector", 0.9, DAY, 1.5, {"rx_now": Figure(-24.0, "dBm")},
        Forecast(-27.0, 1.0, 2.0, 3.0), {"connector": 0.9, "unknown": 0.1},
    )  # fmt: skip
    keep_told(tmp_path / "findings.json", Told(DAY, (finding,)))
    assert read_told(tmp_path / "findings.json", DAY) == Told(DAY, (finding,))
    assert read_told(tmp_path / "findings.json", DAY - timedelta(days=1)) == NOTHING  # nothing later is looked at


@pytest.mark.parametrize("kept", [None, b"", b"[]", b'{"as_of": "soon"}', b'{"as_of": "2026-11-01", "findings": [1]}'])
def test_a_file_that_is_missing_or_broken_means_nothing_was_told(kept: bytes | None, tmp_path: Path) -> None:
    if kept is not None:
        (tmp_path / "findings.json").write_bytes(kept)
    assert read_told(tmp_path / "findings.json", DAY) == NOTHING
