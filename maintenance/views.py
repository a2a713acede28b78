"""Saved views: a list's filters under a name, one person's own, or shared with roles. In the ledger's database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal, get_args

import sqlalchemy as sa

from maintenance import database
from maintenance.errors import InputError, NotAllowedError, ViewNotFoundError
from maintenance.tables import views as table
from maintenance.text import moment, name
from maintenance.ticket import GRADES, plain
from maintenance.transitions import DESK, ROLES, STATES, SYSTEM

MOST = 100  # views of one person
ViewKind = Literal["tickets", "lines"]
FILTERS = (
    "state", "grade", "kind", "cause", "area", "grid", "department", "engineer", "place", "line", "escalation", "text",
    "overdue",
)  # fmt: skip
"""What tickets can be filtered by, as `Ledger.tickets` and GET /tickets call it; `overdue` is true or false."""
LINE_FILTERS = ("area", "grid", "device", "pon", "state", "good", "known", "text", "sort")
"""What lines can be filtered by and ordered, as GET /lines calls it but for `text`; `known` is true or false."""
UNFINISHED = "unfinished"


@dataclass(frozen=True)
class View:
    """`kind`: the list it is of. `roles`: who sees it besides its owner. `filters`: name → a text, a list of texts, or
    true."""

    id: int
    owner: str
    kind: ViewKind
    name: str
    roles: tuple[str, ...]
    filters: Mapping[str, Any]
    created_at: datetime
    changed_at: datetime

    def to_json(self) -> dict[str, Any]:
        return {f.name: plain(getattr(self, f.name)) for f in fields(self)}


class Views:
    """All saved views. Safe to share between threads; every call is one transaction."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def save(
        self, title: str, filters: Mapping[str, Any], *, owner: str, role: str, now: datetime,
        shared_with: Sequence[str] = (), kind: ViewKind = "tickets",
    ) -> View:  # fmt: skip
        """Keep a view under a name, in place of the owner's own of that name.

        Only the desk shares with roles (NotAllowedError). InputError for a filter there is none of.
        """
        title, owner, now = name("name", title), name("owner", owner), moment("now", now)
        roles = tuple(sorted(set(shared_with)))
        if roles and role not in DESK:
            raise NotAllowedError(f'role "{role[:40]}" may not share views; these may: {", ".join(DESK)}')
        if strange := [r for r in roles if r not in ROLES or r == SYSTEM]:
            raise InputError(f'role "{strange[0][:40]}" is not among: {", ".join(r for r in ROLES if r != SYSTEM)}')
        values = {"roles": list(roles), "filters": checked(filters, kind), "changed_at": now}
        own = sa.and_(table.c.owner == owner, table.c.kind == kind, table.c.name == title)
        with database.writing(self._engine, alone=True) as connection:
            if not connection.execute(sa.update(table).where(own).values(values)).rowcount:
                have = connection.execute(sa.select(sa.func.count()).where(table.c.owner == owner)).scalar_one()
                if have >= MOST:
                    raise InputError(f"{owner} has {have} views; delete one first")
                connection.execute(
                    sa.insert(table).values(owner=owner, kind=kind, name=title, created_at=now, **values)
                )
            return _view(dict(connection.execute(sa.select(table).where(own)).mappings().one()))

    def seen_by(self, owner: str, role: str, kind: ViewKind = "tickets") -> list[View]:
        """Of one list: one's own, then those shared with one's role; by name."""
        query = sa.select(table).where(table.c.kind == kind)
        with database.reading(self._engine) as connection:
            found = [_view(dict(row)) for row in connection.execute(query).mappings()]
        seen = [view for view in found if view.owner == owner or role in view.roles]
        return sorted(seen, key=lambda v: (v.owner != owner, v.name, v.id))

    def one(self, view_id: int, *, owner: str, role: str, kind: ViewKind | None = None) -> View:
        """ViewNotFoundError for what is not there, is another's, or of another list than `kind` (None: any)."""
        seen = [view for of in ([kind] if kind else get_args(ViewKind)) for view in self.seen_by(owner, role, of)]
        found = next((view for view in seen if view.id == view_id), None)
        if found is None:
            raise ViewNotFoundError(view_id)
        return found

    def drop(self, view_id: int, *, owner: str, role: str) -> None:
        """Delete a view of one's own; an administrator also a shared one."""
        view = self.one(view_id, owner=owner, role=role)
        if view.owner != owner and role != "admin":
            raise NotAllowedError(f'"{view.name}" is shared by {view.owner}, who may delete it; or an administrator')
        with database.writing(self._engine) as connection:
            connection.execute(sa.delete(table).where(table.c.id == view_id))


def checked(filters: Mapping[str, Any], kind: ViewKind = "tickets") -> dict[str, Any]:
    """Filters that the list understands. InputError names the one that is odd."""
    out: dict[str, Any] = {}
    names = FILTERS if kind == "tickets" else LINE_FILTERS
    for key, value in filters.items():
        if key not in names:
            raise InputError(f'filter "{str(key)[:40]}" is not among: {", ".join(names)}')
        if key in ("overdue", "known"):
            if not isinstance(value, bool):
                raise InputError(f"filter {key} is true or false")
            out[key] = value
            continue
        several = (
            kind == "tickets"
            and key not in ("line", "text")
            and not isinstance(value, str)
            and isinstance(value, Sequence)
        )
        texts = [name(f"filter {key}", one) for one in (value if several else [value])]
        known = {"state": (*STATES, UNFINISHED), "grade": GRADES}.get(key) if kind == "tickets" else None
        if known and (strange := [one for one in texts if one not in known]):
            raise InputError(f'filter {key}: "{strange[0][:40]}" is not among: {", ".join(known)}')
        if not texts or len(texts) > 50:
            raise InputError(f"filter {key} needs 1 to 50 values")
        out[key] = texts if several else texts[0]
    return out


def _view(row: Mapping[str, Any]) -> View:
    return View(**{**row, "roles": tuple(row["roles"])})
