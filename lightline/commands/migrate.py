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
) -> None:
    """Migrate the ledger and the file of users; the service does so at its start too. Newer ones are left alone."""
    from lightline.opening import open_ledger, open_tokens

    settings = load_settings(data=data)
    if people_to is not None:
        _people_to(settings.tokens_path, people_to)
        return
    open_ledger(settings).close()
    open_tokens(settings).close()


def _people_to(path: Path, form: int) -> None:
    import sqlalchemy as sa

    from api.people.schema import migrate

    if not path.exists():
        raise UserError(f"there is no {path}; name the folder with --data")
    engine = sa.create_engine(f"sqlite:///{path}")
    try:
        before = migrate(engine, form)
    except ValueError as error:
        raise UserError(f"{path}: {error}") from None
    finally:
        engine.dispose()
    typer.echo(f"{path} went from form {before} to {form}", err=True)
