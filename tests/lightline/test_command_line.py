"""The command line as people and scripts meet it: JSON, tables, colours, completion, examples, docs/commands.md."""

import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.cells import cell_len
from typer.completion import get_completion_script
from typer.testing import CliRunner

from lightline.__main__ import run
from lightline.cli import app, main
from lightline.commands.examples import EXAMPLES
from lightline.describing import TARGET, commands, described
from lightline.output import print_table
from lightline.problem import UserError
from tests.lightline.commands import environment, lightline
from tests.parts import program

RUN_UNTIL_CTRL_C = {"serve", "run"}  # they print no result: how they stand is what `lightline status --json` tells
INVENTORY = {
    "areas": [
        {"id": "tianhe", "name": "天河", "department": "天河维护部", "grids": [{"id": "shipai", "name": "石牌"}]},
        {"id": "panyu", "name": "番禺", "department": "番禺维护部", "grids": [{"id": "shiqiao", "name": "市桥"}]},
    ],
    "devices": [
        {"id": "GZ-OLT-01", "host": "192.0.2.11", "kind": "olt", "area": "tianhe",
         "credentials": {"community": "env:C"}},
        {"id": "GZ-OLT-02", "host": "192.0.2.12", "port": 1161, "kind": "olt", "area": "panyu",
         "credentials": {"community": "env:C"}},
    ],
    "lines": ["lines.csv"],
}  # fmt: skip
PASSWORD = "nine crooked lanterns over pearl river"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with an inventory, and no settings of whoever runs the tests."""
    for name in [n for n in os.environ if n.startswith("LIGHTLINE_")]:
        monkeypatch.delenv(name)
    (tmp_path / "devices.yaml").write_text(yaml.safe_dump(INVENTORY, allow_unicode=True), encoding="utf-8")
    (tmp_path / "lines.csv").write_text(
        "line_id,device,pon,ont_serial,grid,technology\nGZ-1,GZ-OLT-01,0/1/0,HWTC00000001,shipai,gpon\n"
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(*arguments: str, typed: str | None = None, code: int = 0) -> Any:
    """What the command printed as JSON."""
    done = CliRunner().invoke(app, arguments, input=typed)
    assert done.exit_code == code, (done.output, done.exception)
    return json.loads(done.stdout)


def test_every_command_that_ends_with_a_result_prints_it_as_json() -> None:
    without = {name for name, c in commands() if not any("--json" in p.opts for p in c.params)}
    assert without == RUN_UNTIL_CTRL_C


def test_docs_have_every_command_as_it_is() -> None:
    assert TARGET.read_text(encoding="utf-8") == described(), "write it anew: python -m lightline.describing"
    assert all(f"## lightline {name}\n" in TARGET.read_text(encoding="utf-8") for name, _ in commands())


def test_every_command_has_a_help_text_and_an_example_that_the_command_line_takes() -> None:
    assert set(EXAMPLES) == {name for name, _ in commands()}
    by_name = dict(commands())
    for name, lines in EXAMPLES.items():
        assert by_name[name].help, name
        for line in lines:
            words = line.partition("|")[0].split()[1 + len(name.split()) :]
            assert line.startswith(f"lightline {name}"), line
            if words != ["--help"]:
                by_name[name].make_context(name, words)  # raises what a shell would be told


def test_user_commands_tell_what_they_did_as_json(folder: Path) -> None:
    made = told("user", "add", "prometheus", "--role", "operator", "--json")
    assert made["role"] == "operator"
    assert len(made["token"]) > 20
    ident = told("user", "list", "--json")[0]["id"]
    assert told("user", "revoke", ident, "--json") == {"token": ident, "revoked": True}
    user = told(
        "user", "new", "chen", "--role", "technician", "--area", "tianhe", "--stdin", "--json", typed=PASSWORD + "\n"
    )
    assert (user["name"], user["role"], user["areas"]) == ("chen", "technician", ["tianhe"])
    assert told("user", "change", "chen", "--role", "dispatcher", "--json")["role"] == "dispatcher"
    assert told("user", "password", "chen", "--stdin", "--json", typed=f"another {PASSWORD}\n")["must_change"] is True
    assert told("user", "unlock", "chen", "--json")["name"] == "chen"
    assert told("user", "second-factor-off", "chen", "--json")["second_factor"] is False


def test_ledger_and_modes_tell_what_they_did_as_json(folder: Path) -> None:
    assert told("migrate", "--json") == {"ledger": "sqlite:///data/ledger.sqlite", "users": "data/tokens.sqlite"}
    storm = told("mode", "storm", "--until", "2099-01-01", "--area", "tianhe", "--json")
    assert (storm["mode"], storm["area"]) == ("storm", "tianhe")
    ended = told("mode", "end", str(storm["id"]), "--json")
    assert (ended["mode"], ended["ended"]) == (storm["id"], True)
    assert told("mode", "holiday", "--until", "2099-01-01", "--json")["mode"] == "holiday"
    assert told("ledger", "export", "all.csv", "--json") == {"file": "all.csv", "tickets": 0}
    assert told("tell", "--once", "--json") == {
        "delivered": 0, "refused": 0, "unreachable": 0, "messages": 0, "attention": []
    }  # fmt: skip


def test_a_check_tells_its_problems_as_json(folder: Path) -> None:
    assert told("check", "--json")["errors"] == 0
    wrong = {**INVENTORY, "devices": [{**INVENTORY["devices"][0], "area": "tianhe2"}]}  # type: ignore[dict-item]
    (folder / "devices.yaml").write_text(yaml.safe_dump(wrong, allow_unicode=True), encoding="utf-8")
    found = told("check", "--json", code=2)
    assert found["errors"] >= 1
    first = next(p for p in found["problems"] if p["severity"] == "error")
    assert first["line"] > 0
    assert first["remedy"]


def test_an_export_tells_its_file_as_json_and_never_mixes_the_two(folder: Path) -> None:
    (folder / "history.csv").write_text("line_id,time,rx_dbm\nGZ-1,2026-11-01T00:00:00Z,-21.5\n")
    assert told("import", "history.csv", "--json")["rows"] == 1
    assert told("export", "out.csv", "--since", "2026-10-01", "--json") == {"file": "out.csv", "rows": 1}
    refused = CliRunner().invoke(app, ["export", "-", "--json"])
    assert isinstance(refused.exception, UserError)
    assert refused.stdout == ""


def test_tables_with_chinese_words_stay_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(
        "台账",
        ("区域中心", "count", "why"),
        [("天河", 3, "x"), ("tianhe-long-name", 12345, "x"), ("番禺区域中心", None, "x")],
    )
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines() if line.rstrip().endswith("x")]
    assert len(lines) == 3
    assert len({cell_len(line) for line in lines}) == 1, lines


def in_terminal(folder: Path, *arguments: str, **more: str) -> str:
    """What the command writes to a pseudo-terminal."""
    master, slave = pty.openpty()
    settings = environment(TERM="xterm-256color", COLUMNS="120")
    settings.pop("NO_COLOR", None)
    process = subprocess.Popen(
        [sys.executable, "-m", "lightline", *arguments],
        cwd=folder, env={**settings, **more}, stdin=slave, stdout=slave, stderr=slave,
    )  # fmt: skip
    os.close(slave)
    said = b""
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        said += part
    os.close(master)
    process.wait(30)
    return said.decode()


def coloured(text: str) -> bool:
    """Whether there is an SGR sequence that sets a colour; bold and dim are none."""
    codes = [c for part in text.split("\x1b[")[1:] for c in part.partition("m")[0].split(";")]
    return any(c.isdigit() and (30 <= int(c) <= 38 or 40 <= int(c) <= 48 or 90 <= int(c) <= 107) for c in codes)


def test_colours_are_for_a_terminal_whose_user_did_not_refuse_them(folder: Path) -> None:
    """The inventory's warnings, that the environment lacks a community, are log lines."""
    arguments = ("grafana", "out", "--store", "influx1://h:1/d")
    assert coloured(in_terminal(folder, *arguments))
    assert not coloured(in_terminal(folder, *arguments, NO_COLOR="1"))
    piped = lightline(folder, *arguments)
    assert piped.returncode == 0
    assert "\x1b" not in piped.stdout + piped.stderr


