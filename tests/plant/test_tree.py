"""The plant tree agrees with the inventory it was made from."""

from collections.abc import Callable
from pathlib import Path

import pytest

from plant.loading import load_inventory
from plant.place import Place
from plant.tree import PlantTree


@pytest.fixture
def tree(write: Callable[..., Path]) -> PlantTree:
    return PlantTree(load_inventory(write()))


@pytest.mark.parametrize(
    ("place", "lines"),
    [
        ("line:L3", ("L3",)),
        ("line:L9", ()),
        ("splitter:GZ-OLT-01/0/1/S1", ("L1", "L2", "L3")),
        ("splitter:GZ-OLT-01/0/1/S1/A", ("L1", "L2")),
        ("splitter:GZ-OLT-01/0/2/S1", ("L4",)),
        ("pon:GZ-OLT-01/0/1", ("L1", "L2", "L3")),
        ("olt:GZ-OLT-01", ("L1", "L2", "L3", "L4")),
        ("area:tianhe", ("L1", "L2", "L3", "L4", "L6")),
        ("area:panyu", ("L5",)),
    ],
)
def test_the_lines_of_a_place(tree: PlantTree, place: str, lines: tuple[str, ...]) -> None:
    assert tree.lines_of(Place.parse(place)) == lines


def test_a_scope_fits_every_criterion(tree: PlantTree) -> None:
    assert tree.scope(area="tianhe", grid="liede", device="GZ-OLT-01").line_ids == ("L3", "L4")
    assert tree.scope(area="nowhere").line_ids == ()


def test_a_line_knows_its_way_from_the_area(tree: PlantTree) -> None:
    assert tree.breadcrumb("L1") == [
        ("area", "tianhe"),
        ("grid", "shipai"),
        ("device", "GZ-OLT-01"),
        ("pon", "GZ-OLT-01/0/1"),
        ("splitter1", "GZ-OLT-01/0/1/S1"),
        ("splitter2", "GZ-OLT-01/0/1/S1/A"),
        ("line", "L1"),
    ]
    assert tree.breadcrumb("L5")[0] == ("area", "panyu")
