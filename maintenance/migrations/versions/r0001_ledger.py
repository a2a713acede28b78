"""Tickets, their lines, findings and the log."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_time = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "tickets",
        sa.Column("id", _number, primary_key=True, autoincrement=True),
        *(
            sa.Column(name, sa.Text, nullable=False)
            for name in ("kind", "place", "cause", "grade", "state", "party", "department", "title_en", "title_zh")
        ),
        *(sa.Column(name, sa.Text) for name in ("area", "grid", "engineer", "cause_code", "action_code")),
        *(sa.Column(name, sa.Float, nullable=False) for name in ("probability", "score")),
        *(sa.Column(name, _time, nullable=False) for name in ("deadline", "opened_at", "changed_at")),
        *(sa.Column(name, _time) for name in ("resolved_at", "closed_at", "appointment_at")),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("version", "reopened")),
        sa.Column("onset", sa.Date, nullable=False),
        sa.Column("evidence", sa.JSON, nullable=False),
        sa.Column("forecast", sa.JSON),
        sa.Column("repeat_of", _number, sa.ForeignKey("tickets.id")),
        sa.Column("merged_into", _number, sa.ForeignKey("tickets.id")),
        sqlite_autoincrement=True,
    )
    op.create_index("tickets_by_state", "tickets", ["state", "id"])
    op.create_index("tickets_by_area", "tickets", ["area", "state", "id"])
    op.create_index("tickets_by_department", "tickets", ["department", "state", "id"])
    op.create_index("tickets_by_grade", "tickets", ["grade", "state", "id"])
    op.create_index("tickets_by_place", "tickets", ["place", "id"])
    op.create_index("tickets_by_deadline", "tickets", ["deadline", "id"])
    op.create_table(
        "ticket_lines",
        sa.Column("ticket_id", _number, sa.ForeignKey("tickets.id"), primary_key=True),
        sa.Column("line_id", sa.Text, primary_key=True),
    )
    op.create_index("ticket_lines_by_line", "ticket_lines", ["line_id", "ticket_id"])
    op.create_table(
        "findings",
        sa.Column("id", _number, primary_key=True, autoincrement=True),
        sa.Column("at", _time, nullable=False),
        sa.Column("ticket_id", _number, sa.ForeignKey("tickets.id")),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("findings_by_ticket", "findings", ["ticket_id", "id"])
    op.create_index("findings_by_digest", "findings", ["digest"])
    op.create_index("findings_by_time", "findings", ["at", "id"])
    op.create_table(
        "entries",
        sa.Column("id", _number, primary_key=True, autoincrement=True),
        sa.Column("ticket_id", _number, sa.ForeignKey("tickets.id"), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("at", _time, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("actor", "role", "action", "to_state", "why")),
        sa.Column("from_state", sa.Text),
        sa.Column("before", sa.JSON, nullable=False),
        sa.Column("after", sa.JSON, nullable=False),
        sa.UniqueConstraint("ticket_id", "version", name="one_entry_a_version"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "kept",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.JSON, nullable=False),
    )


def downgrade() -> None:
    for table in ("kept", "entries", "findings", "ticket_lines", "tickets"):
        op.drop_table(table)
