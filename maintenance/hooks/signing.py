"""Signatures of webhooks by the Standard Webhooks convention: HMAC-SHA-256 over id, time and body.

A receiver checks the signature, refuses times more than five minutes off, and remembers ids: the same id again is the
same message. The header may carry several signatures, so that a secret can be changed without a gap.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

PREFIX = "whsec_"
TOLERANCE = timedelta(minutes=5)
SHORTEST = 24  # bytes of a key, by the convention


class SignatureError(ValueError):
    """The message is not from who it says, or is too old; the message says which."""


def keys_of(text: str) -> list[bytes]:
    """The keys in a secret: one or several `whsec_BASE64`, separated by spaces or lines. ValueError names the fault."""
    keys = []
    for word in text.split():
        if not word.startswith(PREFIX):
            raise ValueError(f"a secret begins with {PREFIX}, then 24 to 64 random bytes in base64")
        try:
            key = base64.b64decode(word.removeprefix(PREFIX), validate=True)
        except (binascii.Error, ValueError):
            raise ValueError(f"what follows {PREFIX} in a secret must be base64") from None
        if len(key) < SHORTEST:
            raise ValueError(f"a secret has {SHORTEST} random bytes or more; make one: openssl rand -base64 32")
        keys.append(key)
    if not keys:
        raise ValueError("the secret is empty")
    return keys


def headers(ident: str, at: datetime, body: bytes, keys: Sequence[bytes]) -> dict[str, str]:
    """The three headers of a message sent at `at`; without keys there is no signature among them."""
    stamp = str(int(at.timestamp()))
    told = {"webhook-id": ident, "webhook-timestamp": stamp}
    if keys:
        told["webhook-signature"] = " ".join(_signature(ident, stamp, body, key) for key in keys)
    return told


def check(given: Mapping[str, str], body: bytes, keys: Sequence[bytes], now: datetime) -> str:
    """The id of a message that one of `keys` signed at most five minutes from `now`. SignatureError otherwise.

    `given` has the headers under their names in lower case.
    """
    try:
        ident, stamp = given["webhook-id"], given["webhook-timestamp"]
        offered = given["webhook-signature"].split()
        off = abs(now.timestamp() - int(stamp))
    except (KeyError, ValueError) as error:
        raise SignatureError(f"a header is missing or unreadable: {error}") from None
    if off > TOLERANCE.total_seconds():
        raise SignatureError(f"the message was signed {off:.0f} s away from now")
    expected = [_signature(ident, stamp, body, key) for key in keys]
    if not any(hmac.compare_digest(one, other) for one in expected for other in offered):
        raise SignatureError("no signature fits")
    return ident


def _signature(ident: str, stamp: str, body: bytes, key: bytes) -> str:
    signed = b".".join((ident.encode(), stamp.encode(), body))
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
