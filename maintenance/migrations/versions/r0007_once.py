"""Answers kept for a day, so that the same request told twice is done once."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_time = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "once",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("begun_at", _time, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("body", sa.Text),
    )
    op.create_index("once_by_time", "once", ["begun_at"])


def downgrade() -> None:
    op.drop_table("once")
