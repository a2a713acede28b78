"""What was learnt, kept: labels go from the ledger to the analyzer, its model and card into the data folder.

`learning/` in the data folder holds a folder for each version with `model.json`, `card.json` and `card.md`, and
`in_force.json`, which names the version that counts, or none and why. Files are replaced at once; a version is never
changed but for its card's word on drift. Without any of this, or where it is damaged, physics decides.
"""

import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import structlog

from analyzer.learning.card import card, markdown
from analyzer.learning.drift import Drift
from analyzer.learning.labels import Labels, Limits
from analyzer.learning.model import Model, ModelError, Whose, recalibrated, watched
from analyzer.learning.training import Trained, train
from maintenance.labels import labels as labels_of
from maintenance.ledger import Ledger
from plant.finding import Finding
from plant.inventory import Inventory

log = structlog.get_logger(__name__)

KEPT = 10  # versions
AGAIN_DAYS = 7  # between two trainings of the running service
MOSTLY = 0.7  # share of a finding's lines that must have one maker
VENDOR = 4  # letters of a serial that name its maker (ITU-T G.984.3)


@dataclass(frozen=True)
class Learnt:
    """A training and the version it was kept as."""

    version: int
    trained: Trained
    card: dict[str, Any]


class LearningFolder:
    """The kept versions, in `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def in_force(self) -> tuple[int | None, Model | None]:
        """The version that counts and its model; none of both where physics decides. What is damaged is said."""
        told = _read(self.path / "in_force.json")
        if told is None:
            return None, None
        try:
            version = told["version"]
            if version is None:
                return None, None
            return int(version), Model.from_json(orjson.loads(self._file(int(version), "model.json").read_bytes()))
        except (ModelError, OSError, ValueError, KeyError, TypeError) as error:
            log.warning("the learnt model cannot be used, physics alone decides; `lightline learn` makes it anew",
                        folder=str(self.path), why=str(error))  # fmt: skip
            return None, None

    def keep(self, trained: Trained, now: datetime) -> Learnt:
        """A new version; it counts from now on if it was decided so, else physics does."""
        version = max(self.versions(), default=0) + 1
        told = card(trained, version)
        self._file(version, "").mkdir(parents=True, exist_ok=True)
        _write(self._file(version, "model.json"), orjson.dumps(trained.model.to_json()))
        self._tell(version, told, None)
        why = "; ".join(f"{d.part}: {d.why}" for d in trained.decisions)
        self.put(version if trained.on else None, why, now)
        for old in self.versions()[:-KEPT]:
            shutil.rmtree(self._file(old, ""), ignore_errors=True)
        return Learnt(version, trained, told)

    def put(self, version: int | None, why: str, now: datetime) -> None:
        """Let a version count, or none."""
        said = {"version": version, "why": why, "at": now}
        _write(self.path / "in_force.json", orjson.dumps(said, option=orjson.OPT_INDENT_2))

    def note_drift(self, version: int, drift: Drift) -> None:
        """What the last watch found goes onto the version's card."""
        told = _read(self._file(version, "card.json"))
        if told is not None:
            self._tell(version, {**told, "in_force": told["in_force"] and not drift.found}, drift.to_json())

    def versions(self) -> list[int]:
        return sorted(int(p.name) for p in self.path.glob("[0-9]*") if p.name.isdigit()) if self.path.is_dir() else []

    def newest(self) -> tuple[int, date] | None:
        """The version made last, and when."""
        for version in reversed(self.versions()):
            told = _read(self._file(version, "card.json"))
            if told is not None:
                return version, date.fromisoformat(told["trained_on"])
        return None

    def _tell(self, version: int, told: dict[str, Any], drift: dict[str, Any] | None) -> None:
        _write(self._file(version, "card.json"), orjson.dumps({**told, "drift": drift}, option=orjson.OPT_INDENT_2))
        _write(self._file(version, "card.md"), markdown(told, drift).encode())

    def _file(self, version: int, name: str) -> Path:
        return self.path / f"{version:06d}" / name


