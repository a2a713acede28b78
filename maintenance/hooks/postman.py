"""Delivering: one message after the other to each receiver, a ticket's in order, until the receiver has it.

A message counts as delivered when the receiver answered 2xx and the database has noted it: a kill between the two sends
it once more, under the same id. A receiver that cannot be reached rests, ever longer; one that refuses a message gets
the others meanwhile, but for later ones of the same ticket.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
import sqlalchemy as sa
import structlog

from maintenance import database
from maintenance.hooks import signing
from maintenance.hooks.addresses import ForbiddenAddressError, LookUp, look_up, target
from maintenance.hooks.messages import Event, Writer, ours, written
from maintenance.hooks.rules import HookRules
from maintenance.hooks.subscriptions import Form
from maintenance.tables import deliveries, hook_events, webhooks
from plant.secrets import SecretError, resolve

log = structlog.get_logger(__name__)

CLAIM_SPARE_S = 30.0  # a claim outlives its message by so much: another process waits that long after a kill
AT_ONCE = 8  # receivers
TROUBLE = 300  # characters kept of what went wrong
GONE = 410
_OWN_FORM: Mapping[Form, Writer] = {"lightline": ours}


@dataclass
class Round:
    """What one round came to."""

    delivered: int = 0
    refused: int = 0
    unreachable: int = 0
    set_aside: int = 0
    gone: int = 0


@dataclass(frozen=True)
class _Receiver:
    id: int
    url: str
    form: Form
    secret: str | None
    failures: int
    failing_since: datetime | None


class _UnreachableError(Exception):
    """The receiver as a whole takes nothing now: the message says why."""


class Postman:
    """Delivers what waits. Several processes may: each receiver is served by one at a time."""

    def __init__(
        self, engine: sa.Engine, rules: HookRules, clock: Callable[[], datetime], *, find: LookUp = look_up,
        writers: Mapping[Form, Writer] = _OWN_FORM,
    ) -> None:  # fmt: skip
        self._engine, self._rules, self._clock, self._find = engine, rules, clock, find
        self._writers = writers
        self._stopped = threading.Event()
        self._claims: dict[int, datetime] = {}  # until when each receiver is ours

    def stop(self) -> None:
        """End the round that is going on after the message in hand."""
        self._stopped.set()

    def deliver(self) -> Round:
        """One round: what is due to receivers that do not rest. Waits on the network and the database."""
        due = self._due()
        done = Round()
        if due:
            with ThreadPoolExecutor(min(AT_ONCE, len(due))) as pool:
                for one in pool.map(self._serve, due):
                    for name in done.__dataclass_fields__:
                        setattr(done, name, getattr(done, name) + getattr(one, name))
        return done

    def forget(self) -> int:
        """Let go of what everybody has had for longer than it is kept; how many events went."""
        before = self._clock() - timedelta(days=self._rules.keep_days)
        undone = sa.select(deliveries.c.event_id).where(deliveries.c.state != "delivered")
        old = sa.select(hook_events.c.id).where(hook_events.c.at < before, hook_events.c.id.not_in(undone))
        with database.writing(self._engine) as connection:
            ids = [int(i) for i in connection.execute(old.limit(500)).scalars()]
            connection.execute(sa.delete(deliveries).where(deliveries.c.event_id.in_(ids)))
            connection.execute(sa.delete(hook_events).where(hook_events.c.id.in_(ids)))
        return len(ids)

    def _due(self) -> list[_Receiver]:
        now = self._clock()
        names = ("id", "url", "form", "secret", "failures", "failing_since")
        query = sa.select(*(webhooks.c[n] for n in names)).where(
            webhooks.c.state == "active", sa.or_(webhooks.c.next_at.is_(None), webhooks.c.next_at <= now),
            sa.exists().where(deliveries.c.webhook_id == webhooks.c.id, deliveries.c.state == "waiting"),
        )  # fmt: skip
        with database.reading(self._engine) as connection:
            return [_Receiver(**row) for row in connection.execute(query).mappings()]

    def _serve(self, receiver: _Receiver) -> Round:
        done = Round()
        if not self._claim(receiver.id):
            return done
        try:
            self._deliver_to(receiver, done)
        finally:
            self._release(receiver.id)
        return done

    def _deliver_to(self, receiver: _Receiver, done: Round) -> None:
        failures, since = receiver.failures, receiver.failing_since
        held: set[int] = set()  # tickets with a message that this receiver refused: their later ones wait behind it
        # keep-alive would hold on to an address that was looked at long ago
        with httpx.Client(timeout=self._rules.timeout_s, trust_env=False, follow_redirects=False) as client:
            for _ in range(self._rules.batch):
                event = None if self._stopped.is_set() else self._next(receiver.id, held)
                if event is None or not self._claim(receiver.id):
                    return
                try:
                    status = self._post(client, receiver, event)
                except _UnreachableError as error:
                    done.unreachable += 1
                    self._rests(receiver, failures + 1, since, str(error))
                    return
                if status == GONE:
                    done.gone += 1
                    self._note(receiver.id, state="gone", failing_since=since or self._clock(), trouble="answered 410")
                    log.warning("webhook_gone", webhook=receiver.id)
                    return
                if 200 <= status < 300:
                    done.delivered += 1
                    self._delivered(receiver.id, event.id, recovered=since is not None)
                    failures, since = 0, None
                else:
                    held.add(event.ticket_id)
                    self._refused(receiver.id, event, f"answered {status}", done)

    def _next(self, webhook: int, held: set[int]) -> Event | None:
        """The oldest message that is first of its ticket, is not resting, and of no ticket in `held`."""
        one, earlier = deliveries.alias("one"), deliveries.alias("earlier")
        behind = sa.exists().where(
            earlier.c.webhook_id == webhook, earlier.c.state == "waiting", earlier.c.ticket_id == one.c.ticket_id,
            earlier.c.event_id < one.c.event_id,
        )  # fmt: skip
        query = (
            sa.select(hook_events)
            .join(one, one.c.event_id == hook_events.c.id)
            .where(one.c.webhook_id == webhook, one.c.state == "waiting", ~behind)
            .where(sa.or_(one.c.next_at.is_(None), one.c.next_at <= self._clock()))
            .where(one.c.ticket_id.not_in(sorted(held)))
            .order_by(one.c.event_id)
            .limit(1)
        )
        with database.reading(self._engine) as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else Event(**row)

    def _post(self, client: httpx.Client, receiver: _Receiver, event: Event) -> int:
        """The status the receiver answered; what speaks of the receiver and not of the message is _UnreachableError."""
        try:
            keys = signing.keys_of(resolve(receiver.secret)) if receiver.secret else []
            where = target(receiver.url, self._rules, self._find)
        except (SecretError, ForbiddenAddressError, OSError, ValueError) as error:
            raise _UnreachableError(str(error)) from None
        body = written(event, receiver.form, self._writers)
        sent = {
            "Host": where.url.netloc, "Content-Type": "application/json", "User-Agent": "Lightline",
            **signing.headers(event.ident, self._clock(), body, keys),
        }  # fmt: skip
        address = f"[{where.address}]" if ":" in where.address else where.address
        url = httpx.URL(where.url.geturl()).copy_with(host=address, port=where.port)
        try:
            with client.stream(
                "POST", url, content=body, headers=sent, extensions={"sni_hostname": where.host}
            ) as answer:
                status = answer.status_code  # the answer's body is nothing to us and is not read
        except httpx.HTTPError as error:
            raise _UnreachableError(f"{type(error).__name__}: {error}") from None
        if status >= 500 or status in (408, 425, 429):
            raise _UnreachableError(f"answered {status}")
        return status

    def _claim(self, webhook: int) -> bool:
        """Serve this receiver alone for the time of one message. False where another process does."""
        now = self._clock()
        until = now + timedelta(seconds=2 * self._rules.timeout_s + CLAIM_SPARE_S)
        mine = self._claims.get(webhook)
        free = sa.or_(webhooks.c.claimed_until.is_(None), webhooks.c.claimed_until <= now)
        if mine is not None:
            free = sa.or_(free, webhooks.c.claimed_until == mine)
        statement = sa.update(webhooks).where(webhooks.c.id == webhook, webhooks.c.state == "active", free)
        with database.writing(self._engine) as connection:
            got = connection.execute(statement.values(claimed_until=until)).rowcount == 1
        if got:
            self._claims[webhook] = until
        return got

    def _release(self, webhook: int) -> None:
        mine = webhooks.c.id == webhook, webhooks.c.claimed_until == self._claims.pop(webhook)
        with database.writing(self._engine) as connection:
            connection.execute(sa.update(webhooks).where(*mine).values(claimed_until=None))

    def _rests(self, receiver: _Receiver, failures: int, since: datetime | None, trouble: str) -> None:
        now = self._clock()
        wait = self._rules.wait(failures)
        self._note(
            receiver.id, failures=failures, next_at=now + wait, failing_since=since or now, trouble=trouble[:TROUBLE]
        )
        if failures == 1:
            log.warning("webhook_unreachable", webhook=receiver.id, why=trouble[:TROUBLE], again_in_s=wait.seconds)

    def _delivered(self, webhook: int, event: int, *, recovered: bool) -> None:
        now = self._clock()
        self._mark(webhook, event, state="delivered", done_at=now, trouble=None)
        self._note(webhook, failures=0, next_at=None, last_ok_at=now, failing_since=None, trouble=None)
        if recovered:
            log.info("webhook_back", webhook=webhook)

    def _refused(self, webhook: int, event: Event, trouble: str, done: Round) -> None:
        """The receiver is well and does not want this message: later again, and set aside in the end."""
        now = self._clock()
        with database.reading(self._engine) as connection:
            row = connection.execute(
                sa.select(deliveries.c.attempts, deliveries.c.first_tried_at).where(*_this(webhook, event.id))
            ).one()
        attempts, first = row.attempts + 1, row.first_tried_at or now
        if now - first >= timedelta(hours=self._rules.give_up_hours):
            done.set_aside += 1
            self._mark(webhook, event.id, state="set_aside", attempts=attempts, done_at=now, trouble=trouble)
            log.error("webhook_message_set_aside", webhook=webhook, message=event.ident, why=trouble)
            return
        done.refused += 1
        self._mark(
            webhook, event.id, attempts=attempts, first_tried_at=first, next_at=now + self._rules.wait(attempts),
            trouble=trouble,
        )  # fmt: skip

    def _mark(self, webhook: int, event: int, **values: Any) -> None:
        with database.writing(self._engine) as connection:
            connection.execute(sa.update(deliveries).where(*_this(webhook, event)).values(values))

    def _note(self, webhook: int, **values: Any) -> None:
        with database.writing(self._engine) as connection:
            connection.execute(sa.update(webhooks).where(webhooks.c.id == webhook).values(values))


def _this(webhook: int, event: int) -> Sequence[sa.ColumnElement[bool]]:
    return deliveries.c.webhook_id == webhook, deliveries.c.event_id == event
