"""How the ledger's database came to its present form: Alembic revisions, run when a ledger is opened."""
