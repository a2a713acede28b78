"""Search finds what stands in a ticket, common or rare, in any script, and follows every change of it."""

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from maintenance import database, search
from maintenance.by_hand import Request
from maintenance.ledger import Ledger, Ticket
from plant.inventory import Inventory
from tests.maintenance.conftest import NOW, finding, lines_of

ENGINEERS = ["李雷", "韩梅梅", "Müller 1号", "AB-12", "O'Neil%_", "ÅSE", "x"]
WORDS = ["李", "李雷", "梅梅", "雷李", "müller", "1号", "ab-12", "AB", "%_", "_", "o'neil", "x", "接头", "OLT1-1-3",
         "7", "line:olt", "olt1-1-1", "脏污 李雷", "west", '"; AND', "ticket_grams MATCH"]  # fmt: skip


@pytest.fixture
def filled(ledger: Ledger, inventory: Inventory) -> Ledger:
    for n, engineer in enumerate(ENGINEERS):
        request = Request("repair", f"line:OLT1-1-{n}", "x", engineer=engineer)
        ledger.open_by_hand(request, inventory, actor="d", role="admin", now=NOW)
    ledger.take([finding("line:OLT2-1-0"), finding("pon:OLT1/0/2", lines_of("OLT1", 2), "feeder")], inventory, NOW)
    return ledger


def plainly(ticket: Ticket, text: str) -> bool:
    """What search promises, said in plain Python; databases lower ASCII at least."""
    looked = [str(getattr(ticket, name) or "") for name in search.NAMES]
    return all(
        any(word.lower() in t.lower() for t in looked) or word == str(ticket.id) or word in ticket.lines
        for word in text.split()
    )


@pytest.mark.parametrize("few", [search.FEW, 0, 2], ids=["rare", "common", "between"])
def test_search_finds_what_a_plain_look_finds(filled: Ledger, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "FEW", few)
    everything = filled.tickets()
    for text in WORDS:
        expected = [t.id for t in everything if plainly(t, text)]
        assert [t.id for t in filled.tickets(text=text)] == expected, text
        assert [t.id for t in filled.tickets(text=text, area="east")] == [
            t.id for t in everything if plainly(t, text) and t.area == "east"
        ], text
        pages, after = [], None
        while page := filled.tickets(text=text, limit=2, after=after):
            pages, after = [*pages, *(t.id for t in page)], page[-1].id
        assert pages == [t.id for t in filled.tickets(text=text)], text
    assert [t.engineer for t in filled.tickets(text="李雷")] == ["李雷"]
    assert [t.engineer for t in filled.tickets(text="梅")] == ["韩梅梅"]
    assert len(filled.tickets(text="接头")) == 1


def test_search_follows_a_change_and_forgets_what_was(filled: Ledger, inventory: Inventory) -> None:
    filled.act(1, "assign", actor="d", role="admin", now=NOW, version=1, engineer="欧阳修")
    assert [t.id for t in filled.tickets(text="欧阳")] == [1]
    assert filled.tickets(text="李雷") == []
    filled.act(1, "assign", actor="d", role="admin", now=NOW, version=2, engineer="李雷")
    assert (filled.tickets(text="欧阳"), [t.id for t in filled.tickets(text="李雷")]) == ([], [1])
    wider = finding("pon:OLT2/0/1", lines_of("OLT2", 1), "feeder")
    filled.take([wider], inventory, NOW + timedelta(hours=1))
    assert [t.place for t in filled.tickets(text="pon:OLT2")] == ["pon:OLT2/0/1"]
    assert [t.place for t in filled.tickets(text="OLT2 feeder")] == ["pon:OLT2/0/1"]


def test_a_change_that_is_undone_leaves_the_index_alone(filled: Ledger, database_url: str) -> None:
    engine = database.connect(database_url)
    ticket = filled.ticket(1)

    def half_done() -> None:
        with database.writing(engine) as connection:
            search.keep(connection, ticket, replace(ticket, engineer="欧阳修"))
            raise RuntimeError("stopped half way")

    with pytest.raises(RuntimeError):
        half_done()
    engine.dispose()
    assert [t.id for t in filled.tickets(text="李雷")] == [1]
    filled.act(1, "assign", actor="d", role="admin", now=NOW, version=1, engineer="欧阳修")
    assert [t.id for t in filled.tickets(text="欧阳修")] == [1]


def test_tickets_from_before_the_index_are_found(filled: Ledger, database_url: str) -> None:
    engine = database.connect(database_url)
    database.migrate(engine, "0007")
    assert "ticket_grams" not in sa.inspect(engine).get_table_names()
    database.migrate(engine)
    engine.dispose()
    assert [t.engineer for t in filled.tickets(text="韩梅")] == ["韩梅梅"]


@given(st.text(max_size=40), st.data())
def test_whatever_a_word_is_its_groups_are_among_those_of_a_text_that_has_it(text: str, data: st.DataObject) -> None:
    words = text.split() or ["x"]
    word = data.draw(st.sampled_from(words))
    start = data.draw(st.integers(0, len(word)))
    part = word[start : data.draw(st.integers(start, len(word)))]
    assert {g for g in search.grams([part]) if len(g) > 1 or part == g} <= set(search.grams([text]))
