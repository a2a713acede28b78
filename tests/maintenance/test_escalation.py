"""Deadlines are watched: a warning before, the way upwards after; each step once, in working time, in the log."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from maintenance.calendar import WorkingCalendar
from maintenance.errors import RulesError
from maintenance.escalation import due_times
from maintenance.ledger import Ledger
from maintenance.replay import replay
from maintenance.rules import Rules
from plant.inventory import Calendar, Inventory
from tests.conftest import ROOT
from tests.maintenance.conftest import NOW, finding, judgement, resolve

RULES = Rules.load()
STEPS = ["warning", "engineer", "grid_lead", "department", "general_manager"]


def a_ticket(ledger: Ledger, inventory: Inventory) -> datetime:
    """One P3 repair with an engineer; its deadline."""
    ledger.take([finding(rx_dbm=-28, days=None)], inventory, NOW)
    return ledger.ticket(1).deadline


def test_each_step_is_told_once_when_it_is_due(ledger: Ledger, inventory: Inventory) -> None:
    deadline = a_ticket(ledger, inventory)
    assert deadline == datetime(2026, 11, 5, 9, 30, tzinfo=UTC)  # Thursday 17:30 in Shanghai
    expected = [
        ("warning", "Li Lei", datetime(2026, 11, 5, 0, 30, tzinfo=UTC)),  # a working day of seven hours before
        ("engineer", "Li Lei", deadline),
        ("grid_lead", "lead of grid g1", datetime(2026, 11, 6, 9, 30, tzinfo=UTC)),
        ("department", "East maintenance", datetime(2026, 11, 9, 9, 30, tzinfo=UTC)),  # over the weekend
        ("general_manager", "总经理督办", datetime(2026, 11, 12, 9, 30, tzinfo=UTC)),
    ]
    for step, to, due in expected:
        assert ledger.escalate(due - timedelta(minutes=1)) == []
        told = ledger.escalate(due)
        assert [(t.step, t.to, t.due) for t in told] == [(step, to, due)]
        assert ledger.escalate(due) == []
    log = ledger.log(1)
    assert [e.after["escalation"] for e in log if e.action == "escalate"] == STEPS
    assert all(to in e.why for e, (_, to, _) in zip(log[1:], expected, strict=True))
    assert [t.id for t in ledger.tickets(escalation="general_manager")] == [1]
    assert replay(log) == ledger.ticket(1).to_json()


def test_steps_missed_while_the_service_was_down_are_told_in_order(ledger: Ledger, inventory: Inventory) -> None:
    a_ticket(ledger, inventory)
    told = ledger.escalate(NOW + timedelta(days=30))
    assert [t.step for t in told] == STEPS[1:]  # a warning after the deadline would warn of nothing


def test_a_repair_ends_it_and_a_failed_one_begins_it_anew(ledger: Ledger, inventory: Inventory) -> None:
    deadline = a_ticket(ledger, inventory)
    ledger.escalate(deadline + timedelta(hours=1))
    done = resolve(ledger, 1, deadline + timedelta(hours=2))
    assert ledger.escalate(deadline + timedelta(days=30)) == []
    again = ledger.verify(1, judgement(done.resolved_at, "failed"), deadline + timedelta(days=1))
    assert again.escalation is None
    assert [t.step for t in ledger.escalate(again.deadline)] == ["engineer"]


def test_two_watchers_tell_nothing_twice(ledger: Ledger, inventory: Inventory) -> None:
    deadline = a_ticket(ledger, inventory)
    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(lambda _: ledger.escalate(deadline), range(4)))
    assert sorted(t.step for some in told for t in some) in (["engineer"], [])
    ledger.escalate(deadline)
    assert [e.action for e in ledger.log(1)].count("escalate") == 1


@pytest.mark.parametrize("grade", ["P1", "P2", "P3", "P4"])
def test_no_step_is_due_before_the_one_ahead_of_it(sqlite_ledger: Ledger, inventory: Inventory, grade: str) -> None:
    a_ticket(sqlite_ledger, inventory)
    ticket = replace(sqlite_ledger.ticket(1), grade=grade)
    times = [at for _, at in due_times(ticket, RULES.escalation, WorkingCalendar(Calendar(), RULES.grading.hours))]
    assert times == sorted(times)
    assert times[0] < ticket.deadline <= times[1]


def test_working_hours_count_backwards_as_they_count_forwards() -> None:
    calendar = WorkingCalendar(Calendar(holidays=(date(2026, 11, 4),)), RULES.grading.hours)
    start = datetime(2026, 11, 2, 1, 10, tzinfo=UTC)
    for hours in (0.5, 3.5, 7, 11.25, 40):
        end = calendar.add_working_hours(start, hours)
        assert calendar.subtract_working_hours(end, hours) == start, hours


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("before: {P1: {hours: 1}, ", "before: {", "lacks P1"),
        ("name: engineer", "name: warning", "name of its own"),
        ("{P1: {hours: 4}", "{P1: {hours: 4, working_hours: 1}", "one of hours, working_hours"),
    ],
)
def test_wrong_steps_are_named(tmp_path: Path, old: str, new: str, says: str) -> None:
    text = (ROOT / "maintenance" / "escalation.yaml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "escalation.yaml").write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(RulesError, match=r"escalation\.yaml.*" + says):
        Rules.load(tmp_path)
