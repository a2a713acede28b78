"""An urgent ticket is planned with as few appointments moved as possible; what moved is named and applied."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import combinations

import pytest

from maintenance.dispatch import plans
from maintenance.dispatch.desk import DayPlan, plan_days, plan_urgent
from maintenance.dispatch.model import UNPLANNED, Job, Shift, World
from maintenance.dispatch.planning import plan
from maintenance.dispatch.rules import Engineer, Roster
from maintenance.dispatch.urgent import make_room
from maintenance.dispatch.work import LOOKED_AT
from maintenance.errors import InputError, NotAllowedError, PlanNotFoundError
from maintenance.ledger import Ledger
from plant.inventory import Inventory
from tests.maintenance.conftest import NOW, finding, lines_of
from tests.maintenance.test_dispatch import a_town

MONDAY = date(2026, 11, 2)


def agreed(jobs: list[Job], shifts: list[Shift]) -> list[Job]:
    """The jobs as a plan places them, each agreed with its customer."""
    visits = plan(jobs, shifts, seconds=0).visits()
    return [replace(j, fixed=(visits[j.id].shift, visits[j.id].start)) for j in jobs if j.id in visits]


def on_time_with(count: int, urgent: Job, fixed: list[Job], shifts: list[Shift], limit: int) -> bool:
    """Whether some `count` less urgent visits of one shift make room in time: found by trying everything."""
    world = World([urgent, *fixed], shifts)
    for shift in shifts:
        order = sorted((j for j in fixed if j.fixed and j.fixed[0] == shift.id), key=lambda j: j.fixed or (0, 0))
        less = [j for j in order if UNPLANNED[j.grade] < UNPLANNED[urgent.grade]]
        for leaving in combinations(less, count) if world.able(urgent, shift) else ():
            rest = [j.id for j in order if j not in leaving]
            for n in range(len(rest) + 1):
                visits = world.timed(shift, [*rest[:n], urgent.id, *rest[n:]])
                if visits is not None and visits[n].start <= limit:
                    return True
    return False


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("minutes", [30, 90, 120])
def test_no_plan_moves_fewer(seed: int, minutes: int) -> None:
    jobs, shifts = a_town(90, 5, 1, seed)
    fixed = agreed(jobs, shifts)
    urgent = Job(999, 23.1, 113.3, minutes, "P1", 900, needs=frozenset(["basic"]))
    room = make_room(urgent, fixed, shifts)
    assert room.visit is not None
    assert room.visit.start <= 900
    assert on_time_with(len(room.moved), urgent, fixed, shifts, 900)
    assert not any(on_time_with(n, urgent, fixed, shifts, 900) for n in range(len(room.moved)))
    world = World([urgent, *fixed], shifts)
    stayed = {j.id: j.fixed for j in fixed if j.id not in room.moved}
    found = {**stayed, urgent.id: (room.visit.shift, room.visit.start),
             **{n: (v.shift, v.start) for n, v in room.moved.items() if v is not None}}  # fmt: skip
    after = World([replace(world.job[n], fixed=at) for n, at in found.items()], shifts)
    for shift in shifts:
        order = sorted((n for n, at in found.items() if at and at[0] == shift.id), key=lambda n: found[n] or (0, 0))
        assert after.timed(shift, order) is not None, "a shift cannot keep its visits"
    grades = {j.id: j.grade for j in fixed}
    assert all(grades[n] > "P1" for n in room.moved)


def test_what_is_as_urgent_never_gives_way_and_the_reason_is_told() -> None:
    shift = Shift(0, "e", 23.1, 113.3, 510, 720, frozenset(["basic"]))
    busy = [Job(n, 23.1, 113.3, 70, "P1", 720, fixed=(0, 510 + 70 * n)) for n in range(3)]
    urgent = Job(9, 23.1, 113.3, 60, "P1", 600, needs=frozenset(["basic"]))
    room = make_room(urgent, busy, [shift])
    assert (room.visit, room.moved) == (None, {})
    assert "busy with work at least as urgent" in room.why
    assert "nobody has coax" in make_room(replace(urgent, needs=frozenset(["coax"])), [], [shift]).why


@pytest.fixture
def inventory(inventory: Inventory) -> Inventory:
    """Only Han works in the east, without travel: all lines are in one place."""
    return inventory


ROSTER = Roster(engineers=(Engineer(name="Han", area="east", lat=0, lon=0),))


@pytest.fixture
def full(ledger: Ledger, inventory: Inventory) -> Ledger:
    """Han's Monday is full of inspections that customers have agreed to; 8 is a port, P2, due on Tuesday."""
    for n in range(7):
        ledger.take([finding(f"line:OLT1-1-{n}")], inventory, NOW)
    found = plan_days(ledger.every(), inventory, ledger.rules, MONDAY, 1, NOW, roster=ROSTER, seconds=0)
    done, refused = plans.apply(ledger, found.to_json(), actor="d", role="dispatcher", now=NOW)
    assert (sorted([*done, *found.unplanned]), refused) == ([1, 2, 3, 4, 5, 6, 7], {})
    assert len(done) >= 4
    ledger.take([finding("pon:OLT1/0/2", lines_of("OLT1", 2), "connector", rx_dbm=-28)], inventory, NOW)
    assert (ledger.ticket(8).grade, ledger.ticket(8).deadline.date()) == ("P2", date(2026, 11, 3))
    return ledger


