"""An index of the letter groups of tickets, so that a rare word is found at once."""

import sqlalchemy as sa
from alembic import op

from maintenance import search

revision = "0008"
down_revision = "0007"

_PAGE = 2000


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        op.execute("CREATE TABLE ticket_grams (ticket_id bigint PRIMARY KEY REFERENCES tickets (id), grams text[])")
    else:
        op.execute(
            "CREATE VIRTUAL TABLE ticket_grams USING fts5(grams, content='', columnsize=0, detail=none, tokenize=ascii)"
        )
    tickets = sa.table("tickets", sa.column("id"), *(sa.column(name) for name in search.NAMES))
    last = 0
    while True:
        page = connection.execute(
            sa.select(tickets).where(tickets.c.id > last).order_by(tickets.c.id).limit(_PAGE)
        ).all()
        if not page:
            break
        search.fill(connection, [(row[0], search.grams(row[1:])) for row in page])
        last = page[-1][0]
    if connection.dialect.name == "postgresql":
        op.execute("CREATE INDEX ticket_grams_having ON ticket_grams USING gin (grams)")
        op.execute("ANALYZE ticket_grams")


def downgrade() -> None:
    op.execute("DROP TABLE ticket_grams")
