"""An engineer who leaves the inventory leaves no ticket without an owner, and is given none any more."""

from dataclasses import replace
from datetime import timedelta

import pytest

from maintenance.by_hand import Request
from maintenance.errors import InputError
from maintenance.ledger import Ledger
from maintenance.replay import replay
from plant.inventory import Grid, Inventory
from tests.maintenance.conftest import NOW, finding, lines_of, resolve

LATER = NOW + timedelta(days=1)
AGREED = NOW + timedelta(days=2)


def without(inventory: Inventory, *gone: str, successor: str | None = None, crews: tuple[str, ...] = ()) -> Inventory:
    """The plant after some have left; a successor takes the grids of the first."""
    areas = {
        a.id: replace(
            a, crews=crews, grids=tuple(
                Grid(g.id, g.name, successor) if g.engineer in gone else g for g in a.grids
            ),
        )
        for a in inventory.areas.values()
    }  # fmt: skip
    return replace(inventory, areas=areas)


@pytest.fixture
def busy(ledger: Ledger, inventory: Inventory) -> Ledger:
    """Li Lei's: 1 open, 2 assigned, 3 with an appointment, 4 repaired already; 5 is Han's."""
    for n in (1, 2, 3, 4):
        ledger.take([finding(f"line:OLT1-1-{n}")], inventory, NOW)
    ledger.take([finding("line:OLT1-2-1")], inventory, NOW)
    for n in (2, 3):
        ledger.act(n, "assign", actor="d", role="dispatcher", now=NOW, version=1, engineer="Li Lei")
    ledger.act(3, "schedule", actor="d", role="dispatcher", now=NOW, version=2, appointment_at=AGREED)
    resolve(ledger, 4)
    ledger.respond(inventory, NOW)
    return ledger


def test_tickets_of_who_left_go_to_the_department_and_the_log_says_why(busy: Ledger, inventory: Inventory) -> None:
    before = {t.id: t for t in busy.tickets()}
    done = busy.respond(without(inventory, "Li Lei"), LATER)
    assert done.handed_over == [1, 2, 3]
    after = {t.id: t for t in busy.tickets()}
    assert [(t.state, t.engineer, t.department) for t in list(after.values())[:3]] == [
        ("open", None, "East maintenance"), ("open", None, "East maintenance"), ("scheduled", None, "East maintenance"),
    ]  # fmt: skip
    assert after[3].appointment_at == AGREED
    assert {n: t.deadline for n, t in after.items()} == {n: t.deadline for n, t in before.items()}
    assert (after[4], after[5]) == (before[4], before[5])
    entry = busy.log(2)[-1]
    assert (entry.action, entry.role) == ("hand_over", "system")
    assert entry.why.startswith("Li Lei left the inventory on 2026-11-03; now with East maintenance")
    assert not any(busy.respond(without(inventory, "Li Lei"), LATER).to_json().values())
    assert [t.step for t in busy.escalate(after[1].deadline) if t.ticket == 1] == ["engineer"]
    assert all(replay(busy.log(n)) == busy.ticket(n).to_json() for n in after)


def test_a_successor_in_the_grid_takes_them(busy: Ledger, inventory: Inventory) -> None:
    busy.respond(without(inventory, "Li Lei", successor="Zhou"), LATER)
    assert [t.engineer for t in busy.tickets()[:3]] == ["Zhou"] * 3
    assert [e.why for e in busy.log(1)][-1].endswith("now with Zhou")


def test_who_left_is_given_nothing_and_is_welcome_back(busy: Ledger, inventory: Inventory) -> None:
    busy.respond(without(inventory, "Li Lei"), LATER)
    version = busy.ticket(5).version
    with pytest.raises(InputError, match=r'"Li Lei" left the inventory on 2026-11-03; these are there: Han'):
        busy.act(5, "assign", actor="d", role="dispatcher", now=LATER, version=version, engineer="Li Lei")
    request = Request("complaint", "line:OLT2-1-0", "slow", engineer="Li Lei")
    with pytest.raises(InputError, match="left the inventory"):
        busy.open_by_hand(request, without(inventory, "Li Lei"), actor="d", role="admin", now=LATER)
    assert busy.ticket(5).version == version
    assert busy.act(5, "assign", actor="d", role="admin", now=LATER, version=version, engineer="Somebody").engineer
    busy.respond(inventory, LATER)
    busy.act(5, "assign", actor="d", role="admin", now=LATER, version=version + 1, engineer="Li Lei")


def test_a_storm_gives_nothing_back_to_who_left_meanwhile(busy: Ledger, inventory: Inventory) -> None:
    crewed = without(inventory, crews=("East crew",))
    busy.take([finding("pon:OLT1/0/1", lines_of("OLT1", 1), "feeder", rx_dbm=-28)], crewed, NOW)
    (shifted,) = (t.id for t in busy.tickets() if t.grade == "P2")
    busy.begin_mode("storm", crewed, area="east", until=LATER, actor="d", role="admin", why="x", now=NOW)
    busy.respond(crewed, NOW)
    assert (busy.ticket(shifted).engineer, busy.ticket(shifted).shifted_from) == ("East crew", "Li Lei")
    busy.respond(without(inventory, "Li Lei", crews=("East crew",)), LATER + timedelta(hours=1))
    assert (busy.ticket(shifted).engineer, busy.ticket(shifted).shifted_from) == (None, None)
    assert [e.action for e in busy.log(shifted)][-2:] == ["shift_back", "hand_over"]
