"""Common-cause search: a shift is explained at the highest node of the tree whose lines move together.

From the PON down to the second splitter, each node's series is the median of its lines after what stands above it. A
node whose series rises, and most of whose lines rise with it, is one fault; its part leaves the lines below. A node
whose series rises while many of its lines stay is not at fault: its common part is taken again from those that stay.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from analyzer.arrays import Floats, Ints, Mask, Names, Reals
from analyzer.change import Changes, rise_at, scan
from analyzer.history import History
from analyzer.polish import centred, group_medians, row_medians, spread_out
from analyzer.settings import Settings
from analyzer.significance import change_p, discoveries
from analyzer.weather import without_weather

Level = Literal["line", "splitter", "pon"]
Splitter = Literal["splitter1", "splitter2"]
LEAST_NODE_SE = 1e-6


@dataclass(frozen=True)
class Shift:
    """A rise at a place: `onset` is a day index; `down`/`up` (dB) and their standard errors NaN where not read."""

    level: Level
    code: int  # row of the PON, splitter or line
    place: str
    rows: Ints  # lines it hits
    members: int  # lines below the place that have readings
    onset: int
    z: float
    p: float
    is_ramp: bool
    sides: Mapping[str, tuple[float, float]]  # side → (shift, standard error)
    series: Floats  # (days,) of the leading side
    sigma: float
    across: float = np.nan  # standard error (dB) across the direction in which both sides rise together


@dataclass(frozen=True)
class Split:
    """Own parts of the lines by side (lines, days), what was left to the nodes, and the shifts found at nodes."""

    own: Mapping[str, Floats]
    parts: Mapping[str, Floats]  # side → PON parts (PON ports, days)
    shifts: tuple[Shift, ...]


def split(
    history: History, sides: Mapping[str, Floats], degrees: tuple[Floats, Ints] | None, settings: Settings
) -> Split:
    """Take the common parts out of every side (lines, days; relative or not) and find the faults among them."""
    tree = history.tree
    left = {side: centred(values) for side, values in sides.items()}
    history.backdrop.note("sides", dict(left))
    for side, values in left.items():
        olts = history.backdrop.settled("device", side, olt_parts(history, values, settings))
        left[side] = values - spread_out(olts, tree.device)
    parts = {
        side: history.backdrop.settled(
            "pon", side, group_medians(values, tree.pon, len(history.pon_ids), settings.common_lines)
        )
        for side, values in left.items()
    }
    shifts, refused = _search(history, "pon", tree.pon, history.pon_ids, left, parts, degrees, settings)
    for side, values in left.items():
        parts[side] = _of_those_that_stay(parts[side], values, tree.pon, refused.get(side, {}), settings)
        left[side] = values - spread_out(parts[side], tree.pon)
        for shift in shifts:
            part = parts[side][shift.code]
            # the part itself is gone already: what is left is the line's own proportion less one
            left[side][shift.rows] = values[shift.rows] - in_proportion(values[shift.rows], part, shift.onset)
    whole = single_legs(history)
    for level, listed, names in legs_of(history):
        if not len(names):
            continue
        codes = np.where(whole, -1, listed)
        legs = {
            side: history.backdrop.settled(level, side, group_medians(values, codes, len(names), 2))
            for side, values in left.items()
        }
        found, _ = _search(history, "splitter", codes, names, left, legs, degrees, settings)
        for side, values in left.items():
            for shift in found:
                values[shift.rows] -= in_proportion(values[shift.rows], legs[side][shift.code], shift.onset)
        shifts += found
    return Split(left, parts, tuple(shifts))


def legs_of(history: History) -> tuple[tuple[Splitter, Ints, Names], ...]:
    """First and second splitters: their level, the code of each line's, and their names."""
    tree = history.tree
    return ("splitter1", tree.splitter1, tree.splitters1), ("splitter2", tree.splitter2, tree.splitters2)


def common_part(history: History, side: str, values: Floats, settings: Settings) -> Floats:
    """What the lines of each line's PON did, day by day (lines, days); zero where too few tell."""
    tree = history.tree
    parts = group_medians(centred(values), tree.pon, len(history.pon_ids), settings.common_lines)
    return spread_out(history.backdrop.settled("pon", f"common {side}", parts), tree.pon)


def in_proportion(values: Floats, part: Floats, onset: int) -> Floats:
    """The part of a node's series (days,) that each of its lines (lines, days) takes, 0 to 3 times.

    Water reaches one closure more than the next: what a line takes more or less than the median is no second fault.
    """
    before = part[:onset][np.isfinite(part[:onset])]
    swing = part - (np.median(before) if len(before) else 0.0)
    own = values - np.nan_to_num(row_medians(values[:, :onset]) if onset else row_medians(values))[:, None]
    both = np.isfinite(own) & np.isfinite(swing)[None, :]
    x = np.where(both, swing[None, :], 0.0)
    square = (x * x).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        times = np.where(square > 0, (x * np.where(both, own, 0.0)).sum(axis=1) / square, 1.0)
    return np.asarray(np.nan_to_num(np.clip(times, 0, 3)[:, None] * swing[None, :]), dtype=np.float32)


def olt_parts(history: History, values: Floats, settings: Settings) -> Floats:
    """What all PONs of an OLT share (devices, days): its own calibration, and the weather."""
    tree = history.tree
    parts = group_medians(values, tree.pon, len(history.pon_ids), settings.common_lines)
    device = np.full(len(history.pon_ids), -1, dtype=np.int64)
    device[tree.pon[tree.pon >= 0]] = tree.device[tree.pon >= 0]
    return group_medians(parts, device, len(tree.devices), settings.common_pons)


