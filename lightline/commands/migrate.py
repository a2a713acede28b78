"""`lightline migrate`: bring the ledger's database to this version's form."""

from lightline.commands import options
from lightline.settings import load_settings


def migrate(data: options.Data = None) -> None:
    """Migrate the ledger; the service does so at its start too. A ledger of a newer version is left alone."""
    from lightline.opening import open_ledger

    open_ledger(load_settings(data=data)).close()
