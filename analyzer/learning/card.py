"""The model card: what was learnt from what, how it did beside physics, what was decided and why. For people."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from analyzer.learning.labels import NAMED, Limits
from analyzer.learning.pooled import PooledCause
from analyzer.learning.training import Trained

WHAT = {"cause": "which cause a finding has", "trip": "whether a trip finds a fault"}
TOP = 12  # strongest shifts that are spelled out


def card(trained: Trained, version: int) -> dict[str, Any]:
    """The card as JSON."""
    labels = trained.labels
    days = [str(labels.told_on.min()), str(labels.told_on.max())] if len(labels) else None
    return {
        "version": version,
        "trained_on": trained.model.trained_on.isoformat(),
        "in_force": trained.on,
        "labels": len(labels),
        "told": days,
        "trips_for_nothing": int((labels.fault == 0).sum()),
        "counts": labels.counts(),
        "decisions": [d.to_json() for d in trained.decisions],
        "shifts": _shifts(trained),
        "cause_codes_that_say_nothing": round(getattr(trained.model.cause, "slips", trained.model.physics_slips), 3),
    }


def markdown(told: Mapping[str, Any], drift: Mapping[str, Any] | None = None) -> str:
    """The card as a page."""
    limits = Limits.load()
    state = "in force" if told["in_force"] else "not in force: physics alone decides"
    lines = [
        f"# What was learnt: version {told['version']} ({state})",
        "",
        f"Trained on {told['trained_on']} from {told['labels']} labels"
        + (f" of findings told from {told['told'][0]} to {told['told'][1]}" if told["told"] else "")
        + f"; {told['trips_for_nothing']} trips were for nothing.",
        "",
        "It changes the probabilities of causes and the chance that a trip finds a fault, and with it the order of",
        "trips. It never adds or drops a finding. What physics told stays beside it (`physics`, `physics_worth`).",
        "",
        "## Decision",
        "",
    ]
    lines += [
        f"- **{WHAT[d['part']]}**: {'switched on' if d['on'] else 'physics stays'}; {d['why']}."
        for d in told["decisions"]
    ]
    lines += ["", "| on later labels | n | | log loss | Brier | right |", "|---|---|---|---|---|---|"]
    for d in told["decisions"]:
        if d["check"]:
            for who, name in (("physics", "physics"), ("learnt", d["method"])):
                s = d["check"][who]
                lines.append(
                    f"| {WHAT[d['part']]} | {d['check']['labels']} | {name} | {s['log_loss']:.3f} | {s['brier']:.3f} | "
                    f"{s['right']:.1%} |"
                )
    lines += ["", "Right: causes named rightly; trips worth it in the better half of each week's trips.", ""]
    lines += ["## Labels", ""]
    for what, counts in told["counts"].items():
        lines += [f"| {what} | labels |", "|---|---|", *(f"| {n} | {c} |" for n, c in counts.items()), ""]
    share = told["cause_codes_that_say_nothing"]
    lines += [f"About {share:.0%} of the cause codes say nothing of the cause.", ""]
    if told["shifts"]:
        lines += ["## Strongest shifts", "", "| of | cause | odds times |", "|---|---|---|"]
        lines += [f"| {s['of']} | {s['cause']} | {s['odds']:.2f} |" for s in told["shifts"]] + [""]
    lines += ["## Drift", ""]
    lines.append(
        f"Watched daily: population stability index over {limits.drift_psi} with p under {limits.drift_p}, or physics "
        f"surely better again on {limits.drift_least} newer labels or more; either puts physics back."
    )
    if drift is not None:
        lines.append(f"On {drift['labels']} newer labels: {drift['found'] or 'none found'}.")
    lines += [
        "",
        "## Beware",
        "",
        "Only visited findings have labels: what nobody went to is not learnt of. A maker is that of the ONT today,",
        "also where a repair exchanged it. Cause codes are what technicians write, not what was.",
        "",
    ]
    return "\n".join(lines)


def _shifts(trained: Trained) -> list[dict[str, Any]]:
    part = trained.model.cause
    if not isinstance(part, PooledCause):
        return []
    groups = {"all": part.shift, **{f"area {a}": v for a, v in part.areas.items()}}
    groups |= {f"maker {m}": v for m, v in part.makers.items()}
    every = [(abs(float(x)), of, NAMED[i], float(np.exp(x))) for of, row in groups.items() for i, x in enumerate(row)]
    return [{"of": of, "cause": cause, "odds": round(odds, 3)} for _, of, cause, odds in sorted(every)[::-1][:TOP]]
