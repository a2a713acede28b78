"""`lightline user new`, `people`, `password`, `change`, `unlock`, `second-factor-off`: people who sign in by name."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from lightline import completing
from lightline.commands import options
from lightline.commands.user import app, note
from lightline.problem import UserError
from lightline.settings import load_settings

if TYPE_CHECKING:
    from api.people.people import People
    from api.people.users import User

__all__ = ["app"]
Name = Annotated[str, typer.Argument(help="What the user signs in as.")]
FromStdin = Annotated[bool, typer.Option("--stdin", help="Read the password from standard input, one line.")]


@app.command("new")
def new(
    name: Name,
    role: options.Role = "viewer",
    area: options.Areas = None,
    grid: options.Grids = None,
    stdin: FromStdin = False,
    data: options.Data = None,
    as_json: options.Json = False,
) -> None:
    """Make a user who signs in with name and password; asks for the password. The first admin is made so."""
    options.grids_lie_in(area, grid)
    people, now = _people(data), datetime.now(UTC)
    password = _password(stdin)
    try:
        made = people.users.create(name, role, now, areas=tuple(area or ()), grids=tuple(grid or ()), password=password)
    except ValueError as error:
        raise UserError(str(error)) from None
    note(people, "user_made", made.name, role=made.role, areas=list(made.areas), grids=list(made.grids))
    _tell(made, f'user "{made.name}" may sign in as {made.role}', as_json)


@app.command("people")
def list_people(data: options.Data = None, as_json: options.Json = False) -> None:
    """List users: name, role, areas, state, second factor, last sign-in."""
    from lightline.output import print_json, print_table

    found = _people(data).users.everybody()
    if as_json:
        print_json(found)
        return
    print_table(
        "Users", ("name", "role", "areas", "grids", "state", "second factor", "signed in"),
        [(u.name, u.role, ", ".join(u.areas) or "all", ", ".join(u.grids) or "all", u.state,
          "yes" if u.second_factor else "directory" if u.directory else "no",
          f"{u.signed_in_at:%Y-%m-%d %H:%M}" if u.signed_in_at else "")
         for u in found],
    )  # fmt: skip


@app.command("password")
def set_password(
    name: Name, stdin: FromStdin = False, data: options.Data = None, as_json: options.Json = False
) -> None:
    """Set a user's password; the user changes it when signing in next. Signs him out everywhere."""
    people = _people(data)
    found = _found(people, name)
    try:
        people.users.set_password(found.id, _password(stdin), datetime.now(UTC), must_change=True)
    except ValueError as error:
        raise UserError(str(error)) from None
    note(people, "password_set", found.name)
    _tell(_found(people, found.name), f'the password of "{found.name}" is set', as_json)


@app.command("change")
def change(
    name: Name,
    role: Annotated[str | None, typer.Option(help="The new role.", autocompletion=completing.roles)] = None,
    area: Annotated[
        list[str] | None, typer.Option(help="The areas from now on; repeatable.", autocompletion=completing.areas)
    ] = None,
    grid: Annotated[
        list[str] | None, typer.Option(help="The grids from now on; repeatable.", autocompletion=completing.grids)
    ] = None,
    state: Annotated[Literal["active", "disabled"] | None, typer.Option(help="Disabled: nobody signs in so.")] = None,
    data: options.Data = None,
    as_json: options.Json = False,
) -> None:
    """Change a user's role, areas, grids or state; holds at once, also where he is signed in."""
    people = _people(data)
    found = _found(people, name)
    given: dict[str, Any] = {"role": role, "areas": area, "grids": grid, "state": state}
    to = {key: value for key, value in given.items() if value is not None}
    if not to:
        raise UserError("say what to change: --role, --area, --grid or --state")
    try:
        people.users.change(found.id, datetime.now(UTC), **to)
    except ValueError as error:
        raise UserError(str(error)) from None
    note(people, "user_changed", found.name, **to)
    _tell(_found(people, found.name), f'user "{found.name}" is changed', as_json)


@app.command("unlock")
def unlock(name: Name, data: options.Data = None, as_json: options.Json = False) -> None:
    """Forget a user's failed sign-ins, so that he may try at once."""
    from api.people.users import key_of

    people = _people(data)
    found = _found(people, name)
    people.failures.forget(key_of(found.name))
    note(people, "unlocked", found.name)
    _tell(found, f'user "{found.name}" may try again', as_json)


@app.command("second-factor-off")
def second_factor_off(name: Name, data: options.Data = None, as_json: options.Json = False) -> None:
    """Take a user's second factor off: for who lost phone and recovery codes. Signs him out everywhere."""
    people = _people(data)
    found = _found(people, name)
    people.users.drop_second_factor(found.id, datetime.now(UTC))
    note(people, "second_factor_dropped", found.name)
    _tell(_found(people, found.name), f'the second factor of "{found.name}" is off', as_json)


def _tell(user: "User", words: str, as_json: bool) -> None:
    """The user as he is now, for programs; for people what was done."""
    if as_json:
        from lightline.output import print_json

        print_json(user)
    else:
        typer.echo(words, err=True)


def _people(data: Path | None) -> "People":
    from lightline.opening import open_tokens

    return open_tokens(load_settings(data=data)).people


def _found(people: "People", name: str) -> "User":
    found = people.users.named(name)
    if found is None:
        raise UserError(f'there is no user "{name[:100]}"; `lightline user people` lists them')
    return found


def _password(stdin: bool) -> str:
    if stdin:
        return sys.stdin.readline().rstrip("\r\n")
    told: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return told
