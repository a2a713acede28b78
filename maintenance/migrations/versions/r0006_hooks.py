"""What other systems are told: who wants to hear of what, what happened, and what of it was delivered."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_time = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "webhooks",
        sa.Column("id", _number, primary_key=True, autoincrement=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("url", "form", "state", "created_by")),
        sa.Column("secret", sa.Text),
        sa.Column("kinds", sa.JSON, nullable=False),
        sa.Column("areas", sa.JSON, nullable=False),
        sa.Column("created_at", _time, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        *(sa.Column(name, _time) for name in ("next_at", "last_ok_at", "failing_since", "claimed_until")),
        sa.Column("trouble", sa.Text),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "hook_events",
        sa.Column("id", _number, primary_key=True, autoincrement=True),
        sa.Column("at", _time, nullable=False),
        sa.Column("ticket_id", _number, sa.ForeignKey("tickets.id"), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("hook_events_by_time", "hook_events", ["at", "id"])
    op.create_table(
        "deliveries",
        sa.Column("webhook_id", _number, sa.ForeignKey("webhooks.id"), primary_key=True),
        sa.Column("event_id", _number, sa.ForeignKey("hook_events.id"), primary_key=True),
        sa.Column("ticket_id", _number, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        *(sa.Column(name, _time) for name in ("next_at", "first_tried_at", "done_at")),
        sa.Column("trouble", sa.Text),
    )
    op.create_index("deliveries_by_state", "deliveries", ["webhook_id", "state", "ticket_id", "event_id"])
    op.create_index("deliveries_in_order", "deliveries", ["webhook_id", "state", "event_id"])
    op.create_index("deliveries_by_event", "deliveries", ["event_id"])


def downgrade() -> None:
    for table in ("deliveries", "hook_events", "webhooks"):
        op.drop_table(table)
