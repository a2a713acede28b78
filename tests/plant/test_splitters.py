"""Splitters go by the operator's own numbers where those are unique, else by their place."""

import pyarrow as pa
import pytest

from plant.splitters import splitter_ids

Rows = list[tuple[str | None, str | None, str | None, str | None]]
PLANT_WIDE: Rows = [
    ("A", "1", "F1", "F1-1"), ("A", "1", "F1", "F1-2"), ("A", "2", "F2", "F2-1"), ("B", "1", "F3", None),
    ("B", "2", None, None),
]  # fmt: skip


def ids(rows: Rows) -> list[tuple[str | None, str | None]]:
    columns = zip(*rows, strict=True) if rows else [(), (), (), ()]
    names = ("device", "pon", "splitter1", "splitter2")
    table = pa.table({n: pa.array(c, pa.string()) for n, c in zip(names, columns, strict=True)})
    return list(zip(*(a.to_pylist() for a in splitter_ids(table)), strict=True))


def test_plant_wide_numbers_are_the_ids() -> None:
    assert ids(PLANT_WIDE) == [r[2:] for r in PLANT_WIDE]


@pytest.mark.parametrize(
    "more",
    [
        ("B", "2", "F1", None),  # a first-stage name under another port
        ("B", "2", "F9", "F1-1"),  # a second-stage name under another port
        ("A", "1", "F4", "F1-1"),  # and under another splitter of the same port
        ("B", "2", "F9", "F1"),  # a name of both stages
    ],
)
def test_one_name_in_two_places_makes_all_go_by_their_place(more: tuple[str | None, ...]) -> None:
    found = ids([*PLANT_WIDE, more])  # type: ignore[list-item]
    assert found[0] == ("A/1/F1", "A/1/F1/F1-1")
    assert found[3:5] == [("B/1/F3", None), (None, None)]


def test_the_splitters_of_a_single_port_go_by_their_place_as_they_will_when_there_are_more() -> None:
    assert ids(PLANT_WIDE[:2]) == [("A/1/F1", "A/1/F1/F1-1"), ("A/1/F1", "A/1/F1/F1-2")]


def test_a_second_stage_without_a_first_hangs_from_the_port() -> None:
    assert ids([("A", "1", None, "L1"), ("A", "2", None, "L1")]) == [(None, "A/1/L1"), (None, "A/2/L1")]


def test_no_lines_and_no_columns_are_no_splitters() -> None:
    assert ids([]) == []
    first, second = splitter_ids(pa.table({"line_id": ["L"]}))
    assert first.to_pylist() == second.to_pylist() == [None]
