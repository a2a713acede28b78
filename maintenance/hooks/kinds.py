"""Kinds of events, and which action of the ledger's log is which: one table. Tests hold it complete."""

from collections.abc import Mapping

OF_ACTION: Mapping[str, str] = {
    "open": "ticket.opened",
    "propose": "ticket.opened",
    "accept": "ticket.changed",
    "assign": "ticket.assigned",
    "schedule": "ticket.scheduled",
    "start": "ticket.started",
    "wait_parts": "ticket.waiting",
    "wait_customer": "ticket.waiting",
    "resume": "ticket.assigned",
    "resolve": "ticket.resolved",
    "hold": "ticket.verified",
    "fail": "ticket.reopened",
    "close": "ticket.closed",
    "reopen": "ticket.reopened",
    "cancel": "ticket.cancelled",
    "merge": "ticket.merged",
    "split": "ticket.changed",
    "absorb": "ticket.changed",
    "grow": "ticket.changed",
    "complain": "ticket.changed",
    "hold_back": "ticket.changed",
    "release": "ticket.changed",
    "shift": "ticket.assigned",
    "shift_back": "ticket.assigned",
    "hand_over": "ticket.assigned",
    "escalate": "ticket.escalated",
    "warn": "ticket.changed",
    "report": "ticket.changed",
    "note": "ticket.changed",
}

KINDS: tuple[str, ...] = tuple(sorted(set(OF_ACTION.values())))


def kind_of(action: str) -> str:
    """The kind of event an action makes; one that the table has not is a change."""
    return OF_ACTION.get(action, "ticket.changed")
