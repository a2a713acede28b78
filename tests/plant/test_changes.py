"""The log of what devices showed is applied to the lines, and a lines file written since wins."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from plant.changes import PlantEvent, read_events, with_changes, written
from plant.inventory import LINE_SCHEMA

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)


def table(*rows: dict[str, object]) -> pa.Table:
    return pa.Table.from_pylist([{"device": "OLT", "splitter1": "S1", **row} for row in rows], LINE_SCHEMA)


def swap(line: str, was: str | None, now: str | None) -> PlantEvent:
    return PlantEvent("swap", "OLT", line, was, now, T0)


def move(line: str, was: str, now: str, index: int) -> PlantEvent:
    return PlantEvent("move", "OLT", line, was, now, T0, index)


PLANT = table(
    {"line_id": "A", "pon": "0/1", "ont_serial": "hwtc-00000001", "ont_index": 1},
    {"line_id": "B", "pon": "0/1", "ont_serial": None, "ont_index": 2},
    {"line_id": "C", "pon": "0/2", "ont_serial": "HWTC00000003", "ont_index": 1},
)


def test_a_line_has_the_serial_and_the_place_it_was_found_with_last() -> None:
    found = with_changes(
        PLANT,
        [swap("A", "HWTC00000001", "S2"), swap("A", "S2", "S3"), move("C", "0/2", "0/7", 9), swap("B", None, "S9")],
    )
    assert found["ont_serial"].to_pylist() == ["S3", "S9", "HWTC00000003"]
    assert found["pon"].to_pylist() == ["0/1", "0/1", "0/7"]
    assert found["ont_index"].to_pylist() == [1, 2, 9]
    assert found["splitter1"].to_pylist() == ["S1", "S1", None]  # the new port's is not known
    assert found.schema.equals(LINE_SCHEMA)


def test_there_and_back_again_is_where_it_was() -> None:
    found = with_changes(PLANT, [move("A", "0/1", "0/5", 4), move("A", "0/5", "0/1", 1)])
    assert found.equals(PLANT)


def test_a_lines_file_written_since_wins() -> None:
    rewritten = table({"line_id": "A", "pon": "0/8", "ont_serial": "NEW", "ont_index": 3})
    found = with_changes(rewritten, [swap("A", "HWTC00000001", "S2"), move("A", "0/1", "0/5", 4)])
    assert found.equals(rewritten)


def test_changes_of_lines_and_devices_that_are_gone_are_passed_over() -> None:
    assert with_changes(PLANT, [swap("Z", "1", "2"), PlantEvent("swap", "OTHER", "A", "HWTC00000001", "2", T0)]).equals(
        PLANT
    )


def test_removals_and_strangers_change_no_line() -> None:
    told = [PlantEvent("removal", "OLT", "A", "X", None, T0), PlantEvent("unknown", "OLT", "OLT/1/1", None, "X", T0)]
    assert with_changes(PLANT, told).equals(PLANT)


def test_a_log_without_a_file_is_empty(tmp_path: Path) -> None:
    assert read_events(tmp_path / "none.jsonl") == []


def test_torn_and_foreign_lines_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    good = written([swap("A", "HWTC00000001", "线路")]).decode().strip()
    torn = good[: len(good) // 2]
    foreign = ['{"kind": "swap"}', "[]", "null", good.replace('"swap"', '"other"'), good.replace("+00:00", "")]
    path.write_bytes(b"\xff\xfe\n" + "\n".join([good, *foreign, torn]).encode() + b"\n\n" + good.encode())
    assert read_events(path) == [swap("A", "HWTC00000001", "线路")] * 2


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from(["0/1", "0/2", "0/3"]), st.integers(0, 9))))
def test_a_chain_of_moves_ends_where_the_last_one_did(steps: list[tuple[str, str, int]]) -> None:
    place = dict(zip("ABC", PLANT["pon"].to_pylist(), strict=True))
    changes = []
    for line, pon, index in steps:
        if pon != place[line]:
            changes.append(move(line, place[line], pon, index))
            place[line] = pon
    assert with_changes(PLANT, changes)["pon"].to_pylist() == list(place.values())
