"""Accepted splitters lie on top of the lines files, which win; a decision is undone by another."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plant.corrections import Decision, Verdict, add_decision, before, read_decisions, standing, with_corrections
from plant.inventory import LINE_SCHEMA
from plant.suggested import Suggested, Suggestion, keep_suggested, proposal, read_suggested, taken

AT = datetime(2026, 11, 2, tzinfo=UTC)


def lines(*rows: tuple[str, str, str | None, str | None]) -> pa.Table:
    """Line, port, splitters; on OLT."""
    names = ("line_id", "pon", "splitter1", "splitter2")
    return pa.Table.from_pylist([{**dict(zip(names, row, strict=True)), "device": "OLT"} for row in rows], LINE_SCHEMA)


def leg(*names: str, pon: str = "OLT/0/1") -> Suggestion:
    return Suggestion(pon, names, 0.8, 60, (None,), ())


def accepted(table: pa.Table, found: Suggestion, at: datetime = AT) -> Decision:
    was = before(table, found.pon, found.lines)
    return Decision("accept", found.id, at, "p", found.pon, found.lines, proposal(table, found).pair, was)


def told(table: pa.Table) -> list[tuple[str | None, str | None]]:
    return list(zip(table["splitter1"].to_pylist(), table["splitter2"].to_pylist(), strict=True))


@pytest.mark.parametrize(
    ("rows", "pair", "joins"),
    [
        ([("A", "0/1", None, None), ("B", "0/1", None, None)], ("X1", None), False),
        ([("A", "0/1", "S1", None), ("B", "0/1", "S1", None)], ("S1", "X1"), False),
        ([("A", "0/1", "S1", "L2"), ("B", "0/1", None, None)], ("S1", "L2"), True),
        ([("A", "0/1", "S1", "L2"), ("B", "0/1", "S1", "L3")], ("S1", "X1"), False),
        ([("A", "0/1", "S1", "L2"), ("B", "0/1", "S1", "L2"), ("C", "0/1", "S1", "L3")], ("S1", "L2"), True),
        ([("A", "0/1", "S1", None), ("B", "0/1", "S1", None), ("D", "0/1", "S1", "X1")], ("S1", "X2"), False),
    ],
)
def test_what_is_proposed_follows_from_what_the_files_say(
    rows: list[tuple[str, str, str | None, str | None]], pair: tuple[str | None, str | None], joins: bool
) -> None:
    table = lines(*rows)
    offered = proposal(table, leg(*(row[0] for row in rows if row[0] != "D")))
    assert (offered.pair, offered.joins) == (pair, joins)
    assert joins or offered.name not in taken(table, "OLT/0/1")


def test_where_the_plant_numbers_its_splitters_a_new_name_is_unique_in_the_plant() -> None:
    table = lines(("A", "0/1", "F1", None), ("B", "0/1", "F1", None), ("C", "0/2", "F2", None))
    found = leg("A", "B")
    assert proposal(table, found).pair == ("F1", f"X-{found.id}")
    assert taken(table, "OLT/0/1") == {"F1", "F2"}


def test_a_file_that_was_written_since_wins() -> None:
    table = lines(("A", "0/1", None, None), ("B", "0/1", None, None), ("C", "0/1", None, None))
    decision = accepted(table, leg("A", "B", "C"))
    assert told(with_corrections(table, [decision])) == [("X1", None)] * 3
    written = lines(("A", "0/1", "S9", None), ("B", "0/2", None, None), ("C", "0/1", None, None))
    assert told(with_corrections(written, [decision])) == [("S9", None), (None, None), ("X1", None)]


def test_decisions_outlive_a_restart_and_a_torn_line(tmp_path: Path) -> None:
    path = tmp_path / "data" / "plant-corrections.jsonl"
    table = lines(("A", "0/1", None, None), ("B", "0/1", None, None))
    made = accepted(table, leg("A", "B"))
    add_decision(path, made)
    with path.open("ab") as out:
        out.write(b'{"verdict": "acc')
    add_decision(path, Decision("decline", "ff", AT, "q", "OLT/0/1", ("C",)))
    assert read_decisions(path) == [made, Decision("decline", "ff", AT, "q", "OLT/0/1", ("C",))]
    assert read_decisions(tmp_path / "none") == []


def test_suggestions_are_kept_whole(tmp_path: Path) -> None:
    path = tmp_path / "splitters.json"
    assert read_suggested(path) == Suggested()
    found = Suggested(AT.date(), (leg("A", "B"),))
    keep_suggested(path, found)
    assert read_suggested(path) == found
    path.write_text("{}{")
    with pytest.raises(ValueError, match="writes it anew"):
        read_suggested(path)


def test_nearly_the_same_leg_is_no_new_suggestion() -> None:
    found = leg(*"ABCDE")
    assert found.resembles("OLT/0/1", "ABCD")
    assert not found.resembles("OLT/0/2", "ABCDE")
    assert not found.resembles("OLT/0/1", "ABC")


@given(st.lists(st.tuples(st.sampled_from(["accept", "decline", "undo"]), st.sampled_from("abc")), max_size=12))
def test_the_last_word_on_each_suggestion_stands(words: list[tuple[Verdict, str]]) -> None:
    table = lines(*((name, "0/1", None, None) for name in "abc"))
    decisions = [
        Decision(verdict, one, AT, "p", "OLT/0/1", (one,), (f"X{one}", None), {one: (None, None)})
        for verdict, one in words
    ]
    last = {one: verdict for verdict, one in words}
    assert {d.id: d.verdict for d in standing(decisions)} == {o: v for o, v in last.items() if v != "undo"}
    expected = [(f"X{one}", None) if last.get(one) == "accept" else (None, None) for one in "abc"]
    assert told(with_corrections(table, decisions)) == expected
