"""Labels from the ledger: what closed tickets say of the findings they were opened for (table: plant/labels.py).

Codes are taken as far as they can be believed: what readings refuted is no label, what contradicts the action is none,
what was left out is filled in only where the action leaves no choice. Which codes say what: labels.yaml.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import pyarrow as pa
import yaml

from maintenance.ledger import Ledger, StoredFinding, Ticket
from maintenance.queries import MOST
from plant.finding import CAUSES
from plant.labels import LABEL_SCHEMA


@dataclass(frozen=True)
class Teaching:
    """See labels.yaml."""

    no_fault: tuple[str, ...]
    untold: tuple[str, ...]
    kinds: tuple[str, ...]
    action_says: Mapping[str, tuple[str, ...]]

    @classmethod
    @cache
    def load(cls) -> "Teaching":
        data = yaml.safe_load((files("maintenance") / "labels.yaml").read_text(encoding="utf-8"))
        says = {action: tuple(causes) for action, causes in data.pop("action_says").items()}
        return cls(**{name: tuple(values) for name, values in data.items()}, action_says=says)


def labels(ledger: Ledger) -> pa.Table:
    """A row for every ticket that was opened for a finding and whose visit says something; `maker` is left null."""
    teaching = Teaching.load()
    told = _first_findings(ledger)
    rows = []
    for ticket in ledger.every():
        finding = told.get(ticket.id)
        known = ticket.closed_at or ticket.resolved_at or ticket.changed_at
        if finding is None or ticket.kind not in teaching.kinds:
            continue
        fault, cause, why = taught(ticket, teaching)
        if fault is None:
            continue
        body = finding.body
        worth = float(body.get("physics_worth", body.get("worth", 1.0)))
        learnt = float(body.get("worth", worth))
        rows.append({
            "ticket": str(ticket.id), "place": body["place"], "lines": list(body["lines"]), "area": ticket.area,
            "maker": None, "told_on": finding.at.date(), "known_on": max(known, finding.at).date(),
            "score": float(body["score"]) * (worth / learnt if learnt > 0 else 1.0), "worth": worth,
            "causes": dict(body.get("physics") or body.get("causes") or {body["cause"]: body["probability"]}),
            "fault": fault, "cause": cause, "why": why,
        })  # fmt: skip
    return pa.Table.from_pylist(rows, LABEL_SCHEMA)


def taught(ticket: Ticket, teaching: Teaching) -> tuple[bool | None, str | None, str]:
    """(was there a fault, what it was, why we say so); None where nothing can be said."""
    complained = bool(ticket.evidence.get("complaints"))
    if ticket.cause_code in teaching.no_fault:
        if ticket.reopened:
            return True, None, "nothing was found, but readings stayed bad"
        if complained or ticket.resolved_at is None:
            return None, None, "nothing was found, but the customer complained, or it is not over"
        return False, None, "nothing was found"
    if ticket.state in ("verified", "closed"):
        return True, *_cause(ticket, teaching)
    return (True, None, "the customer complained") if complained else (None, None, "not confirmed by readings")


def _cause(ticket: Ticket, teaching: Teaching) -> tuple[str | None, str]:
    code, says = ticket.cause_code, teaching.action_says.get(ticket.action_code or "")
    if code is None and says is not None and len(says) == 1:
        return says[0], "the action tells the cause"
    if code is None or code in teaching.untold:
        return None, "the cause was left open"
    if code not in CAUSES or (says is not None and code not in says):
        return None, "the action contradicts the cause"
    return code, "confirmed by readings"


def _first_findings(ledger: Ledger) -> dict[int, StoredFinding]:
    """The finding a ticket was opened for, by ticket."""
    found: dict[int, StoredFinding] = {}
    for finding in _findings(ledger):
        if finding.ticket is not None:
            found.setdefault(finding.ticket, finding)
    return found


def _findings(ledger: Ledger) -> Iterator[StoredFinding]:
    after: int | None = None
    while page := ledger.findings(limit=MOST, after=after):
        yield from page
        after = page[-1].id
