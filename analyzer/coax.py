"""Coax: levels and qualities of modems as sides beside the losses of glass, a drop's cases, nodes that go and come.

A fault of the coax shows its kind in how it treats the two directions, which lie twenty times apart in frequency: a gap
in the conductor stops low frequencies (upstream), what is wet or crushed takes high ones (downstream), an amplifier
takes both, and noise that enters on the way back leaves the levels as they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import special

from analyzer.arrays import Floats, Ints, Mask
from analyzer.cases import Case, Ground, both_sides, clear
from analyzer.history import History
from analyzer.nodes import Shift
from analyzer.polish import row_medians
from analyzer.reasons import Signs
from analyzer.settings import Settings
from analyzer.shapes import is_young, shape_of
from analyzer.uptime import fell_together
from plant.finding import Figure


@dataclass(frozen=True)
class Side:
    """A figure of a modem: `worse` is the sign in which it gets worse, `rise` what its getting worse is called."""

    field: str
    worse: int
    rise: str


SIDES: Mapping[str, Side] = {
    "coax_level": Side("ds_power_dbmv", -1, "downstream_level_fall"),
    "coax_ds": Side("ds_snr_db", -1, "downstream_snr_fall"),
    "coax_us": Side("us_power_dbmv", 1, "upstream_power_rise"),
    "coax_noise": Side("us_snr_db", -1, "upstream_snr_fall"),
}
NOW = ("ds_power_dbmv", "ds_snr_db", "us_power_dbmv", "us_snr_db", "reflection_dbc")  # told of a finding's worst line
FORTNIGHT = 14
SURE = 1e-4  # chance of so many falls of a node in a fortnight, from which they are a fault of its own
CLUSTER_DAYS = 10  # falls of one failing supply lie no further apart


def coax_sides(history: History) -> dict[str, Floats]:
    """By family, what rises when a modem's figure gets worse (lines, days); without families nobody reads."""
    read = {family: history.get(side.field, "median") for family, side in SIDES.items()}
    return {family: SIDES[family].worse * values for family, values in read.items() if values is not None}


def points_to(rises: Mapping[str, float], level: str, shape: str) -> str | None:
    """What kind of fault the directions tell of; a word of the console, None where they tell nothing.

    `rises` by family in dB, NaN where not read; `level` of the plant tree; `shape` see analyzer/shapes.py.
    """
    down, up, noise = (float(np.nan_to_num(rises.get(f, np.nan))) for f in ("coax_level", "coax_us", "coax_noise"))
    if max(down, up, noise) < 1:
        return None
    if noise > 2 * max(down, up):
        return "ingress"
    if level == "pon":
        return "forward_path" if down > 2 * up else "return_path" if up > 2 * down else "node"
    if up > 1.5 * down:
        return "gap"
    if down < 2.5 * up:
        return "gain"
    return "water" if shape == "episodes" else "cable"


def drop_shifts(ground: Ground, free: Mask) -> list[Shift]:
    """Rises of single coax lines' own figures."""
    s = ground.symptoms
    leading: dict[int, str] = {}
    for family in SIDES:
        for row in np.flatnonzero(s.believed.get(family, free & False) & free).tolist():
            if row not in leading or s.changes[family].z[row] > s.changes[leading[row]].z[row]:
                leading[row] = family
    found = []
    for row, family in leading.items():
        onset = int(s.changes[family].onset[row])
        rises = {f: both_sides(s.series[f][row], onset) for f in SIDES if f in s.series}
        if clear(rises[family], ground.settings.families[family].material):
            found.append(_single(row, family, rises, ground))
    return found


def _single(row: int, family: str, rises: Mapping[str, tuple[float, float]], ground: Ground) -> Shift:
    change = ground.symptoms.changes[family]
    return Shift(
        level="line", code=row, place=f"line:{ground.history.line_ids[row]}", rows=np.array([row]), members=1,
        onset=int(change.onset[row]), z=float(change.z[row]), p=float(ground.symptoms.p[family][row]),
        is_ramp=bool(change.is_ramp[row]), sides=rises, series=ground.symptoms.series[family][row],
        sigma=float(change.sigma[row]),
    )  # fmt: skip


def is_coax(shift: Shift) -> bool:
    return any(side in SIDES and np.isfinite(rise) for side, (rise, _) in shift.sides.items())


def coax_case(shift: Shift, level: str, seen: Mapping[str, bool]) -> Case:
    """A rise of modems' figures at a place: a drop's on a line, else the plant's."""
    shape = shape_of(shift.series, shift.onset, shift.is_ramp, shift.sigma)
    figures = evidence({side: rise for side, (rise, _) in shift.sides.items()}, level, shape)
    figures["noise"] = Figure(round(shift.sigma, 3), "dB")
    young = is_young(shift.series, shift.onset)
    signs = Signs("coax" if level == "line" else level, shape=shape, seen={"moved": True, **seen}, young=young)
    causes = {} if level == "line" else {"coax_plant": 0.9, "unknown": 0.1}
    return Case(shift.place, level, shift.rows, shift.onset, shift.p, signs, figures, causes)


