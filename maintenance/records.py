"""Reading and writing tickets with their log: the only place that changes a ticket, always together with its entry."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from maintenance import search
from maintenance.errors import ConflictError, TicketNotFoundError
from maintenance.hooks import outbox
from maintenance.tables import entries, findings, kept, row_of, ticket_lines, tickets
from maintenance.ticket import Entry, StoredFinding, Ticket, difference

NONE = timedelta(0)
_CHUNK = 500  # ids in one IN (…): well under what SQLite binds


def load(connection: sa.Connection, query: sa.Select[Any]) -> list[Ticket]:
    """The tickets that a query over the whole tickets table finds, with their lines."""
    rows = connection.execute(query).mappings().all()
    lines: dict[int, list[str]] = defaultdict(list)
    ids = [row["id"] for row in rows]
    for start in range(0, len(ids), _CHUNK):
        of_these = (
            sa.select(ticket_lines.c.ticket_id, ticket_lines.c.line_id)
            .where(ticket_lines.c.ticket_id.in_(ids[start : start + _CHUNK]))
            .order_by(ticket_lines.c.ticket_id, ticket_lines.c.line_id)
        )
        for ticket_id, line_id in connection.execute(of_these):
            lines[ticket_id].append(line_id)
    return [Ticket(**row, lines=tuple(sorted(lines[row["id"]]))) for row in rows]


def one(connection: sa.Connection, ticket_id: int) -> Ticket:
    found = load(connection, sa.select(tickets).where(tickets.c.id == ticket_id)) if _fits(ticket_id) else []
    if not found:
        raise TicketNotFoundError(ticket_id)
    return found[0]


def lock(connection: sa.Connection, ids: Iterable[int]) -> None:
    """Keep others from these tickets, in the order of their numbers: two who merge each into the other wait, and do not
    block one another. SQLite has one writer anyway."""
    known = tickets.c.id.in_([number for number in ids if _fits(number)])
    connection.execute(sa.select(tickets.c.id).where(known).order_by(tickets.c.id).with_for_update())


def _fits(number: int) -> bool:
    return 0 < number < 2**63


def insert(
    connection: sa.Connection, ticket: Ticket, *, actor: str, role: str, why: str, action: str = "open"
) -> Ticket:
    """A new ticket (its id is given here), its lines and the first entry of its log."""
    values = _values(ticket)
    del values["id"]
    result = connection.execute(sa.insert(tickets).values(values))
    key = result.inserted_primary_key
    ticket = replace(ticket, id=int(key[0]) if key else 0)
    _add_lines(connection, ticket.id, ticket.lines)
    search.keep(connection, None, ticket)
    _write_entry(connection, None, ticket, action, actor, role, why)
    return ticket


def change(
    connection: sa.Connection, old: Ticket, new: Ticket, *, action: str, at: datetime, actor: str, role: str, why: str
) -> Ticket:
    """Write `new` over `old` and one entry that says so. ConflictError when somebody was faster.

    The time of an entry never goes back, even where the clock does.
    """
    new = replace(new, version=old.version + 1, changed_at=max(at, old.changed_at))
    statement = sa.update(tickets).where(tickets.c.id == old.id, tickets.c.version == old.version).values(_values(new))
    if connection.execute(statement).rowcount != 1:
        raise ConflictError(old.id, old.version, one(connection, old.id).version)
    before = set(old.lines)
    _add_lines(connection, new.id, [line for line in new.lines if line not in before])
    _drop_lines(connection, new.id, sorted(before - set(new.lines)))
    search.keep(connection, old, new)
    _write_entry(connection, old, new, action, actor, role, why)
    return new


def _values(ticket: Ticket) -> dict[str, Any]:
    return row_of(tickets, {name: getattr(ticket, name) for name in Ticket.__dataclass_fields__})


def _add_lines(connection: sa.Connection, ticket_id: int, lines: Sequence[str]) -> None:
    if lines:
        connection.execute(sa.insert(ticket_lines), [{"ticket_id": ticket_id, "line_id": line} for line in lines])


def _drop_lines(connection: sa.Connection, ticket_id: int, lines: Sequence[str]) -> None:
    for start in range(0, len(lines), _CHUNK):
        gone = ticket_lines.c.line_id.in_(lines[start : start + _CHUNK])
        connection.execute(sa.delete(ticket_lines).where(ticket_lines.c.ticket_id == ticket_id, gone))


def _write_entry(
    connection: sa.Connection, old: Ticket | None, new: Ticket, action: str, actor: str, role: str, why: str
) -> None:
    before, after = difference(old, new)
    connection.execute(
        sa.insert(entries).values(
            ticket_id=new.id, version=new.version, at=new.changed_at, actor=actor, role=role, action=action,
            from_state=old.state if old else None, to_state=new.state, why=why, before=before, after=after,
        )
    )  # fmt: skip
    outbox.note(
        connection, new, action=action, from_state=old.state if old else None, at=new.changed_at, actor=actor,
        changed=after,
    )  # fmt: skip


def log_of(connection: sa.Connection, ticket_id: int) -> list[Entry]:
    query = sa.select(entries).where(entries.c.ticket_id == ticket_id).order_by(entries.c.version)
    return [_entry(dict(row)) for row in connection.execute(query).mappings()]


def whole_log(connection: sa.Connection, since: datetime | None = None, before: timedelta = NONE) -> Iterator[Entry]:
    """Every entry, ticket by ticket, in order; streamed. With `since` only of tickets with a deadline since then, or
    that changed since a time `before` it."""
    query = sa.select(entries).order_by(entries.c.ticket_id, entries.c.version)
    if since is not None:
        late = sa.or_(tickets.c.deadline >= since, tickets.c.changed_at >= since - before)
        query = query.join(tickets, tickets.c.id == entries.c.ticket_id).where(late)
    for row in connection.execution_options(yield_per=5000).execute(query).mappings():
        yield _entry(dict(row))


def _entry(values: dict[str, Any]) -> Entry:
    return Entry(ticket=values.pop("ticket_id"), **values)


def known_digests(connection: sa.Connection, digests: Iterable[str]) -> set[tuple[str, int | None]]:
    """(digest, ticket) of the findings that are kept already, among `digests`."""
    wanted, found = sorted(set(digests)), set()
    for start in range(0, len(wanted), _CHUNK):
        query = sa.select(findings.c.digest, findings.c.ticket_id).where(
            findings.c.digest.in_(wanted[start : start + _CHUNK])
        )
        found |= {(digest, ticket) for digest, ticket in connection.execute(query)}
    return found


def keep_finding(
    connection: sa.Connection, at: datetime, ticket_id: int | None, digest: str, body: Mapping[str, Any]
) -> None:
    connection.execute(sa.insert(findings).values(at=at, ticket_id=ticket_id, digest=digest, body=dict(body)))


def move_findings(connection: sa.Connection, source: int, target: int) -> None:
    """All findings of one ticket to another, at a merge."""
    connection.execute(sa.update(findings).where(findings.c.ticket_id == source).values(ticket_id=target))


def stored_findings(
    connection: sa.Connection, ticket: int | None, since: datetime | None, limit: int, after: int | None
) -> list[StoredFinding]:
    query = sa.select(findings).order_by(findings.c.id).limit(limit)
    if ticket is not None:
        query = query.where(findings.c.ticket_id == ticket)
    if since is not None:
        query = query.where(findings.c.at >= since)
    if after is not None:
        query = query.where(findings.c.id > after)
    rows = connection.execute(query).mappings()
    return [StoredFinding(row["id"], row["at"], row["ticket_id"], row["body"]) for row in rows]


def keep(connection: sa.Connection, key: str, value: Mapping[str, Any]) -> None:
    """Remember a small setting that must outlive the process (the calendar last seen)."""
    if recall(connection, key) == value:
        return
    connection.execute(sa.delete(kept).where(kept.c.name == key))
    connection.execute(sa.insert(kept).values(name=key, value=dict(value)))


def recall(connection: sa.Connection, key: str) -> dict[str, Any] | None:
    value = connection.execute(sa.select(kept.c.value).where(kept.c.name == key)).scalar_one_or_none()
    return dict(value) if value is not None else None
