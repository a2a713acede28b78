"""`lightline user` for people, and the directory's settings."""

import json
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.people.sessions import Visitor
from api.tokens import TokenStore
from lightline.cli import app
from lightline.directory import OidcSettings
from lightline.problem import UserError
from lightline.settings import SettingsError, load_settings
from tests.api.conftest import NOW
from tests.lightline.commands import lightline

PASSWORD = "lamp river seventeen quiet"


def user(folder: Path, *arguments: str, typed: str = "") -> str:
    """What `lightline user …` printed on standard output."""
    ran = CliRunner().invoke(app, ["user", *arguments, "--data", str(folder)], input=typed, catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    return ran.stdout


def test_the_first_administrator_is_made_by_command_with_a_password_that_was_typed(tmp_path: Path) -> None:
    user(tmp_path, "new", "root", "--role", "admin", typed=f"{PASSWORD}\n{PASSWORD}\n")
    people = TokenStore(tmp_path / "tokens.sqlite").people
    found = people.users.sign_in("root", PASSWORD, "", NOW)
    assert not isinstance(found, str)
    assert (found.role, found.must_change) == ("admin", False)
    assert PASSWORD not in (tmp_path / "tokens.sqlite").read_bytes().decode("latin-1")
    (entry,) = people.audit.page(limit=9)
    assert (entry.event, entry.way, entry.target) == ("user_made", "command", "root")


def test_users_are_listed_changed_unlocked_and_disabled(tmp_path: Path) -> None:
    limits = ("--area", "east", "--grid", "g1")
    user(tmp_path, "new", "li", "--role", "technician", *limits, "--stdin", typed=PASSWORD + "\n")
    people = TokenStore(tmp_path / "tokens.sqlite").people
    made = people.users.named("LI") or pytest.fail("no such user")
    session = people.sessions.open(NOW, NOW.replace(year=2030), "password", Visitor("", ""), user_id=made.id)
    for _ in range(9):
        people.failures.failed("li", "10.0.0.1", NOW)
    user(tmp_path, "unlock", "li")
    assert people.failures.wait_s("li", "", NOW) == 0
    user(tmp_path, "password", "li", "--stdin", typed="violet harbour under nine\n")
    user(tmp_path, "change", "li", "--role", "dispatcher", "--state", "disabled")
    (told,) = json.loads(user(tmp_path, "people", "--json"))
    assert (told["role"], told["state"], told["grids"], told["must_change"]) == ("dispatcher", "disabled", ["g1"], True)
    assert "argon2" not in user(tmp_path, "people")
    assert people.users.sign_in("li", "violet harbour under nine", "", NOW) == "wrong"
    assert people.sessions.find(session, NOW, timedelta(hours=1)) is None
    user(tmp_path, "second-factor-off", "li")
    events = [entry.event for entry in people.audit.page(limit=9)]
    assert events == ["second_factor_dropped", "user_changed", "password_set", "unlocked", "user_made"]


@pytest.mark.parametrize(
    ("arguments", "typed", "named"),
    [(("new", "li", "--role", "root"), PASSWORD, "root"), (("new", "li"), "short", "12 to 128"),
     (("new", "li", "--grid", "g1"), PASSWORD, "area"), (("password", "nobody"), PASSWORD, "user people"),
     (("change", "nobody", "--role", "admin"), "", "user people")],
)  # fmt: skip
def test_what_cannot_be_is_said(tmp_path: Path, arguments: tuple[str, ...], typed: str, named: str) -> None:
    stdin = ["--stdin"] if arguments[0] != "change" else []
    with pytest.raises(UserError, match=named):
        CliRunner().invoke(
            app, ["user", *arguments, *stdin, "--data", str(tmp_path)], input=typed + "\n", catch_exceptions=False
        )


def test_the_file_goes_to_an_older_form_and_comes_back_as_its_user_runs_it(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    lightline(tmp_path, "user", "add", "night shift", "--data", data)
    ran = lightline(tmp_path, "migrate", "--people-to", "1", "--data", data)
    assert (ran.returncode, "from form 2 to 1" in ran.stderr) == (0, True), ran.stderr
    with sqlite3.connect(tmp_path / "data" / "tokens.sqlite") as file:
        assert file.execute("PRAGMA user_version").fetchone() == (1,)
    ran = lightline(tmp_path, "user", "list", "--json", "--data", data)
    assert [token["name"] for token in json.loads(ran.stdout)] == ["night shift"]


TOML = """
[oidc]
issuer = "https://login.example"
client_id = "lightline"
client_secret = "env:OIDC_SECRET"
[oidc.roles]
crew = "technician"
[oidc.grids]
crew = ["g1"]
"""


def test_the_directory_is_set_in_a_table_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lightline.toml").write_text(TOML)
    told = load_settings().oidc or pytest.fail("no directory")
    monkeypatch.setenv("OIDC_SECRET", "s3cret")
    opened = told.opened()
    assert (opened.issuer, opened.client_secret) == ("https://login.example", "s3cret")
    assert opened.roles == {"crew": "technician"}
    assert opened.grids == {"crew": ("g1",)}
    monkeypatch.delenv("OIDC_SECRET")
    with pytest.raises(UserError, match="OIDC_SECRET"):
        told.opened()


@pytest.mark.parametrize(
    ("was", "is_now", "named"),
    [('"env:OIDC_SECRET"', '"hunter2"', "client_secret"), ('"technician"', '"root"', "roles"),
     ("client_id", "client", "client_id")],
)  # fmt: skip
def test_a_wrong_directory_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, was: str, is_now: str, named: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lightline.toml").write_text(TOML.replace(was, is_now, 1))
    with pytest.raises(SettingsError, match=named) as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)
    with pytest.raises(UserError, match="https"):
        OidcSettings(issuer="http://login.example", client_id="a", roles={"a": "viewer"}).opened()
