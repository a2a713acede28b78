"""The second factor: codes by time (RFC 6238 over HMAC-SHA-1, which every phone's application knows)."""

import base64
import hashlib
import hmac
import secrets
from datetime import datetime
from urllib.parse import quote, urlencode

from api.people.limits import limits

ISSUER = "Lightline"


def new_secret() -> str:
    """160 random bits, base32, as RFC 4226 recommends."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def code(secret: str, step: int, digits: int) -> str:
    """The code of a time step."""
    digest = hmac.digest(base64.b32decode(secret), step.to_bytes(8, "big"), hashlib.sha1)
    at = digest[-1] & 0x0F
    number = int.from_bytes(digest[at : at + 4], "big") & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)


def step_of(secret: str, given: str, now: datetime, last: int | None) -> int | None:
    """The step whose code was given, or None. A step not after `last` is taken no more: nobody reads a code twice."""
    told = limits().second_factor
    present = int(now.timestamp()) // told.step_s
    found = None
    for step in range(present - told.drift_steps, present + told.drift_steps + 1):
        # all are looked at, so that the time tells nothing of which it was
        same = hmac.compare_digest(code(secret, step, told.digits), given if given.isascii() else "")
        if same and (last is None or step > last):
            found = step
    return found


def address(secret: str, name: str) -> str:
    """otpauth://…, as applications take it."""
    told = limits().second_factor
    query = urlencode({"secret": secret, "issuer": ISSUER, "period": told.step_s, "digits": told.digits})
    return f"otpauth://totp/{ISSUER}:{quote(name, safe='')}?{query}"


def new_recovery_codes() -> list[str]:
    """Codes for who lost the phone, each good once: 120 random bits, in groups that can be read out."""
    drawn = (
        base64.b32encode(secrets.token_bytes(15)).decode().lower() for _ in range(limits().second_factor.recovery_codes)
    )
    return ["-".join(text[i : i + 4] for i in range(0, 24, 4)) for text in drawn]


def recovery_form(given: str) -> str:
    """A recovery code however it was typed."""
    return "".join(c for c in given.lower() if c.isalnum())
