"""The ledger's tables as the code sees them. How they come to be, and change, is in maintenance/migrations."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator


class UtcTime(TypeDecorator[datetime]):
    """A moment, in and out with its zone, kept as UTC: timestamptz where there is one, else text that sorts."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        utc = value.astimezone(UTC)
        return utc if dialect.name == "postgresql" else utc.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


meta = sa.MetaData()

Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite counts up by itself only in INTEGER keys


def _json() -> sa.JSON:
    return sa.JSON(none_as_null=True)


tickets = sa.Table(
    "tickets",
    meta,
    sa.Column("id", Number, primary_key=True, autoincrement=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("place", sa.Text, nullable=False),
    sa.Column("cause", sa.Text, nullable=False),
    sa.Column("probability", sa.Float, nullable=False),
    sa.Column("grade", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("area", sa.Text),
    sa.Column("grid", sa.Text),
    sa.Column("party", sa.Text, nullable=False),
    sa.Column("department", sa.Text, nullable=False),
    sa.Column("engineer", sa.Text),
    sa.Column("deadline", UtcTime, nullable=False),
    sa.Column("opened_at", UtcTime, nullable=False),
    sa.Column("changed_at", UtcTime, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("title_en", sa.Text, nullable=False),
    sa.Column("title_zh", sa.Text, nullable=False),
    sa.Column("onset", sa.Date, nullable=False),
    sa.Column("score", sa.Float, nullable=False),
    sa.Column("resolved_at", UtcTime),
    sa.Column("closed_at", UtcTime),
    sa.Column("appointment_at", UtcTime),
    sa.Column("cause_code", sa.Text),
    sa.Column("action_code", sa.Text),
    sa.Column("evidence", _json(), nullable=False),
    sa.Column("forecast", _json()),
    sa.Column("repeat_of", Number, sa.ForeignKey("tickets.id")),
    sa.Column("merged_into", Number, sa.ForeignKey("tickets.id")),
    sa.Column("reopened", sa.Integer, nullable=False),
    sa.Column("split_from", Number),
    sa.Column("escalation", sa.Text),
    sa.Column("held_by", Number),
    sa.Column("held_since", UtcTime),
    sa.Column("shifted_from", sa.Text),
    sa.Column("part", sa.Text),
    sa.Column("expected_at", UtcTime),
)

ticket_lines = sa.Table(
    "ticket_lines",
    meta,
    sa.Column("ticket_id", Number, sa.ForeignKey("tickets.id"), primary_key=True),
    sa.Column("line_id", sa.Text, primary_key=True),
)

findings = sa.Table(
    "findings",
    meta,
    sa.Column("id", Number, primary_key=True, autoincrement=True),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("ticket_id", Number, sa.ForeignKey("tickets.id")),
    sa.Column("digest", sa.Text, nullable=False),  # of the finding's JSON: the same one is kept once a ticket
    sa.Column("body", _json(), nullable=False),
)

entries = sa.Table(
    "entries",
    meta,
    sa.Column("id", Number, primary_key=True, autoincrement=True),
    sa.Column("ticket_id", Number, sa.ForeignKey("tickets.id"), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("from_state", sa.Text),
    sa.Column("to_state", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("before", _json(), nullable=False),
    sa.Column("after", _json(), nullable=False),
    sa.UniqueConstraint("ticket_id", "version", name="one_entry_a_version"),
)

modes = sa.Table(
    "modes",
    meta,
    sa.Column("id", Number, primary_key=True, autoincrement=True),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("mode", sa.Text, nullable=False),
    sa.Column("area", sa.Text),
    sa.Column("begins_at", UtcTime, nullable=False),
    sa.Column("ends_at", UtcTime, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("ended_at", UtcTime),
    sa.Column("ended_by", sa.Text),
)

webhooks = sa.Table(
    "webhooks",
    meta,
    sa.Column("id", Number, primary_key=True, autoincrement=True),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("form", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("secret", sa.Text),  # a reference, never the secret itself
    sa.Column("kinds", _json(), nullable=False),
    sa.Column("areas", _json(), nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("next_at", UtcTime),
    sa.Column("last_ok_at", UtcTime),
    sa.Column("failing_since", UtcTime),
    sa.Column("claimed_until", UtcTime),
    sa.Column("trouble", sa.Text),
)

hook_events = sa.Table(
    "hook_events",
    meta,
    sa.Column("id", Number, primary_key=True, autoincrement=True),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("ticket_id", Number, sa.ForeignKey("tickets.id"), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("body", _json(), nullable=False),
)

deliveries = sa.Table(
    "deliveries",
    meta,
    sa.Column("webhook_id", Number, sa.ForeignKey("webhooks.id"), primary_key=True),
    sa.Column("event_id", Number, sa.ForeignKey("hook_events.id"), primary_key=True),
    sa.Column("ticket_id", Number, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_at", UtcTime),
    sa.Column("first_tried_at", UtcTime),
    sa.Column("done_at", UtcTime),
    sa.Column("trouble", sa.Text),
)

once = sa.Table(
    "once",
    meta,
    sa.Column("scope", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("begun_at", UtcTime, nullable=False),
    sa.Column("status", sa.Integer),
    sa.Column("body", sa.Text),
)

notices = sa.Table(
    "notices",
    meta,
    sa.Column("recipient", sa.Text, primary_key=True),
    sa.Column("entry_id", Number, sa.ForeignKey("entries.id"), primary_key=True),
    sa.Column("ticket_id", Number, nullable=False),
    sa.Column("due_at", UtcTime, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_at", UtcTime),
    sa.Column("told_at", UtcTime),
    sa.Column("trouble", sa.Text),
)

views = sa.Table(
    "views",
    meta,
    sa.Column("id", Number, primary_key=True, autoincrement=True),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False, server_default="tickets"),
    sa.Column("roles", _json(), nullable=False),
    sa.Column("filters", _json(), nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("changed_at", UtcTime, nullable=False),
    sa.UniqueConstraint("owner", "kind", "name", name="one_view_a_name"),
)

plans = sa.Table(
    "plans",
    meta,
    sa.Column("id", Number, primary_key=True, autoincrement=True),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("first", sa.Date, nullable=False),
    sa.Column("days", sa.Integer, nullable=False),
    sa.Column("areas", _json()),
    sa.Column("urgent", Number),
    sa.Column("body", _json(), nullable=False),
    sa.Column("applied_at", UtcTime),
    sa.Column("applied_by", sa.Text),
)

photos = sa.Table(
    "photos",
    meta,
    sa.Column("ticket_id", Number, sa.ForeignKey("tickets.id"), primary_key=True),
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("width", sa.Integer, nullable=False),
    sa.Column("height", sa.Integer, nullable=False),
    sa.Column("bytes", sa.Integer, nullable=False),
)

kept = sa.Table(
    "kept",
    meta,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", _json(), nullable=False),
)


def row_of(table: sa.Table, values: dict[str, Any]) -> dict[str, Any]:
    """Only the values that are columns of `table`."""
    return {name: value for name, value in values.items() if name in table.c}
