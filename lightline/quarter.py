"""A simulated quarter: a plant whose lines fail, crews who repair them well or badly, and the real ledger in between.

Only the world is simulated: lines, faults, hands and readings. Tickets, plans, deadlines, escalation and verification
are the ledger's own, on a clock that is moved.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from maintenance.by_hand import Request
from maintenance.dispatch.desk import plan_days
from maintenance.dispatch.work import FREE
from maintenance.ledger import Ledger
from maintenance.ticket import Ticket
from maintenance.verification import judge, readings_needed
from plant.finding import Cause, Figure, Finding, Forecast
from plant.inventory import LINE_SCHEMA, Area, Calendar, Device, Grid, Inventory
from plant.place import Place

ZONE = "Asia/Shanghai"
FIRST = date(2026, 6, 1)  # a Monday
BASE_DBM = -19.0
CAUSES: tuple[tuple[Cause, str], ...] = (
    ("connector", "cleaned_connector"), ("macrobend", "rerouted_fibre"), ("water", "sealed_closure"),
)  # fmt: skip
_PORT = 32  # lines a PON port

# How the crews work: field rules of thumb, not measurements.
WELL_DONE = 0.86  # of repairs that mend the fault
RELAPSE = 0.10  # of mended faults that come back within weeks
NO_PART = 0.06  # of visits that must wait for a part
CALLS = 0.2  # of faults whose customer calls before the analyzer finds them


@dataclass
class Fault:
    """Light lost on one line from `begins` on; `mended` is when it was, None as long as it is not."""

    line: str
    cause: Cause
    begins: datetime
    loss_db: float
    mended: datetime | None = None


@dataclass
class Quarter:
    """What happened, beside the ledger's log. `faults` is the truth; the figures never look at it."""

    ledger: Ledger
    inventory: Inventory
    rng: np.random.Generator
    now: datetime
    faults: list[Fault] = field(default_factory=list)
    planned: int = 0


def run_quarter(
    ledger: Ledger, *, lines: int = 300, weeks: int = 13, faults_a_day: float = 2.0, seed: int = 1
) -> Quarter:
    """Live through `weeks` weeks from FIRST. The same seed gives the same quarter."""
    rng = np.random.default_rng(seed)
    start = datetime.combine(FIRST, time(7, 30), ZoneInfo(ZONE))
    quarter = Quarter(ledger, a_plant(lines, rng), rng, start)
    for day in range(7 * weeks):
        morning = start + timedelta(days=day)
        _trouble(quarter, morning, faults_a_day)
        _desk(quarter, morning + timedelta(minutes=30))
        _visits(quarter, morning)
        _evening(quarter, morning + timedelta(hours=13))
    return quarter


