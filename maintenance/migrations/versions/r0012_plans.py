"""Plans of visits, kept until they are applied or old."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_time = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "plans",
        sa.Column("id", _number, primary_key=True, autoincrement=True),
        sa.Column("at", _time, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("first", sa.Date, nullable=False),
        sa.Column("days", sa.Integer, nullable=False),
        sa.Column("areas", sa.JSON),
        sa.Column("urgent", _number),
        sa.Column("body", sa.JSON, nullable=False),
        sa.Column("applied_at", _time),
        sa.Column("applied_by", sa.Text),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    op.drop_table("plans")
