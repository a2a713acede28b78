"""What routes write into the audit; every other change that a caller asks for is written by its method and path."""

import asyncio
from typing import Any

from fastapi import Request
from starlette.types import Scope

from api.auth import SAFE, Caller, address_of, parts_in
from api.parts import Parts
from api.people.audit import Outcome

FORBIDDEN = 403


async def note(
    request: Request,
    event: str,
    who: Caller | None = None,
    *,
    actor: str = "",
    way: str = "none",
    outcome: Outcome = "done",
    target: str = "",
    **detail: Any,
) -> None:
    """One line, on disk when this returns."""
    parts = parts_in(request)
    request.state.audited = True
    await asyncio.to_thread(
        parts.people.audit.add, event, parts.clock(), actor=who.name if who else actor, role=who.role if who else "",
        way=who.way if who else way, outcome=outcome, target=target, address=address_of(request), detail=detail,
    )  # fmt: skip


async def note_change(parts: Parts, scope: Scope, status: int) -> None:
    """A call that changes something, or is refused to the role, unless its route has written it already."""
    state = scope.get("state", {})
    who: Caller | None = state.get("caller")
    if who is None or state.get("audited") or (scope["method"] in SAFE and status != FORBIDDEN):
        return
    route = getattr(scope.get("route"), "path", scope["path"])
    client = scope.get("client")
    detail = {"status": status, **{k: str(v)[:200] for k, v in scope.get("path_params", {}).items()}}
    await asyncio.to_thread(
        parts.people.audit.add, "call", parts.clock(), actor=who.name, role=who.role, way=who.way,
        outcome="done" if status < 400 else "refused", target=f"{scope['method']} {route}",
        address=client[0] if client else "", detail=detail,
    )  # fmt: skip
