"""Tokens: random, hashed, limited, ended."""

import sqlite3
import stat
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.people.sessions import Visitor
from api.tokens import Token, TokenStore, parts_of
from tests.api.conftest import NOW

IDLE = timedelta(hours=2)


def opened(tokens: TokenStore, token: Token) -> str:
    """A session opened with a token."""
    return tokens.people.sessions.open(NOW, NOW + timedelta(hours=1), "token", Visitor("", ""), token_id=token.id)


@pytest.fixture
def tokens(tmp_path: Path) -> TokenStore:
    return TokenStore(tmp_path / "tokens.sqlite")


def test_a_token_is_verified_and_its_use_remembered(tokens: TokenStore) -> None:
    text = tokens.create("li", "technician", areas=("east",), now=NOW)
    found = tokens.verify(text, NOW)
    assert found is not None
    assert (found.name, found.role, found.areas) == ("li", "technician", ("east",))
    assert tokens.list()[0].last_used_at == NOW


def test_the_secret_is_nowhere_in_the_file(tokens: TokenStore, tmp_path: Path) -> None:
    text = tokens.create("li", "viewer", now=NOW)
    secret = parts_of(text)[1]
    session = opened(tokens, tokens.verify(text, NOW) or pytest.fail("not verified"))
    for file in tmp_path.glob("tokens.sqlite*"):
        assert secret.encode() not in file.read_bytes()
        assert session.encode() not in file.read_bytes()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_tokens_end_by_expiry_and_by_revocation_at_once_for_every_process(tokens: TokenStore, tmp_path: Path) -> None:
    other = TokenStore(tmp_path / "tokens.sqlite")
    text = tokens.create("a", "viewer", expires_at=NOW + timedelta(hours=1), now=NOW)
    assert other.verify(text, NOW + timedelta(minutes=59)) is not None
    assert other.verify(text, NOW + timedelta(hours=1)) is None
    text = tokens.create("b", "viewer", now=NOW)
    token = tokens.verify(text, NOW) or pytest.fail("not verified")
    session = opened(tokens, token)
    assert other.revoke(parts_of(text)[0], NOW)
    assert tokens.verify(text, NOW) is None
    assert tokens.people.sessions.find(session, NOW, IDLE) is None
    assert tokens.in_force(token.id, NOW) is None
    assert not other.revoke(parts_of(text)[0], NOW)
    assert not other.revoke("nothing", NOW)


def test_what_was_verified_a_moment_ago_is_recalled_until_anything_changes(tokens: TokenStore, tmp_path: Path) -> None:
    other = TokenStore(tmp_path / "tokens.sqlite")
    text = tokens.create("a", "viewer", expires_at=NOW + timedelta(seconds=30), now=NOW)
    assert tokens.recall(text, NOW) is None
    tokens.verify(text, NOW)  # writes when it was last used, which is a change too
    assert tokens.verify(text, NOW) == tokens.recall(text, NOW)
    assert tokens.recall(text + "x", NOW) is None
    assert tokens.recall(text, NOW + timedelta(seconds=30)) is None
    other.revoke(parts_of(text)[0], NOW)
    assert tokens.recall(text, NOW) is None
    assert tokens.verify(text, NOW) is None


@given(st.text())
def test_what_is_no_token_is_no_token(text: str) -> None:
    assert parts_of(text) == ("", "") or text.startswith("ll_")


@given(text=st.text(st.characters(codec=None)), cut=st.integers(1, 60))
def test_nothing_but_the_whole_token_is_taken(tmp_path_factory: pytest.TempPathFactory, text: str, cut: int) -> None:
    tokens = TokenStore(tmp_path_factory.getbasetemp() / "guessed.sqlite")
    right = tokens.create("a", "viewer", now=NOW)
    for wrong in (text, right[:-cut], right + text if text else right[1:], parts_of(right)[0], f"ll_{text}_{text}"):
        assert tokens.verify(wrong, NOW) is None
    tokens.close()


@pytest.mark.parametrize(
    ("name", "role", "expires"),
    [("", "viewer", None), ("a", "root", None), ("a" * 101, "viewer", None), ("a\n", "viewer", timedelta(0)),
     ("a\x00b", "viewer", None), ("a", "viewer", timedelta(seconds=-1))],
)  # fmt: skip
def test_unusable_tokens_are_refused_with_a_reason(
    tokens: TokenStore, name: str, role: str, expires: timedelta | None
) -> None:
    with pytest.raises(ValueError, match=r"token|role"):
        tokens.create(name, role, expires_at=NOW + expires if expires is not None else None, now=NOW)
    assert tokens.list() == ()


def test_a_file_of_a_newer_version_is_left_alone(tokens: TokenStore, tmp_path: Path) -> None:
    tokens.close()
    with sqlite3.connect(tmp_path / "tokens.sqlite") as file:
        file.execute("PRAGMA user_version = 99")
    with pytest.raises(ValueError, match="newer Lightline"):
        TokenStore(tmp_path / "tokens.sqlite")
