"""What an action does to a ticket, and what it must be given. The table of who may do what when is transitions.py."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from maintenance.errors import InputError, NotAllowedError
from maintenance.rules import Rules
from maintenance.text import moment, name, words
from maintenance.ticket import Ticket
from maintenance.transitions import ROLES, Transition, find, row

Deadline = Callable[[Ticket, datetime], datetime]
"""The deadline of a ticket counted from a moment."""


def permitted(ticket: Ticket, action: str, role: str) -> Transition:
    """The row of an action that this role may ask for now. TransitionError or NotAllowedError otherwise."""
    found = row(ticket.state, action)
    if not found.direct:
        raise NotAllowedError(f'"{action}" follows from readings, other tickets or the clock; nobody can ask for it')
    if role not in ROLES or role not in found.roles:
        raise NotAllowedError(f'role "{role[:40]}" may not {action}; these may: {", ".join(found.roles)}')
    return found


def inputs(ticket: Ticket, found: Transition, note: str, given: Mapping[str, Any], rules: Rules) -> dict[str, Any]:
    """What the row needs, checked. The ticket's engineer counts as given. InputError names what is missing or odd."""
    extra = sorted(set(given) - set(found.needs))
    if extra:
        raise InputError(f"{found.action} takes {', '.join(found.needs) or 'nothing'}, not {', '.join(extra)}")
    given = {**given, "note": note}
    if "engineer" in found.needs and given.get("engineer") is None and ticket.engineer is not None:
        given["engineer"] = ticket.engineer
    missing = [need for need in found.needs if given.get(need) in (None, "", [], ())]
    if missing:
        raise InputError(f"{found.action} needs {', '.join(missing)}")
    return {need: _checked(need, given[need], rules) for need in found.needs}


def _checked(need: str, value: Any, rules: Rules) -> Any:
    if need == "note":
        return words(need, value)
    if need in ("appointment_at", "expected_at"):
        return moment(need, value)
    if need == "into":
        if not isinstance(value, int) or isinstance(value, bool):
            raise InputError("into must be the number of a ticket")
        return value
    if need == "lines":
        if isinstance(value, str) or not isinstance(value, Sequence) or not value:
            raise InputError("lines must be a list of line ids")
        return tuple(sorted({name(need, line) for line in value}))
    text = name(need, value)
    codes = {
        "cause_code": {**rules.causes, **rules.codes.cause_codes},
        "action_code": rules.codes.action_codes,
    }.get(need)
    if codes is not None and text not in codes:
        raise InputError(f'{need} "{text}" is not among: {", ".join(codes)}')
    return text


def applied(ticket: Ticket, found: Transition, needed: Mapping[str, Any], at: datetime, deadline: Deadline) -> Ticket:
    """The ticket after the action."""
    kept = ("engineer", "appointment_at", "cause_code", "action_code", "part", "expected_at")
    after = replace(ticket, state=found.target, **{k: v for k, v in needed.items() if k in kept})
    if find(found.target, "resume") is None:
        after = replace(after, part=None, expected_at=None)
    if find(found.target, "release") is None:
        after = replace(after, held_by=None, held_since=None)
    if found.action == "assign" or find(found.target, "shift_back") is None:
        after = replace(after, shifted_from=None)  # it stays with who has it now
    if found.action in ("assign", "resume"):
        after = replace(after, appointment_at=None)
    if found.action == "resolve":
        after = replace(after, resolved_at=at)
    if found.target == "reopened":
        after = replace(
            after, resolved_at=None, closed_at=None, appointment_at=None, cause_code=None, action_code=None,
            reopened=ticket.reopened + 1, escalation=None,
        )  # fmt: skip
        after = replace(after, deadline=deadline(after, at))
    if found.target == "closed":
        after = replace(after, closed_at=at)
    return after