def urgently(ledger: Ledger, inventory: Inventory, number: int = 8, days: int = 1) -> DayPlan:
    tickets = ledger.every(state=LOOKED_AT)
    return plan_urgent(ledger.ticket(number), tickets, inventory, ledger.rules, MONDAY, days, NOW, roster=ROSTER)


def test_one_appointment_gives_way_and_all_is_applied(full: Ledger, inventory: Inventory) -> None:
    before = {t.id: t for t in full.tickets()}
    found = urgently(full, inventory)
    (moved,) = found.moved
    assert found.appointments[0].ticket == 8
    done, refused = plans.apply(full, found.to_json(), actor="dora", role="dispatcher", now=NOW)
    assert (sorted(done), refused) == (sorted({8, moved.ticket}), {})
    urgent = full.ticket(8)
    assert (urgent.state, urgent.engineer) == ("scheduled", "Han")
    other = full.ticket(moved.ticket)
    assert (other.state, other.appointment_at) == (("scheduled", moved.at) if moved.at else ("assigned", None))
    assert full.log(moved.ticket)[-1].why == "gives way to an urgent visit"
    assert other.deadline == before[moved.ticket].deadline
    assert {n: full.ticket(n) for n in before if n not in (8, moved.ticket)} == {
        n: t for n, t in before.items() if n not in (8, moved.ticket)
    }


def test_with_a_free_day_ahead_nothing_moves_unless_time_is_short(full: Ledger, inventory: Inventory) -> None:
    calm = urgently(full, inventory, 7, days=2)
    assert [(a.ticket, a.at.astimezone(UTC).date()) for a in calm.appointments] == [(7, date(2026, 11, 3))]
    assert list(calm.moved) == []
    agreed_one = next(t for t in full.tickets() if t.state == "scheduled")
    with pytest.raises(InputError, match="cannot be planned: it is scheduled"):
        urgently(full, inventory, agreed_one.id)


def test_what_changed_since_the_plan_is_left_alone(full: Ledger, inventory: Inventory) -> None:
    found = urgently(full, inventory)
    (moved,) = found.moved
    full.act(8, "note", actor="x", role="admin", now=NOW, version=full.ticket(8).version, note="faster")
    done, refused = plans.apply(full, found.to_json(), actor="dora", role="dispatcher", now=NOW)
    assert done == [moved.ticket]
    assert "somebody changed it" in refused[8]


def test_a_plan_is_kept_looked_at_and_applied_once(full: Ledger, inventory: Inventory) -> None:
    found = urgently(full, inventory)
    kept = full.plans.keep(found, actor="dora", first=MONDAY, days=1, areas=["east"], now=NOW, urgent=8)
    assert full.plans.one(kept.id) == kept
    assert [p.id for p in full.plans.latest()] == [kept.id]
    assert kept.body["moved"][0]["engineer_before"] == "Han"
    with pytest.raises(NotAllowedError):
        full.plans.claim(kept.id, actor="tom", role="technician", now=NOW)
    claimed = full.plans.claim(kept.id, actor="dora", role="dispatcher", now=NOW)
    assert (claimed.applied_by, claimed.applied_at) == ("dora", NOW)
    with pytest.raises(InputError, match="was applied by dora"):
        full.plans.claim(kept.id, actor="max", role="admin", now=NOW)
    full.plans.keep(found, actor="dora", first=MONDAY, days=1, areas=None, now=NOW + timedelta(days=40))
    with pytest.raises(PlanNotFoundError):
        full.plans.one(kept.id)


def test_parts_a_crew_carries_and_parts_that_are_waited_for(ledger: Ledger, inventory: Inventory) -> None:
    ledger.take([finding("line:OLT1-1-1", cause="ont_laser"), finding("line:OLT1-1-2")], inventory, NOW)
    without = Roster(engineers=(Engineer(name="Han", area="east", lat=0, lon=0, parts=("splitter",)),))
    having = Roster(engineers=(Engineer(name="Han", area="east", lat=0, lon=0, parts=("ont",)),))

    def planned(roster: Roster) -> DayPlan:
        return plan_days(ledger.every(), inventory, ledger.rules, MONDAY, 1, NOW, roster=roster, seconds=0)

    laser = next(t for t in ledger.tickets() if t.cause == "ont_laser")
    assert planned(without).unplanned == {laser.id: "nobody has part ont"}
    assert planned(having).unplanned == {}
    expected = datetime(2026, 11, 5, 2, 0, tzinfo=UTC)
    ledger.act(laser.id, "assign", actor="d", role="admin", now=NOW, version=1, engineer="Han")
    ledger.act(
        laser.id, "wait_parts", actor="d", role="admin", now=NOW, version=2, part="ONT HG8145", expected_at=expected
    )
    assert planned(having).unplanned == {laser.id: "waits for ONT HG8145; expected 2026-11-05 02:00 UTC"}
