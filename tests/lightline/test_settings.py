"""Settings: environment, then lightline.toml, then the command line, in rising order."""

from pathlib import Path

import pytest

from lightline.settings import SettingsError, load_settings


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_file_beats_the_environment_and_the_command_line_beats_both(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIGHTLINE_PORT", "1001")
    assert load_settings().port == 1001
    (empty_folder / "lightline.toml").write_text("port = 1002\n")
    assert load_settings().port == 1002
    assert load_settings(port=1003).port == 1003


def test_an_option_that_was_not_given_changes_nothing() -> None:
    assert load_settings(port=None).port == 8080


def test_the_api_listens_on_loopback_unless_told_otherwise() -> None:
    assert load_settings().host == "127.0.0.1"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("prot = 1", "prot"),
        ("port = 70000", "port"),
        ('store_password = "hunter2"', "store_password"),
    ],
)
def test_a_wrong_setting_is_refused_by_name_and_a_secret_never_shown(empty_folder: Path, text: str, named: str) -> None:
    (empty_folder / "lightline.toml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert named in str(caught.value)
    assert "hunter2" not in str(caught.value)
