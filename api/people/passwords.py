"""Passwords: which are taken, how they are kept (argon2id), how one is compared."""

import threading
import unicodedata
from collections.abc import Sequence
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn import zxcvbn

from api.people.limits import limits

_place = threading.BoundedSemaphore(limits().argon2.at_once)


@cache
def _hasher() -> PasswordHasher:
    told = limits().argon2
    return PasswordHasher(time_cost=told.passes, memory_cost=told.memory_kib, parallelism=told.lanes)


@cache
def _nobodys() -> str:
    """What is compared where there is no password, so that the answer takes as long."""
    return _hasher().hash("nobody's password")


def check(password: str, own: Sequence[str]) -> None:
    """ValueError, with what to do instead, for a password that would be guessed. `own`: words close to the user."""
    told = limits().passwords
    if not told.shortest <= len(password) <= told.longest:
        raise ValueError(f"a password has {told.shortest} to {told.longest} characters; a sentence is easily kept")
    if any(word.casefold() in password.casefold() for word in own if len(word) > 3):
        raise ValueError("the password holds a name that anybody would try first; leave it out")
    found = zxcvbn(password[: told.looked_at], user_inputs=[*own, "lightline"])
    if found["score"] < told.score:
        why = found["feedback"]["warning"] or "it is among those that are tried first"
        raise ValueError(f"the password would be guessed: {why.rstrip('.').lower()}; take several unrelated words")


def hashed(password: str) -> str:
    """The password as it is kept: argon2id with salt and parameters in one text."""
    with _place:
        return _hasher().hash(_form(password))


def matches(kept: str | None, password: str) -> bool:
    """Whether it is the password; takes as long where none is kept."""
    with _place:
        try:
            return _hasher().verify(kept or _nobodys(), _form(password)) and kept is not None
        except (VerificationError, InvalidHashError):
            return False


def outdated(kept: str) -> bool:
    """Whether it was kept with other parameters than those in force."""
    return _hasher().check_needs_rehash(kept)


def _form(password: str) -> str:
    # keyboards write the same letter in different ways; NIST SP 800-63B asks for one form before hashing
    return unicodedata.normalize("NFC", password)
