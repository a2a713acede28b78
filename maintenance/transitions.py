"""What may happen to a ticket: one table (from, action, to, who may, what it needs).

The ledger reads it, the documentation draws it (`mermaid`), the property tests walk it. Rows that are not `direct` are
consequences, of new readings, of another ticket's change or of what came in by hand: nobody can ask for them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from maintenance.errors import TransitionError

State = Literal[
    "proposed", "open", "assigned", "scheduled", "on_site", "waiting_parts", "waiting_customer",
    "resolved", "verified", "closed", "reopened", "cancelled", "merged",
]  # fmt: skip
STATES: tuple[State, ...] = get_args(State)

FINAL: frozenset[State] = frozenset({"closed", "cancelled", "merged"})
"""Nothing is left to do."""

TO_DO: frozenset[State] = frozenset(STATES) - FINAL - {"resolved", "verified"}
"""Somebody still has to repair: these can be overdue."""

SYSTEM = "system"
TECHNICIAN, DISPATCHER, ADMIN = "technician", "dispatcher", "admin"
ROLES = ("viewer", TECHNICIAN, DISPATCHER, "planner", "operator", ADMIN, SYSTEM)
DESK = (DISPATCHER, ADMIN)
FIELD = (TECHNICIAN, DISPATCHER, ADMIN)


@dataclass(frozen=True)
class Transition:
    """One row. `needs` are the names of what the caller must give; `note` is the words that go into the log. `stays`:
    the action leaves the state alone, whatever it is."""

    source: State
    action: str
    target: State
    roles: tuple[str, ...]
    needs: tuple[str, ...] = ()
    direct: bool = True
    stays: bool = False


def _rows(
    sources: Iterable[State],
    action: str,
    target: State | None,
    roles: tuple[str, ...],
    *needs: str,
    direct: bool = True,
) -> list[Transition]:
    """The same row for several states; target None means that the state stays."""
    return [Transition(s, action, target or s, roles, needs, direct, target is None) for s in sources]


_TODO_IN_ORDER: tuple[State, ...] = tuple(s for s in STATES if s in TO_DO)
_MOVABLE: tuple[State, ...] = (
    "proposed", "open", "assigned", "scheduled", "waiting_parts", "waiting_customer", "reopened",
)  # fmt: skip

TRANSITIONS: tuple[Transition, ...] = (
    *_rows(("proposed",), "accept", "open", DESK),
    *_rows(("open", "assigned", "scheduled", "reopened"), "assign", "assigned", FIELD, "engineer"),
    *_rows(("assigned", "scheduled", "waiting_customer"), "schedule", "scheduled", FIELD, "appointment_at"),
    *_rows(("assigned", "scheduled"), "start", "on_site", FIELD),
    *_rows(("assigned", "scheduled", "on_site"), "wait_parts", "waiting_parts", FIELD, "part", "expected_at"),
    *_rows(("assigned", "scheduled", "on_site"), "wait_customer", "waiting_customer", FIELD, "note"),
    *_rows(("waiting_parts", "waiting_customer"), "resume", "assigned", FIELD),
    *_rows(("assigned", "scheduled", "on_site"), "resolve", "resolved", FIELD, "cause_code", "action_code"),
    *_rows(("resolved",), "hold", "verified", (SYSTEM,), "judgement", direct=False),
    *_rows(("resolved",), "fail", "reopened", (SYSTEM,), "judgement", direct=False),
    *_rows(("verified",), "close", "closed", (SYSTEM,), direct=False),
    *_rows(("resolved", "closed"), "reopen", "reopened", DESK, "note"),
    *_rows(_MOVABLE, "cancel", "cancelled", DESK, "note"),
    *_rows(_MOVABLE, "merge", "merged", (*DESK, SYSTEM), "into"),
    *_rows(_MOVABLE, "split", None, DESK, "lines", "note"),
    *_rows(_TODO_IN_ORDER, "absorb", None, (*DESK, SYSTEM), "into", direct=False),
    *_rows((*_TODO_IN_ORDER, "resolved"), "grow", None, (SYSTEM,), "finding", direct=False),
    *_rows((*_TODO_IN_ORDER, "resolved"), "complain", None, FIELD, "note", direct=False),
    *_rows(("proposed", "open", "assigned", "reopened"), "hold_back", None, (SYSTEM,), direct=False),
    *_rows(("proposed", "open", "assigned", "reopened"), "release", None, (SYSTEM,), direct=False),
    *_rows(("open", "assigned", "reopened"), "shift", None, (SYSTEM,), direct=False),
    *_rows(("open", "assigned", "reopened"), "shift_back", None, (SYSTEM,), direct=False),
    *_rows(("assigned",), "hand_over", "open", (SYSTEM,), direct=False),
    *_rows(tuple(s for s in _TODO_IN_ORDER if s != "assigned"), "hand_over", None, (SYSTEM,), direct=False),
    *_rows(_TODO_IN_ORDER, "escalate", None, (SYSTEM,), direct=False),
    *_rows((*_TODO_IN_ORDER, "resolved"), "warn", None, (SYSTEM,), direct=False),
    *_rows(STATES, "report", None, FIELD, "note", direct=False),
    *_rows((*_TODO_IN_ORDER, "resolved"), "note", None, FIELD, "note"),
)

_BY_KEY = {(t.source, t.action): t for t in TRANSITIONS}


def find(state: State, action: str) -> Transition | None:
    """The row for an action in a state, or None."""
    return _BY_KEY.get((state, action))


def allowed(state: State, role: str | None = None) -> tuple[str, ...]:
    """The actions a role (None: anybody) can ask for in a state, in the table's order."""
    return tuple(t.action for t in TRANSITIONS if t.source == state and t.direct and (role is None or role in t.roles))


def row(state: State, action: str) -> Transition:
    """The row for an action; TransitionError names what is allowed now."""
    found = find(state, action)
    if found is None:
        now = allowed(state)
        known = {t.action for t in TRANSITIONS}
        what = f'"{action}" is not possible' if action in known else f'"{action[:40]}" is no action'
        then = f"possible now: {', '.join(now)}" if now else "nothing more can be done with it"
        raise TransitionError(f"{what} while the ticket is {state}; {then}", now)
    return found


def mermaid() -> str:
    """The state diagram as Mermaid text; changes that keep the state are left out."""
    moves: dict[tuple[State, State], list[str]] = {}
    for t in TRANSITIONS:
        if t.source != t.target:
            moves.setdefault((t.source, t.target), []).append(t.action)
    lines = ["stateDiagram-v2", "    [*] --> open: finding, by hand", "    [*] --> proposed: proposal"]
    lines += [f"    {a} --> {b}: {', '.join(actions)}" for (a, b), actions in moves.items()]
    lines += [f"    {state} --> [*]" for state in STATES if state in FINAL]
    return "\n".join(lines) + "\n"


def markdown() -> str:
    """The whole table as Markdown."""
    lines = ["| action | from | to | who may | needs |", "|---|---|---|---|---|"]
    grouped: dict[tuple[str, str, tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for t in TRANSITIONS:
        target: str = "(stays)" if t.stays else t.target
        grouped.setdefault((t.action, target, t.roles, t.needs), []).append(t.source)
    for (action, target, roles, needs), sources in grouped.items():
        lines.append(
            f"| `{action}` | {', '.join(sources)} | {target} | {', '.join(roles)} | {', '.join(needs) or 'nothing'} |"
        )
    return "\n".join(lines) + "\n"
