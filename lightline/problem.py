"""Errors that the user can mend: one plain message on standard error, exit code 2."""


class UserError(Exception):
    """What is wrong, where, and what to do next."""
