"""Lines that move together where no node of the inventory explains it: a closure, or a splitter nobody wrote down."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from analyzer.arrays import Floats
from analyzer.change import LEAST_READINGS, rise_at
from analyzer.history import History
from analyzer.nodes import Shift
from analyzer.polish import group_medians
from analyzer.settings import Settings

FOLLOWS = 0.75  # correlation over the history from which a line is taken to share a cluster's cause


def gathered(
    shifts: list[Shift], own: Mapping[str, Floats], history: History, settings: Settings
) -> tuple[list[Shift], list[Shift]]:
    """Single shifts made one where they share a PON, an onset and a size; (clusters, the rest).

    Lines that follow a cluster's course without having been found alone join it (`own`: losses by side, lines × days).
    A cluster is placed at the lowest node of the inventory that holds all of its lines.
    """
    by_pon: dict[int, list[Shift]] = {}
    for shift in shifts:
        by_pon.setdefault(int(history.tree.pon[shift.code]), []).append(shift)
    clusters: list[Shift] = []
    rest: list[Shift] = list(by_pon.pop(-1, []))
    for group in by_pon.values():
        left = sorted(group, key=lambda s: s.onset)
        while left:
            together = _with_most(left, settings)
            node = _node(together, history, settings)
            if node is None:
                rest += together
            else:
                cluster = _joined(_one(together, *node), own, history)
                clusters.append(cluster)
                together += [s for s in left if s.code in cluster.rows]
            chosen = {s.code for s in together}
            left = [s for s in left if s.code not in chosen]
    return clusters, rest


def _joined(cluster: Shift, own: Mapping[str, Floats], history: History) -> Shift:
    """The cluster with the other lines of its PON that rise with it and vary as it does."""
    side = next((s for s in own if s in cluster.sides), None)
    if side is None:
        return cluster
    candidates = np.flatnonzero(history.tree.pon == history.tree.pon[cluster.rows[0]])
    values = own[side][candidates]
    course = group_medians(own[side][cluster.rows], np.zeros(len(cluster.rows), dtype=np.int64), 1, 1)[0]
    follows = np.array([_correlation(line, course) > FOLLOWS for line in values])
    rise, se = rise_at(values, np.full(len(candidates), cluster.onset))
    joins = follows & (rise > 0.3 * cluster.sides[side][0]) & (rise > se)
    return replace(cluster, rows=np.union1d(cluster.rows, candidates[joins]))


def _correlation(one: Floats, other: Floats) -> float:
    both = np.isfinite(one) & np.isfinite(other)
    if both.sum() < LEAST_READINGS or np.ptp(one[both]) == 0 or np.ptp(other[both]) == 0:
        return 0.0
    return float(np.corrcoef(one[both], other[both])[0, 1])


def _with_most(shifts: list[Shift], settings: Settings) -> list[Shift]:
    best: list[Shift] = []
    for seed in shifts:
        size = _size(seed)
        near = [s for s in shifts if abs(s.onset - seed.onset) <= settings.concordant_days and _alike(_size(s), size)]
        if len(near) > len(best):
            best = near
    return best


def _alike(one: float, other: float) -> bool:
    return 0.4 * other <= one <= 2.5 * other


def _size(shift: Shift) -> float:
    return max((v for v, _ in shift.sides.values() if np.isfinite(v)), default=0.0)


def _node(shifts: list[Shift], history: History, settings: Settings) -> tuple[str, int] | None:
    """The place of a cluster and how many lines hang there; None where so few may well be chance."""
    rows = np.array([s.code for s in shifts])
    tree = history.tree
    for codes, names in ((tree.splitter2, tree.splitters2), (tree.splitter1, tree.splitters1)):
        if codes[rows[0]] >= 0 and (codes[rows] == codes[rows[0]]).all():
            members = int((codes == codes[rows[0]]).sum())
            if len(rows) >= settings.node_lines or (len(rows) == 2 and members <= 4):
                return f"splitter:{names[codes[rows[0]]]}", members
            return None
    # what a coax node's modems share beyond a tap and an amplifier, most of them share: that was looked for before
    if len(rows) < settings.node_lines or history.technology[rows[0]] == "coax":
        return None
    pon = int(tree.pon[rows[0]])
    return f"pon:{history.pon_ids[pon]}", int((tree.pon == pon).sum())


def _one(shifts: list[Shift], place: str, members: int) -> Shift:
    lead = max(shifts, key=lambda s: s.z)
    sides = {}
    for side in lead.sides:
        values = [s.sides[side] for s in shifts if np.isfinite(s.sides[side][0])]
        if values:
            se = float(np.median([e for _, e in values])) / np.sqrt(len(values))
            sides[side] = (float(np.median([v for v, _ in values])), se)
    return Shift(
        level="splitter",
        code=-1,
        place=place,
        rows=np.sort(np.array([s.code for s in shifts])),
        members=members,
        onset=int(np.median([s.onset for s in shifts])),
        z=lead.z,
        p=min(s.p for s in shifts),
        is_ramp=lead.is_ramp,
        sides=sides,
        series=lead.series,
        sigma=lead.sigma,
        across=lead.across / np.sqrt(len(shifts)),
    )
