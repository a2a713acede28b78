"""An index of the unfinished tickets alone: few of many, and most of what is asked for."""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    # the same words as maintenance.queries.GOING: a database takes a partial index for those alone
    op.execute("CREATE INDEX tickets_going ON tickets (id) WHERE state NOT IN ('cancelled', 'closed', 'merged')")


def downgrade() -> None:
    op.drop_index("tickets_going", "tickets")
