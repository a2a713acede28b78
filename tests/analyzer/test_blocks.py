"""A large plant is judged in blocks of whole devices: they follow from the inventory, never from the workers."""

from dataclasses import replace

import numpy as np
import pytest

from analyzer.analyze import analyze, analyze_block, analyze_blocks
from analyzer.blocks import blocks, of_lines, packed
from analyzer.scoring import score
from analyzer.settings import Settings
from tests.analyzer.plants import Plant, plant

FAULTS = ("connector", "feeder", "splitter", "ethernet", "macrobend", "water", "olt_optics", "ont_laser")


@pytest.fixture(scope="module")
def large() -> Plant:
    return plant(7, lines=2048, faults=FAULTS)


@pytest.mark.parametrize(
    ("counts", "size", "expected"),
    [
        ([], 10, []),
        ([0, 0], 10, []),
        ([5], 10, [slice(0, 1)]),
        ([5, 5, 5, 5], 10, [slice(0, 2), slice(2, 4)]),
        ([100, 1, 1], 10, [slice(0, 1), slice(1, 3)]),
        ([10] * 9, 30, [slice(0, 3), slice(3, 6), slice(6, 9)]),
    ],
)
def test_devices_are_packed_whole(counts: list[int], size: int, expected: list[slice]) -> None:
    assert packed(counts, size) == expected


def test_every_line_is_in_one_block_with_all_of_its_port(large: Plant) -> None:
    history = large.history()
    parts = list(blocks(history, 512))
    assert len(parts) > 2
    assert sorted(i for p in parts for i in p.line_ids) == sorted(history.line_ids)
    whole = dict(zip(history.line_ids, history.pon_ids[history.tree.pon], strict=True))
    for part in parts:
        assert all(part.pon_ids[p] == whole[i] for i, p in zip(part.line_ids, part.tree.pon, strict=True))
        assert len(set(part.tree.devices)) == len(part.tree.devices)
        assert set(part.pon_ids).isdisjoint(p for o in parts if o is not part for p in o.pon_ids)


def test_a_plant_of_one_block_is_left_as_it_is(large: Plant) -> None:
    history = large.history()
    assert next(blocks(history, 10_000)) is history
    again = of_lines(history, np.arange(len(history)))
    assert (again.tree.splitters2 == history.tree.splitters2).all()
    assert (again.tree.pon == history.tree.pon).all()


def test_findings_do_not_depend_on_the_workers(large: Plant, settings: Settings) -> None:
    small = replace(settings, block_lines=512)
    history = large.history()
    alone = sorted(
        (f for b in blocks(history, 512) for f in analyze_block(b, large.as_of, small)),
        key=lambda f: (-f.score, str(f.place), f.cause),
    )
    assert analyze(history, large.as_of, small) == alone
    assert analyze_blocks(blocks(history, 512), large.as_of, small, workers=1) == alone


def test_blocks_find_what_the_whole_finds(large: Plant, settings: Settings) -> None:
    history = large.history()
    whole = score(analyze(history, large.as_of, settings), large.truths, large.as_of)
    parts = score(analyze(history, large.as_of, replace(settings, block_lines=512)), large.truths, large.as_of)
    assert abs(parts.found - whole.found) <= 1
    assert parts.false <= whole.false + 1
