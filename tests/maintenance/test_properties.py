"""Random days of findings, people and readings: what must hold after every step does."""

import tempfile
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, get_args

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from maintenance.by_hand import Request
from maintenance.errors import LedgerError
from maintenance.ledger import Ledger
from maintenance.replay import replay
from maintenance.ticket import TicketKind
from maintenance.transitions import ROLES, TRANSITIONS, find
from tests.maintenance import conftest
from tests.maintenance.conftest import NOW, finding, judgement

PLACES: list[tuple[str, tuple[str, ...]]] = [
    ("line:OLT1-1-3", ("OLT1-1-3",)),
    ("line:OLT1-1-4", ("OLT1-1-4",)),
    ("splitter:SP-OLT1-1-0", conftest.lines_of("OLT1", 1, 8)),
    ("pon:OLT1/0/1", conftest.lines_of("OLT1", 1)),
    ("line:OLT2-1-0", ("OLT2-1-0",)),
    ("line:in no file", ()),
]
CAUSES = ["connector", "feeder", "ethernet", "unknown", "mains_outage"]
ACTIONS = sorted({t.action for t in TRANSITIONS})
plant = conftest.a_small_plant()
without_li_lei = replace(
    plant, areas={**plant.areas, "east": replace(plant.areas["east"], grids=plant.areas["east"].grids[1:])}
)
LATER_ONLY_BY = {"reopen", "fail", "release"}
"""What gives a deadline anew; nothing else moves one away."""


