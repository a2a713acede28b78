"""Lines that are down now: cut glass at the highest place that fits, and mains outages while they last."""

import numpy as np

from analyzer.arrays import Ints
from analyzer.cases import Case
from analyzer.history import History
from analyzer.reasons import Signs
from analyzer.settings import Settings
from analyzer.uptime import dark, dark_since, powerless
from plant.finding import Figure

SURE = 1e-6  # chance that a line read as without light for a whole day has light


def outage_cases(history: History) -> list[Case]:
    """Ports without power now. Past outages are nobody's ticket."""
    cases = []
    days = len(history.dates)
    for pon, rows in powerless(history).items():
        figures = {"lines_without_power": Figure(float(len(rows)), "lines")}
        causes = {"mains_outage": 0.9, "unknown": 0.1}
        place = f"pon:{history.pon_ids[pon]}"
        cases.append(Case(place, "pon", rows, days - 1, SURE, Signs("pon"), figures, causes))
    return cases


def cut_cases(history: History, settings: Settings) -> list[Case]:
    """Lines without light: one case at the highest node most of whose lines are dark, else one each."""
    left = dark(history, settings)
    tree = history.tree
    cases: list[Case] = []
    levels = (
        ("pon", "pon", tree.pon, history.pon_ids, {"feeder": 0.85, "olt_optics": 0.05, "unknown": 0.1}),
        ("splitter", "splitter", tree.splitter1, tree.splitters1, {"splitter": 0.8, "water": 0.05, "unknown": 0.15}),
        ("splitter", "splitter", tree.splitter2, tree.splitters2, {"splitter": 0.8, "water": 0.05, "unknown": 0.15}),
    )
    for level, kind, codes, names, causes in levels:
        for code in np.unique(codes[left & (codes >= 0)]):
            members = np.flatnonzero(codes == code)
            rows = members[left[members]]
            if len(rows) >= max(2, settings.node_share * len(members)):
                cases.append(_cut(history, f"{kind}:{names[code]}", level, rows, causes))
                left[rows] = False
    single = {"macrobend": 0.25, "connector": 0.4, "unknown": 0.35}
    alone = np.flatnonzero(left)
    return cases + [_cut(history, f"line:{history.line_ids[r]}", "line", np.array([r]), single) for r in alone]


def _cut(history: History, place: str, level: str, rows: Ints, causes: dict[str, float]) -> Case:
    since = dark_since(history, rows)
    figures = {"days_without_light": Figure(float(len(history.dates) - since), "days")}
    return Case(place, level, rows, since, SURE, Signs(level, shape="step"), figures, causes)
