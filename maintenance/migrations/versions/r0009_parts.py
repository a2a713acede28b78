"""What a ticket that waits for a part waits for, and when it should be there."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("tickets", sa.Column("part", sa.Text))
    op.add_column("tickets", sa.Column("expected_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    for column in ("expected_at", "part"):
        op.drop_column("tickets", column)
