"""Does learning help on plants it never saw? Findings of the tests' plants, visited by crews who err, learnt from.

Labels come from some seeds, a week apart each; figures from fresh seeds beside the truth, which no crew wrote down.
`as_told`: plants whose devices tell everything, where physics names nearly every cause rightly. `told_less`: one device
in two tells no OLT receive power, so that bends and joints look alike there, and its joints are few: what physics
cannot know, visits can.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from analyzer.analyze import analyze
from analyzer.history import History
from analyzer.learning.labels import NAMED, Labels
from analyzer.learning.model import Model
from analyzer.learning.training import train
from analyzer.scoring import score
from analyzer.settings import Settings
from bench.result import Result
from plant.finding import Finding
from plant.labels import LABEL_SCHEMA
from simulator.crews import visit
from tests.analyzer.plants import Plant, plant

LEARN, FRESH = range(6000, 6030), range(6100, 6112)
FAULTS = (
    "connector", "macrobend", "connector", "macrobend", "thermal", "ont_laser", "ont_power", "ethernet", "water",
    "splitter", "feeder", "macrobend", "connector", "thermal", "ont_power", "macrobend", "connector", "water",
)  # fmt: skip
LINES = 1024
FIRST = date(2026, 1, 5)
FEW_JOINTS = 0.2  # share of the joints of the devices that tell less


@dataclass(frozen=True)
class Trip:
    """A finding and what was there (None: nothing), by area in turn."""

    finding: Finding
    cause: str | None
    area: str
    maker: str


def measure(quick: bool) -> list[Result]:
    learn, fresh = (LEARN[:8], FRESH[:4]) if quick else (LEARN, FRESH)
    results: list[Result] = []
    plants = {seed: plant(seed, lines=LINES, faults=FAULTS) for seed in (*learn, *fresh)}
    for name, less in (("as_told", False), ("told_less", True)):
        past = [(seed, _trips(seed, plants[seed], less)) for seed in learn]
        labels = Labels.of(_closed(past))
        trained = train(labels, FIRST + timedelta(weeks=len(learn)))
        new = [(seed, _trips(seed, plants[seed], less)) for seed in fresh]
        results += _beside(name, trained.model, Labels.of(_true(new)))
        for decision in trained.decisions:
            on = Result(f"{name}_{decision.part}_on", float(decision.on), f"of {decision.labels} labels")
            results.append(on)
    return results


def _trips(seed: int, past: Plant, less: bool) -> list[Trip]:
    history, truths, as_of = past.history(), past.truths, past.as_of
    silent = history.tree.device % 2 == 1
    if less:
        values = dict(history.values)
        up = values["olt_rx_dbm", "median"]
        values["olt_rx_dbm", "median"] = np.where(silent[:, None], np.float32(np.nan), up)
        history = replace(history, values=values)
    rng = np.random.default_rng(seed)
    found = analyze(history, as_of, Settings.load())
    judged = score(found, truths, as_of)
    cause_of = {m.finding: m.truth for m in judged.matches if m.finding is not None}
    trips = []
    for i, finding in enumerate(found):
        truth = cause_of.get(i)
        tells_less = _tells_less(finding, history, silent)
        if less and tells_less and truth is not None and truth.cause == "connector" and rng.random() > FEW_JOINTS:
            continue
        cause = truth.cause if truth is not None else None
        maker = "LESS" if less and tells_less else "FULL"
        trips.append(Trip(finding, cause, f"area{i % 3}", maker))
    return trips


def _tells_less(finding: Finding, history: History, silent: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> bool:
    return bool(silent[np.searchsorted(history.line_ids, np.array(finding.lines[:1], dtype=object))].any())


def _closed(past: Sequence[tuple[int, list[Trip]]]) -> pa.Table:
    """As crews write it."""
    rows = []
    for week, (seed, trips) in enumerate(past):
        rng = np.random.default_rng([seed, 1])
        for i, trip in enumerate(trips):
            seen = visit(trip.cause, int(trip.area[-1]), NAMED, rng)
            told = FIRST + timedelta(days=7 * week + i % 7)
            row = _row(f"{seed}.{i}", trip, told, told + timedelta(days=seen.days))
            rows.append({**row, "fault": seen.fault, "cause": seen.cause})
    return pa.Table.from_pylist(rows, LABEL_SCHEMA)


def _true(new: Sequence[tuple[int, list[Trip]]]) -> pa.Table:
    """As it was; whether a trip finds something is drawn as for crews."""
    rows = []
    for seed, trips in new:
        rng = np.random.default_rng([seed, 2])
        for i, trip in enumerate(trips):
            seen = visit(trip.cause, 0, NAMED, rng)
            row = _row(f"{seed}.{i}", trip, FIRST, FIRST)
            rows.append({**row, "fault": seen.fault, "cause": trip.cause})
    return pa.Table.from_pylist(rows, LABEL_SCHEMA)


def _row(ticket: str, trip: Trip, told: date, known: date) -> dict[str, object]:
    f = trip.finding
    return {
        "ticket": ticket, "place": str(f.place), "lines": list(f.lines), "area": trip.area, "maker": trip.maker,
        "told_on": told, "known_on": known, "score": f.score, "worth": f.worth or 1.0, "causes": dict(f.causes),
        "why": "simulated",
    }  # fmt: skip


def _beside(name: str, model: Model, fresh: Labels) -> list[Result]:
    """Log loss, Brier score and names right against the truth of fresh plants: what was learnt beside physics."""
    some = fresh.part(fresh.cause >= 0)
    at, y = np.arange(len(some)), some.cause
    learnt = model.cause(some) if model.cause else some.told
    worth = model.worth(fresh) if model.worth else np.clip(fresh.worth, 0.02, 0.98)
    before = np.clip(fresh.worth, 0.02, 0.98)
    loss = [float(-np.log(np.maximum(p[at, y], 1e-4)).mean()) for p in (some.told, learnt)]
    one = np.eye(len(NAMED))[y]
    brier = [float(((p - one) ** 2).sum(axis=1).mean()) for p in (some.told, learnt)]
    right = [100 * float((p.argmax(axis=1) == y).mean()) for p in (some.told, learnt)]
    trip = [float(-np.where(fresh.fault > 0.5, np.log(p), np.log(1 - p)).mean()) for p in (before, worth)]
    told = [float(((p - fresh.fault) ** 2).mean()) for p in (before, worth)]
    against = f"physics alone, {len(fresh)} findings of fresh seeds"
    return [
        Result(f"{name}_cause_log_loss", 1000 * loss[1], "nats/1000", loss[0] / loss[1], against),
        Result(f"{name}_cause_brier", 1000 * brier[1], "/1000", brier[0] / max(brier[1], 1e-9), against),
        Result(f"{name}_cause_right", right[1], "%", right[1] / right[0], against),
        Result(f"{name}_trip_log_loss", 1000 * trip[1], "nats/1000", trip[0] / trip[1], against),
        Result(f"{name}_trip_brier", 1000 * told[1], "/1000", told[0] / max(told[1], 1e-9), against),
    ]
