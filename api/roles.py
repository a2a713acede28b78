"""Who may do what: one table of rights and roles. The matrix of roles and routes in the tests walks it."""

from typing import Literal, get_args

Role = Literal["viewer", "technician", "dispatcher", "planner", "operator", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)

Right = Literal["read", "ask", "customers", "tickets", "metrics", "hooks"]

RIGHTS: dict[Right, frozenset[Role]] = {
    "read": frozenset(ROLES),
    "ask": frozenset({"technician", "dispatcher", "operator", "admin"}),  # a device for one line, now
    "customers": frozenset({"technician", "dispatcher", "admin"}),  # customers' references, masked for everybody else
    "tickets": frozenset({"technician", "dispatcher", "admin"}),  # which action: maintenance/transitions.py
    "metrics": frozenset({"operator", "admin"}),
    "hooks": frozenset({"admin"}),  # who else is told of changes
}


def may(role: Role, right: Right) -> bool:
    return role in RIGHTS[right]
