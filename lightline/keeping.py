"""What the last full analysis noted (analyzer.kept), in the data folder, for the daily ones after it.

A full run writes a folder of its own, a file a block, and names it in `current.json`, replaced at once when all is on
disk: what that names is whole. It is of use for `full_days` days, to the same analyzer with the same settings.
"""

import hashlib
import os
import secrets
import shutil
import struct
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import date
from importlib.resources import files
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import orjson
import structlog

from analyzer.kept import Kept
from analyzer.settings import Settings as AnalyzerSettings
from analyzer.significance import Null

log = structlog.get_logger(__name__)

CURRENT = "current.json"
# What numpy and zipfile raise on bytes that are not as they were written.
UNREADABLE = (OSError, EOFError, ValueError, LookupError, TypeError, RuntimeError, struct.error, BadZipFile)


class UnusableError(Exception):
    """Nothing kept can be used; the message says why."""


@dataclass(frozen=True)
class FullRun:
    """A full run as it was kept: the devices of each block in the order of its files (empty: lines without one)."""

    on: date
    lines: int
    unjudged: int
    devices: tuple[tuple[str, ...], ...]
    folder: Path

    def block(self, number: int) -> Kept:
        """Raises UnusableError where the file is not as it was written."""
        try:
            return _read(self.folder / f"{number}.npz")
        except UNREADABLE as error:
            raise UnusableError(f"{self.folder / f'{number}.npz'} cannot be read: {error}") from None


@dataclass
class Keeping:
    """The folder, and for how many days what stands in it is of use."""

    path: Path
    full_days: int
    settings: AnalyzerSettings
    days: int

    def usable(self, as_of: date) -> FullRun:
        """Raises UnusableError."""
        try:
            told = orjson.loads((self.path / CURRENT).read_bytes())
            run = FullRun(
                date.fromisoformat(told["on"]), told["lines"], told["unjudged"],
                tuple(tuple(of) for of in told["devices"]), self.path / told["folder"],
            )  # fmt: skip
            of = told["of"]
        except FileNotFoundError:
            raise UnusableError("no full analysis was kept") from None
        except UNREADABLE as error:
            raise UnusableError(f"{self.path / CURRENT} cannot be read: {error}") from None
        if of != self._of():
            raise UnusableError("the analyzer or its settings are others than at the last full analysis")
        if not 0 <= (as_of - run.on).days < self.full_days:
            raise UnusableError(f"the last full analysis is of {run.on}")
        return run

    def begin(self) -> "Writing":
        folder = self.path / secrets.token_hex(8)
        folder.mkdir(parents=True)
        return Writing(self.path, folder, self._of())

    def _of(self) -> str:
        """Digest of all that findings follow from besides the readings and the inventory."""
        digest = hashlib.sha256(repr((self.settings, self.days)).encode())
        for file in sorted(files("analyzer").iterdir(), key=lambda f: f.name):
            if file.name.endswith((".py", ".yaml")):
                digest.update(file.read_bytes())
        return digest.hexdigest()


@dataclass
class Writing:
    """A full run being kept: blocks one by one, then `finish`."""

    path: Path
    folder: Path
    of: str
    devices: dict[int, Sequence[str]] = field(default_factory=dict)

    def add(self, number: int, devices: Sequence[str], kept: Kept) -> None:
        """Durable on return."""
        _write(self.folder / f"{number}.npz", kept)
        self.devices[number] = devices

    def finish(self, on: date, lines: int, unjudged: int) -> None:
        told = {"on": on, "lines": lines, "unjudged": unjudged, "folder": self.folder.name, "of": self.of,
                "devices": [self.devices[number] for number in sorted(self.devices)]}  # fmt: skip
        temporary = self.path / f".{CURRENT}.new"
        with temporary.open("wb") as out:
            out.write(orjson.dumps(told))
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(self.path / CURRENT)
        for old in self.path.iterdir():
            if old.is_dir() and old != self.folder:
                shutil.rmtree(old, ignore_errors=True)


def forget(path: Path) -> None:
    """The next analysis is a full one: history was changed behind what was kept."""
    with suppress(FileNotFoundError):
        (path / CURRENT).unlink()


def _write(path: Path, kept: Kept) -> None:
    arrays: dict[str, np.ndarray] = {"dates": kept.dates.astype("datetime64[D]").view(np.int64)}
    arrays |= {f"names/{level}": np.array(names, dtype=np.str_) for level, names in kept.names.items()}
    arrays |= {f"places/{level}": codes for level, codes in kept.places.items()}
    arrays |= {f"series/{level}/{name}": values for (level, name), values in kept.series.items()}
    arrays |= {f"lines/{name}": values for name, values in kept.lines.items()}
    told = {"on": kept.on, "figures": kept.figures, "nulls": {name: asdict(null) for name, null in kept.nulls.items()}}
    arrays["told"] = np.frombuffer(orjson.dumps(told), dtype=np.uint8)
    with path.open("wb") as out:
        np.savez(out, **arrays)  # type: ignore[arg-type]
        out.flush()
        os.fsync(out.fileno())


def _read(path: Path) -> Kept:
    with np.load(path) as arrays:
        told = orjson.loads(arrays["told"].tobytes())

        def under(head: str) -> Iterator[tuple[str, np.ndarray]]:
            for key in arrays.files:
                if key.startswith(head):
                    yield key.removeprefix(head), arrays[key]

        series = {(key.partition("/")[0], key.partition("/")[2]): values for key, values in under("series/")}
        return Kept(
            on=date.fromisoformat(told["on"]),
            dates=arrays["dates"].view("datetime64[D]"),
            names={level: values.astype(object) for level, values in under("names/")},  # type: ignore[misc]
            places=dict(under("places/")),  # type: ignore[arg-type]
            series=series,  # type: ignore[arg-type]
            lines=dict(under("lines/")),
            figures=told["figures"],
            nulls={name: Null(**null) for name, null in told["nulls"].items()},
        )
