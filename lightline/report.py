"""The backtest as a page: figures in a table, plots as pictures in the file itself, so that it can be mailed."""

import base64
import io
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure as Drawing

from analyzer.backtest import Beside, Figures, Replay

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { text-align: right; padding: .2rem .6rem; border-bottom: 1px solid #ddd }
th:first-child, td:first-child { text-align: left }
img { max-width: 100% } figure { margin: 2rem 0 } figcaption { color: #555 }
"""
ROWS = (
    ("visits", "visits", 0), ("true visits", "true", 0), ("precision", "precision", 2), ("faults", "faults", 0),
    ("found", "found", 0), ("recall", "recall", 2), ("progressive faults", "progressive", 0),
    ("of these found before they hurt", "foreseen", 2), ("median days before", "lead_days", 0),
    ("place right", "place_right", 2), ("cause right", "cause_right", 2), ("cause in first two", "cause_in_two", 2),
    ("forecasts judged", "forecasts", 0), ("of these within 90 % interval", "forecasts_held", 2),
    ("troubles told", "told", 0), ("told no more a week later", "went", 0), ("came again", "flickers", 0),
    ("crew hours a fault found", "crew_hours_per_fault", 1),
)  # fmt: skip
BESIDE = (
    ("found by the rule", "found"), ("by Lightline with the same capacity", "ours"), ("of faults", "faults"),
    ("visits of the rule", "visits"), ("found by Lightline with no more visits by any week", "ours_at_its_visits"),
    ("at most", "most_at_its_visits"), ("found by both", "both"), ("of these earlier by Lightline", "earlier"),
    ("days earlier (median)", "days_earlier"),
)  # fmt: skip


def write_report(
    path: Path, replays: Sequence[Replay], told: Sequence[Figures], others: Sequence[Beside], capacity: int, *,
    simulated: bool, absent: Sequence[str] = (),
) -> None:  # fmt: skip
    """Write the page at once: all of it or nothing. The first replay is the analyzer's, set `beside` the `others`.

    `absent`: rules that are not installed, each with how to install it.
    """
    mpl.use("agg")
    ours = told[0]
    first, last = replays[0].days[0], replays[0].days[-1]
    plots = (
        (_found_over_visits(replays), "Faults found over visits made: steeper is better."),
        (_by_cause(ours), "Faults by cause: found and missed."),
        (_calibration(ours), "Told probability of the cause against how often it was right; on the line is honest."),
        (
            _forecasts(replays[0]),
            "Days until weak light, foretold (with its 90 % interval) and true; open: it did not hold.",
        ),
    )
    body = "".join(
        f'<figure><img src="data:image/png;base64,{_picture(drawing)}" alt="{escape(text)}">'
        f"<figcaption>{escape(text)}</figcaption></figure>"
        for drawing, text in plots
    )
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Lightline backtest</title><style>{STYLE}</style>'
        f"<h1>Backtest {first} to {last}</h1><p>{ours.faults} faults, {capacity} visits a week.</p>"
        f"{'<p><strong>Simulated data: none of this is measured on a real plant.</strong></p>' if simulated else ''}"
        f"{_table(told, absent)}{_beside(others)}{body}</html>\n"
    )
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(page, encoding="utf-8")
    partial.replace(path)


def _table(told: Sequence[Figures], absent: Sequence[str]) -> str:
    head = "".join(f"<th scope=col>{escape(name)}</th>" for name in (*(f.rule for f in told), *absent))
    rows = "".join(
        f"<tr><th scope=row>{name}</th>{''.join(f'<td>{_shown(getattr(f, field), decimals)}</td>' for f in told)}"
        f"{'<td>–</td>' * len(absent)}</tr>"
        for name, field, decimals in ROWS
    )
    return f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _beside(others: Sequence[Beside]) -> str:
    head = "".join(f"<th scope=col>{escape(b.rule)}</th>" for b in others)
    rows = "".join(
        f"<tr><th scope=row>{name}</th>{''.join(f'<td>{_shown(getattr(b, field), 0)}</td>' for b in others)}</tr>"
        for name, field in BESIDE
    )
    return f"<table><thead><tr><th>Lightline beside</th>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _shown(value: Any, decimals: int) -> str:
    return "–" if value is None else f"{value:.{decimals}f}"


def _found_over_visits(replays: Sequence[Replay]) -> Drawing:
    drawing = Drawing(figsize=(7.5, 4), layout="constrained")
    axes = drawing.subplots()
    for replay, style in zip(replays, ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1))), strict=False):
        found = np.cumsum([v.truth is not None for v in replay.visits])
        axes.plot([0, *range(1, len(found) + 1)], [0, *found], linestyle=style, label=replay.rule)
    axes.set(xlabel="visits", ylabel="faults found")
    axes.legend()
    return drawing


def _by_cause(told: Figures) -> Drawing:
    drawing = Drawing(figsize=(7.5, 4), layout="constrained")
    axes = drawing.subplots()
    causes = list(told.by_cause)
    found = np.array([told.by_cause[c]["found"] or 0 for c in causes], float)
    faults = np.array([told.by_cause[c]["faults"] or 0 for c in causes], float)
    axes.barh(causes, found, label="found")
    axes.barh(causes, faults - found, left=found, label="missed", hatch="//", color="white", edgecolor="#888")
    axes.set(xlabel="faults")
    axes.legend()
    return drawing


def _calibration(told: Figures) -> Drawing:
    drawing = Drawing(figsize=(5, 4), layout="constrained")
    axes = drawing.subplots()
    axes.plot([0, 1], [0, 1], "--", color="#888")
    points = told.calibration
    axes.scatter([p["told"] for p in points], [p["right"] for p in points], s=[10 + 3 * p["visits"] for p in points])
    axes.set(xlabel="probability told", ylabel="share right", xlim=(0, 1), ylim=(0, 1.05))
    return drawing


def _forecasts(told: Replay) -> Drawing:
    drawing = Drawing(figsize=(5, 4), layout="constrained")
    axes = drawing.subplots()
    came = [f for f in told.forecasts if f.crossed is not None]
    longest = max([f.crossed for f in came if f.crossed is not None], default=30)
    axes.plot([0, longest], [0, longest], "--", color="#888")
    for held, face in ((True, "C0"), (False, "white")):
        some = [f for f in came if f.held is held]
        if some:
            mid = np.array([f.mid for f in some])
            reach = np.abs(np.array([[f.low for f in some], [f.high for f in some]]) - mid)
            took = np.array([f.crossed for f in some], dtype=float)
            axes.errorbar(took, mid, yerr=reach, fmt="o", mfc=face, color="C0", elinewidth=0.5)
    axes.set(xlabel="days it took", ylabel="days foretold", ylim=(0, 2 * longest))
    return drawing


def _picture(drawing: Drawing) -> str:
    out = io.BytesIO()
    drawing.savefig(out, format="png", dpi=110)
    return base64.b64encode(out.getvalue()).decode("ascii")