def evidence(rises: Mapping[str, float], level: str, shape: str) -> dict[str, Figure]:
    """What a technician can check of a coax fault's rises (by family, dB)."""
    out = {SIDES[f].rise: Figure(round(v, 1), "dB") for f, v in rises.items() if f in SIDES and np.isfinite(v)}
    out["shape"] = Figure(shape)
    kind = points_to(rises, level, shape)
    return out if kind is None else {**out, "points_to": Figure(kind)}


def nodes_of(history: History) -> Ints:
    """The node of each modem (lines,), −1 for what is not coax."""
    return np.where(history.technology == "coax", history.tree.pon, -1)


def falling_nodes(history: History) -> list[Case]:
    """Coax nodes that of late go away again and again, their neighbours not: supply, battery, a loose module."""
    changes = history.get("state", "changes")
    if changes is None or changes.shape[1] < 2 * FORTNIGHT:
        return []
    node = nodes_of(history)
    fell = _alone(history, node, fell_together(history, changes, node))
    recent, before = fell[:, -FORTNIGHT:].sum(axis=1), fell[:, :-FORTNIGHT]
    usual = (before.sum(axis=1) + 0.5) / before.shape[1] * FORTNIGHT
    # a fault older than a fortnight is in its own past as well: the quietest fortnight before it is what is usual
    usual = np.minimum(usual, 0.5 + _quietest(before))
    p = special.pdtrc(recent - 1, usual)
    cases = []
    for pon in np.intersect1d(np.flatnonzero((recent > 0) & (p < SURE)), node).tolist():
        rows = np.flatnonzero(node == pon)
        days = np.flatnonzero(fell[pon])
        gaps = np.flatnonzero(np.diff(days) > CLUSTER_DAYS)
        onset = int(days[gaps[-1] + 1] if len(gaps) else days[0])
        figures = {"falls": Figure(float(recent[pon]), "in 14 days")}
        causes = {"coax_plant": 0.85, "unknown": 0.15}
        signs = Signs("pon", shape="step")
        cases.append(Case(f"pon:{history.pon_ids[pon]}", "pon", rows, onset, float(p[pon]), signs, figures, causes))
    return cases


def _quietest(fell: Mask) -> Ints:
    """The fewest falls of each node in any fortnight (nodes,)."""
    if fell.shape[1] < FORTNIGHT:
        return np.asarray(fell.sum(axis=1), dtype=np.int64)
    windows = np.lib.stride_tricks.sliding_window_view(fell, FORTNIGHT, axis=1)
    return np.asarray(windows.sum(axis=2).min(axis=1), dtype=np.int64)


def _alone(history: History, node: Ints, fell: Mask) -> Mask:
    """Falls (nodes, days) less those of days on which several nodes of a device fell, which are the mains'."""
    device = np.full(len(fell), -1, dtype=np.int64)
    device[node[node >= 0]] = history.tree.device[node >= 0]
    out = fell.copy()
    for code in np.unique(device[device >= 0]):
        nodes = np.flatnonzero(device == code)
        out[np.ix_(nodes, np.flatnonzero(fell[nodes].sum(axis=0) > max(1, len(nodes) // 4)))] = False
    return out


def troubled(history: History, rows: Ints, settings: Settings) -> Mask:
    """Days (rows, days) on which a modem's levels lie beyond what it can bear, or codewords are lost in numbers."""
    limits = settings.coverage
    low, high = limits.coax_us_power_dbmv
    out = np.zeros((len(rows), len(history.dates)), dtype=np.bool_)
    beyond = {
        ("ds_power_dbmv", "median"): (-limits.coax_ds_power_dbmv, limits.coax_ds_power_dbmv),
        ("ds_snr_db", "median"): (limits.coax_ds_snr_db, np.inf),
        ("us_power_dbmv", "median"): (low, high),
        ("us_snr_db", "median"): (settings.coax_us_snr_db, np.inf),
        ("cw_uncorrected", "increase"): (-np.inf, settings.coax_lost),
    }
    for key, (least, most) in beyond.items():
        read = history.get(*key)
        if read is not None:
            with np.errstate(invalid="ignore"):
                out |= (read[rows] < least) | (read[rows] > most)
    return out


def figures_now(history: History, rows: Ints) -> dict[str, Figure]:
    """Last week's levels of the modem among `rows` that sends loudest (or hears least); empty without any."""
    now = {
        name: row_medians(np.ascontiguousarray(read[rows, -7:]))
        for name in NOW
        if (read := history.get(name, "median")) is not None
    }
    strain = np.fmax(now.get("us_power_dbmv", np.nan) - 50.0, -now.get("ds_power_dbmv", np.nan))
    strain = np.broadcast_to(np.asarray(strain, dtype=np.float64), rows.shape)
    if not np.isfinite(strain).any():
        return {}
    worst = int(np.nanargmax(strain))
    units = {"ds_power_dbmv": "dBmV", "us_power_dbmv": "dBmV", "reflection_dbc": "dBc"}
    return {
        name: Figure(round(float(v[worst]), 1), units.get(name, "dB"))
        for name, v in now.items()
        if np.isfinite(v[worst])
    }
