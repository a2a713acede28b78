"""Times and digests as the file of people keeps them."""

import hashlib
from datetime import UTC, datetime


def seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def moment(at: int | None) -> datetime | None:
    return datetime.fromtimestamp(at, UTC) if at is not None else None


def digest(secret: str) -> str:
    """SHA-256: of secrets of 128 random bits and more, which no list holds and nobody guesses back."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
