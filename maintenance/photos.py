"""Photos of visits: judged by content, made anew without what a phone writes into them, named by what they show."""

import hashlib
import io
import os
import tempfile
import warnings
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from PIL import Image, ImageOps, UnidentifiedImageError

from maintenance import database, records
from maintenance.errors import InputError
from maintenance.tables import photos as table
from maintenance.ticket import plain

FORMATS = ("JPEG", "PNG", "WEBP")
MOST_BYTES = 12 << 20  # as sent
MOST_PIXELS = 60_000_000  # a phone's largest; more is a bomb
LONGEST_SIDE = 2048  # as kept: enough to read a label
QUALITY = 82
MOST = 20  # of one ticket


@dataclass(frozen=True)
class Photo:
    """`digest` is the SHA-256 of the file as it is kept, and its name."""

    ticket_id: int
    digest: str
    at: datetime
    actor: str
    width: int
    height: int
    bytes: int

    def to_json(self) -> dict[str, Any]:
        return {name: plain(getattr(self, name)) for name in self.__dataclass_fields__}


class Photos:
    """The photos of a ledger's tickets, as JPEG files in a folder."""

    def __init__(self, engine: sa.Engine, folder: Path) -> None:
        self._engine, self._folder = engine, folder

    def add(self, ticket_id: int, sent: bytes, *, actor: str, now: datetime) -> Photo:
        """Keep one; the same picture again is the same photo. Raises InputError, TicketNotFoundError."""
        kept, width, height = _made_anew(sent)
        digest = hashlib.sha256(kept).hexdigest()
        photo = Photo(ticket_id, digest, now, actor, width, height, len(kept))
        with database.writing(self._engine) as connection:
            records.one(connection, ticket_id)
            there = {row.digest: row for row in connection.execute(_of(ticket_id))}
            if digest in there:
                return Photo(**there[digest]._mapping)
            if len(there) >= MOST:
                raise InputError(f"the ticket has {MOST} photos; that is all it can have")
            self._write(digest, kept)  # before the row: a file without a row is lost room, a row without a file a lie
            connection.execute(sa.insert(table).values(**{k: getattr(photo, k) for k in Photo.__dataclass_fields__}))
        return photo

    def of(self, ticket_id: int) -> list[Photo]:
        """Oldest first."""
        with database.reading(self._engine) as connection:
            return [Photo(**row._mapping) for row in connection.execute(_of(ticket_id))]

    def read(self, ticket_id: int, digest: str) -> bytes | None:
        """The JPEG file of one of the ticket's photos; None where it has none such."""
        if all(photo.digest != digest for photo in self.of(ticket_id)):
            return None
        try:
            return self._path(digest).read_bytes()
        except FileNotFoundError:
            return None

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / f"{digest}.jpg"

    def _write(self, digest: str, kept: bytes) -> None:
        path = self._path(digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
            file.write(kept)
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).replace(path)


def _of(ticket_id: int) -> sa.Select[Any]:
    return sa.select(table).where(table.c.ticket_id == ticket_id).order_by(table.c.at, table.c.digest)


def _made_anew(sent: bytes) -> tuple[bytes, int, int]:
    """JPEG bytes, width and height: only the pixels go on, upright and no larger than needed."""
    if len(sent) > MOST_BYTES:
        raise InputError(f"the photo has {len(sent)} bytes; at most {MOST_BYTES} are taken")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(sent), formats=FORMATS) as image:
                if image.width * image.height > MOST_PIXELS:
                    raise InputError(f"the photo has {image.width} × {image.height} pixels; that is too many")
                upright = ImageOps.exif_transpose(image).convert("RGB")
    except InputError:
        raise
    except (UnidentifiedImageError, Image.DecompressionBombError, Warning, OSError, ValueError, SyntaxError) as error:
        raise InputError(f"this is no photo: send {', '.join(FORMATS)} ({type(error).__name__})") from None
    upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    pixels = Image.new("RGB", upright.size)
    pixels.paste(upright)  # a picture of its own: nothing of what came with the other, no place and no maker's notes
    out = io.BytesIO()
    pixels.save(out, "JPEG", quality=QUALITY)
    return out.getvalue(), *pixels.size
