"""From findings to tickets: which open ticket covers a finding, which one it widens, and what is news.

Pure: works on what the ledger has read, decides, and writes nothing. Two places of one tree that share lines lie above
one another, so shared lines and a compatible cause are what makes a finding part of a ticket.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from maintenance.errors import InputError
from maintenance.rules import Rules
from maintenance.text import name, storable
from maintenance.ticket import Grade, Ticket
from maintenance.transitions import find
from plant.finding import CAUSES, Finding
from plant.place import Place

WIDTH = {"area": 0, "olt": 1, "node": 1, "pon": 2, "splitter": 3, "line": 4}
"""Widest first: what hits a PON port is looked at before what hits one of its lines."""


@dataclass(frozen=True)
class Incoming:
    """A finding ready to be matched: its lines (the place's own where it names none), grade, JSON and digest.

    `important`: how many of the lines are of important customers.
    """

    finding: Finding
    lines: tuple[str, ...]
    grade: Grade
    body: dict[str, Any]
    digest: str
    important: int = 0

    @property
    def evidence(self) -> dict[str, Any]:
        """The finding's evidence, and that important customers are hit where they are."""
        told: dict[str, Any] = self.body["evidence"]
        return {**told, "important_customers": {"value": self.important, "unit": ""}} if self.important else told

    @property
    def place(self) -> Place:
        return self.finding.place


def body_of(finding: Finding) -> tuple[dict[str, Any], str]:
    """A finding's JSON as it is kept, and its digest. InputError where a database could not keep it."""
    if finding.cause not in CAUSES:
        raise InputError(f'finding at {finding.place}: cause "{finding.cause}" is not among: {", ".join(CAUSES)}')
    for line in finding.lines:
        name(f"finding at {finding.place}: line", line)
    body: dict[str, Any] = storable(f"finding at {finding.place}", finding.to_json())
    text = json.dumps(body, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return body, hashlib.sha256(text.encode()).hexdigest()


def in_order(findings: Iterable[Incoming]) -> list[Incoming]:
    """Widest place first, then by score, then by place: the same findings in any order come to the same tickets."""
    return sorted(
        findings, key=lambda i: (WIDTH[i.place.kind], -i.finding.score, str(i.place), i.finding.cause, i.digest)
    )


@dataclass
class Desk:
    """The tickets that may cover a finding: unfinished ones, and those closed or cancelled lately."""

    rules: Rules
    tickets: dict[int, Ticket] = field(default_factory=dict)
    _by_place: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    _by_line: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))

    @classmethod
    def of(cls, rules: Rules, tickets: Iterable[Ticket]) -> "Desk":
        desk = cls(rules)
        for ticket in tickets:
            desk.put(ticket)
        return desk

    def put(self, ticket: Ticket) -> None:
        """Add a ticket or its newer version."""
        self.tickets[ticket.id] = ticket
        self._by_place[ticket.place].add(ticket.id)
        for line in ticket.lines:
            self._by_line[line].add(ticket.id)

    def related(self, incoming: Incoming) -> list[Ticket]:
        """Tickets at the same place or sharing lines, of a compatible cause: same place first, then widest, oldest."""
        ids = set(self._by_place.get(str(incoming.place), ()))
        for line in incoming.lines:
            ids |= self._by_line.get(line, set())
        found = [self.tickets[i] for i in ids]
        jobs = self.rules.by_hand.kinds
        found = [t for t in found if t.state != "merged" and not jobs[t.kind].job]
        found = [t for t in found if self.rules.compatible(t.cause, incoming.finding.cause)]
        return sorted(found, key=lambda t: (t.place != str(incoming.place), _width(t), t.id))


@dataclass(frozen=True)
class Verdict:
    """What a finding means. `ticket`: the one that covers it or that it widens; None opens one. `grown` is that ticket
    with what the finding adds, None where it adds nothing. `merge`: narrower tickets that the wider one now covers."""

    ticket: Ticket | None
    grown: Ticket | None = None
    merge: tuple[Ticket, ...] = ()
    repeat_of: int | None = None
    improved: bool = False


def decide(desk: Desk, incoming: Incoming, now: datetime) -> Verdict:
    """Where a finding belongs."""
    related = desk.related(incoming)
    unfinished = [t for t in related if find(t.state, "grow")]
    for ticket in unfinished:
        wider = WIDTH[incoming.place.kind] < _width(ticket)
        if ticket.state == "resolved" and wider:
            continue  # a repair of one line waits for its readings: it is not the trouble of the whole port
        kin = [t for t in unfinished if t.id != ticket.id and _root(t) == _root(ticket)]
        others = tuple(
            t
            for t in unfinished
            if t.id != ticket.id and t not in kin and wider and (r := find(t.state, "merge")) and "system" in r.roles
        )
        given_away = {line for t in kin for line in t.lines} - set(ticket.lines)
        kept = replace(incoming, lines=tuple(i for i in incoming.lines if i not in given_away))
        grown = _grown(ticket, kept, wider)
        improved = grown is None and set(incoming.lines) < set(ticket.lines) and ticket.place == str(incoming.place)
        return Verdict(ticket, grown, others, improved=improved)
    return _after_the_end(desk.rules, related, incoming, now)


def _after_the_end(rules: Rules, related: Sequence[Ticket], incoming: Incoming, now: datetime) -> Verdict:
    """No unfinished ticket: old news of a finished one, its repeat, or a new problem."""
    days = rules.taking
    here = [t for t in related if t.place == str(incoming.place)] or [
        t for t in related if set(incoming.lines) <= set(t.lines)
    ]
    for ticket in sorted(here, key=lambda t: t.changed_at, reverse=True):
        if ticket.state == "cancelled":
            if now - ticket.changed_at < timedelta(days=days.quiet_after_cancel_days) and not (
                _grown(ticket, incoming, wider=False)
            ):
                return Verdict(ticket)
        elif ticket.closed_at is not None and ticket.resolved_at is not None:
            old_news = incoming.finding.onset <= ticket.resolved_at.date()
            if old_news and now - ticket.closed_at < timedelta(days=days.stale_after_close_days):
                return Verdict(ticket)
            if now - ticket.closed_at < timedelta(days=days.repeat_days):
                return Verdict(None, repeat_of=ticket.id)
    return Verdict(None)


def _grown(ticket: Ticket, incoming: Incoming, wider: bool) -> Ticket | None:
    """The ticket with the finding's lines, place and grade taken in; None where none of them adds anything."""
    lines = tuple(sorted({*ticket.lines, *incoming.lines}))
    grade = min(ticket.grade, incoming.grade)
    if lines == ticket.lines and grade == ticket.grade and not wider:
        return None
    finding = incoming.finding
    grown = replace(
        ticket, lines=lines, grade=grade, evidence=incoming.evidence, forecast=incoming.body["forecast"],
        score=max(ticket.score, finding.score), onset=min(ticket.onset, finding.onset),
    )  # fmt: skip
    if wider:
        grown = replace(grown, place=str(incoming.place), cause=finding.cause, probability=finding.probability)
    return grown


def _root(ticket: Ticket) -> int:
    """The ticket whose lines these were before a person split it."""
    return ticket.split_from or ticket.id


def _width(ticket: Ticket) -> int:
    return WIDTH[ticket.place.partition(":")[0]]
