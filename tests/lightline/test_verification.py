"""From a fault to a closed ticket: found, assigned, repaired, and closed by new readings alone."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lightline.analysis import analyze_day, operators_day, take_findings
from lightline.inventory import read_inventory
from lightline.verification import verify_repairs
from maintenance.ledger import Ledger, Ticket
from plant.batch import StoreUnavailableError
from plant.inventory import Inventory
from simulator.inventory import write_plant
from simulator.world import World
from storage.opening import open_store
from storage.protocol import TelemetryStore

END = datetime(2026, 11, 2, 2, 0, tzinfo=UTC)
CONNECTOR = "connector"


@dataclass
class Way:
    """A plant with a past until END, its findings in a ledger."""

    world: World
    inventory: Inventory
    store: TelemetryStore
    ledger: Ledger

    def ticket(self, cause: str) -> Ticket:
        """The ticket at the place of the plant's first fault of this cause."""
        place = next(f.place for f in self.world.faults if f.cause == cause)
        (found,) = self.ledger.tickets(place=place)
        return found

    def repaired(self, ticket: Ticket) -> Ticket:
        """Somebody went there and says it is done."""
        at = END + timedelta(hours=3)
        code = {"cause_code": ticket.cause, "action_code": "cleaned_connector"}
        for action, needed in (("assign", {"engineer": "陈建国"}), ("resolve", code)):
            ticket = self.ledger.act(
                ticket.id,
                action,
                actor="desk",
                role="dispatcher",
                now=at,
                version=ticket.version,
                note="done",
                **needed,
            )
        return ticket

    async def goes_on(self, hours: int) -> datetime:
        """The plant's readings of so many hours after END, in the store."""
        until = END + timedelta(hours=hours)
        for batch in self.world.history(days=hours // 24 + 1, end=until):
            await self.store.append([batch])
        return until


@pytest.fixture
async def way(tmp_path: Path) -> AsyncIterator[Way]:
    world = World(3, 2, 240, faults=10, end=END, days=60)
    files = write_plant(world, tmp_path / "plant", agent_ports={olt.id: 1 for olt in world.olts})
    inventory = read_inventory(files.devices)
    store = await open_store(f"delta:{tmp_path / 'telemetry'}")
    for batch in world.history():
        await store.append([batch])
    await store.rollup()
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.sqlite'}") as ledger:
        analysis = await analyze_day(store, inventory, operators_day(inventory, END), 60)
        await take_findings(ledger, analysis, inventory, END)
        yield Way(world, inventory, store, ledger)
    await store.close()


async def test_the_same_findings_again_open_no_second_ticket(way: Way) -> None:
    before = [t.id for t in way.ledger.tickets()]
    analysis = await analyze_day(way.store, way.inventory, operators_day(way.inventory, END), 60)
    report = await take_findings(way.ledger, analysis, way.inventory, END + timedelta(hours=6))
    assert before
    assert report.opened == []
    assert [t.id for t in way.ledger.tickets()] == before


async def test_every_ticket_has_a_department_and_a_deadline(way: Way) -> None:
    for ticket in way.ledger.tickets():
        assert ticket.department
        assert ticket.deadline > END
        assert ticket.lines


async def test_closed_only_after_readings_confirm_the_repair(way: Way) -> None:
    ticket = way.repaired(way.ticket(CONNECTOR))
    way.world.repair(ticket.place, END + timedelta(hours=2))

    soon = await way.goes_on(8)
    report = await verify_repairs(way.store, way.ledger, soon)
    assert (report.held, report.failed) == (0, 0)
    assert way.ledger.ticket(ticket.id).state == "resolved"

    later = await way.goes_on(36)
    report = await verify_repairs(way.store, way.ledger, later)
    assert report.held == 1
    closed = way.ledger.ticket(ticket.id)
    assert closed.state == "closed"
    assert closed.evidence["verification"]["verdict"] == "held"
    assert [e.action for e in way.ledger.log(ticket.id)][-2:] == ["hold", "close"]


async def test_a_repair_that_did_not_help_reopens_with_a_higher_grade(way: Way) -> None:
    ticket = way.repaired(way.ticket(CONNECTOR))
    until = await way.goes_on(36)
    report = await verify_repairs(way.store, way.ledger, until)
    assert report.failed == 1
    again = way.ledger.ticket(ticket.id)
    assert again.state == "reopened"
    assert again.grade < ticket.grade  # P1 is above P2
    assert again.reopened == 1


async def test_without_new_readings_nothing_is_decided(way: Way) -> None:
    ticket = way.repaired(way.ticket(CONNECTOR))
    report = await verify_repairs(way.store, way.ledger, END + timedelta(days=9))
    assert (report.held, report.failed, report.undecided) == (0, 0, 1)
    assert way.ledger.ticket(ticket.id).state == "resolved"


async def test_a_store_that_is_down_decides_nothing(way: Way) -> None:
    ticket = way.repaired(way.ticket(CONNECTOR))
    await way.store.close()
    with pytest.raises(StoreUnavailableError):
        await verify_repairs(way.store, way.ledger, END + timedelta(days=2))
    assert way.ledger.ticket(ticket.id).state == "resolved"
