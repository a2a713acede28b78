"""An OLT with a weak CPU: we read all of it and it never falls; tools that walk every table at once bring it down."""

from pathlib import Path

import pytest

from bench.fragile import both


async def test_lightline_reads_every_tier_of_a_fragile_olt_that_plain_walks_bring_down(tmp_path: Path) -> None:
    ours, naive = await both(128, tmp_path / "spool")
    assert ours.complete
    assert ours.reboots == 0
    assert ours.lost <= 5  # each makes us slower
    assert naive.reboots >= 1


@pytest.mark.soak
async def test_a_larger_fragile_olt_is_not_brought_down_either(tmp_path: Path) -> None:
    ours, naive = await both(1024, tmp_path / "spool")
    print(f"a fragile OLT of 1,024 ONTs restarted {ours.reboots} times under ours, {naive.reboots} under plain walks")
    assert ours.complete
    assert ours.reboots == 0
    assert naive.reboots >= 1
