"""Storms and holidays: the queue turns, inspections wait, crews take over; afterwards all is as it was."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from maintenance.cap import parse
from maintenance.errors import InputError, NotAllowedError
from maintenance.ledger import Ledger, Ticket
from maintenance.replay import replay
from plant.inventory import Inventory
from tests.maintenance.conftest import NOW, finding, lines_of

UNTIL = NOW + timedelta(hours=24)


@pytest.fixture
def inventory(inventory: Inventory) -> Inventory:
    areas = dict(inventory.areas)
    areas["east"] = replace(areas["east"], crews=("East crew",))
    return replace(inventory, areas=areas)


@pytest.fixture
def busy(ledger: Ledger, inventory: Inventory) -> Ledger:
    """1: an inspection; 2: a feeder that hits 8 lines, P2; 3: an inspection in the west."""
    ledger.take([finding()], inventory, NOW)
    ledger.take([finding("pon:OLT1/0/2", lines_of("OLT1", 2, 8), "feeder", rx_dbm=-28)], inventory, NOW)
    ledger.take([finding("line:OLT2-1-0")], inventory, NOW)
    assert [(t.kind, t.grade) for t in ledger.tickets()] == [
        ("inspection", "P4"),
        ("repair", "P2"),
        ("inspection", "P4"),
    ]
    return ledger


def storm(ledger: Ledger, inventory: Inventory, **given: Any) -> Any:
    wanted = {"area": "east", "until": UNTIL, "actor": "dora", "role": "dispatcher", "why": "typhoon", "now": NOW}
    return ledger.begin_mode("storm", inventory, **{**wanted, **given})


def as_before(ticket: Ticket) -> dict[str, Any]:
    return {k: v for k, v in ticket.to_json().items() if k not in ("version", "changed_at", "deadline")}


def test_a_storm_holds_inspections_and_shifts_urgent_work_and_is_undone(busy: Ledger, inventory: Inventory) -> None:
    before = busy.tickets()
    begun = storm(busy, inventory)
    done = busy.respond(inventory, NOW)
    assert (done.held, done.shifted, done.released, done.returned) == ([1], [2], [], [])
    assert busy.ticket(1).held_by == begun.id
    assert (busy.ticket(2).engineer, busy.ticket(2).shifted_from) == ("East crew", "Han")
    assert busy.ticket(3) == before[2]
    assert not any(busy.respond(inventory, NOW + timedelta(hours=1)).to_json().values())
    assert [t.id for t in busy.queue(NOW)] == [2, 3, 1]
    after = busy.respond(inventory, UNTIL)
    assert (after.released, after.returned) == ([1], [2])
    assert [as_before(t) for t in busy.tickets()] == [as_before(t) for t in before]
    assert [t.deadline for t in busy.tickets()][1:] == [t.deadline for t in before][1:]
    for ticket in busy.tickets():
        assert replay(busy.log(ticket.id)) == ticket.to_json()
    assert [e.action for e in busy.log(1)] == ["open", "hold_back", "release"]
    assert "typhoon" in busy.log(1)[1].why


def test_what_was_held_back_gets_back_the_working_time_it_lost(busy: Ledger, inventory: Inventory) -> None:
    deadline = busy.ticket(1).deadline
    storm(busy, inventory, until=NOW + timedelta(days=1))
    busy.respond(inventory, NOW)
    busy.respond(inventory, NOW + timedelta(days=1))
    assert busy.ticket(1).deadline == datetime(2026, 11, 17, 9, 30, tzinfo=UTC) == deadline + timedelta(days=1)


def test_nobody_is_told_that_a_ticket_is_late_while_it_is_held_back(busy: Ledger, inventory: Inventory) -> None:
    storm(busy, inventory, until=NOW + timedelta(days=60))
    busy.respond(inventory, NOW)
    told = busy.escalate(NOW + timedelta(days=50))
    assert {t.ticket for t in told} == {2, 3}


def test_an_ended_mode_is_undone_at_once_and_by_its_end_only_once(busy: Ledger, inventory: Inventory) -> None:
    begun = storm(busy, inventory)
    busy.respond(inventory, NOW)
    busy.end_mode(begun.id, actor="dora", role="admin", now=NOW + timedelta(hours=2))
    assert busy.respond(inventory, NOW + timedelta(hours=2)).released == [1]
    assert busy.modes(NOW + timedelta(hours=2)) == []
    with pytest.raises(InputError, match="over already"):
        busy.end_mode(begun.id, actor="dora", role="admin", now=NOW + timedelta(hours=3))


def test_work_begun_and_decisions_of_people_stay(busy: Ledger, inventory: Inventory) -> None:
    storm(busy, inventory)
    busy.respond(inventory, NOW)

    def act(number: int, action: str, **given: Any) -> Ticket:
        return busy.act(number, action, actor="dora", role="dispatcher", now=NOW + timedelta(hours=1),
                        version=busy.ticket(number).version, **given)  # fmt: skip

    act(2, "assign", engineer="Han")
    assert busy.respond(inventory, NOW + timedelta(hours=2)).shifted == []
    act(1, "assign", engineer="Li Lei")
    assert act(1, "schedule", appointment_at=UNTIL).held_by is None
    assert not any(busy.respond(inventory, UNTIL).to_json().values())
    assert busy.ticket(2).engineer == "Han"


def test_long_days_off_are_a_holiday_everywhere(busy: Ledger, inventory: Inventory) -> None:
    plant = replace(inventory, calendar=replace(inventory.calendar, holidays=(date(2026, 11, 6), date(2026, 11, 9))))
    for hours in range(0, 24 * 12, 12):
        busy.respond(plant, NOW + timedelta(hours=hours))
    log = [(e.action, e.at) for e in busy.log(3)]
    friday, tuesday = (datetime(2026, 11, d, 2, tzinfo=UTC) for d in (6, 10))
    assert [a for a, _ in log] == ["open", "hold_back", "release"]
    assert timedelta() <= friday - log[1][1] < timedelta(hours=12)
    assert timedelta() <= tuesday - log[2][1] < timedelta(hours=12)


@pytest.mark.parametrize(
    ("given", "says"),
    [({"until": NOW}, "before it begins"), ({"area": "nowhere"}, "not among: east, west"),
     ({"why": ""}, "why is empty"), ({"until": datetime(2026, 12, 1)}, "zone")],  # noqa: DTZ001
)  # fmt: skip
def test_a_mode_that_makes_no_sense_is_refused(
    sqlite_ledger: Ledger, inventory: Inventory, given: dict[str, Any], says: str
) -> None:
    with pytest.raises(InputError, match=says):
        storm(sqlite_ledger, inventory, **given)
    with pytest.raises(NotAllowedError, match="these may: dispatcher, admin"):
        storm(sqlite_ledger, inventory, role="technician")
    assert sqlite_ledger.modes(NOW) == []


def warning(
    identifier: str = "A1", kind: str = "Alert", event: str = "台风黄色预警", severity: str = "Severe",
    area: str = "东区及沿海",
    references: str = "", status: str = "Actual", expires: str = "2026-11-03T10:00:00+08:00",
) -> bytes:  # fmt: skip
    return f"""<?xml version="1.0" encoding="UTF-8"?>
    <alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>{identifier}</identifier>
    <sender>met@example</sender>
    <sent>2026-11-02T09:00:00+08:00</sent><status>{status}</status><msgType>{kind}</msgType><scope>Public</scope>
    <references>{references}</references><info><category>Met</category><event>{event}</event><urgency>Expected</urgency>
    <severity>{severity}</severity><certainty>Likely</certainty><effective>2026-11-02T09:00:00+08:00</effective>
    <expires>{expires}</expires><area><areaDesc>{area}</areaDesc></area></info></alert>""".encode()


def test_a_warning_begins_a_storm_in_the_areas_it_names_once(ledger: Ledger, inventory: Inventory) -> None:
    for _ in range(2):
        ledger.warned(parse(warning()), inventory, NOW)
    (begun,) = ledger.modes(NOW)
    assert (begun.mode, begun.area, begun.source, begun.actor) == ("storm", "east", "feed", "weather warning")
    assert (begun.begins_at, begun.ends_at) == (NOW - timedelta(hours=1), NOW + timedelta(hours=24))


def test_an_update_replaces_and_a_cancel_ends_it(ledger: Ledger, inventory: Inventory) -> None:
    first = "met@example,A1,2026-11-02T09:00:00+08:00"
    ledger.warned(parse(warning()), inventory, NOW)
    update = warning("A2", "Update", references=first, expires="2026-11-04T10:00:00+08:00")
    ledger.warned(parse(update), inventory, NOW)
    (going,) = ledger.modes(NOW)
    assert going.ends_at == NOW + timedelta(hours=48)
    ledger.warned(parse(warning("A3", "Cancel", references=first.replace("A1", "A2"))), inventory, NOW)
    assert ledger.modes(NOW) == []
    ledger.warned(parse(warning()) + parse(update), inventory, NOW)
    assert ledger.modes(NOW) == []


@pytest.mark.parametrize(
    "changes",
    [{"status": "Exercise"}, {"severity": "Minor"}, {"event": "高温"}, {"area": "北京"}, {"kind": "Ack"},
     {"expires": "2026-11-02T09:30:00+08:00"}],
)  # fmt: skip
def test_other_warnings_begin_nothing(sqlite_ledger: Ledger, inventory: Inventory, changes: dict[str, str]) -> None:
    assert sqlite_ledger.warned(parse(warning(**changes)), inventory, NOW) == []


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (b"not xml", "not readable"), (b"<html/>", "no alert"), (b"", "not readable"),
        (b'<!DOCTYPE a [<!ENTITY x "y">]><alert>&x;</alert>', "document type"),
        (warning(expires="tomorrow"), "expires"), (b"x" * (5 << 20), "at most"),
    ],
)  # fmt: skip
def test_a_feed_that_is_none_is_refused(document: bytes, says: str) -> None:
    with pytest.raises(InputError, match=says):
        parse(document)
