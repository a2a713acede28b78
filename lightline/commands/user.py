"""`lightline user`: tokens for people and programs; people who sign in by name are in people.py."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from lightline.commands import options
from lightline.problem import UserError
from lightline.settings import load_settings

if TYPE_CHECKING:
    from api.people.people import People
    from api.roles import Right
    from api.tokens import TokenStore

app = typer.Typer(help="Users, and tokens for people and programs.", no_args_is_help=True)


def _tokens(data: Path | None) -> "TokenStore":
    from lightline.opening import open_tokens

    return open_tokens(load_settings(data=data))


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="Who or what the token is for.")],
    role: options.Role = "viewer",
    area: options.Areas = None,
    grid: options.Grids = None,
    right: Annotated[list[str] | None, typer.Option(help="Only these rights of the role; repeatable.")] = None,
    days: Annotated[int | None, typer.Option(min=1, help="Days until it expires; never if not given.")] = None,
    data: options.Data = None,
    as_json: options.Json = False,
) -> None:
    """Make a token and print it once; only its hash is kept."""
    options.grids_lie_in(area, grid)
    tokens, now = _tokens(data), datetime.now(UTC)
    try:
        token = tokens.create(
            name, role, areas=tuple(area or ()), grids=tuple(grid or ()),
            rights=cast("tuple[Right, ...]", tuple(right)) if right else None,
            expires_at=now + timedelta(days=days) if days else None, now=now,
        )  # fmt: skip
    except ValueError as error:
        raise UserError(str(error)) from None
    note(tokens.people, "token_made", name, role=role, areas=area or [], grids=grid or [])
    if as_json:
        from lightline.output import print_json

        print_json({"token": token, "name": name, "role": role, "areas": area or [], "grids": grid or []})
    else:
        typer.echo(token)
    typer.echo("This is shown once; keep it where passwords are kept.", err=True)


@app.command("list")
def list_tokens(data: options.Data = None, as_json: options.Json = False) -> None:
    """List tokens: who, which role, since when and until when. Never their secrets."""
    from lightline.output import print_json, print_table

    tokens = _tokens(data).list()
    if as_json:
        print_json(tokens)
        return
    print_table(
        "Tokens", ("id", "name", "role", "areas", "made", "expires", "revoked", "last used"),
        [(t.id, t.name, t.role, ", ".join(t.areas) or "all",
          *(f"{m:%Y-%m-%d %H:%M}" if m else "" for m in (t.created_at, t.expires_at, t.revoked_at, t.last_used_at)))
         for t in tokens],
    )  # fmt: skip


@app.command("revoke")
def revoke(
    token: Annotated[str, typer.Argument(help="The token's id, from `lightline user list`, or the token itself.")],
    data: options.Data = None,
    as_json: options.Json = False,
) -> None:
    """End a token and every session opened with it."""
    from api.tokens import parts_of

    ident = parts_of(token)[0] or token
    tokens = _tokens(data)
    if not tokens.revoke(ident):
        raise UserError(f'there is no token in force with the id "{ident[:20]}"; `lightline user list` shows them')
    note(tokens.people, "token_revoked", ident)
    if as_json:
        from lightline.output import print_json

        print_json({"token": ident, "revoked": True})
    else:
        typer.echo(f"token {ident} is revoked", err=True)


def note(people: "People", event: str, target: str, **detail: object) -> None:
    """A change made by command, in the audit."""
    import getpass

    people.audit.add(event, datetime.now(UTC), actor=getpass.getuser(), way="command", target=target, detail=detail)