def offered(shell: str, *words: str) -> str:
    """What the shell's script is told when Tab is pressed after these words."""
    asked = {
        "bash": {"COMP_WORDS": "\n".join(words), "COMP_CWORD": str(len(words) - 1)},
        "zsh": {"_TYPER_COMPLETE_ARGS": " ".join(words)},
        "fish": {"_TYPER_COMPLETE_ARGS": " ".join(words), "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
    }[shell]
    done = CliRunner().invoke(app, [], prog_name="lightline", env={"_LIGHTLINE_COMPLETE": f"complete_{shell}", **asked})
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.output


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_tab_offers_commands_and_areas_in_each_shell(folder: Path, shell: str) -> None:
    assert "grafana" in offered(shell, "lightline", "gr")
    areas = offered(shell, "lightline", "plan", "--area", "ti")
    assert "tianhe" in areas
    assert "panyu" not in areas


def test_tab_offers_grids_devices_roles_and_fields(folder: Path) -> None:
    grids = offered("bash", "lightline", "user", "add", "x", "--area", "panyu", "--grid", "")
    assert grids.split() == ["shiqiao"]
    assert offered("bash", "lightline", "probe", "192").split() == ["192.0.2.11", "192.0.2.12:1161"]
    assert "technician" in offered("bash", "lightline", "user", "new", "x", "--role", "te")
    assert "olt_rx_dbm" in offered("bash", "lightline", "export", "x.csv", "--field", "olt")
    (folder / "devices.yaml").write_text("areas: [\x00")
    assert offered("bash", "lightline", "plan", "--area", "").split() == []


def home(folder: Path) -> dict[str, str]:
    """The environment of a user who has nothing set up, with `lightline` on the path."""
    (folder / "home").mkdir()
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return environment(HOME=str(folder / "home"), XDG_CONFIG_HOME=str(folder / "home/.config"), PATH=path)


def test_the_script_for_bash_completes_in_a_real_bash(folder: Path) -> None:
    bash = program("bash", "bash")
    script = (
        "lightline --install-completion >/dev/null && source ~/.bashrc && "
        'COMP_WORDS=(lightline plan --area ""); COMP_CWORD=3; _lightline_completion lightline; '
        'printf "%s\\n" "${COMPREPLY[@]}"; true'
    )
    done = subprocess.run(
        [bash, "-c", script], cwd=folder, capture_output=True, text=True, check=False, env=home(folder)
    )
    assert done.stdout.split() == ["tianhe", "panyu"], done.stderr


def test_the_script_for_fish_completes_in_a_real_fish(folder: Path) -> None:
    fish = program("fish", "fish")
    script = 'lightline --install-completion >/dev/null; complete -C "lightline plan --area ti"'
    done = subprocess.run(
        [fish, "-c", script], cwd=folder, capture_output=True, text=True, check=False, env=home(folder)
    )
    assert done.stdout.split() == ["tianhe", "天河"], done.stderr


def test_the_script_for_zsh_completes_in_a_real_zsh(folder: Path) -> None:
    """The first Tab of a session loads the function, which is how zsh loads functions; the second completes."""
    zsh = program("zsh", "zsh")
    settings = {**home(folder), "TERM": "xterm", "PS1": "ready> "}
    subprocess.run([zsh, "-c", "lightline --install-completion; true"], cwd=folder, env=settings, check=True)
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [zsh, "-i"], cwd=folder, env=settings, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
    )
    os.close(slave)
    try:
        until(master, "ready> ")
        os.write(master, b"lightline plan --area ti\t\t")
        assert until(master, "anhe").endswith("anhe")
    finally:
        process.kill()
        process.wait()
        os.close(master)


