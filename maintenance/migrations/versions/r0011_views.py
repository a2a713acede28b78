"""Saved views of the lists."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_time = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "views",
        sa.Column("id", _number, primary_key=True, autoincrement=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("roles", sa.JSON, nullable=False),
        sa.Column("filters", sa.JSON, nullable=False),
        sa.Column("created_at", _time, nullable=False),
        sa.Column("changed_at", _time, nullable=False),
        sa.UniqueConstraint("owner", "name", name="one_view_a_name"),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    op.drop_table("views")
