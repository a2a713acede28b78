"""`lightline user`: tokens for people and programs."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from lightline.commands import options
from lightline.problem import UserError
from lightline.settings import load_settings

app = typer.Typer(help="Tokens for people and programs.", no_args_is_help=True)


def _tokens(data: options.Data):  # type: ignore[no-untyped-def]
    from api.tokens import TokenStore

    settings = load_settings(data=data)
    settings.data.mkdir(parents=True, exist_ok=True)
    return TokenStore(settings.tokens_path)


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="Who or what the token is for.")],
    role: Annotated[str, typer.Option(help="viewer, technician, dispatcher, planner, operator or admin.")] = "viewer",
    area: Annotated[list[str] | None, typer.Option(help="Limit to these areas; repeatable.")] = None,
    days: Annotated[int | None, typer.Option(min=1, help="Days until it expires; never if not given.")] = None,
    data: options.Data = None,
) -> None:
    """Make a token and print it once; only its hash is kept."""
    try:
        token = _tokens(data).create(
            name, role, areas=tuple(area or ()), expires_at=datetime.now(UTC) + timedelta(days=days) if days else None
        )
    except ValueError as error:
        raise UserError(str(error)) from None
    typer.echo(token)
    typer.echo("This is shown once; keep it where passwords are kept.", err=True)
