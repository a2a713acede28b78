"""Who may do what: one table of rights and roles. The matrix of roles and routes in the tests walks it."""

from typing import Literal, get_args

Role = Literal["viewer", "technician", "dispatcher", "planner", "operator", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)

Right = Literal[
    "read", "ask", "customers", "tickets", "metrics", "hooks", "self", "export", "people", "audit", "plant",
    "settings", "rules",
]  # fmt: skip

RIGHTS: dict[Right, frozenset[Role]] = {
    "read": frozenset(ROLES),
    "ask": frozenset({"technician", "dispatcher", "operator", "admin"}),  # a device for one line, now
    "customers": frozenset({"technician", "dispatcher", "admin"}),  # to search for them, and to have one shown
    "tickets": frozenset({"technician", "dispatcher", "admin"}),  # which action: maintenance/transitions.py
    "metrics": frozenset({"operator", "admin"}),
    "hooks": frozenset({"admin"}),  # who else is told of changes
    "self": frozenset(ROLES),  # one's own password, second factor, sessions and tokens
    "export": frozenset({"dispatcher", "planner", "operator", "admin"}),  # much at once
    "people": frozenset({"admin"}),  # users, and the tokens of programs
    "audit": frozenset({"admin"}),
    "plant": frozenset({"planner", "operator", "admin"}),  # what the plant tree is corrected by
    "settings": frozenset({"operator", "admin"}),  # to see them, and to have files checked
    "rules": frozenset({"admin"}),  # to write the rules of grades, deadlines, messages
}


def may(role: Role, right: Right) -> bool:
    return role in RIGHTS[right]
