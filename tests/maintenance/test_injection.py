"""Whatever is typed into a text field is kept as it was typed, or refused; no database or spreadsheet runs it."""

import csv
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from maintenance.by_hand import Request
from maintenance.errors import InputError
from maintenance.ledger import Ledger, Ticket
from maintenance.lists.columns import FORMULA
from maintenance.lists.exporting import write
from maintenance.replay import replay
from maintenance.text import name
from plant.inventory import Inventory
from tests.maintenance.conftest import NOW, finding

EVIL = ("'; DROP TABLE tickets; --", '" OR 1=1 --', "x'); DELETE FROM entries; --", "%_\\", "=1+1", "＝HYPERLINK(1)",
        "@SUM(A1)", "-2+3", "\t=1", "{{7*7}}", "$$; SELECT pg_sleep(9)", "?1 :name %s %(x)s", "NULL",
        "\u202eevil")  # fmt: skip
TYPED = st.one_of(st.sampled_from(EVIL), st.text(min_size=1, max_size=60))
FREE = ("engineer", "note", "part", "why", "view", "filter", "actor", "plan")


def short(text: str) -> str | None:
    """What of a text is kept; None where it is refused."""
    try:
        return name("text", text)
    except InputError:
        return None


@pytest.fixture
def shared(ledger: Ledger, inventory: Inventory) -> Ledger:
    ledger.take([finding(), finding("line:OLT1-1-4")], inventory, NOW)
    ledger.act(1, "assign", actor="d", role="admin", now=NOW, version=1, engineer="Wei")
    return ledger


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=TYPED, field=st.sampled_from(FREE))
@example(EVIL[0], "engineer")
@example(EVIL[0], "view")
@example("\x00", "note")
def test_every_field_keeps_or_refuses_what_is_typed(
    shared: Ledger, inventory: Inventory, text: str, field: str
) -> None:
    ticket, kept, before = shared.ticket(1), short(text), len(shared.tickets())
    later = NOW + timedelta(days=1)
    try:
        if field in ("engineer", "actor", "note"):
            given_ = {"engineer": "Wei", "actor": "d", "note": "x", field: text}
            after = shared.act(1, "assign", actor=given_["actor"], role="admin", now=NOW, version=ticket.version,
                               note=given_["note"], engineer=given_["engineer"])  # fmt: skip
            entry = shared.log(1)[-1]
            told = {"engineer": after.engineer, "actor": entry.actor, "note": entry.why}[field]
            assert told == (text if field == "note" else kept)
        elif field == "part":
            after = shared.act_in_turn(1, [("wait_parts", {"part": text, "expected_at": later}), ("resume", {})],
                                       actor="d", role="admin", now=NOW, version=ticket.version)  # fmt: skip
            assert shared.log(1)[-2].after["part"] == kept
        elif field == "why":
            mode = shared.begin_mode("storm", inventory, area=None, until=later, actor="d", role="admin", why=text,
                                     now=NOW)  # fmt: skip
            assert mode.why in {m.why for m in shared.modes(NOW)}
        elif field == "view":
            view = shared.views.save(text, {"grade": "P1"}, owner="d", role="admin", now=NOW)
            assert (view.name, view in shared.views.seen_by("d", "admin")) == (kept, True)
            shared.views.drop(view.id, owner="d", role="admin")
        elif field == "filter":
            view = shared.views.save("v", {"text": text, "department": text}, owner="d", role="admin", now=NOW)
            assert view.filters == {"text": kept, "department": kept}
        else:
            opened = shared.open_by_hand(Request("repair", "line:OLT2-1-0", text), inventory, actor="d", role="admin",
                                         now=NOW, key=text[:50])  # fmt: skip
            assert shared.ticket(opened.id) == opened
    except InputError:
        assert kept is None or len(text) > 50
        assert shared.ticket(1) == ticket
    assert len(shared.tickets()) in (before, before + 1)
    assert replay(shared.log(1)) == shared.ticket(1).to_json()
    for way in ({"text": text}, {"line": text}, {"area": text}, {"engineer": text}, {"escalation": text}):
        assert {t.id for t in shared.tickets(**way)} <= {t.id for t in shared.tickets()}


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=TYPED)
@example("\n=1+1")
@example("  +1")
def test_no_column_of_a_list_is_run_as_a_formula(shared: Ledger, tmp_path: Path, text: str) -> None:
    ticket = shared.ticket(1)
    words = [f.name for f in fields(Ticket) if isinstance(getattr(ticket, f.name), str)]
    more = dict.fromkeys([*words, "area", "grid", "cause_code", "action_code", "escalation"], text)
    evil = replace(ticket, **more, lines=(text,))  # type: ignore[arg-type]
    for suffix in (".csv", ".xlsx"):
        path = tmp_path / f"list{suffix}"
        write(path, [evil], "Asia/Shanghai")
        if suffix == ".csv":
            with path.open(encoding="utf-8-sig", newline="") as file:
                cells = list(csv.reader(file))[1]
            assert not any(cell.lstrip(" ").startswith(FORMULA) for cell in cells)
        else:
            row = next(iter(load_workbook(path).active.iter_rows(min_row=2)))
            assert not any(cell.data_type == "f" for cell in row)
