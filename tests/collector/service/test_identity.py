"""Whose reading it is: by serial, by place, and honestly unknown; swaps and moves are noticed once."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from collector.identity import Identity
from collector.plant_log import PlantLog
from plant.changes import PlantEvent, read_events, with_changes
from plant.inventory import LINE_SCHEMA
from plant.serials import NameIndex, normal_serials
from tests.collector.plants import lines

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Rows:
    """What a poll brought: (pon, ont, serial) rows with one figure each."""

    requests, seconds, notes = 1, 0.1, ()

    def __init__(self, *rows: tuple[str, int, str | None], pons: tuple[str, ...] = (), hours: float = 0.0) -> None:
        self.time = T0 + timedelta(hours=hours)
        self.lines = pa.table(
            {
                "pon": pa.array([r[0] for r in rows], pa.string()),
                "ont": pa.array([r[1] for r in rows], pa.int32()),
                "ont_serial": pa.array([r[2] for r in rows], pa.string()),
                "rx_dbm": pa.array([-20.0 - n for n in range(len(rows))], pa.float32()),
                "quality": pa.nulls(len(rows), pa.string()),
            }
        )
        self.pons = pa.table(
            {
                "pon": pa.array(pons, pa.string()),
                "pon_tx_dbm": pa.array([4.0] * len(pons), pa.float32()),
                "quality": pa.nulls(len(pons), pa.string()),
            }
        )


@pytest.fixture
def identity() -> Identity:
    return Identity(
        lines(
            ("A", "OLT-1", "0/1", "HWTC00000001", 1),
            ("B", "OLT-1", "0/1", "48575443-00000002", 2),
            ("C", "OLT-1", "0/2", None, 1),
            ("D", "OLT-2", "0/1", "HWTC00000004", 1),
        )
    )


def ids(identity: Identity, rows: Rows, device: str = "OLT-1") -> list[str]:
    batches, _ = identity.batches(device, "optics", rows)
    return batches[0].table["line_id"].to_pylist() if batches else []


def events(identity: Identity) -> list[tuple[str, str, str | None, str | None]]:
    return [(e.kind, e.line_id, e.was, e.now) for e in identity.events]


def test_by_serial_however_it_is_written_and_by_place_where_there_is_none(identity: Identity) -> None:
    rows = Rows(("0/1", 1, "hwtc-00000001"), ("0/1", 2, "4857544300000002"), ("0/2", 1, "ZTEG0000000C"))
    assert ids(identity, rows) == ["A", "B", "C"]
    assert events(identity) == []


def test_pon_ports_are_named_by_device_and_port(identity: Identity) -> None:
    batches, _ = identity.batches("OLT-1", "optics", Rows(pons=("0/1", "0/2")))
    assert batches[0].table["line_id"].to_pylist() == ["pon:OLT-1/0/1", "pon:OLT-1/0/2"]


def test_an_ont_in_no_file_becomes_a_line_listed_as_unknown(identity: Identity) -> None:
    rows = Rows(("0/9", 7, "ALCL00000009"))
    _, known = identity.batches("OLT-1", "optics", rows)
    assert known.unknown == ("OLT-1/0/9/7",)
    assert known.missing == 3
    assert ids(identity, rows) == ["OLT-1/0/9/7"]
    assert events(identity) == [("unknown", "OLT-1/0/9/7", None, "ALCL00000009")]


def test_a_serial_of_another_device_is_not_taken_for_that_line(identity: Identity) -> None:
    assert ids(identity, Rows(("0/5", 1, "HWTC00000004"))) == ["OLT-1/0/5/1"]


def test_a_new_serial_at_a_lines_place_is_a_swap_told_once(identity: Identity) -> None:
    for _ in range(3):
        assert ids(identity, Rows(("0/1", 1, "HWTC000000FF"))) == ["A"]
    assert events(identity) == [("swap", "A", "HWTC00000001", "HWTC000000FF")]


def test_an_ont_on_another_port_keeps_its_line_and_the_move_is_told_once(identity: Identity) -> None:
    for _ in range(3):
        assert ids(identity, Rows(("0/3", 5, "HWTC00000001"))) == ["A"]
    assert events(identity) == [("move", "A", "0/1", "0/3")]


def test_a_newcomer_at_the_place_of_an_ont_that_moved_is_not_given_its_line(identity: Identity) -> None:
    assert ids(identity, Rows(("0/1", 1, "NEWC00000001"), ("0/3", 1, "HWTC00000001"))) == ["OLT-1/0/1/1", "A"]


def test_a_serial_shown_twice_counts_where_the_line_is(identity: Identity) -> None:
    assert ids(identity, Rows(("0/3", 1, "HWTC00000001"), ("0/1", 1, "HWTC00000001"))) == ["OLT-1/0/3/1", "A"]


def test_rows_at_the_same_place_do_not_hide_one_another(identity: Identity) -> None:
    assert ids(identity, Rows(("0/9", 1, None), ("0/9", 1, None))) == ["OLT-1/0/9/1", "OLT-1/0/9/1#2"]


def test_a_tier_without_serials_uses_those_seen_before(identity: Identity) -> None:
    ids(identity, Rows(("0/3", 5, "HWTC00000001"), ("0/1", 1, "NEWC00000001")))
    assert ids(identity, Rows(("0/3", 5, None), ("0/1", 1, None))) == ["A", "OLT-1/0/1/1"]


def test_an_inventory_that_learned_of_the_swap_keeps_the_line(identity: Identity) -> None:
    ids(identity, Rows(("0/1", 1, "HWTC000000FF")))
    identity.reload(lines(("A", "OLT-1", "0/1", "HWTC000000FF", 1)))
    assert ids(identity, Rows(("0/1", 1, "HWTC000000FF"))) == ["A"]
    assert len(identity.events) == 1


A, B = ("0/1", 1, "HWTC00000001"), ("0/1", 2, "HWTC00000002")


def test_an_ont_not_listed_for_a_day_is_told_once_as_removed(identity: Identity) -> None:
    ids(identity, Rows(A, B))
    for hours in (1, 24, 25, 26, 60):
        ids(identity, Rows(A, hours=hours))
    assert events(identity) == [("removal", "B", "HWTC00000002", None)]


def test_an_ont_missing_from_one_tier_or_for_an_hour_is_not_removed(identity: Identity) -> None:
    for hours in range(0, 100, 2):
        ids(identity, Rows(A, B, hours=hours))
        ids(identity, Rows(A, hours=hours + 1))
        ids(identity, Rows(hours=hours + 1))  # a poll that brought nothing says nothing of anybody
    assert events(identity) == []


def test_the_log_has_each_change_and_after_a_restart_none_is_told_again(tmp_path: Path) -> None:
    table = lines(("A", "OLT-1", "0/1", "4857544300000001", 1), ("B", "OLT-1", "0/1", "HWTC00000002", 2))
    log = PlantLog(tmp_path / "plant-log.jsonl")
    for _ in range(2):
        found = with_changes(table, read_events(tmp_path / "plant-log.jsonl"))
        identity = Identity(found, log.tell, log.last())
        assert ids(identity, Rows(("0/3", 5, "HWTC00000001"), ("0/1", 2, "HWTC000000FF"))) == ["A", "B"]
    assert events(identity) == [("swap", "B", "HWTC00000002", "HWTC000000FF"), ("move", "A", "0/1", "0/3")]
    assert found["pon"].to_pylist() == ["0/3", "0/1"]
    assert found["ont_index"].to_pylist() == [5, 2]


def test_an_olt_full_of_strangers_is_one_entry_of_the_log(tmp_path: Path) -> None:
    path = tmp_path / "plant-log.jsonl"
    ids(Identity(LINE_SCHEMA.empty_table(), PlantLog(path).tell), Rows(*(("0/1", n, None) for n in range(500))))
    (change,) = read_events(path)
    assert (change.kind, change.line_id, change.now) == ("unknown", "OLT-1/0/1/0", "500 ONTs")


def test_what_a_full_disk_refuses_is_written_with_the_next(tmp_path: Path) -> None:
    path = tmp_path / "away" / "plant-log.jsonl"
    log = PlantLog(path)
    log.tell([PlantEvent("swap", "OLT-1", "A", "X", "Y", T0)])
    path.parent.mkdir()
    log.tell([PlantEvent("swap", "OLT-1", "A", "Y", "Z", T0)])
    assert [c.now for c in read_events(path)] == ["Y", "Z"]


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("hwtc1a2b3c4d", "HWTC1A2B3C4D"),
        ("48575443-1A2B3C4D", "HWTC1A2B3C4D"),
        ("48 57 54 43 1a 2b 3c 4d", "HWTC1A2B3C4D"),
        ("00:1a:2b:3c:4d:5e", "001A2B3C4D5E"),
        ("0000000000000000", "0000000000000000"),
        ("", None),
        (None, None),
    ],
)
def test_serials_are_written_one_way(written: str | None, normal: str | None) -> None:
    assert normal_serials(pa.array([written, "X1"], pa.string())).to_pylist() == [normal, "X1"]


def test_names_are_found_among_many() -> None:
    index = NameIndex(pa.array(["b", None, "a", "线路", ""]))
    assert index.positions(pa.array(["a", "b", "线路", "c", "", None, "b" * 90])).tolist() == [2, 0, 3, -1, -1, -1, -1]
    assert NameIndex(pa.array([], pa.string())).positions(pa.array(["a"])).tolist() == [-1]


def test_onts_without_an_index_are_told_apart_by_serial_and_keep_their_name_whatever_port_they_show(
    identity: Identity,
) -> None:
    rows = Rows(("1", 0, "UBNT00000001"), ("2", 0, "UBNT00000002"))
    rows.lines = rows.lines.set_column(1, "ont", pa.nulls(2, pa.int32()))
    online = ids(identity, rows, "OLT-9")
    assert online == ["OLT-9/-/UBNT00000001", "OLT-9/-/UBNT00000002"]
    rows.lines = rows.lines.set_column(0, "pon", pa.nulls(2, pa.string()))
    assert ids(identity, rows, "OLT-9") == online
