"""Taking findings into the ledger, inside one transaction: match, open, grow, merge, and keep every finding."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from maintenance import grading, merging, people, queries, records
from maintenance.deadlines import Deadlines, keep_calendar
from maintenance.ownership import Owner, Whereabouts
from maintenance.rules import Rules
from maintenance.taking import Desk, Incoming, body_of, decide, in_order
from maintenance.ticket import TakeReport, Ticket
from maintenance.transitions import SYSTEM
from plant.finding import Finding
from plant.inventory import Inventory
from plant.place import Place

ACTOR = "analyzer"


class Intake:
    """One batch of findings on its way into the ledger."""

    def __init__(self, connection: sa.Connection, rules: Rules, inventory: Inventory, now: datetime) -> None:
        self._connection, self._rules, self._inventory, self._now = connection, rules, inventory, now
        keep_calendar(connection, inventory.calendar)
        people.keep_people(connection, inventory, now)
        self._deadlines = Deadlines(inventory.calendar, rules)
        self._whereabouts: Whereabouts

    def take(self, findings: Sequence[Finding]) -> TakeReport:
        report = TakeReport([], [], [], [])
        bodies = {digest: (f, body) for f in findings for body, digest in (body_of(f),)}
        self._whereabouts = Whereabouts(
            self._inventory, [f.place for f in findings], (line for f in findings for line in f.lines)
        )
        known = records.known_digests(self._connection, bodies)
        desk = Desk.of(self._rules, records.load(self._connection, queries.on_the_desk(self._rules.taking, self._now)))
        recorded = 0
        incoming = []
        for digest, (finding, body) in bodies.items():
            if finding.cause in self._rules.taking.record_only:
                recorded += 1
                self._keep(known, None, digest, body)
                continue
            lines = finding.lines or self._whereabouts.lines_of(finding.place)
            lines = tuple(sorted(set(lines)))
            urgency = grading.grade(finding, max(len(lines), 1), self._rules.grading)
            important = self._whereabouts.important(lines)
            urgency = grading.raised(urgency, important, self._rules.grading)
            incoming.append(Incoming(finding, lines, urgency, body, digest, important))
        unchanged = improved = 0
        for one in in_order(incoming):
            verdict = decide(desk, one, self._now)
            if verdict.ticket is None:
                ticket = self._open(one, verdict.repeat_of)
                report.opened.append(ticket.id)
                if verdict.repeat_of is not None:
                    report.repeats.append(ticket.id)
            elif verdict.grown is not None:
                ticket = self._grow(verdict.ticket, verdict.grown, one)
                report.grown.append(ticket.id)
            else:
                ticket = verdict.ticket
                unchanged += 1
                improved += verdict.improved
            desk.put(ticket)
            for narrower in verdict.merge:
                merged, ticket = merging.merge(
                    self._connection, narrower, ticket, self._deadlines, at=self._now, actor=ACTOR, role=SYSTEM,
                    why=f"covered by ticket {ticket.id} at {ticket.place}",
                )  # fmt: skip
                report.merged.append(merged.id)
                desk.put(merged)
                desk.put(ticket)
            self._keep(known, ticket.id, one.digest, one.body)
        return replace(report, unchanged=unchanged, improved=improved, recorded=recorded)

    def _keep(
        self, known: set[tuple[str, int | None]], ticket: int | None, digest: str, body: dict[str, object]
    ) -> None:
        if (digest, ticket) not in known:
            records.keep_finding(self._connection, self._now, ticket, digest, body)
            known.add((digest, ticket))

    def _open(self, one: Incoming, repeat_of: int | None) -> Ticket:
        finding = one.finding
        owner = self._owner(finding.place, one.lines, finding.cause)
        title_en, title_zh = self._titles(finding.place, finding.cause)
        ticket = Ticket(
            id=0, kind=grading.kind(finding, self._rules.grading), place=str(finding.place), lines=one.lines,
            cause=finding.cause, probability=finding.probability, grade=one.grade, state="open", area=owner.area,
            grid=owner.grid, party=owner.party, department=owner.department, engineer=owner.engineer,
            deadline=self._now, opened_at=self._now, changed_at=self._now, version=1, title_en=title_en,
            title_zh=title_zh, onset=finding.onset, score=finding.score, evidence=one.evidence,
            forecast=one.body["forecast"], repeat_of=repeat_of,
        )  # fmt: skip
        ticket = replace(ticket, deadline=self._deadlines(ticket, self._now))
        why = "finding" if repeat_of is None else f"finding; the repair of ticket {repeat_of} did not last"
        ticket = records.insert(self._connection, ticket, actor=ACTOR, role=SYSTEM, why=why)
        return self._deadlines.warned(self._connection, ticket, self._now)

    def _grow(self, ticket: Ticket, grown: Ticket, one: Incoming) -> Ticket:
        """Take what is new into the ticket: its owner follows the place, its deadline only ever comes nearer."""
        if grown.place != ticket.place:
            owner = self._owner(one.place, grown.lines, grown.cause)
            title_en, title_zh = self._titles(one.place, grown.cause)
            engineer = owner.engineer if ticket.state in ("open", "reopened") else ticket.engineer or owner.engineer
            grown = replace(
                grown, area=owner.area, grid=owner.grid, party=owner.party, department=owner.department,
                engineer=engineer, title_en=title_en, title_zh=title_zh,
            )  # fmt: skip
        if grown.grade != ticket.grade:
            grown = replace(grown, deadline=min(ticket.deadline, self._deadlines(grown, self._now)))
        grown = records.change(
            self._connection, ticket, grown, action="grow", at=self._now, actor=ACTOR, role=SYSTEM,
            why=f"finding at {one.place} hits {len(one.lines)} lines, grade {one.grade}",
        )  # fmt: skip
        return self._deadlines.warned(self._connection, grown, self._now)

    def _owner(self, place: Place, lines: tuple[str, ...], cause: str) -> Owner:
        return self._whereabouts.owner(place, lines, cause, self._rules.responsibility)

    def _titles(self, place: Place, cause: str) -> tuple[str, str]:
        words = self._rules.causes[cause]
        return f"{words.en} at {place}", f"{words.zh}：{place}"
