"""The ledger's tickets planned: by area and skill, in working hours, around what was agreed."""

from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest

from maintenance.dispatch.desk import plan_days
from maintenance.dispatch.rules import Engineer, Roster
from maintenance.errors import InputError
from maintenance.ledger import Ledger
from plant.inventory import Inventory
from tests.maintenance.conftest import NOW, finding

MONDAY = date(2026, 11, 2)
AGREED = datetime(2026, 11, 2, 6, 30, tzinfo=UTC)  # 14:30 in Shanghai


def placed(inventory: Inventory) -> Inventory:
    """The plant with coordinates."""
    lines = inventory.lines
    for name, start in (("lat", 23.1), ("lon", 113.3)):
        values = pa.array([start + n / 1000 for n in range(lines.num_rows)], pa.float64())
        lines = lines.set_column(lines.column_names.index(name), name, values)
    return Inventory(**{**inventory.__dict__, "lines": lines})


@pytest.fixture
def ledger(sqlite_ledger: Ledger, inventory: Inventory) -> Ledger:
    """1 and 2 in the east, 1 agreed for Han; 3 in the west, where nobody is; 4 at the headend; 5 needs splicing."""
    found = [finding("line:OLT1-1-3"), finding("line:OLT1-2-1"), finding("line:OLT2-1-0"),
             finding("olt:OLT1", (), "olt_optics"), finding("line:OLT1-1-9", cause="water")]  # fmt: skip
    for one in found:
        sqlite_ledger.take([one], inventory, NOW)
    sqlite_ledger.act(1, "assign", actor="d", role="admin", now=NOW, version=1, engineer="Han")
    sqlite_ledger.act(1, "schedule", actor="d", role="admin", now=NOW, version=2, appointment_at=AGREED)
    return sqlite_ledger


@pytest.mark.parametrize("with_places", [True, False])
def test_tickets_are_planned_where_somebody_able_is(ledger: Ledger, inventory: Inventory, with_places: bool) -> None:
    plant = placed(inventory) if with_places else inventory
    found = plan_days(ledger.every(), plant, ledger.rules, MONDAY, 1, NOW, seconds=0.2)
    visits = {a.ticket: a for a in found.appointments}
    assert sorted(visits) == [1, 2, 5]
    assert (visits[1].engineer, visits[1].at, visits[1].fixed) == ("Han", AGREED, True)
    assert all(a.at >= NOW and a.engineer in ("Han", "Li Lei") for a in visits.values())
    assert found.unplanned == {3: "nobody has area west", 4: "headend: Network operations decides who goes"}


def test_a_roster_names_skills_and_days_off(ledger: Ledger, inventory: Inventory) -> None:
    people = [Engineer(name="Wei", area="east", lat=23.1, lon=113.3, skills=(), away=(MONDAY,)),
              Engineer(name="Zhao", area="west", lat=23.1, lon=113.3)]  # fmt: skip
    found = plan_days(ledger.every(), placed(inventory), ledger.rules, MONDAY, 2, NOW,
                      roster=Roster(engineers=tuple(people)), seconds=0.2)  # fmt: skip
    visits = {a.ticket: (a.engineer, a.at.date()) for a in found.appointments}
    assert visits == {2: ("Wei", date(2026, 11, 3)), 3: ("Zhao", MONDAY)}
    assert "splicing" in found.unplanned[5]


def test_what_a_storm_holds_back_is_left_out(ledger: Ledger, inventory: Inventory) -> None:
    ledger.begin_mode("storm", inventory, area=None, until=NOW + timedelta(days=1), actor="d", role="admin", why="x",
                      now=NOW)  # fmt: skip
    ledger.respond(inventory, NOW)
    found = plan_days(ledger.every(), inventory, ledger.rules, MONDAY, 1, NOW, seconds=0.1)
    assert found.unplanned[2] == "held back by mode 1"
    assert 1 in {a.ticket for a in found.appointments}


def test_nobody_is_planned_on_a_day_off_or_for_a_month(ledger: Ledger, inventory: Inventory) -> None:
    sunday = plan_days(ledger.every(), inventory, ledger.rules, date(2026, 11, 8), 1, NOW, seconds=0.1)
    assert sunday.appointments == []
    with pytest.raises(InputError, match="1 to 7 days"):
        plan_days([], inventory, ledger.rules, MONDAY, 30, NOW)