def until(terminal: int, words: str) -> str:
    """What is written to the terminal, byte by byte, until these words end it."""
    said = b""
    while not said.decode(errors="replace").endswith(words):
        said += os.read(terminal, 1)
    return said.decode(errors="replace")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_each_shell_asks_lightline(shell: str) -> None:
    script = get_completion_script(prog_name="lightline", complete_var="_LIGHTLINE_COMPLETE", shell=shell)
    assert f"_LIGHTLINE_COMPLETE=complete_{shell}" in script
    real = shutil.which(shell)
    if real is not None:
        checked = subprocess.run([real, "-n"], input=script, capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize(
    "arguments",
    [("status", "--data", "nowhere"), ("plan", "--from", "someday"), ("grafana", "out"), ("no-such",)],
    ids=lambda a: a[0],
)
def test_bad_input_ends_with_2_and_says_what_to_do(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    monkeypatch.setattr(sys, "argv", ["lightline", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err


def test_help_of_every_command_ends_with_its_examples() -> None:
    for name, _ in commands():
        done = CliRunner().invoke(app, [*name.split(), "--help"])
        assert done.exit_code == 0, name
        assert EXAMPLES[name][-1].split()[-1] in done.stdout, name


def test_ctrl_c_before_a_command_has_begun_leaves_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lightline.cli.main", interrupted)
    with pytest.raises(SystemExit) as ended:
        run()
    assert ended.value.code == 130
