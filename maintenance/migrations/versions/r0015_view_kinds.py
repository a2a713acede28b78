"""Saved views are of a list: of tickets, as all were so far, or of lines."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

KEPT = {"sqlite_autoincrement": True}


def upgrade() -> None:
    with op.batch_alter_table("views", table_kwargs=KEPT) as views:
        views.add_column(sa.Column("kind", sa.Text, nullable=False, server_default="tickets"))
        views.drop_constraint("one_view_a_name", type_="unique")
        views.create_unique_constraint("one_view_a_name", ["owner", "kind", "name"])


def downgrade() -> None:
    op.execute("DELETE FROM views WHERE kind <> 'tickets'")
    with op.batch_alter_table("views", table_kwargs=KEPT) as views:
        views.drop_constraint("one_view_a_name", type_="unique")
        views.create_unique_constraint("one_view_a_name", ["owner", "name"])
        views.drop_column("kind")
