"""docs/commands.md, made of the commands themselves: `python -m lightline.describing`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from lightline.cli import app
from lightline.commands.examples import EXAMPLES

TARGET = Path(__file__).resolve().parents[1] / "docs" / "commands.md"
_HEAD = """\
# Commands

Made of the commands themselves by `python -m lightline.describing`; a test holds that it is up to date.

**Output.** Standard output carries the result, standard error the log. For people results are tables; with `--json`
every command that ends with a result prints one JSON document, or one a line where it says so. There are no colours
when the output is piped, or where `NO_COLOR` is set.

**Exit codes** of every command:

| code | means |
|---|---|
| 0 | done |
| 1 | done, but something needs attention, as the command says below; or the reader of the output went away |
| 2 | bad input or settings: command line, inventory, a file, a store that cannot be opened; the remedy is said |
| 130 | ended by Ctrl-C where a result was still to come; parts that run until Ctrl-C end with 0 |

**Completion.** `lightline --install-completion` in bash, zsh or fish, then a new shell: Tab completes commands,
options, areas, grids, addresses of devices, roles and fields; of `devices.yaml`, or of the inventory that the line or
the settings name. In zsh the first Tab of a session only loads the completion. `lightline --show-completion` prints the
script instead.

**Before the command's name**: `--log-level DEBUG|INFO|WARNING|ERROR`, `--log-json` (also `LIGHTLINE_LOG_JSON=1`).
"""


def commands() -> Iterator[tuple[str, TyperCommand]]:
    """Every command that is not hidden, by its name as it is typed, in the order of the help."""
    yield from _below(typer.main.get_command(app), ())


def _below(command: Any, path: tuple[str, ...]) -> Iterator[tuple[str, TyperCommand]]:
    if isinstance(command, TyperGroup):
        for name, one in command.commands.items():
            if not one.hidden:
                yield from _below(one, (*path, name))
    else:
        yield " ".join(path), command


def described() -> str:
    """The text of docs/commands.md."""
    return "\n".join([_HEAD, *(part for name, command in commands() for part in _one(name, command))])


def _one(name: str, command: TyperCommand) -> Iterator[str]:
    yield f"## lightline {name}"
    yield (command.help or "").strip()
    yield ""
    rows = [_row(p) for p in command.params if not getattr(p, "hidden", False) and p.name != "help"]
    if rows:
        yield "| argument or option | |"
        yield "|---|---|"
        yield from rows
        yield ""
    for example in EXAMPLES.get(name, ()):
        yield f"    {example}"
    yield ""


def _row(parameter: Any) -> str:
    said = (getattr(parameter, "help", None) or "").replace("|", "\\|")
    if parameter.param_type_name == "argument":
        name = parameter.metavar or parameter.name.upper()
        return f"| `{name[1:-1] if name.startswith('[') else name}` | {said} |"
    named = ", ".join(f"`{o}`" for o in [*parameter.opts, *parameter.secondary_opts])
    default = parameter.default
    plain = isinstance(default, str | int | float) and not isinstance(default, bool) and default != ""
    return f"| {named} | {said}{f' Default: {default}.' if plain else ''} |"


if __name__ == "__main__":
    TARGET.write_text(described(), encoding="utf-8")
