"""Secrets by reference: `env:NAME` or `file:PATH`, read when they are needed, never kept and never shown."""

import os
from pathlib import Path


class SecretError(ValueError):
    """A reference does not lead to a secret; the message names the reference, never a value."""


def is_reference(text: str) -> bool:
    """Whether `text` is a reference by its form."""
    kind, _, rest = text.partition(":")
    return kind in ("env", "file") and bool(rest)


def resolve(reference: str) -> str:
    """The secret behind a reference. Raises SecretError."""
    kind, _, name = reference.partition(":")
    if not is_reference(reference):
        raise SecretError("a secret is named by env:NAME or file:PATH")
    if kind == "env":
        value = os.environ.get(name)
        if not value:
            raise SecretError(f"the environment has no {name}; export it before starting")
        return value
    try:
        value = Path(name).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise SecretError(f"{name} cannot be read: {why}") from None
    if not value:
        raise SecretError(f"{name} is empty; put the secret on its first line")
    return value


def open_to_others(reference: str) -> bool:
    """Whether a `file:` reference names a file that everyone on the machine may read."""
    kind, _, name = reference.partition(":")
    try:
        return kind == "file" and bool(Path(name).stat().st_mode & 0o004)
    except OSError:
        return False
