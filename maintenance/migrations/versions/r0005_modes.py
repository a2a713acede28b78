"""Storm and holiday modes, and what they do to tickets while they last."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_time = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "modes",
        sa.Column("id", _number, primary_key=True, autoincrement=True),
        sa.Column("key", sa.Text, nullable=False, unique=True),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("area", sa.Text),
        *(sa.Column(name, _time, nullable=False) for name in ("begins_at", "ends_at", "created_at")),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("source", "actor", "why")),
        sa.Column("ended_at", _time),
        sa.Column("ended_by", sa.Text),
        sqlite_autoincrement=True,
    )
    op.add_column("tickets", sa.Column("held_by", _number))
    op.add_column("tickets", sa.Column("held_since", _time))
    op.add_column("tickets", sa.Column("shifted_from", sa.Text))


def downgrade() -> None:
    for column in ("shifted_from", "held_since", "held_by"):
        op.drop_column("tickets", column)
    op.drop_table("modes")
