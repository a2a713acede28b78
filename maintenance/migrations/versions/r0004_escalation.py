"""How far upwards a ticket has been told."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("tickets", sa.Column("escalation", sa.Text))
    op.create_index("tickets_by_escalation", "tickets", ["escalation", "id"])


def downgrade() -> None:
    op.drop_index("tickets_by_escalation", "tickets")
    op.drop_column("tickets", "escalation")
