"""Findings become few tickets: one a cause, with an owner and a deadline, and the same again is no news."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from maintenance.errors import InputError
from maintenance.ledger import Ledger
from plant.finding import Figure
from plant.inventory import Calendar, Inventory
from plant.place import Place
from tests.maintenance.conftest import NOW, finding, judgement, lines_of, resolve

LATER = NOW + timedelta(days=1)


def test_a_finding_opens_one_ticket_with_owner_deadline_and_log(ledger: Ledger, inventory: Inventory) -> None:
    report = ledger.take([finding()], inventory, NOW)
    [number] = report.opened
    ticket = ledger.ticket(number)
    assert (ticket.state, ticket.place, ticket.lines) == ("open", "line:OLT1-1-3", ("OLT1-1-3",))
    assert (ticket.area, ticket.grid, ticket.department) == ("east", "g1", "East maintenance")
    assert (ticket.engineer, ticket.party, ticket.kind, ticket.grade) == ("Li Lei", "drop", "inspection", "P4")
    assert ticket.deadline == datetime(2026, 11, 16, 9, 30, tzinfo=UTC)  # the tenth working day, 17:30 in Shanghai
    assert [e.action for e in ledger.log(number)] == ["open"]
    assert ledger.findings(ticket=number)[0].body["place"] == "line:OLT1-1-3"


def test_the_same_findings_again_change_nothing_not_even_the_log(ledger: Ledger, inventory: Inventory) -> None:
    findings = [
        finding(),
        finding("pon:OLT1/0/2", lines_of("OLT1", 2), "feeder"),
        finding("olt:OLT2", (), "olt_optics"),
    ]
    ledger.take(findings, inventory, NOW)
    before = [(t.to_json(), ledger.log(t.id)) for t in ledger.tickets()]
    report = ledger.take(list(reversed(findings)), inventory, LATER)
    assert (report.opened, report.grown, report.unchanged) == ([], [], 3)
    assert [(t.to_json(), ledger.log(t.id)) for t in ledger.tickets()] == before
    assert len(ledger.findings()) == 3


def test_a_finding_below_an_open_ticket_opens_nothing(ledger: Ledger, inventory: Inventory) -> None:
    ledger.take([finding("pon:OLT1/0/1", lines_of("OLT1", 1), "feeder")], inventory, NOW)
    report = ledger.take([finding()], inventory, LATER)
    assert (report.opened, report.unchanged) == ([], 1)


def test_a_finding_above_widens_one_ticket_and_merges_the_others(ledger: Ledger, inventory: Inventory) -> None:
    ledger.take([finding("line:OLT1-1-3"), finding("line:OLT1-1-5")], inventory, NOW)
    report = ledger.take([finding("pon:OLT1/0/1", lines_of("OLT1", 1), "feeder", days=5)], inventory, LATER)
    assert (report.opened, report.grown, report.merged) == ([], [1], [2])
    wide, narrow = ledger.ticket(1), ledger.ticket(2)
    assert (wide.place, wide.cause, wide.party, len(wide.lines), wide.grade) == (
        "pon:OLT1/0/1", "feeder", "plant", 16, "P2",
    )  # fmt: skip
    assert (narrow.state, narrow.merged_into) == ("merged", 1)
    assert len(ledger.findings(ticket=1)) == 3
    assert ledger.findings(ticket=2) == []


def test_a_finding_that_grew_raises_the_grade_and_brings_the_deadline_nearer(
    ledger: Ledger, inventory: Inventory
) -> None:
    ledger.take([finding()], inventory, NOW)
    before = ledger.ticket(1)
    report = ledger.take([finding(rx_dbm=-27.6, days=None)], inventory, LATER)
    after = ledger.ticket(1)
    assert report.grown == [1]
    assert (before.grade, after.grade) == ("P4", "P3")
    assert after.deadline < before.deadline
    assert after.version == before.version + 1


def test_another_trouble_on_the_same_line_is_another_ticket(ledger: Ledger, inventory: Inventory) -> None:
    ledger.take([finding(), finding(cause="ethernet")], inventory, NOW)
    assert {(t.cause, t.party) for t in ledger.tickets()} == {("connector", "drop"), ("ethernet", "in_home")}


def test_a_mains_outage_is_recorded_and_opens_no_ticket(ledger: Ledger, inventory: Inventory) -> None:
    report = ledger.take([finding("area:east", lines_of("OLT1", 1), "mains_outage")], inventory, NOW)
    assert (report.opened, report.recorded, ledger.tickets()) == ([], 1, [])
    assert [f.ticket for f in ledger.findings()] == [None]


def test_fewer_lines_than_yesterday_is_an_improvement_not_a_change(ledger: Ledger, inventory: Inventory) -> None:
    ledger.take([finding("pon:OLT1/0/1", lines_of("OLT1", 1), "feeder")], inventory, NOW)
    report = ledger.take([finding("pon:OLT1/0/1", lines_of("OLT1", 1, 12), "feeder")], inventory, LATER)
    assert (report.unchanged, report.improved, ledger.ticket(1).version) == (1, 1, 1)


def closed(ledger: Ledger, at: datetime) -> None:
    ticket = resolve(ledger, 1, at)
    ledger.verify(1, judgement(ticket.resolved_at, "held"), at + timedelta(hours=30))


@pytest.mark.parametrize(
    ("onset", "days_later", "opened", "repeat_of"),
    [
        (date(2026, 10, 28), 2, 0, None),  # what was repaired, seen in old days: no news
        (date(2026, 10, 28), 20, 1, 1),  # still seen weeks after the repair: it did not last
        (date(2026, 11, 10), 10, 1, 1),  # began again after the repair
        (date(2026, 12, 20), 60, 1, None),  # a new trouble
    ],
)
def test_after_closing_old_news_is_quiet_and_a_new_onset_counts_as_repeat(
    sqlite_ledger: Ledger, inventory: Inventory, onset: date, days_later: int, opened: int, repeat_of: int | None
) -> None:
    sqlite_ledger.take([finding()], inventory, NOW)
    closed(sqlite_ledger, NOW + timedelta(hours=3))
    report = sqlite_ledger.take([finding(onset=onset)], inventory, NOW + timedelta(days=days_later))
    assert len(report.opened) == opened
    if opened:
        assert sqlite_ledger.ticket(report.opened[0]).repeat_of == repeat_of


def test_a_cancelled_ticket_does_not_come_back_the_next_day_unless_it_grew(
    ledger: Ledger, inventory: Inventory
) -> None:
    ledger.take([finding()], inventory, NOW)
    ledger.act(1, "cancel", actor="dora", role="dispatcher", now=NOW, version=1, note="known works")
    assert ledger.take([finding(score=2.1)], inventory, LATER).opened == []
    assert ledger.take([finding(rx_dbm=-28)], inventory, LATER).opened == [2]


def test_a_wide_finding_opens_beside_a_line_that_waits_for_verification(ledger: Ledger, inventory: Inventory) -> None:
    ledger.take([finding()], inventory, NOW)
    resolve(ledger, 1, NOW)
    report = ledger.take([finding("pon:OLT1/0/1", lines_of("OLT1", 1), "feeder")], inventory, LATER)
    assert report.opened == [2]
    assert ledger.ticket(1).state == "resolved"


@pytest.mark.parametrize(
    ("place", "cause", "area", "department", "engineer", "party"),
    [
        ("line:OLT1-2-1", "ont_power", "east", "East maintenance", "Han", "in_home"),
        ("splitter:SP-OLT1-1-0", "splitter", "east", "East maintenance", "Li Lei", "plant"),
        ("pon:OLT2/0/1", "feeder", "west", "West maintenance", None, "plant"),  # its grid names no engineer
        ("olt:OLT2", "olt_optics", "west", "Network operations", None, "headend"),
        ("area:west", "water", "west", "West maintenance", None, "plant"),
        ("line:OLT2/0/1/99", "connector", "west", "West maintenance", None, "drop"),  # found on the device, in no file
        ("line:nowhere", "connector", None, "Network operations", None, "drop"),
    ],
)
def test_every_place_has_an_owner(
    sqlite_ledger: Ledger, inventory: Inventory, place: str, cause: str, area: str, department: str,
    engineer: str | None, party: str,
) -> None:  # fmt: skip
    sqlite_ledger.take([finding(place, cause=cause)], inventory, NOW)  # type: ignore[arg-type]
    t = sqlite_ledger.ticket(1)
    assert (t.area, t.department, t.engineer, t.party) == (area, department, engineer, party)


def test_a_port_without_named_lines_hits_those_of_the_inventory(sqlite_ledger: Ledger, inventory: Inventory) -> None:
    sqlite_ledger.take([finding("pon:OLT1/0/2", (), "feeder")], inventory, NOW)
    assert sqlite_ledger.ticket(1).lines == tuple(sorted(lines_of("OLT1", 2)))


def test_a_year_without_announced_holidays_is_said_in_the_log(ledger: Ledger, inventory: Inventory) -> None:
    ledger.take([finding()], inventory, datetime(2035, 3, 1, 2, tzinfo=UTC))
    opened, warned = ledger.log(1)
    assert (opened.action, warned.action) == ("open", "warn")
    assert "2035" in warned.why
    assert ledger.ticket(1).version == 2


def test_local_holidays_of_the_inventory_move_the_deadline(sqlite_ledger: Ledger, inventory: Inventory) -> None:
    away = Calendar(holidays=(date(2026, 11, 16),))
    sqlite_ledger.take([finding()], replace(inventory, calendar=away), NOW)
    assert sqlite_ledger.ticket(1).deadline == datetime(2026, 11, 17, 9, 30, tzinfo=UTC)


def test_a_finding_no_database_could_keep_is_refused_and_nothing_is_half_done(
    ledger: Ledger, inventory: Inventory
) -> None:
    bad = replace(finding("line:x"), place=Place("line", "a\x00b"), lines=("a\x00b",))
    with pytest.raises(InputError, match="null"):
        ledger.take([finding(), bad], inventory, NOW)
    assert ledger.tickets() == []
    assert ledger.findings() == []


def test_figures_that_are_no_number_are_kept_as_none(ledger: Ledger, inventory: Inventory) -> None:
    odd = replace(finding(), evidence={"rx_now": Figure(float("nan"), "dBm")})
    ledger.take([odd], inventory, NOW)
    assert ledger.ticket(1).evidence["rx_now"] == {"value": None, "unit": "dBm"}


def test_texts_that_look_like_sql_are_just_texts(ledger: Ledger, inventory: Inventory) -> None:
    nasty = "x'); DROP TABLE tickets; --"
    ledger.take([finding(f"line:{nasty}")], inventory, NOW)
    assert ledger.tickets(line=nasty)[0].place == f"line:{nasty}"
    assert ledger.tickets(place="' OR '1'='1") == []
    ledger.act(1, "note", actor=nasty, role="dispatcher", now=NOW, version=1, note="%s {} :x \\ 中文 🙂 " + nasty)
    assert ledger.log(1)[-1].why.endswith(nasty)