def learn(folder: LearningFolder, ledger: Ledger, inventory: Inventory, now: datetime) -> Learnt:
    """Train from the ledger's labels, check, decide, keep."""
    learnt = folder.keep(train(Labels.of(labelled(ledger, inventory)), now.date()), now)
    log.info("learnt", version=learnt.version, labels=len(learnt.trained.labels),
             **{d.part: "on" if d.on else f"physics stays: {d.why}" for d in learnt.trained.decisions})  # fmt: skip
    return learnt


def watch(folder: LearningFolder, ledger: Ledger, inventory: Inventory, now: datetime) -> Drift | None:
    """Look for drift of the model in force; where there is some, physics decides again. None without a model."""
    version, model = folder.in_force()
    if version is None or model is None:
        return None
    drift = watched(model, Labels.of(labelled(ledger, inventory)), Limits.load())
    folder.note_drift(version, drift)
    if drift.found:
        folder.put(None, f"drift of version {version}: {drift.found}", now)
        log.warning("what was learnt holds no longer, physics alone decides", version=version, why=drift.found)
    return drift


def tend(folder: LearningFolder, ledger: Ledger, inventory: Inventory, now: datetime) -> None:
    """The service's daily round: drift, and a training a week."""
    watch(folder, ledger, inventory, now)
    newest = folder.newest()
    if newest is None or newest[1] <= now.date() - timedelta(days=AGAIN_DAYS):
        learn(folder, ledger, inventory, now)


def in_its_light(findings: Sequence[Finding], folder: LearningFolder, inventory: Inventory) -> list[Finding]:
    """The findings as the model in force has them; as they are without one."""
    _, model = folder.in_force()
    if model is None:
        return list(findings)
    try:
        return recalibrated(findings, model, whose(inventory, [line for f in findings for line in f.lines]))
    except ImportError:
        log.warning("the learnt model needs LightGBM, physics alone decides; pip install 'lightline[learning]'")
        return list(findings)


def labelled(ledger: Ledger, inventory: Inventory) -> pa.Table:
    """The ledger's labels with the makers of their lines."""
    table = labels_of(ledger)
    lines = table["lines"].to_pylist()
    makers = makers_of(inventory, [line for some in lines for line in some])
    told = pa.array([mostly([makers.get(line) for line in some]) for some in lines], pa.string())
    return table.set_column(table.schema.get_field_index("maker"), "maker", told)


def whose(inventory: Inventory, lines: Sequence[str]) -> Whose:
    """Area and maker of findings on these lines."""
    makers = makers_of(inventory, lines)
    some = _rows(inventory, lines)
    device = dict(zip(some["line_id"].to_pylist(), some["device"].to_pylist(), strict=True))
    area = {line: inventory.devices[d].area for line, d in device.items() if d in inventory.devices}
    return lambda f: (mostly([area.get(line) for line in f.lines]), mostly([makers.get(line) for line in f.lines]))


def makers_of(inventory: Inventory, lines: Sequence[str]) -> dict[str, str]:
    """Maker by line, from the letters its ONT's serial begins with; lines without a serial are left out."""
    some = _rows(inventory, lines)
    pairs = zip(some["line_id"].to_pylist(), some["ont_serial"].to_pylist(), strict=True)
    return {line: serial[:VENDOR].upper() for line, serial in pairs if serial}


def mostly(names: Sequence[str | None]) -> str | None:
    """The name most of them have, None where they are mixed."""
    if not names:
        return None
    name, count = Counter(names).most_common(1)[0]
    return name if count >= MOSTLY * len(names) else None


def _rows(inventory: Inventory, lines: Sequence[str]) -> pa.Table:
    table = inventory.lines
    return table.filter(pc.is_in(table["line_id"], pa.array(sorted(set(lines)), pa.string())))


def _read(path: Path) -> dict[str, Any] | None:
    try:
        told = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, orjson.JSONDecodeError) as error:
        log.warning("a file of what was learnt is damaged, physics alone decides", file=str(path), why=str(error))
        return None
    return told if isinstance(told, dict) else None


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(content)
    temporary.replace(path)
