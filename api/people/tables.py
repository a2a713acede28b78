"""The tables of people as the code sees them. How they come to be, and change, is in schema.py. Times: s since 1970."""

import sqlalchemy as sa

meta = sa.MetaData()

users = sa.Table(
    "users",
    meta,
    sa.Column("id", sa.String(12), primary_key=True),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("key", sa.String(200), nullable=False, unique=True),  # the name as it is compared
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("areas", sa.JSON, nullable=False),  # empty: all
    sa.Column("grids", sa.JSON, nullable=False),  # empty: all of the areas
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("password", sa.String(200)),  # argon2id; None: none is set, as of those who come from a directory
    sa.Column("must_change", sa.Boolean, nullable=False),  # the password was set by somebody else
    sa.Column("totp", sa.String(64)),  # base32; None: no second factor
    sa.Column("totp_begun", sa.String(64)),  # shown, not yet confirmed with a code
    sa.Column("totp_step", sa.Integer),  # of the last code taken: none is taken twice
    sa.Column("issuer", sa.String(500)),  # of a user from a directory, with `subject` what names him there
    sa.Column("subject", sa.String(255)),
    sa.Column("created_at", sa.Integer, nullable=False),
    sa.Column("changed_at", sa.Integer, nullable=False),
    sa.Column("signed_in_at", sa.Integer),
)
recovery_codes = sa.Table(
    "recovery_codes",
    meta,
    sa.Column("user_id", sa.String(12), primary_key=True),
    sa.Column("digest", sa.String(64), primary_key=True),
)
tokens = sa.Table(
    "tokens",
    meta,
    sa.Column("id", sa.String(12), primary_key=True),  # the public part of the token
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("areas", sa.JSON, nullable=False),
    sa.Column("grids", sa.JSON, nullable=False),
    sa.Column("rights", sa.JSON(none_as_null=True)),  # None: all of the role
    sa.Column("user_id", sa.String(12)),  # of a personal token: role and limits are the user's as they are now
    sa.Column("created_at", sa.Integer, nullable=False),
    sa.Column("expires_at", sa.Integer),
    sa.Column("revoked_at", sa.Integer),
    sa.Column("last_used_at", sa.Integer),
)
sessions = sa.Table(
    "sessions",
    meta,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("id", sa.String(12), nullable=False, unique=True),  # names it to its owner; opens nothing
    sa.Column("token_id", sa.String(12)),  # opened with a token
    sa.Column("user_id", sa.String(12)),  # opened by a user
    sa.Column("way", sa.String(16), nullable=False),
    sa.Column("created_at", sa.Integer, nullable=False),
    sa.Column("seen_at", sa.Integer, nullable=False),
    sa.Column("expires_at", sa.Integer, nullable=False),
    sa.Column("address", sa.String(64), nullable=False),
    sa.Column("agent", sa.String(200), nullable=False),
)
failures = sa.Table(
    "failures",
    meta,
    sa.Column("key", sa.String(80), primary_key=True),
    sa.Column("count", sa.Integer, nullable=False),
    sa.Column("last_at", sa.Integer, nullable=False),
)
audit = sa.Table(
    "audit",
    meta,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", sa.Integer, nullable=False),
    sa.Column("actor", sa.String(100), nullable=False),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("way", sa.String(16), nullable=False),
    sa.Column("event", sa.String(40), nullable=False),
    sa.Column("outcome", sa.String(16), nullable=False),
    sa.Column("target", sa.String(300), nullable=False),
    sa.Column("address", sa.String(64), nullable=False),
    sa.Column("detail", sa.JSON, nullable=False),
)
