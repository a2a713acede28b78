"""Failed sign-ins: how long an account or an address waits before the next attempt is looked at. Kept in the file."""

import hashlib
from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa

from api.people.limits import limits
from api.people.tables import failures


class Failures:
    """Counts by account and by address. A name nobody has counts as one that somebody has: it tells nothing."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def wait_s(self, account: str, address: str, now: datetime) -> int:
        """Seconds until an attempt is looked at; 0 when it may be made now."""
        at, told = int(now.timestamp()), limits().delays
        waits = {_account(account): told.account, _address(address): told.address}
        query = sa.select(failures).where(failures.c.key.in_(waits), failures.c.last_at > at - told.forgotten_s)
        with self._engine.connect() as connection:
            rows = connection.execute(query).mappings().all()
        return max((r["last_at"] + _delay(waits[r["key"]], r["count"]) - at for r in rows), default=0)

    def failed(self, account: str, address: str, now: datetime) -> None:
        at, oldest = int(now.timestamp()), int(now.timestamp()) - limits().delays.forgotten_s
        with self._engine.begin() as connection:
            connection.execute(sa.delete(failures).where(failures.c.last_at <= oldest))
            for key in (_account(account), _address(address)):
                added = sa.update(failures).where(failures.c.key == key).values(count=failures.c.count + 1, last_at=at)
                if connection.execute(added).rowcount == 0:
                    connection.execute(sa.insert(failures).values(key=key, count=1, last_at=at))

    def forget(self, account: str) -> None:
        """The account signed in, or an administrator lets it try again. What its address did stands."""
        with self._engine.begin() as connection:
            connection.execute(sa.delete(failures).where(failures.c.key == _account(account)))


def _delay(delays: Mapping[int, int], count: int) -> int:
    return max((seconds for least, seconds in delays.items() if count >= least), default=0)


def _account(key: str) -> str:
    # hashed: people type passwords into the field of the name
    return "account:" + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _address(address: str) -> str:
    return f"address:{address[:64]}"