def single_legs(history: History) -> Mask:
    """Lines of PONs whose lines all hang on one first splitter: there the PON is the higher place (lines,)."""
    tree = history.tree
    legs: dict[int, set[int]] = {}
    for pon, leg in set(zip(tree.pon.tolist(), tree.splitter1.tolist(), strict=True)):
        legs.setdefault(pon, set()).add(leg)
    single = np.array([p for p, found in legs.items() if len(found) == 1], dtype=np.int64)
    # a single first splitter may still hold second ones, which are legs of their own
    return np.isin(tree.pon, single) & (tree.splitter2 < 0)


def _search(
    history: History,
    level: Level,
    codes: Ints,
    names: Ints | np.ndarray[tuple[int], np.dtype[np.object_]],
    left: Mapping[str, Floats],
    parts: Mapping[str, Floats],
    degrees: tuple[Floats, Ints] | None,
    settings: Settings,
) -> tuple[list[Shift], dict[str, dict[int, Ints]]]:
    """Shifts at the nodes of one level; and by side, nodes refused with the lines of theirs that did move."""
    changes: dict[str, Changes] = {}
    ps: list[Reals] = []
    clean: dict[str, Floats] = {}
    for side, values in parts.items():
        clean[side] = values if degrees is None else without_weather(values, degrees[0][-1:])[0]
        changes[side] = scan(clean[side], settings.families[side].floor)
        ps.append(change_p(changes[side]))
    if not ps:
        return [], {}
    believed = discoveries(np.stack(ps), settings.false_discovery_rate)
    found: list[Shift] = []
    refused: dict[str, dict[int, Ints]] = {side: {} for side in parts}
    for code in np.flatnonzero(believed.any(axis=0)).tolist():
        best = _leading(code, changes, believed, settings)
        if best is None:
            continue
        side, p = best, float(ps[list(parts).index(best)][code])
        change = changes[side]
        rows = np.flatnonzero(codes == code)
        onset = np.full(len(rows), change.onset[code])
        rise, se = rise_at(left[side][rows], onset)
        read = np.isfinite(rise)
        recent = change.recent[code]
        moved = read & (rise > 0.5 * recent) & (rise < 2.5 * recent + 2 * np.nan_to_num(se))
        share = moved.sum() / max(read.sum(), 1)
        least = min(settings.node_lines, max(2, int(read.sum()))) if level == "splitter" else settings.node_lines
        if share < settings.node_share or moved.sum() < least:
            refused[side][int(code)] = rows[read & (rise > 0.3 * recent)]
            continue
        kind = "pon" if level == "pon" else "splitter"
        sides = {s: _both(clean[s][code], int(change.onset[code])) for s in parts}
        found.append(
            Shift(
                level=level,
                code=int(code),
                place=f"{kind}:{names[code]}",
                rows=rows,
                members=int(read.sum()),
                onset=int(change.onset[code]),
                z=float(change.z[code]),
                p=p,
                is_ramp=bool(change.is_ramp[code]),
                sides=sides,
                series=clean[side][code],
                sigma=float(change.sigma[code]),
                across=across({s: clean[s][code] for s in parts}, sides, int(change.onset[code])),
            )
        )
    return found, refused


def _leading(code: int, changes: Mapping[str, Changes], believed: Mask, settings: Settings) -> str | None:
    """The side that shows a node's rise best, of those where it is believed, material and still there."""
    best: str | None = None
    for i, (side, change) in enumerate(changes.items()):
        enough = settings.families[side].node_material
        if not believed[i, code] or change.shift[code] < enough:
            continue
        if change.recent[code] < max(enough * 0.8, settings.still_there * change.shift[code]):
            continue
        if best is None or change.z[code] > changes[best].z[code]:
            best = side
    return best


def across(series: Mapping[str, Floats], sides: Mapping[str, tuple[float, float]], onset: int) -> float:
    """Standard error of what the two directions (days,) of a rise do not share, dB; NaN where one is not read.

    What a fault does from day to day (rain, cold, a growth) it does both ways: it blurs each shift, not their ratio.
    """
    if not {"down", "up"} <= series.keys() & sides.keys():
        return np.nan
    turned = float(np.arctan2(sides["up"][0], sides["down"][0]))
    apart = np.cos(turned) * series["up"] - np.sin(turned) * series["down"]
    return float(rise_at(np.asarray(apart, dtype=np.float32)[None, :], np.array([onset]))[1][0])


def _both(series: Floats, onset: int) -> tuple[float, float]:
    rise, se = rise_at(series[None, :], np.array([onset]))
    return float(rise[0]), float(max(se[0], LEAST_NODE_SE))


def _of_those_that_stay(
    parts: Floats, values: Floats, codes: Ints, refused: Mapping[int, Ints], settings: Settings
) -> Floats:
    """Parts of refused nodes, taken again from the lines that did not move, where there are enough."""
    for code, moved in refused.items():
        stay = np.setdiff1d(np.flatnonzero(codes == code), moved)
        if len(stay) >= settings.node_lines:
            again = group_medians(values[stay], np.zeros(len(stay), dtype=np.int64), 1, 2)[0]
            parts[code] = np.where(np.isfinite(again), again, parts[code])
    return parts