def a_plant(lines: int, rng: np.random.Generator) -> Inventory:
    """Two areas of two grids, an engineer for each and a crew for each area; lines on ports of 32 around a town."""
    grids = [(area, f"{area}{n}") for area in ("east", "west") for n in (1, 2)]
    rows = [
        {"line_id": f"L{n:05}", "device": f"OLT-{area}", "pon": f"0/{n // _PORT}", "ont_serial": f"SIM{n:08}",
         "grid": grid, "technology": "gpon", "lat": 23.1 + 0.1 * float(rng.random()),
         "lon": 113.3 + (0.1 if area == "east" else 0.0) + 0.1 * float(rng.random())}
        for n in range(lines) for area, grid in (grids[n // _PORT % 4],)
    ]  # fmt: skip
    areas = {
        area: Area(
            area, area, f"{area} maintenance",
            tuple(Grid(g, g, f"engineer {g}") for a, g in grids if a == area), (f"crew {area}",),
        )
        for area in ("east", "west")
    }  # fmt: skip
    devices = {f"OLT-{area}": Device(f"OLT-{area}", "127.0.0.1", "olt", area) for area in areas}
    return Inventory(
        areas=areas, devices=devices, brokers=(), lines=pa.Table.from_pylist(rows, schema=LINE_SCHEMA), targets={},
        calendar=Calendar(), simulated=True,
    )  # fmt: skip


def _trouble(quarter: Quarter, now: datetime, faults_a_day: float) -> None:
    """New faults since yesterday; some customers call, the analyzer finds the others two days later."""
    rng, ledger = quarter.rng, quarter.ledger
    ids = quarter.inventory.lines["line_id"].to_pylist()
    ill = {f.line for f in quarter.faults if f.mended is None}
    for line in rng.choice(ids, int(rng.poisson(faults_a_day)), replace=False):
        if line in ill:
            continue
        cause, _ = CAUSES[int(rng.integers(len(CAUSES)))]
        quarter.faults.append(Fault(str(line), cause, now - timedelta(hours=30), float(rng.uniform(4, 9))))
        if rng.random() < CALLS:
            wish = Request("complaint", f"line:{line}", "no picture at times")
            ledger.open_by_hand(wish, quarter.inventory, actor="desk", role="dispatcher", now=now)
    if rng.random() < 0.5:
        new = Request("installation", f"line:{rng.choice(ids)}", "new customer")
        ledger.open_by_hand(new, quarter.inventory, actor="desk", role="dispatcher", now=now)
    seen = [f for f in quarter.faults if f.begins <= now - timedelta(hours=48) and _ill(f, now)]
    ledger.take([_finding(fault) for fault in seen], quarter.inventory, now)


def _finding(fault: Fault) -> Finding:
    rx = round(BASE_DBM - fault.loss_db, 1)
    return Finding(
        place=Place("line", fault.line), lines=(fault.line,), cause=fault.cause, probability=0.8,
        onset=fault.begins.date(), score=fault.loss_db, evidence={"rx_now": Figure(rx, "dBm")},
        forecast=Forecast(-27, 10, 20, 40),
    )  # fmt: skip


def _desk(quarter: Quarter, now: datetime) -> None:
    """Escalate what is late, go on with what waited for parts, plan the day and tell the crews."""
    ledger = quarter.ledger
    ledger.escalate(now)
    ledger.respond(quarter.inventory, now)
    for ticket in ledger.every(state="waiting_parts"):
        _act(ledger, ticket, "resume", now)
    waiting = list(ledger.every(state=[*FREE, "scheduled"]))
    found = plan_days(waiting, quarter.inventory, ledger.rules, now.date(), 1, now, seconds=0)
    for one in found.appointments:
        if not one.fixed:
            ticket = _act(ledger, ledger.ticket(one.ticket), "assign", now, engineer=one.engineer)
            _act(ledger, ticket, "schedule", now, appointment_at=one.at)
            quarter.planned += 1


def _visits(quarter: Quarter, morning: datetime) -> None:
    """The day's appointments, in order: mended, mended badly, or waiting for a part."""
    ledger, rng = quarter.ledger, quarter.rng
    evening = morning + timedelta(hours=12)
    due = [t for t in ledger.every(state="scheduled") if t.appointment_at is not None and t.appointment_at < evening]
    for ticket in sorted(due, key=lambda t: (t.appointment_at, t.id)):
        there = ticket.appointment_at or morning
        ticket = _act(ledger, ticket, "start", there)  # noqa: PLW2901
        done = there + timedelta(minutes=45)
        if rng.random() < NO_PART:
            _act(ledger, ticket, "wait_parts", done, part="spare", expected_at=morning + timedelta(days=1))
            continue
        faults = [f for f in quarter.faults if f.line in ticket.lines and f.mended is None]
        cause, action = next((pair for pair in CAUSES if faults and pair[0] == faults[0].cause), ("unknown", "none"))
        _act(ledger, ticket, "resolve", done, cause_code=cause, action_code=action)
        for fault in faults:
            if rng.random() < WELL_DONE:
                fault.mended = done
                if rng.random() < RELAPSE:
                    again = done + timedelta(days=float(rng.uniform(6, 25)))
                    quarter.faults.append(Fault(fault.line, fault.cause, again, fault.loss_db))


def _evening(quarter: Quarter, now: datetime) -> None:
    """Readings decide what became of the repairs."""
    for ticket in quarter.ledger.awaiting_verification(now):
        repaired = ticket.resolved_at
        if repaired is None:
            continue
        rules = quarter.ledger.rules
        needed = readings_needed(ticket.cause, rules, ticket.kind, ticket.cause_code)
        since = datetime.combine(ticket.onset, time(), ZoneInfo(ZONE))
        table = readings(quarter, ticket.lines, repaired - timedelta(hours=needed.before_hours), now)
        told = judge(
            ticket.cause, table, table, repaired, now, rules, ticket.lines, ticket.kind, since, ticket.cause_code
        )
        if told.verdict != "undecided":
            quarter.ledger.verify(ticket.id, told, now)


def readings(quarter: Quarter, lines: Iterable[str], start: datetime, end: datetime) -> pa.Table:
    """What the lines read each hour: light less what their faults take, with a tenth of a dB of noise."""
    hours = int((end - start).total_seconds() // 3600)
    times = [start + timedelta(hours=n) for n in range(1, hours + 1)]
    ids: list[str] = []
    light: list[float] = []
    for line in lines:
        faults = [f for f in quarter.faults if f.line == line]
        for at in times:
            ids.append(line)
            light.append(BASE_DBM - sum(f.loss_db for f in faults if _ill(f, at)))
    noise = quarter.rng.normal(0, 0.1, len(light))
    rx = np.round(np.array(light) + noise, 2)
    stamps = pa.array([at for _ in range(len(ids) // max(hours, 1)) for at in times], pa.timestamp("us", "UTC"))
    return pa.table({"line_id": ids, "time": stamps, "rx_dbm": rx, "olt_rx_dbm": rx - 4, "state": ["up"] * len(ids)})


def _ill(fault: Fault, at: datetime) -> bool:
    return fault.begins <= at and (fault.mended is None or at < fault.mended)


def _act(ledger: Ledger, ticket: Ticket, action: str, now: datetime, **given: Any) -> Ticket:
    return ledger.act(ticket.id, action, actor="crew", role="dispatcher", now=now, version=ticket.version, **given)