class Life(RuleBasedStateMachine):
    """One ledger and everything that can happen to it."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory(prefix="lightline-ledger-")
        self.ledger = Ledger.open(f"sqlite:///{Path(self._folder.name) / 'ledger.sqlite'}")
        self.now = NOW

    def teardown(self) -> None:
        self.ledger.close()
        self._folder.cleanup()

    @initialize()
    def first_finding(self) -> None:
        self.ledger.take([finding()], plant, self.now)

    @rule(
        which=st.lists(
            st.tuples(
                st.sampled_from(PLACES), st.sampled_from(CAUSES),
                st.floats(-30, -20), st.one_of(st.none(), st.floats(0, 100)),
            ), max_size=3,
        ), hours=st.integers(0, 900),
    )  # fmt: skip
    def findings(self, which: list[Any], hours: int) -> None:
        self.now += timedelta(hours=hours)
        found = [finding(p, lines, cause, rx_dbm=rx, days=days) for (p, lines), cause, rx, days in which]
        self.ledger.take(found, plant, self.now)
        before = [(t, len(self.ledger.log(t.id))) for t in self.ledger.tickets()]
        again = self.ledger.take(list(reversed(found)), plant, self.now)
        assert (again.opened, again.grown, again.merged) == ([], [], [])
        assert [(t, len(self.ledger.log(t.id))) for t in self.ledger.tickets()] == before

    @rule(number=st.integers(1, 6), action=st.sampled_from(ACTIONS), role=st.sampled_from(ROLES),
          note=st.text(max_size=30), hours=st.integers(-48, 48), stale=st.booleans(),
          into=st.integers(1, 6))  # fmt: skip
    def anything(self, number: int, action: str, role: str, note: str, hours: int, stale: bool, into: int) -> None:
        """Any action by anybody: done as the table says, or refused with nothing changed."""
        known = {t.id: t for t in self.ledger.tickets()}
        ticket = known.get(number)
        row = find(ticket.state, action) if ticket else None
        given: dict[str, Any] = {
            "engineer": "Wei", "appointment_at": self.now, "cause_code": "connector",
            "action_code": "cleaned_connector", "part": "splitter", "expected_at": self.now, "into": into,
            "lines": list(ticket.lines[:1]) if ticket else [],
        }  # fmt: skip
        needed = {k: v for k, v in given.items() if row and k in row.needs}
        version = (ticket.version if ticket else 1) - stale
        try:
            after = self.ledger.act(
                number, action, actor="x", role=role, now=self.now + timedelta(hours=hours), version=version, note=note,
                **needed,
            )  # fmt: skip
        except LedgerError:
            assert {t.id: t for t in self.ledger.tickets()} == known
            return
        assert ticket is not None
        assert row is not None
        assert not stale
        assert role in row.roles
        assert row.direct
        assert (after.state, after.version) == (row.target, ticket.version + 1)

    @rule(action=st.sampled_from(ACTIONS), stale=st.sets(st.integers(1, 6)), into=st.integers(1, 6))
    def many_at_once(self, action: str, stale: set[int], into: int) -> None:
        """Each is done or refused with a reason, by itself."""
        known = {t.id: t for t in self.ledger.tickets()}
        given: dict[str, Any] = {
            "engineer": "Wei", "appointment_at": self.now, "cause_code": "connector", "part": "ont",
            "action_code": "cleaned_connector", "expected_at": self.now, "into": into,
        }  # fmt: skip
        needs = next(t.needs for t in TRANSITIONS if t.action == action)
        versions = {n: t.version - (n in stale) for n, t in known.items()}
        done, refused = self.ledger.act_on_many(
            versions, action, actor="x", role="admin", now=self.now, note="all of them",
            **{k: v for k, v in given.items() if k in needs},
        )  # fmt: skip
        assert sorted([*(t.id for t in done), *refused]) == sorted(known)
        assert all(refused.values())
        assert not {t.id for t in done} & stale
        changed = {t.id for t in self.ledger.tickets() if t != known.get(t.id)}
        assert changed <= {t.id for t in done} | {into} | (set(self.numbers()) - set(known))

    @rule(steps=st.lists(st.sampled_from(["assign", "schedule", "start", "resume", "wait_parts"]), max_size=4))
    def several_in_turn(self, steps: list[str]) -> None:
        """All of the steps, or none of them."""
        for ticket in self.ledger.tickets(state=["open", "assigned", "scheduled", "waiting_parts"], limit=1):
            given: dict[str, dict[str, Any]] = {
                "assign": {"engineer": "Wei"}, "schedule": {"appointment_at": self.now},
                "wait_parts": {"part": "ont", "expected_at": self.now},
            }  # fmt: skip
            wanted = [(step, given.get(step, {})) for step in steps]
            try:
                after = self.ledger.act_in_turn(
                    ticket.id, wanted, actor="x", role="dispatcher", now=self.now, version=ticket.version
                )
            except LedgerError:
                assert self.ledger.ticket(ticket.id) == ticket
            else:
                assert after.version == ticket.version + len(steps)

    @rule(gone=st.booleans())
    def people_come_and_go(self, gone: bool) -> None:
        who = without_li_lei if gone else plant
        self.ledger.respond(who, self.now)
        assert not any(self.ledger.respond(who, self.now).to_json().values())
        if gone:
            going = self.ledger.tickets(engineer="Li Lei")
            assert all(t.state in ("resolved", "verified", "closed", "cancelled", "merged") for t in going)

    def numbers(self) -> list[int]:
        return [t.id for t in self.ledger.tickets()]

    @rule(hours=st.integers(0, 200))
    def the_clock(self, hours: int) -> None:
        self.now += timedelta(hours=hours)
        if hours > 150 and not self.ledger.modes(self.now):
            self.ledger.begin_mode("storm", plant, area=None, until=self.now + timedelta(hours=100), actor="x",
                                   role="admin", why="x", now=self.now)  # fmt: skip
        self.ledger.respond(plant, self.now)
        assert not any(self.ledger.respond(plant, self.now).to_json().values())
        self.ledger.escalate(self.now)
        assert self.ledger.escalate(self.now) == []

    @rule(kind=st.sampled_from(get_args(TicketKind)), place=st.sampled_from(PLACES), role=st.sampled_from(ROLES))
    def by_hand(self, kind: Any, place: tuple[str, tuple[str, ...]], role: str) -> None:
        before = self.ledger.tickets()
        request = Request(kind, place[0], "asked for", place[1])
        try:
            ticket = self.ledger.open_by_hand(request, plant, actor="x", role=role, now=self.now)
        except LedgerError:
            assert self.ledger.tickets() == before
            return
        assert set(place[1]) <= set(ticket.lines)

    @rule(verdict=st.sampled_from(["held", "failed", "undecided"]), pick=st.integers(0, 3))
    def readings(self, verdict: str, pick: int) -> None:
        self.now += timedelta(hours=30)
        waiting = self.ledger.awaiting_verification(self.now)
        if waiting:
            ticket = waiting[pick % len(waiting)]
            after = self.ledger.verify(ticket.id, judgement(ticket.resolved_at, verdict), self.now)
            assert after.state == {"held": "closed", "failed": "reopened", "undecided": "resolved"}[verdict]

    @rule()
    def resolve_one(self) -> None:
        for ticket in self.ledger.tickets(state=["open", "reopened", "assigned"], limit=1):
            conftest.resolve(self.ledger, ticket.id, self.now)

    @invariant()
    def every_ticket_keeps_its_promises(self) -> None:
        for ticket in self.ledger.tickets():
            log = self.ledger.log(ticket.id)
            assert ticket.department
            assert ticket.deadline is not None
            for e in log:
                old, new = e.before.get("deadline"), e.after.get("deadline")
                assert new is None or old is None or new <= old or e.action in LATER_ONLY_BY, e.action
            if ticket.state == "merged" and ticket.merged_into is not None:
                assert self.due(ticket.merged_into, ticket.changed_at) <= ticket.deadline
            assert (ticket.part is None) or ticket.state == "waiting_parts"
            assert [e.version for e in log] == list(range(1, ticket.version + 1))
            assert replay(log) == ticket.to_json()
            assert [e.at for e in log] == sorted(e.at for e in log)
            for e in log[1:]:
                row = find(e.from_state, e.action)  # type: ignore[arg-type]
                assert row is not None
                assert (row.target, e.role in row.roles) == (e.to_state, True)
            if ticket.state == "closed":
                assert [e.action for e in log][-2:] == ["hold", "close"]
                assert ticket.closed_at is not None
            assert (ticket.closed_at is None) or ticket.state == "closed"

    def due(self, number: int, at: datetime) -> datetime:
        """The deadline a ticket had at a moment, by its log."""
        told = [e.after["deadline"] for e in self.ledger.log(number) if e.at <= at and "deadline" in e.after]
        return datetime.fromisoformat(told[-1])

    @invariant()
    def one_trouble_has_one_unfinished_ticket(self) -> None:
        """But for those a person opened, split, or opened again after they had ended."""
        going = [t for t in self.ledger.tickets() if t.state not in ("closed", "cancelled", "merged", "resolved")]
        going = [t for t in going if not any(e.from_state == "closed" for e in self.ledger.log(t.id))]
        going = [t for t in going if self.ledger.log(t.id)[0].actor == "analyzer" and t.split_from is None]
        keys = [(t.place, self.ledger.rules.causes[t.cause].family) for t in going]
        assert len(keys) == len(set(keys))


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
