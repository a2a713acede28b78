"""What people may do to a ticket, what it needs, and what they are told when it cannot be."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from maintenance.errors import (
    ConflictError,
    InputError,
    LedgerError,
    NotAllowedError,
    TicketNotFoundError,
    TransitionError,
)
from maintenance.ledger import Judgement, Ledger
from maintenance.replay import replay
from maintenance.transitions import ROLES, STATES, TRANSITIONS, allowed
from plant.inventory import Inventory
from tests.maintenance.conftest import NOW, finding, judgement, resolve


@pytest.fixture
def opened(ledger: Ledger, inventory: Inventory) -> Ledger:
    ledger.take([finding(), finding("line:OLT1-1-9")], inventory, NOW)
    return ledger


def act(ledger: Ledger, action: str, role: str = "dispatcher", number: int = 1, **given: Any) -> Any:
    version = given.pop("version", None) or ledger.ticket(number).version
    return ledger.act(number, action, actor="dora", role=role, now=NOW, version=version, **given)


def test_the_whole_way_to_resolved_is_told_by_the_log(opened: Ledger) -> None:
    visit = datetime(2026, 11, 3, 2, tzinfo=UTC)
    act(opened, "assign", engineer="Wei")
    act(opened, "schedule", "technician", appointment_at=visit)
    act(opened, "start", "technician")
    with pytest.raises(InputError, match="needs part, expected_at"):
        act(opened, "wait_parts", "technician", note="no splitter in the van")
    waiting = act(opened, "wait_parts", "technician", part="splitter 1:8", expected_at=visit, note="none in the van")
    assert (waiting.part, waiting.expected_at, waiting.deadline) == ("splitter 1:8", visit, opened.ticket(1).deadline)
    resumed = act(opened, "resume")
    assert (resumed.part, resumed.expected_at) == (None, None)
    done = act(opened, "resolve", "technician", cause_code="connector", action_code="cleaned_connector")
    assert (done.state, done.engineer, done.resolved_at, done.version) == ("resolved", "Wei", NOW, 7)
    log = opened.log(1)
    assert [e.to_state for e in log] == [
        "open", "assigned", "scheduled", "on_site", "waiting_parts", "assigned", "resolved",
    ]  # fmt: skip
    assert log[2].after["appointment_at"] == visit.isoformat()
    assert log[1].before == {"state": "open", "engineer": "Li Lei", "version": 1}
    assert replay(log) == done.to_json()


def test_an_illegal_action_names_what_is_allowed_now(opened: Ledger) -> None:
    with pytest.raises(
        TransitionError, match=r"while the ticket is open; possible now: assign, cancel, merge, split, note"
    ) as e:
        act(opened, "resolve", cause_code="connector", action_code="none")
    assert e.value.allowed == ("assign", "cancel", "merge", "split", "note")
    with pytest.raises(TransitionError, match="is no action"):
        act(opened, "explode")


@pytest.mark.parametrize("action", sorted({t.action for t in TRANSITIONS if not t.direct}))
@pytest.mark.parametrize("role", ROLES)
def test_nobody_can_ask_for_what_only_readings_decide(
    sqlite_ledger: Ledger, inventory: Inventory, action: str, role: str
) -> None:
    sqlite_ledger.take([finding()], inventory, NOW)
    resolve(sqlite_ledger, 1)
    with pytest.raises((NotAllowedError, TransitionError)):
        act(sqlite_ledger, action, role)
    assert sqlite_ledger.ticket(1).state == "resolved"


def test_no_row_of_the_table_lets_a_person_close() -> None:
    into_closed = [t for t in TRANSITIONS if t.target in ("closed", "verified") and t.source != t.target]
    assert {(t.source, t.target) for t in into_closed} == {("resolved", "verified"), ("verified", "closed")}
    assert all(not t.direct and t.roles == ("system",) for t in into_closed)


def test_a_role_that_may_not_is_told_who_may(opened: Ledger) -> None:
    with pytest.raises(NotAllowedError, match='role "technician" may not cancel; these may: dispatcher, admin'):
        act(opened, "cancel", "technician", note="no")
    with pytest.raises(NotAllowedError, match="these may"):
        act(opened, "assign", "nobody", engineer="x")
    assert allowed("open", "viewer") == ()


def test_a_stale_version_loses(opened: Ledger) -> None:
    act(opened, "note", note="first")
    with pytest.raises(ConflictError, match="at version 2, not 1") as e:
        act(opened, "note", note="second", version=1)
    assert (e.value.given, e.value.current) == (1, 2)
    assert len(opened.log(1)) == 2


@pytest.mark.parametrize(
    ("action", "given", "says"),
    [
        ("cancel", {}, "cancel needs note"),
        ("assign", {"engineer": "  "}, "engineer is empty"),
        ("assign", {"engineer": "x" * 201}, "at most 200"),
        ("note", {"note": "x" * 4001}, "at most 4000"),
        ("note", {"note": "a\x00b"}, "null"),
        ("note", {"note": "\ud800"}, "surrogate"),
        ("note", {"note": "hi", "grade": "P1"}, "not grade"),
        ("merge", {"into": "2"}, "number of a ticket"),
        ("merge", {"into": 1}, "into itself"),
    ],
)
def test_what_is_missing_or_too_long_is_named(opened: Ledger, action: str, given: dict[str, Any], says: str) -> None:
    before = opened.ticket(1)
    with pytest.raises(InputError, match=says):
        act(opened, action, **given)
    assert opened.ticket(1) == before


def test_resolve_needs_codes_that_exist(opened: Ledger) -> None:
    act(opened, "assign")
    with pytest.raises(InputError, match="needs cause_code, action_code"):
        act(opened, "resolve")
    with pytest.raises(InputError, match='action_code "prayed" is not among'):
        act(opened, "resolve", cause_code="connector", action_code="prayed")


def test_a_time_without_zone_is_refused(opened: Ledger) -> None:
    with pytest.raises(InputError, match="zone"):
        opened.act(1, "note", actor="a", role="admin", now=NOW.replace(tzinfo=None), version=1, note="x")
    act(opened, "assign")
    with pytest.raises(InputError, match="appointment_at must be a time with a zone"):
        act(opened, "schedule", appointment_at=datetime(2026, 11, 3))  # noqa: DTZ001


@pytest.mark.parametrize("number", [0, -1, 99, 2**63, 2**70])
def test_a_ticket_that_is_not_there_is_said_plainly(opened: Ledger, number: int) -> None:
    for ask in (
        opened.ticket,
        opened.log,
        lambda n: opened.act(n, "note", actor="a", role="admin", now=NOW, version=1),
    ):
        with pytest.raises(TicketNotFoundError, match=f"ticket {number} is not in the ledger"):
            ask(number)


def test_merging_by_hand_moves_lines_findings_and_the_higher_grade(opened: Ledger) -> None:
    source = act(opened, "merge", number=2, into=1, note="same closure")
    target = opened.ticket(1)
    assert (source.state, source.merged_into) == ("merged", 1)
    assert target.lines == ("OLT1-1-3", "OLT1-1-9")
    assert [e.action for e in opened.log(1)] == ["open", "absorb"]
    assert len(opened.findings(ticket=1)) == 2
    assert replay(opened.log(1)) == target.to_json()
    with pytest.raises(TransitionError, match="nothing more can be done"):
        act(opened, "note", number=2, note="x")


def test_merging_into_a_finished_ticket_is_refused_and_nothing_moves(opened: Ledger) -> None:
    act(opened, "cancel", number=2, note="no fault")
    with pytest.raises(TransitionError, match="ticket 2 is cancelled"):
        act(opened, "merge", into=2)
    assert opened.ticket(1).state == "open"


def test_held_readings_close_and_the_log_says_why(opened: Ledger) -> None:
    ticket = resolve(opened, 1)
    assert [t.id for t in opened.awaiting_verification(NOW + timedelta(days=2))] == [1]
    done = opened.verify(1, judgement(ticket.resolved_at, "held"), NOW + timedelta(days=2))
    assert (done.state, done.closed_at) == ("closed", NOW + timedelta(days=2))
    assert [(e.action, e.to_state, e.actor) for e in opened.log(1)][-2:] == [
        ("hold", "verified", "verification"), ("close", "closed", "verification"),
    ]  # fmt: skip
    assert done.evidence["verification"]["verdict"] == "held"
    assert opened.awaiting_verification(NOW + timedelta(days=9)) == []


def test_failed_readings_reopen_with_evidence_a_higher_grade_and_a_new_deadline(opened: Ledger) -> None:
    ticket = resolve(opened, 1)
    again = opened.verify(1, judgement(ticket.resolved_at, "failed"), NOW + timedelta(days=20))
    assert (again.state, again.grade, again.reopened, again.resolved_at) == ("reopened", "P3", 1, None)
    assert again.evidence["verification"]["verdict"] == "failed"
    assert again.evidence["rx_now"]
    assert again.deadline > NOW + timedelta(days=20)
    assert replay(opened.log(1)) == again.to_json()


def test_undecided_readings_change_nothing(opened: Ledger) -> None:
    ticket = resolve(opened, 1)
    assert opened.verify(1, judgement(ticket.resolved_at, "undecided"), NOW + timedelta(days=2)) == ticket
    assert len(opened.log(1)) == ticket.version


def test_a_judgement_of_an_earlier_repair_or_without_readings_closes_nothing(opened: Ledger) -> None:
    first = resolve(opened, 1, NOW + timedelta(hours=1))
    old = judgement(first.resolved_at, "held")
    act(opened, "reopen", note="customer called")
    ticket = resolve(opened, 1, NOW + timedelta(hours=9))
    with pytest.raises(TransitionError, match="not of the last one"):
        opened.verify(1, old, NOW + timedelta(days=2))
    assert ticket.resolved_at is not None
    empty = Judgement("held", ticket.resolved_at, 0, 0, 24)
    with pytest.raises(InputError, match="without new readings"):
        opened.verify(1, empty, NOW + timedelta(days=2))
    with pytest.raises(TransitionError, match="while the ticket is open"):
        opened.verify(2, judgement(NOW, "held"), NOW)
    assert opened.ticket(1).state == "resolved"


def test_a_clock_that_goes_back_never_turns_the_log_around(opened: Ledger) -> None:
    act(opened, "assign")
    opened.act(1, "note", actor="a", role="admin", now=NOW - timedelta(days=3), version=2, note="late clock")
    times = [e.at for e in opened.log(1)]
    assert times == sorted(times)


def test_lists_filter_and_page(opened: Ledger, inventory: Inventory) -> None:
    opened.take([finding("pon:OLT2/0/1", (), "feeder", rx_dbm=-28)], inventory, NOW)
    act(opened, "assign", number=2)
    late = NOW + timedelta(days=90)

    def ids(**conditions: Any) -> list[int]:
        return [t.id for t in opened.tickets(**conditions)]

    assert ids() == [1, 2, 3]
    assert ids(state="assigned") == [2]
    assert ids(state=["open", "assigned"], area="east") == [1, 2]
    assert ids(grade="P2") == [3]
    assert ids(department="West maintenance") == [3]
    assert ids(place="line:OLT1-1-3") == [1]
    assert ids(line="OLT2-1-4") == [3]
    assert ids(overdue_at=late) == [1, 2, 3]
    assert ids(overdue_at=NOW) == []
    assert ids(limit=2) == [1, 2]
    assert ids(limit=2, after=2) == [3]
    assert ids(area=[]) == []
    with pytest.raises(InputError, match='state "lost" is not among'):
        ids(state="lost")
    with pytest.raises(InputError, match="ask for 1 to 1000"):
        ids(limit=0)
    counts = opened.counts(late)
    assert (counts.total, counts.unfinished, counts.overdue) == (3, 3, 3)
    assert counts.by_state["assigned"] == 1
    assert counts.by_grade == {"P1": 0, "P2": 1, "P3": 0, "P4": 2}


def test_every_state_but_the_final_ones_has_a_way_out() -> None:
    for state in STATES:
        out = [t for t in TRANSITIONS if t.source == state and t.target != state]
        assert bool(out) == (state not in ("cancelled", "merged"))


def test_every_refusal_is_a_ledger_error() -> None:
    for refusal in (ConflictError, InputError, NotAllowedError, TicketNotFoundError, TransitionError):
        assert issubclass(refusal, LedgerError)
