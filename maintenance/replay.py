"""The log, told again: what a ticket is, follows from its entries alone."""

from collections.abc import Iterable
from typing import Any

from maintenance.errors import LedgerError
from maintenance.ticket import Entry

ADDED_LATER = ("split_from", "escalation", "held_by", "held_since", "shifted_from", "part", "expected_at")
"""Fields that entries older than their migration do not name: nothing until an entry says otherwise."""


def replay(entries: Iterable[Entry]) -> dict[str, Any]:
    """The ticket's JSON after all its entries. LedgerError where an entry does not follow from the one before."""
    told: dict[str, Any] = {}
    for entry in entries:
        expected = told.get("version", 0) + 1
        if entry.version != expected:
            raise LedgerError(f"ticket {entry.ticket}: entry {expected} of its log is missing; restore the ledger")
        for name, before in entry.before.items():
            if told.get(name) != before:
                raise LedgerError(
                    f"ticket {entry.ticket}: entry {entry.version} changes {name} from a value it never had"
                )
        if entry.from_state != told.get("state"):
            raise LedgerError(f"ticket {entry.ticket}: entry {entry.version} leaves a state the ticket was not in")
        told.update(entry.after)
    return {**dict.fromkeys(ADDED_LATER), **told} if told else told
