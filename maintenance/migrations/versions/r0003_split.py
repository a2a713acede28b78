"""Tickets may be proposed by the field, and split by hand."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("tickets", sa.Column("split_from", sa.BigInteger().with_variant(sa.Integer(), "sqlite")))


def downgrade() -> None:
    """What was proposed only becomes open: the earlier version knows no such state."""
    op.execute("UPDATE tickets SET state = 'open' WHERE state = 'proposed'")
    op.drop_column("tickets", "split_from")
