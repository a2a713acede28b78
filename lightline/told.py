"""What the last analysis told, kept in the data folder: the next one takes it back only where it is clearly gone."""

from datetime import date
from pathlib import Path

import orjson
import structlog

from analyzer.steadiness import NOTHING, Told
from plant.finding import Finding

log = structlog.get_logger(__name__)


def read_told(path: Path, day: date) -> Told:
    """What was told before `day`, or on it; nothing where there is no file, or one that cannot be read (said once)."""
    try:
        kept = orjson.loads(path.read_bytes())
        told = Told(date.fromisoformat(kept["as_of"]), tuple(Finding.from_json(f) for f in kept["findings"]))
    except FileNotFoundError:
        return NOTHING
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("what was told before cannot be read; this analysis begins anew", path=str(path), why=str(error))
        return NOTHING
    return told if told.on <= day else NOTHING


def keep_told(path: Path, told: Told) -> None:
    """Replace the file at once."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(
        orjson.dumps({"as_of": told.on.isoformat(), "findings": [f.to_json() for f in told.findings]})
    )
    temporary.replace(path)
