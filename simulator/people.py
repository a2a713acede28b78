"""Customers who call and technicians who close: when, with which code, and whether the repair held."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml

from simulator.laws import Fault
from simulator.layout import weak_shift
from simulator.world import World

DAY = 86400
FELT_AT_ONCE = ("ethernet", "ont_power", "rogue_ont")
WEAK_DBM = -27.0


@cache
def habits() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((files("simulator") / "people.yaml").read_text(encoding="utf-8"))
    return loaded


def complaints(world: World) -> list[dict[str, str]]:
    """Calls by time: `line_id`, `at`, `about` (a cause, or `other` where the line is well)."""
    p, rng = habits(), np.random.default_rng([world.seed, 81])
    calls: list[tuple[datetime, str, str]] = []
    for fault, ids in _faults(world):
        share = p["complain"].get(fault.cause, p["complain"]["light"])
        for row, felt in _felt(world, fault).items():
            delay = float(np.exp(rng.normal(np.log(p["delay_days"]["median"]), p["delay_days"]["spread"])))
            if rng.random() < share:
                calls.append((felt + timedelta(days=delay), str(ids[row]), fault.cause))
    ids = world.layout.lines.id if world.hfc is None else np.r_[world.layout.lines.id, world.hfc.layout.modems.id]
    idle = rng.integers(len(ids), size=int(rng.poisson(p["idle_per_line_day"] * len(ids) * world.days))).tolist()
    calls += [(world.start + timedelta(days=float(rng.uniform(0, world.days))), str(ids[row]), "other") for row in idle]
    return [
        {"line_id": line, "at": at.isoformat(timespec="seconds"), "about": about}
        for at, line, about in sorted(calls)
        if world.start <= at <= world.end
    ]


def visits(world: World) -> list[dict[str, Any]]:
    """Closings: `place`, `at`, `code` (right, wrong or null), the true `cause`, whether it `held`."""
    p, rng = habits(), np.random.default_rng([world.seed, 82])
    every = [fault for fault, _ in _faults(world)]
    causes = sorted({f.cause for f in every})
    soonest, latest = (float(d) for d in p["visit_days"])
    out = []
    for fault in every:
        begun = max(fault.onset, int(world.start.timestamp()))
        at = datetime.fromtimestamp(begun + rng.uniform(soonest, latest) * DAY, UTC)
        kind = rng.choice(list(p["codes"]), p=list(p["codes"].values()))
        others = [c for c in causes if c != fault.cause] or [fault.cause]
        code = {"right": fault.cause, "wrong": others[int(rng.integers(len(others)))], "missing": None}[str(kind)]
        held = bool(rng.random() < p["holds"])
        if at <= world.end:
            out.append({"place": fault.place, "at": at.isoformat(timespec="seconds"), "code": code,
                        "cause": fault.cause, "held": held})  # fmt: skip
    return sorted(out, key=lambda v: str(v["at"]))


def repair_by(world: World, told: list[dict[str, Any]]) -> None:
    """Take the faults away whose repair held, each from its visit on."""
    for visit in told:
        if visit["held"]:
            world.repair(visit["place"], datetime.fromisoformat(visit["at"]))


def _faults(world: World) -> Iterator[tuple[Fault, npt.NDArray[np.object_]]]:
    """All faults, each with the ids its rows stand for."""
    for fault in world.faults:
        yield fault, world.layout.lines.id
    if world.hfc is not None:
        for fault in world.hfc.faults:
            yield fault, world.hfc.layout.modems.id


def _felt(world: World, fault: Fault) -> dict[int, datetime]:
    """By line row, the first day on which its customer feels the fault; rows that never do are left out."""
    first = max(fault.onset, int(world.start.timestamp()))
    days = np.arange(first, min(int(world.end.timestamp()), fault.until or 2**62), DAY, dtype=np.int64)
    if not len(days):
        return {}
    if fault.cause in FELT_AT_ONCE:
        return {int(row): datetime.fromtimestamp(int(days[0]), UTC) for row in fault.rows}
    if fault.kind and world.hfc is not None:
        weak = world.hfc.strained(fault, days)
        return _first_days(fault, days, weak)
    olt = world.olts[int(world.layout.lines.olt[fault.rows[0]])]
    with np.errstate(invalid="ignore"):
        rx = world.told(olt, days).line["rx_dbm"][fault.rows - olt.lines.start]
        weak = rx <= WEAK_DBM + weak_shift(olt.pon_class)
    return _first_days(fault, days, weak)


def _first_days(fault: Fault, days: npt.NDArray[np.int64], weak: npt.NDArray[np.bool_]) -> dict[int, datetime]:
    return {
        int(row): datetime.fromtimestamp(int(days[hit.argmax()]), UTC)
        for row, hit in zip(fault.rows, weak, strict=True)
        if hit.any()
    }
