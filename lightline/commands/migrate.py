"""`lightline migrate`: bring the ledger's database, and the file of users and tokens, to this version's form."""

from pathlib import Path
from typing import Annotated

import typer

from lightline.commands import options
from lightline.problem import UserError
from lightline.settings import load_settings


def migrate(
    data: options.Data = None,
    people_to: Annotated[
        int | None,
        typer.Option(min=0, help="Take only the file of users and tokens to this form: before going back."),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Migrate the ledger and the file of users; the service does so at its start too. Newer ones are left alone."""
    from lightline.opening import open_ledger, open_tokens

    settings = load_settings(data=data)
    if people_to is not None:
        before = _people_to(settings.tokens_path, people_to)
        told: dict[str, object] = {"users": str(settings.tokens_path), "from": before, "to": people_to}
    else:
        open_ledger(settings).close()
        open_tokens(settings).close()
        told = {"ledger": without_password(settings.ledger_url), "users": str(settings.tokens_path)}
    if as_json:
        from lightline.output import print_json

        print_json(told)
    elif people_to is not None:
        typer.echo(f"{told['users']} went from form {told['from']} to {told['to']}", err=True)


def _people_to(path: Path, form: int) -> int:
    """The form the file had."""
    import sqlalchemy as sa

    from api.people.schema import migrate

    if not path.exists():
        raise UserError(f"there is no {path}; name the folder with --data")
    engine = sa.create_engine(f"sqlite:///{path}")
    try:
        return migrate(engine, form)
    except ValueError as error:
        raise UserError(f"{path}: {error}") from None
    finally:
        engine.dispose()


def without_password(url: str) -> str:
    """A database's address as it may be shown."""
    import sqlalchemy as sa

    return sa.make_url(url).render_as_string(hide_password=True)
