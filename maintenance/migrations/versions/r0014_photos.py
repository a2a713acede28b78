"""Photos of visits: which there are of a ticket; the files lie in the data folder, named by their content."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "photos",
        sa.Column("ticket_id", _number, sa.ForeignKey("tickets.id"), primary_key=True),
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("width", "height", "bytes")),
    )


def downgrade() -> None:
    op.drop_table("photos")
