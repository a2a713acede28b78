"""From the log to messages: what each recipient is to hear, when, and that it was told.

Each entry of the log becomes one row for each recipient who hears of it, written once; a row is told until its message
got through, and never again. A kill in the moment between a message and the note of it may repeat that one message.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import structlog

from maintenance import database, records
from maintenance.deadlines import kept_calendar
from maintenance.hooks.kinds import kind_of
from maintenance.notices.rules import NoticeRules, Recipient
from maintenance.notices.sending import Send, UnsentError, send
from maintenance.tables import entries, notices, tickets
from maintenance.ticket import Ticket

log = structlog.get_logger(__name__)

CURSOR = "notices"
BATCH = 2000  # entries looked at in one round
SETTLED = timedelta(minutes=15)  # so long an entry may become visible after later ones: its transaction was slow
OVERLAP = 1000  # entries looked at again for that


@dataclass(frozen=True)
class Due:
    """One entry that a recipient is to hear of, and its ticket as it is now."""

    entry: int
    kind: str
    ticket: Ticket
    attempts: int


class Herald:
    """Tells people. Rounds may be called as often as one likes, by one process at a time."""

    def __init__(self, engine: sa.Engine, rules: NoticeRules, clock: Callable[[], datetime], send: Send = send) -> None:
        self._engine, self._rules, self._clock, self._send = engine, rules, clock, send

    def tell(self) -> int:
        """One round: take in what happened, send what is due. How many messages got through."""
        zone = self._take_in()
        return sum(self._tell(recipient, zone) for recipient in self._rules.recipients)

    def troubles(self) -> list[str]:
        """A sentence for each recipient who cannot be told."""
        query = (
            sa.select(notices.c.recipient, sa.func.count(), sa.func.max(notices.c.trouble))
            .where(notices.c.told_at.is_(None), notices.c.attempts > 0)
            .group_by(notices.c.recipient)
            .order_by(notices.c.recipient)
        )
        with database.reading(self._engine) as connection:
            return [f"notices: {n} wait for {name}: {why}" for name, n, why in connection.execute(query)]

    def _take_in(self) -> str:
        now = self._clock()
        with database.writing(self._engine, alone=True) as connection:
            zone = kept_calendar(connection).zone
            newest = connection.execute(sa.select(sa.func.max(entries.c.id))).scalar_one() or 0
            kept = records.recall(connection, CURSOR)
            if kept is None:  # what happened before anybody was to be told is history
                records.keep(connection, CURSOR, {"entry": newest, "first": newest})
                return zone
            late = sa.and_(entries.c.id > kept["entry"] - OVERLAP, entries.c.at >= now - SETTLED)
            query = (
                sa.select(entries.c.id, entries.c.at, entries.c.action, entries.c.after, tickets.c.id.label("ticket"),
                          tickets.c.area, tickets.c.grade)
                .join(tickets, tickets.c.id == entries.c.ticket_id)
                .where(sa.or_(entries.c.id > kept["entry"], late), entries.c.id > kept["first"])
                .order_by(entries.c.id)
                .limit(BATCH + OVERLAP)
            )  # fmt: skip
            rows = list(connection.execute(query).mappings())
            known = self._known(connection, [row["id"] for row in rows])
            wanted = [
                {"recipient": recipient.name, "entry_id": row["id"], "ticket_id": row["ticket"], "attempts": 0,
                 "due_at": self._due(row, now, zone)}
                for row in rows for recipient in self._rules.recipients
                if (recipient.name, row["id"]) not in known and _hears(recipient, row)
            ]  # fmt: skip
            if wanted:
                connection.execute(sa.insert(notices), wanted)
            seen = max([kept["entry"], *(row["id"] for row in rows)])
            records.keep(connection, CURSOR, {**kept, "entry": seen})
            forgotten = sa.and_(notices.c.told_at < now - timedelta(days=self._rules.keep_days))
            connection.execute(sa.delete(notices).where(forgotten))
        return zone

    def _known(self, connection: sa.Connection, ids: Sequence[int]) -> set[tuple[str, int]]:
        if not ids:
            return set()
        query = sa.select(notices.c.recipient, notices.c.entry_id).where(notices.c.entry_id >= min(ids))
        return {(name, entry) for name, entry in connection.execute(query)}

    def _due(self, row: Any, now: datetime, zone: str) -> datetime:
        kind = kind_of(row["action"])
        step = row["after"].get("escalation") if kind == "ticket.escalated" else None
        opened = kind in ("ticket.opened", "ticket.reopened")
        return self._rules.due(row["at"], now, zone, grade=row["grade"], step=step, opened=opened)

    def _tell(self, recipient: Recipient, zone: str) -> int:
        now = self._clock()
        due = self._due_for(recipient, now)
        if not due:
            return 0
        title, body = message(recipient, due, self._rules, zone)
        try:
            self._send(recipient.address, title, body)
        except UnsentError as error:
            attempts = due[0].attempts + 1
            wait = self._rules.wait(attempts)
            self._note(recipient, due, attempts=attempts, next_at=now + wait, trouble=str(error)[:300])
            if attempts == 1:
                log.warning("notice_not_sent", recipient=recipient.name, why=str(error), again_in_s=wait.seconds)
            return 0
        self._note(recipient, due, told_at=now, trouble=None)
        log.info("told", recipient=recipient.name, tickets=len(due))
        return 1

    def _due_for(self, recipient: Recipient, now: datetime) -> list[Due]:
        query = (
            sa.select(notices.c.entry_id, notices.c.ticket_id, notices.c.attempts, entries.c.action)
            .join(entries, entries.c.id == notices.c.entry_id)
            .where(notices.c.recipient == recipient.name, notices.c.told_at.is_(None), notices.c.due_at <= now)
            .where(sa.or_(notices.c.next_at.is_(None), notices.c.next_at <= now))
            .order_by(notices.c.entry_id)
            .limit(BATCH)
        )
        with database.reading(self._engine) as connection:
            rows = list(connection.execute(query))
            numbers = sorted({row.ticket_id for row in rows})
            of: dict[int, Ticket] = {}
            for start in range(0, len(numbers), 500):
                some = sa.select(tickets).where(tickets.c.id.in_(numbers[start : start + 500]))
                of |= {t.id: t for t in records.load(connection, some)}
        if rows and max(row.attempts for row in rows) > 0:  # what failed goes out alone with what failed with it
            rows = [row for row in rows if row.attempts > 0]
        return [Due(row.entry_id, kind_of(row.action), of[row.ticket_id], row.attempts) for row in rows]

    def _note(self, recipient: Recipient, due: Sequence[Due], **values: Any) -> None:
        with database.writing(self._engine) as connection:
            for start in range(0, len(due), 500):
                these = notices.c.entry_id.in_([one.entry for one in due[start : start + 500]])
                connection.execute(
                    sa.update(notices).where(notices.c.recipient == recipient.name, these).values(values)
                )


def message(recipient: Recipient, due: Sequence[Due], rules: NoticeRules, zone: str) -> tuple[str, str]:
    """Title and body in the recipient's language, most urgent first; a ticket's last word only, no customer in it."""
    words = rules.words[recipient.language]
    last = {one.ticket.id: one for one in due}
    order = sorted(last.values(), key=lambda one: (one.ticket.grade, one.ticket.deadline, one.ticket.id))
    rows = [_row(one, words, recipient.language, zone) for one in order[: rules.longest]]
    if len(order) > rules.longest:
        rows.append(words["more"].format(count=len(order) - rules.longest))
    return words["title"].format(count=len(order)), "\n".join(rows)


def _row(one: Due, words: Any, language: str, zone: str) -> str:
    ticket = one.ticket
    return str(words["row"]).format(
        grade=ticket.grade, event=words[one.kind], id=ticket.id,
        title=ticket.title_zh if language == "zh" else ticket.title_en, department=ticket.department,
        engineer=f"/{ticket.engineer}" if ticket.engineer else "",
        deadline=f"{ticket.deadline.astimezone(ZoneInfo(zone)):%m-%d %H:%M}",
    )  # fmt: skip


def _hears(recipient: Recipient, row: Any) -> bool:
    kind = kind_of(row["action"])
    if kind not in recipient.hears or (recipient.areas and row["area"] not in recipient.areas):
        return False
    step = row["after"].get("escalation") if kind == "ticket.escalated" else None
    return step is None or not recipient.steps or step in recipient.steps
