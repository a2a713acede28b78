"""Who wants to hear of what: subscriptions, made and ended by administrators, and how their deliveries stand."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, get_args

import sqlalchemy as sa

from maintenance import database
from maintenance.errors import InputError, LedgerError
from maintenance.hooks.addresses import checked_url
from maintenance.hooks.kinds import KINDS
from maintenance.hooks.signing import keys_of
from maintenance.tables import deliveries, webhooks
from maintenance.text import moment, name
from maintenance.ticket import plain
from plant.secrets import SecretError, is_reference, resolve

Form = Literal["lightline", "tmf621"]
State = Literal["active", "gone", "ended"]
MOST = 100  # subscriptions that are not ended


class WebhookNotFoundError(LedgerError, KeyError):
    """No subscription has this number."""

    def __init__(self, number: int) -> None:
        super().__init__(f"there is no webhook {number}; list the webhooks to see the numbers there are")

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True)
class Webhook:
    """One subscription. `kinds` and `areas`: empty means all. `state`: gone where the receiver answered 410.

    `waiting`, `set_aside`: messages not delivered yet, and those given up; `failing_since` and `trouble` say what is
    wrong with the receiver now.
    """

    id: int
    url: str
    form: Form
    state: State
    created_by: str
    secret: str | None
    kinds: tuple[str, ...]
    areas: tuple[str, ...]
    created_at: datetime
    failures: int
    next_at: datetime | None
    last_ok_at: datetime | None
    failing_since: datetime | None
    trouble: str | None
    waiting: int = 0
    set_aside: int = 0
    oldest_waiting: int | None = None

    def to_json(self) -> dict[str, Any]:
        return {field: plain(getattr(self, field)) for field in self.__dataclass_fields__}


class Subscriptions:
    """The subscriptions of one ledger. Safe to share between threads."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def subscribe(
        self, url: str, *, secret: str | None, kinds: Sequence[str], areas: Sequence[str], actor: str, now: datetime,
        form: Form = "lightline",
    ) -> Webhook:  # fmt: skip
        """Begin one. The secret is a reference (`env:NAME`, `file:PATH`) that must lead to a good one already.

        Raises InputError naming what is wrong; the address itself is judged at each message.
        """
        checked_url(url)
        if form not in get_args(Form):
            raise InputError(f'form "{form[:40]}" is not among: {", ".join(get_args(Form))}')
        if strange := [kind for kind in kinds if kind not in KINDS]:
            raise InputError(f'kind "{strange[0][:40]}" is not among: {", ".join(KINDS)}')
        _checked_secret(secret, form)
        values = {
            "url": url, "form": form, "state": "active", "created_by": name("actor", actor), "secret": secret,
            "kinds": sorted(set(kinds)), "areas": sorted({name("area", area) for area in areas}),
            "created_at": moment("now", now), "failures": 0,
        }  # fmt: skip
        with database.writing(self._engine, alone=True) as connection:
            going = sa.select(sa.func.count()).select_from(webhooks).where(webhooks.c.state != "ended")
            if connection.execute(going).scalar_one() >= MOST:
                raise InputError(f"there are {MOST} webhooks; end one that nobody listens to")
            written = connection.execute(sa.insert(webhooks).values(values))
            key = written.inserted_primary_key
            return _one(connection, int(key[0]) if key else 0)

    def one(self, number: int) -> Webhook:
        """Raises WebhookNotFoundError."""
        with database.reading(self._engine) as connection:
            return _one(connection, number)

    def all(self, *, ended: bool = False) -> list[Webhook]:
        """By number; with those that were ended on request."""
        with database.reading(self._engine) as connection:
            query = sa.select(webhooks).order_by(webhooks.c.id)
            return _with_counts(connection, query if ended else query.where(webhooks.c.state != "ended"))

    def end(self, number: int) -> Webhook:
        """Nothing more is told to it; what waits for it is set aside."""
        with database.writing(self._engine) as connection:
            _one(connection, number)
            connection.execute(sa.update(webhooks).where(webhooks.c.id == number).values(state="ended"))
            waiting = deliveries.c.webhook_id == number, deliveries.c.state == "waiting"
            connection.execute(
                sa.update(deliveries).where(*waiting).values(state="set_aside", trouble="the webhook was ended")
            )
            return _one(connection, number)

    def resume(self, number: int) -> Webhook:
        """Try again now, also what was set aside: the receiver is back, or its fault was mended."""
        with database.writing(self._engine) as connection:
            if _one(connection, number).state == "ended":
                raise InputError(f"webhook {number} was ended; make a new one")
            fresh = {"state": "active", "failures": 0, "next_at": None, "failing_since": None, "trouble": None}
            connection.execute(sa.update(webhooks).where(webhooks.c.id == number).values(fresh))
            undone = deliveries.c.webhook_id == number, deliveries.c.state != "delivered"
            again = {"state": "waiting", "next_at": None, "first_tried_at": None}
            connection.execute(sa.update(deliveries).where(*undone).values(again))
            return _one(connection, number)

    def troubles(self) -> list[str]:
        """A sentence for each receiver that does not get what it asked for."""
        said = []
        for hook in self.all():
            if hook.state == "gone":
                said.append(f"webhook {hook.id}: the receiver is gone (410); {hook.waiting} messages are kept for it")
            elif hook.failing_since is not None:
                said.append(
                    f"webhook {hook.id}: no delivery since {hook.failing_since:%Y-%m-%d %H:%M} UTC, {hook.trouble}; "
                    f"{hook.waiting} messages wait"
                )
            if hook.set_aside:
                said.append(f"webhook {hook.id}: {hook.set_aside} messages were refused too long and are set aside")
        return said


def _checked_secret(secret: str | None, form: Form) -> None:
    if secret is None:
        if form == "lightline":
            raise InputError("secret is missing: env:NAME or file:PATH of whsec_ and 24 random bytes or more in base64")
        return
    if not is_reference(secret):
        raise InputError("secret is named by env:NAME or file:PATH, never written here")
    try:
        keys_of(resolve(secret))
    except (SecretError, ValueError) as error:
        raise InputError(f"secret: {error}") from None


def _one(connection: sa.Connection, number: int) -> Webhook:
    found = _with_counts(connection, sa.select(webhooks).where(webhooks.c.id == number)) if number < 2**63 else []
    if not found:
        raise WebhookNotFoundError(number)
    return found[0]


def _with_counts(connection: sa.Connection, query: sa.Select[Any]) -> list[Webhook]:
    rows = [dict(row) for row in connection.execute(query).mappings()]
    undone = (
        sa.select(deliveries.c.webhook_id, deliveries.c.state, sa.func.count(), sa.func.min(deliveries.c.event_id))
        .where(deliveries.c.state != "delivered", deliveries.c.webhook_id.in_([row["id"] for row in rows]))
        .group_by(deliveries.c.webhook_id, deliveries.c.state)
    )
    counts = {(number, state): (n, first) for number, state, n, first in connection.execute(undone)}
    out = []
    for row in rows:
        del row["claimed_until"]
        hook = Webhook(**{**row, "kinds": tuple(row["kinds"]), "areas": tuple(row["areas"])})
        waiting, first = counts.get((hook.id, "waiting"), (0, None))
        aside, _ = counts.get((hook.id, "set_aside"), (0, None))
        out.append(replace(hook, waiting=waiting, set_aside=aside, oldest_waiting=first))
    return out
