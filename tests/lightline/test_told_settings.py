"""The settings in force say where each came from, and never a secret."""

from pathlib import Path

import pytest

from lightline.settings import Settings, closed_settings, load_settings
from lightline.told_settings import told_settings, words


def test_every_setting_has_words_in_both_languages() -> None:
    assert set(words()) == set(Settings.model_fields)
    assert all(told["zh"] and told["en"] for told in words().values())


def test_each_setting_says_where_it_came_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lightline.toml").write_text("analyze_hours = 3\nhistory_days = 60\n")
    monkeypatch.setenv("LIGHTLINE_SPOOL_MB", "128")
    monkeypatch.setenv("LIGHTLINE_HISTORY_DAYS", "70")
    told = {s.name: s for s in told_settings(load_settings(port=9000), ["port"])}
    assert (told["port"].value, told["port"].source) == ("9000", "command_line")
    assert (told["analyze_hours"].value, told["analyze_hours"].source, told["analyze_hours"].unit) == (
        "3",
        "file",
        "h",
    )
    assert (told["spool_mb"].value, told["spool_mb"].source) == ("128", "environment")
    assert (told["history_days"].value, told["history_days"].source) == ("60", "file")  # the file beats the environment
    assert (told["rules"].value, told["rules"].source) == ("", "default")


def test_no_secret_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings(
        ledger="postgresql+psycopg://lightline:hunter2@db.example/ledger?password=hunter2",
        store="influx1://admin:hunter2@db:8086/x", store_password="env:INFLUX_PASSWORD",
        oidc={"issuer": "https://login.example", "client_id": "l", "client_secret": "env:HUNTER2",
              "roles": {"noc": "admin"}},
    )  # fmt: skip
    told = {s.name: s.value for s in told_settings(settings, ["ledger"])}
    assert "hunter2" not in str(told).lower()
    assert told["ledger"] == "postgresql+psycopg://•••@db.example/ledger?•••"
    assert (told["store_password"], told["oidc"]) == ("env:INFLUX_PASSWORD", "https://login.example")


def test_the_demo_has_what_it_was_given_and_nothing_of_the_surroundings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIGHTLINE_PORT", "9000")
    told = {s.name: s for s in told_settings(closed_settings(spool_mb=64))}
    assert (told["spool_mb"].source, told["port"].source, told["port"].value) == ("command_line", "default", "8080")
