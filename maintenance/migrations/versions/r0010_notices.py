"""What people are told, when it is due and when they were: nothing twice."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_time = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "notices",
        sa.Column("recipient", sa.Text, primary_key=True),
        sa.Column("entry_id", _number, sa.ForeignKey("entries.id"), primary_key=True),
        sa.Column("ticket_id", _number, nullable=False),
        sa.Column("due_at", _time, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        *(sa.Column(name, _time) for name in ("next_at", "told_at")),
        sa.Column("trouble", sa.Text),
    )
    op.create_index("notices_by_due", "notices", ["told_at", "due_at"])


def downgrade() -> None:
    op.drop_table("notices")
