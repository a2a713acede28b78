"""Words looked for in tickets: an index of letter groups, kept in step in the transaction that changes a ticket.

Groups of three letters, and of two where one is not ASCII: a Chinese name has two characters, which no trigram index
finds. Both databases keep the same groups (SQLite: FTS5 without content; PostgreSQL: GIN over an array), so neither
needs an extension or a locale. The index only tells which tickets may match; the words themselves decide.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from maintenance.tables import ticket_lines, tickets

FEW = 500
"""Tickets that may match: up to so many are looked at one by one, more are common enough to be met on the way."""
WORDS = 8

NAMES = ("title_en", "title_zh", "place", "department", "engineer", "area", "grid")

_groups = sa.table("ticket_grams", sa.column("ticket_id", sa.BigInteger), sa.column("grams", ARRAY(sa.Text)))
_fts = sa.table("ticket_grams", sa.column("rowid", sa.Integer), sa.column("grams", sa.Text))


class Texts(Protocol):
    """Anything with a ticket's number and NAMES."""

    @property
    def id(self) -> int: ...


def grams(texts: Iterable[str | None]) -> list[str]:
    """The groups of all texts, each once, in order. Letters are lowered one by one, as a database does it.

    Where this changes, a migration must fill the index anew.
    """
    found: set[str] = set()
    for text in texts:
        for word in "".join(c.lower() for c in text or "").split():
            found.update(c for c in word if not c.isascii())
            found.update(pair for a, b in pairwise(word) if not (pair := a + b).isascii())
            found.update(three for n in range(len(word) - 2) if (three := word[n : n + 3]).isascii())
    return sorted(found)


def _asked(word: str) -> list[str]:
    """The groups a word needs; those of one letter only where it is nothing else. Empty: the index cannot help."""
    made = grams([word])
    return [g for g in made if len(g) > 1] or made


def keep(connection: sa.Connection, old: Texts | None, new: Texts) -> None:
    """Bring the index up to what a ticket says now."""
    before = None if old is None else grams(getattr(old, name) for name in NAMES)
    after = grams(getattr(new, name) for name in NAMES)
    if before != after:
        if before is not None:
            _remove(connection, new.id, before)
        fill(connection, [(new.id, after)])


def fill(connection: sa.Connection, rows: Sequence[tuple[int, list[str]]]) -> None:
    """Add tickets that the index does not have."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.insert(_groups), [{"ticket_id": n, "grams": found} for n, found in rows])
    else:
        connection.execute(sa.insert(_fts), [{"rowid": n, "grams": _coded(found)} for n, found in rows])


def _remove(connection: sa.Connection, ticket_id: int, before: list[str]) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(sa.delete(_groups).where(_groups.c.ticket_id == ticket_id))
    else:  # an index without content must be told what it held
        gone = "INSERT INTO ticket_grams (ticket_grams, rowid, grams) VALUES ('delete', :id, :grams)"
        connection.execute(sa.text(gone), {"id": ticket_id, "grams": _coded(before)})


def _coded(found: Iterable[str], between: str = " ") -> str:
    """Hexadecimal, since the tokenizer would take signs for ends of words; nothing in it is query syntax."""
    return between.join(g.encode().hex() for g in found)


def with_words(connection: sa.Connection, query: sa.Select[Any], text: str, *, bare: bool) -> sa.Select[Any]:
    """Only tickets in which every word of `text` is found; a ticket's number and its lines count as a whole.

    `query` orders by number. `bare`: it has no other condition than the numbers it goes on after.
    """
    words = text.replace("\x00", " ").encode(errors="replace").decode().split()[:WORDS]
    few: set[int] | None = None
    common: list[str] = []
    for word in words:
        query = query.where(_says(word))
        found, by_line = _candidates(connection, word)
        if found is not None:
            few = found if few is None else few & found
        elif not by_line:
            common += _asked(word)
    if few is not None:
        # the numbers are few: no index on a state or an area can do better
        return query.where(tickets.c.id.in_(sorted(few))).with_hint(tickets, "NOT INDEXED", "sqlite")
    if bare and common and connection.dialect.name == "sqlite":
        # in the index's own order, which is by number, and no further than the page goes
        joined = _fts.join(tickets, tickets.c.id == _fts.c.rowid)
        query = query.select_from(joined).where(_matches(common)).order_by(None).order_by(_fts.c.rowid)
    return query


def _candidates(connection: sa.Connection, word: str) -> tuple[set[int] | None, bool]:
    """Numbers of the tickets that may have the word, None where they are more than FEW or the index cannot tell; and
    whether the word is a number or a line."""
    having = sa.select(ticket_lines.c.ticket_id).where(ticket_lines.c.line_id == word).limit(FEW + 1)
    found = set(connection.execute(having).scalars())
    if (number := _number(word)) is not None:
        found.add(number)
    by_line = bool(found)
    asked = _asked(word)
    if not asked:
        return None, True
    if connection.dialect.name == "postgresql":
        matching = sa.select(_groups.c.ticket_id).where(_groups.c.grams.contains(asked))
    else:
        matching = sa.select(_fts.c.rowid).where(_matches(asked))
    found |= set(connection.execute(matching.limit(FEW + 1)).scalars())
    return (found if len(found) <= FEW else None), by_line


def _matches(asked: Iterable[str]) -> sa.ColumnElement[bool]:
    return sa.literal_column("ticket_grams").op("MATCH", is_comparison=True)(_coded(sorted(set(asked)), " AND "))


def _number(word: str) -> int | None:
    return int(word) if word.isascii() and word.isdigit() and len(word) < 18 else None


def _says(word: str) -> sa.ColumnElement[bool]:
    looked: sa.ColumnElement[str] = tickets.c.title_en
    for column in (tickets.c.title_zh, tickets.c.place, tickets.c.department):
        looked = looked + "\n" + column  # one text a row: seven comparisons a row would take five times as long
    for column in (tickets.c.engineer, tickets.c.area, tickets.c.grid):
        looked = looked + "\n" + sa.func.coalesce(column, "")
    having = sa.select(ticket_lines.c.ticket_id).where(ticket_lines.c.line_id == word)
    number = [tickets.c.id == n] if (n := _number(word)) is not None else []
    return sa.or_(looked.ilike(f"%{_escaped(word)}%", escape="/"), *number, tickets.c.id.in_(having))


def _escaped(word: str) -> str:
    """Nothing in it is a pattern."""
    return word.replace("/", "//").replace("%", "/%").replace("_", "/_")
