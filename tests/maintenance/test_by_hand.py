"""What people open, propose and split has owner and deadline like a finding's ticket, and stays as they left it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from maintenance.by_hand import Request
from maintenance.errors import InputError, NotAllowedError
from maintenance.ledger import Ledger, Ticket
from maintenance.replay import replay
from plant.inventory import Inventory
from tests.maintenance.conftest import NOW, finding, judgement, lines_of, resolve

COMPLAINT = Request(kind="complaint", place="line:OLT1-1-3", note="slow in the evening 晚上很慢")


def ask(
    ledger: Ledger, inventory: Inventory, request: Request = COMPLAINT, role: str = "dispatcher", **at: Any
) -> Ticket:
    return ledger.open_by_hand(request, inventory, actor="dora", role=role, now=at.get("now", NOW))


@pytest.mark.parametrize("kind", ["complaint", "repair", "inspection", "installation", "retrofit"])
def test_every_kind_opened_by_hand_has_owner_grade_and_deadline(
    ledger: Ledger, inventory: Inventory, kind: Any
) -> None:
    ticket = ask(ledger, inventory, replace(COMPLAINT, kind=kind))
    assert (ticket.kind, ticket.state, ticket.department, ticket.engineer) == (
        kind,
        "open",
        "East maintenance",
        "Li Lei",
    )
    assert ticket.deadline > NOW
    assert [(e.action, e.actor, e.why) for e in ledger.log(1)] == [("open", "dora", COMPLAINT.note)]
    assert replay(ledger.log(1)) == ledger.ticket(1).to_json()


def test_a_technician_proposes_and_a_dispatcher_accepts(ledger: Ledger, inventory: Inventory) -> None:
    ticket = ask(ledger, inventory, replace(COMPLAINT, kind="inspection"), "technician")
    assert (ticket.state, ledger.log(1)[0].action) == ("proposed", "propose")
    with pytest.raises(NotAllowedError):
        ledger.act(1, "accept", actor="Li Lei", role="technician", now=NOW, version=1)
    assert ledger.act(1, "accept", actor="dora", role="dispatcher", now=NOW, version=1).state == "open"


def test_a_complaint_about_a_known_trouble_is_told_there(ledger: Ledger, inventory: Inventory) -> None:
    ledger.take([finding("pon:OLT1/0/1", lines_of("OLT1", 1), days=None)], inventory, NOW)
    before = ledger.ticket(1)
    after = ask(ledger, inventory)
    assert after.id == 1
    assert after.grade == "P3"
    assert after.deadline < before.deadline
    assert after.evidence["complaints"] == {"value": 1, "unit": ""}
    assert ask(ledger, inventory).evidence["complaints"]["value"] == 2
    assert [e.action for e in ledger.log(1)] == ["open", "complain", "complain"]
    assert len(ledger.tickets()) == 1


def test_a_complaint_soon_after_a_repair_counts_against_it(ledger: Ledger, inventory: Inventory) -> None:
    ledger.take([finding()], inventory, NOW)
    done = resolve(ledger, 1)
    ledger.verify(1, judgement(done.resolved_at, "held"), NOW + timedelta(days=2))
    assert ask(ledger, inventory, now=NOW + timedelta(days=20)).repeat_of == 1
    assert sum(row.repeats for row in ledger.on_time(NOW + timedelta(days=60))) == 1
    other = replace(COMPLAINT, place="line:OLT1-1-4")
    assert ask(ledger, inventory, other, now=NOW + timedelta(days=20)).repeat_of is None


def test_a_finding_belongs_to_a_complaint_but_not_to_an_installation(ledger: Ledger, inventory: Inventory) -> None:
    ask(ledger, inventory)
    ask(ledger, inventory, replace(COMPLAINT, kind="installation", place="line:OLT1-1-4"))
    report = ledger.take([finding(), finding("line:OLT1-1-4")], inventory, NOW)
    assert (report.unchanged, report.opened) == (1, [3])


def test_an_installation_may_be_of_a_line_yet_to_be_built(ledger: Ledger, inventory: Inventory) -> None:
    ticket = ask(ledger, inventory, Request("installation", "line:NEW-1", "new customer"))
    assert (ticket.lines, ticket.department) == (("NEW-1",), "Network operations")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"place": "line:NEW-1"}, "not in the inventory"),
        ({"place": "area:nowhere"}, "not in the inventory"),
        ({"place": "somewhere"}, "is not a place"),
        ({"lines": ("no such",)}, "line no such is not in the inventory"),
        ({"kind": "party"}, "kind"),
        ({"grade": "P9"}, "not among: P1"),
        ({"cause": "gremlins"}, "not among: macrobend"),
        ({"note": " "}, "note is empty"),
        ({"note": "a\x00"}, "null"),
        ({"engineer": ""}, "engineer is empty"),
    ],
)
def test_what_cannot_be_opened_is_said_and_nothing_is(
    sqlite_ledger: Ledger, inventory: Inventory, changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(InputError, match=says):
        ask(sqlite_ledger, inventory, replace(COMPLAINT, **changes))
    assert sqlite_ledger.tickets() == []


def test_a_viewer_opens_nothing(sqlite_ledger: Ledger, inventory: Inventory) -> None:
    with pytest.raises(NotAllowedError, match="these may: technician"):
        ask(sqlite_ledger, inventory, role="viewer")


def split(ledger: Ledger, *lines: str, number: int = 1) -> Ticket:
    version = ledger.ticket(number).version
    return ledger.act(number, "split", actor="dora", role="dispatcher", now=NOW + timedelta(hours=1), version=version,
                      note="two troubles", lines=list(lines))  # fmt: skip


def test_a_split_leaves_two_tickets_with_owner_deadline_and_log(ledger: Ledger, inventory: Inventory) -> None:
    ledger.take([finding("pon:OLT1/0/1", lines_of("OLT1", 1))], inventory, NOW)
    whole = ledger.ticket(1)
    left = split(ledger, "OLT1-1-3")
    new = ledger.ticket(2)
    assert (set(left.lines), new.lines) == (set(whole.lines) - {"OLT1-1-3"}, ("OLT1-1-3",))
    assert (new.place, new.state, new.split_from) == ("line:OLT1-1-3", "open", 1)
    assert (new.deadline, new.department, new.grade) == (whole.deadline, whole.department, whole.grade)
    assert ledger.tickets(line="OLT1-1-3") == [new]
    for ticket in (left, new):
        assert replay(ledger.log(ticket.id)) == ticket.to_json()


def test_the_analyzer_does_not_undo_a_split(ledger: Ledger, inventory: Inventory) -> None:
    found = finding("pon:OLT1/0/1", lines_of("OLT1", 1))
    ledger.take([found], inventory, NOW)
    split(ledger, "OLT1-1-3", "OLT1-1-4")
    split(ledger, "OLT1-1-4", number=2)
    before = ledger.tickets()
    report = ledger.take([found, finding("line:OLT1-1-3")], inventory, NOW + timedelta(days=1))
    assert (report.opened, report.grown, report.merged, report.unchanged) == ([], [], [], 2)
    assert ledger.tickets() == before
    wider = finding("olt:OLT1", (*lines_of("OLT1", 1), *lines_of("OLT1", 2)))
    ledger.take([wider], inventory, NOW + timedelta(days=1))
    assert len(ledger.ticket(1).lines) == 30
    assert [t.state for t in ledger.tickets()] == ["open"] * 3


@pytest.mark.parametrize(
    ("lines", "says"),
    [(["OLT1-1-99"], "does not hit"), ([f"OLT1-1-{n}" for n in range(16)], "at least one"), ([], "needs lines"),
     ("OLT1-1-3", "list of line ids")],
)  # fmt: skip
def test_a_split_that_leaves_nothing_or_names_strangers_is_refused(
    sqlite_ledger: Ledger, inventory: Inventory, lines: Any, says: str
) -> None:
    sqlite_ledger.take([finding("pon:OLT1/0/1", lines_of("OLT1", 1))], inventory, NOW)
    with pytest.raises(InputError, match=says):
        sqlite_ledger.act(1, "split", actor="d", role="admin", now=NOW, version=1, note="x", lines=lines)
    assert sqlite_ledger.ticket(1).version == 1


def test_split_tickets_merge_again(ledger: Ledger, inventory: Inventory) -> None:
    ledger.take([finding("pon:OLT1/0/1", lines_of("OLT1", 1))], inventory, NOW)
    split(ledger, "OLT1-1-3")
    ledger.act(2, "merge", actor="d", role="admin", now=NOW, version=1, into=1)
    assert len(ledger.ticket(1).lines) == 16
