"""Users: people with a name, a role, the part of the plant they answer for, and a password or a directory's word."""

import secrets
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast

import sqlalchemy as sa

from api.people import passwords, totp
from api.people.moments import digest, moment, seconds
from api.people.tables import recovery_codes, sessions, tokens, users
from api.roles import ROLES, Role

State = Literal["active", "disabled"]
Refusal = Literal["wrong", "code_needed"]


@dataclass(frozen=True)
class User:
    """What is known of a user; never a secret. `areas` empty: all; `grids` empty: all of the areas."""

    id: str
    name: str
    role: Role
    areas: tuple[str, ...]
    grids: tuple[str, ...]
    state: State
    has_password: bool
    must_change: bool
    second_factor: bool
    directory: bool
    created_at: datetime
    changed_at: datetime
    signed_in_at: datetime | None


class NameTakenError(ValueError):
    """Another user is called so."""


class Users:
    """Users in the file of people. Who is asked for but not there is None or False; what cannot be is ValueError."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def create(
        self,
        name: str,
        role: str,
        now: datetime,
        *,
        areas: Sequence[str] = (),
        grids: Sequence[str] = (),
        password: str | None = None,
        must_change: bool = False,
        directory: tuple[str, str] | None = None,
    ) -> User:
        """`directory`: issuer and subject of a user whose password a directory keeps."""
        name = checked_name(name)
        if password is not None:
            passwords.check(password, [name])
        issuer, subject = directory or (None, None)
        row: dict[str, Any] = {
            "id": secrets.token_hex(6), "name": name, "key": key_of(name), "role": checked_role(role),
            "areas": sorted(set(areas)), "grids": sorted(set(grids)), "state": "active",
            "password": passwords.hashed(password) if password is not None else None, "must_change": must_change,
            "issuer": issuer, "subject": subject, "created_at": seconds(now), "changed_at": seconds(now),
        }  # fmt: skip
        try:
            with self._engine.begin() as connection:
                connection.execute(sa.insert(users).values(row))
        except sa.exc.IntegrityError:
            raise NameTakenError(f'there is a user "{name}" already; choose another name') from None
        return cast(User, self.get(row["id"]))

    def get(self, user_id: str) -> User | None:
        row = self._row(users.c.id == user_id)
        return _user(row) if row else None

    def named(self, name: str) -> User | None:
        row = self._row(users.c.key == key_of(name))
        return _user(row) if row else None

    def everybody(self) -> tuple[User, ...]:
        """All of them, by name."""
        with self._engine.connect() as connection:
            return tuple(_user(r) for r in connection.execute(sa.select(users).order_by(users.c.key)).mappings())

    def change(self, user_id: str, now: datetime, **to: Any) -> User | None:
        """Set `role`, `areas`, `grids` or `state`; who is disabled is signed out everywhere, his tokens end."""
        if "role" in to:
            checked_role(to["role"])
        for name in ("areas", "grids"):
            if name in to:
                to[name] = sorted(set(to[name]))
        with self._engine.begin() as connection:
            given = {**to, "changed_at": seconds(now)}
            connection.execute(sa.update(users).where(users.c.id == user_id).values(given))
            if to.get("state") == "disabled":
                connection.execute(sa.delete(sessions).where(sessions.c.user_id == user_id))
                ended = sa.update(tokens).where(tokens.c.user_id == user_id, tokens.c.revoked_at.is_(None))
                connection.execute(ended.values(revoked_at=seconds(now)))
        return self.get(user_id)

    def set_password(
        self, user_id: str, password: str, now: datetime, *, must_change: bool = False, keep: str | None = None
    ) -> bool:
        """Give a password; every session but the one of id `keep` ends. ValueError for one that would be guessed."""
        found = self.get(user_id)
        if found is None:
            return False
        if found.directory:
            raise ValueError("this user signs in with the directory, which keeps the password; change it there")
        passwords.check(password, [found.name])
        kept = passwords.hashed(password)
        values = {"password": kept, "must_change": must_change, "changed_at": seconds(now)}
        with self._engine.begin() as connection:
            connection.execute(sa.update(users).where(users.c.id == user_id).values(values))
            _end_sessions(connection, user_id, keep)
        return True

    def knows_password(self, user_id: str, password: str) -> bool:
        row = self._row(users.c.id == user_id)
        return passwords.matches(row["password"] if row else None, password)

    def sign_in(self, name: str, password: str, code: str, now: datetime) -> User | Refusal:
        """Who it is. A wrong name costs as long as a wrong password, and is told alike."""
        row = self._row(users.c.key == key_of(name))
        usable = row is not None and row["state"] == "active" and row["issuer"] is None
        right = passwords.matches(row["password"] if row is not None and usable else None, password)
        if row is None or not right:
            return "wrong"
        if row["totp"] is not None:
            if not code:
                return "code_needed"
            if not self.takes_code(row["id"], code, now):
                return "wrong"
        values: dict[str, Any] = {"signed_in_at": seconds(now)}
        if passwords.outdated(row["password"]):
            values["password"] = passwords.hashed(password)
        with self._engine.begin() as connection:
            connection.execute(sa.update(users).where(users.c.id == row["id"]).values(values))
        return cast(User, self.get(row["id"]))

    def from_directory(
        self, issuer: str, subject: str, name: str, role: str, now: datetime, *, areas: Sequence[str] = (),
        grids: Sequence[str] = (),
    ) -> User | None:  # fmt: skip
        """The user a directory vouches for, made or brought up to date; None where he is disabled here.

        NameTakenError where the name is that of somebody else: a directory must not take over a user of ours.
        """
        row = self._row(sa.and_(users.c.issuer == issuer, users.c.subject == subject))
        if row is None:
            made = self.create(name, role, now, areas=areas, grids=grids, directory=(issuer, subject))
            return self.change(made.id, now, signed_in_at=seconds(now))
        if row["state"] != "active":
            return None
        return self.change(row["id"], now, role=role, areas=areas, grids=grids, signed_in_at=seconds(now))

    # -- the second factor --

    def begin_second_factor(self, user_id: str) -> str | None:
        """A new secret, which counts once a code of it was given."""
        secret = totp.new_secret()
        with self._engine.begin() as connection:
            begun = sa.update(users).where(users.c.id == user_id, users.c.totp.is_(None)).values(totp_begun=secret)
            return secret if connection.execute(begun).rowcount == 1 else None

    def confirm_second_factor(self, user_id: str, code: str, now: datetime, *, keep: str | None) -> list[str] | None:
        """The recovery codes, shown once; None for a code that is not right. Every session but `keep` ends."""
        row = self._row(users.c.id == user_id)
        if row is None or row["totp_begun"] is None:
            return None
        step = totp.step_of(row["totp_begun"], code.strip(), now, None)
        if step is None:
            return None
        drawn = totp.new_recovery_codes()
        with self._engine.begin() as connection:
            values = {"totp": row["totp_begun"], "totp_begun": None, "totp_step": step, "changed_at": seconds(now)}
            connection.execute(sa.update(users).where(users.c.id == user_id).values(values))
            connection.execute(sa.delete(recovery_codes).where(recovery_codes.c.user_id == user_id))
            rows = [{"user_id": user_id, "digest": digest(totp.recovery_form(text))} for text in drawn]
            connection.execute(sa.insert(recovery_codes), rows)
            _end_sessions(connection, user_id, keep)
        return drawn

    def drop_second_factor(self, user_id: str, now: datetime, *, keep: str | None = None) -> bool:
        values = {"totp": None, "totp_begun": None, "totp_step": None, "changed_at": seconds(now)}
        with self._engine.begin() as connection:
            found = connection.execute(sa.update(users).where(users.c.id == user_id).values(values))
            connection.execute(sa.delete(recovery_codes).where(recovery_codes.c.user_id == user_id))
            _end_sessions(connection, user_id, keep)
            return found.rowcount == 1

    def takes_code(self, user_id: str, code: str, now: datetime) -> bool:
        """Whether it is the present code or an unused recovery code; either is taken once only."""
        row = self._row(users.c.id == user_id)
        if row is None or row["totp"] is None:
            return False
        step = totp.step_of(row["totp"], code.strip(), now, row["totp_step"])
        with self._engine.begin() as connection:
            if step is not None:
                # of two who send the same code at the same moment one is late
                unused = sa.or_(users.c.totp_step.is_(None), users.c.totp_step < step)
                taken = sa.update(users).where(users.c.id == user_id, unused).values(totp_step=step)
                return connection.execute(taken).rowcount == 1
            used = sa.delete(recovery_codes).where(
                recovery_codes.c.user_id == user_id, recovery_codes.c.digest == digest(totp.recovery_form(code))
            )
            return connection.execute(used).rowcount == 1

    def recovery_codes_left(self, user_id: str) -> int:
        query = sa.select(sa.func.count()).select_from(recovery_codes).where(recovery_codes.c.user_id == user_id)
        with self._engine.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def _row(self, which: sa.ColumnElement[bool]) -> sa.RowMapping | None:
        with self._engine.connect() as connection:
            return connection.execute(sa.select(users).where(which)).mappings().one_or_none()


def key_of(name: str) -> str:
    """A name as it is compared: however it is written, and without what cannot be seen."""
    return unicodedata.normalize("NFKC", name).strip().casefold()[:200].encode("utf-8", "replace").decode()


def checked_name(name: str) -> str:
    """ValueError for a name that cannot be read out."""
    name = unicodedata.normalize("NFC", name).strip()
    if not 1 <= len(name) <= 100 or not name.isprintable():
        raise ValueError("a name has 1 to 100 printable characters")
    return name


def checked_role(role: str) -> Role:
    if role not in ROLES:
        raise ValueError(f'role "{role[:40]}" is not among: {", ".join(ROLES)}')
    return role


def _end_sessions(connection: sa.Connection, user_id: str, keep: str | None) -> None:
    ended = sa.delete(sessions).where(sessions.c.user_id == user_id)
    connection.execute(ended if keep is None else ended.where(sessions.c.id != keep))


def _user(row: sa.RowMapping) -> User:
    return User(
        id=row["id"], name=row["name"], role=cast(Role, row["role"]), areas=tuple(row["areas"]),
        grids=tuple(row["grids"]), state=cast(State, row["state"]), has_password=row["password"] is not None,
        must_change=row["must_change"], second_factor=row["totp"] is not None, directory=row["issuer"] is not None,
        created_at=cast(datetime, moment(row["created_at"])), changed_at=cast(datetime, moment(row["changed_at"])),
        signed_in_at=moment(row["signed_in_at"]),
    )  # fmt: skip
