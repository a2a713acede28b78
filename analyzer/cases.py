"""Cases: what is seen at one place, gathered from every detector before a cause is named."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from analyzer.arrays import Floats, Ints, Mask, Reals
from analyzer.change import rise_at
from analyzer.history import History
from analyzer.nodes import Shift, across
from analyzer.reasons import Signs
from analyzer.settings import Settings
from analyzer.shapes import is_young, looks_swapped, shape_of, tells_unit
from analyzer.symptoms import COUNTED, SQUEEZE, Symptoms
from analyzer.uptime import POWER_WORDS, SIGNAL_WORDS, drop_share, habitual
from plant.finding import Figure

PRIMARY = (
    "down",
    "up",
    "bias",
    "tx",
    "drops",
    "spread",
    "sag",
    "lost",
    "bip",
)  # which detections make a case by themselves
GLASS = ("down", "up")
COAX = ("coax_level", "coax_ds", "coax_us", "coax_noise")


@dataclass(frozen=True)
class Case:
    """`place` as `kind:id`; `rows` the lines it hits; `p` of its strongest detection; `level` of the plant tree."""

    place: str
    level: str
    rows: Ints
    onset: int
    p: float
    signs: Signs
    evidence: Mapping[str, Figure]
    causes: Mapping[str, float] = field(default_factory=dict)  # given where they do not follow from the signs


@dataclass(frozen=True)
class Ground:
    """What the line cases are read from, besides the symptoms."""

    history: History
    symptoms: Symptoms
    drops: Floats | None
    slower: Mask
    slower_since: Ints
    settings: Settings


def line_shifts(ground: Ground, free: Mask) -> list[Shift]:
    """Rises of the own loss of single lines, swaps nobody reported left out."""
    found: dict[int, Shift] = {}
    sides = [s for s in GLASS if s in ground.symptoms.believed]
    for side in sides:
        change = ground.symptoms.changes[side]
        for row in np.flatnonzero(ground.symptoms.believed[side] & free).tolist():
            if row in found and found[row].z >= change.z[row]:
                continue
            onset = int(change.onset[row])
            measured = {s: both_sides(ground.symptoms.series[s][row], onset) for s in sides}
            # one figure is enough where the other direction, or the unit's Tx or bias, is not read
            both_ways = sum(np.isfinite(rise) for rise, _ in measured.values()) > 1
            least = 2 if both_ways and tells_unit(ground.history, row) else 1
            if not change.is_ramp[row] and looks_swapped(ground.history, row, onset, least):
                continue
            if not clear(measured[side], ground.settings.families[side].material):
                continue
            # upstream alone, and slowly, falls the light of a laser whose maker tells no transmit power
            ramp = bool(change.is_ramp[row])
            if one_sided(measured, side, ramp) and not (side == "up" and ramp):
                continue
            found[row] = Shift(
                level="line",
                code=int(row),
                place=f"line:{ground.history.line_ids[row]}",
                rows=np.array([row]),
                members=1,
                onset=onset,
                z=float(change.z[row]),
                p=float(ground.symptoms.p[side][row]),
                is_ramp=bool(change.is_ramp[row]),
                sides=measured,
                series=ground.symptoms.series[side][row],
                sigma=float(change.sigma[row]),
                across=across({s: ground.symptoms.series[s][row] for s in sides}, measured, onset),
            )
    return list(found.values())


def both_sides(series: Floats, onset: int) -> tuple[float, float]:
    rise, se = rise_at(series[None, :], np.array([onset]))
    return float(rise[0]), float(se[0])


def clear(measured: tuple[float, float], material: float) -> bool:
    """Whether plain medians before and after bear a fitted rise out: (rise, standard error)."""
    rise, se = measured
    return bool(rise >= 0.6 * material and rise > 2 * se)


def one_sided(measured: Mapping[str, tuple[float, float]], side: str, is_ramp: bool) -> bool:
    """Whether the other direction stayed: no bend is so sharp, so an end was exchanged or its meter jumped.

    Bending loss at 1310 nm is at least a quarter of that at 1490 (practice: 1.5 to 4 times less). Units are exchanged
    in a moment: of a step the other side must show its part, of a growth it is enough that it may.
    """
    rise, se = measured.get("up" if side == "down" else "down", (np.nan, np.nan))
    return bool(rise + (se if is_ramp else 0.0) < 0.2 * measured[side][0])


def glass_signs(shift: Shift, level: str, seen: Mapping[str, bool]) -> Signs:
    """Signs of a rise of the loss, with what else was seen."""
    sides = {s: v for s, v in shift.sides.items() if s in GLASS and np.isfinite(v[0])}
    return Signs(
        level=level,
        down=sides.get("down"),
        up=sides.get("up"),
        across=shift.across,
        shape=shape_of(shift.series, shift.onset, shift.is_ramp, shift.sigma),
        young=is_young(shift.series, shift.onset),
        seen={"moved": True, **seen},
    )


def shift_evidence(shift: Shift) -> dict[str, Figure]:
    out = {
        f"{side}_shift": Figure(round(value, 2), "dB")
        for side, (value, _) in shift.sides.items()
        if side in GLASS and np.isfinite(value)
    }
    out["noise"] = Figure(round(shift.sigma, 3), "dB")
    out["shape"] = Figure(shape_of(shift.series, shift.onset, shift.is_ramp, shift.sigma))
    return out


def line_level(history: History, row: int) -> str:
    """The level of the causes a single line can have (analyzer/causes.yaml)."""
    return "coax" if history.technology[row] == "coax" else "line"


def symptoms_of(ground: Ground, row: int) -> dict[str, bool]:
    """Symptom → seen, of those that could be measured on this line."""
    s = ground.symptoms
    seen: dict[str, bool] = {}

    def told(name: str, *families: str) -> None:
        measured = [f for f in families if f in s.changes and s.changes[f].readings[row] >= ground.settings.least_days]
        if measured:
            seen[name] = any(bool(s.believed[f][row]) for f in measured)

    told("moved", *GLASS, *COAX)
    told("spreading", "spread")
    told("bias_up", "bias")
    told("tx_falls", "tx")
    told("sagging", "sag")
    told("errors", *(f for f in ("lost", "bip", "fec")))
    if s.coupling:
        seen["coupled"] = bool(s.coupled[row])
    if ground.history.get("eth_speed_mbps", "median") is not None:
        seen["slower"] = bool(ground.slower[row])
    if "drops" in s.changes:
        falling = bool(s.believed["drops"][row])
        kinds = _drop_kinds(ground, row) if falling else (False, False)
        seen["drops_power"], seen["drops_signal"] = kinds
        if falling and not any(kinds):  # nobody told why: neither symptom speaks
            del seen["drops_power"], seen["drops_signal"]
    return seen


def _drop_kinds(ground: Ground, row: int) -> tuple[bool, bool]:
    days = ground.settings.recent_days
    power = drop_share(ground.history, POWER_WORDS, days)[row]
    signal = drop_share(ground.history, SIGNAL_WORDS, days)[row]
    return bool(power > 0.5), bool(signal > 0.5)


def line_cases(ground: Ground, taken: Mask, covered: Mask) -> list[Case]:
    """Cases of single lines without a rise of their loss.

    `taken` lines have a case of their own already; lines under a node's case (`covered`) get none for symptoms that
    the node explains.
    """
    s, history = ground.symptoms, ground.history
    cases: list[Case] = []
    best: dict[int, tuple[float, str]] = {}
    for family in PRIMARY[2:]:
        if family not in s.believed:
            continue
        rows = s.believed[family] & ~taken
        if family not in ("bias", "tx", "sag"):
            rows &= ~covered
        rows &= _worth(ground, family)
        for row in np.flatnonzero(rows).tolist():
            p = float(s.p[family][row])
            if row not in best or p < best[row][0]:
                best[row] = (p, family)
    for row, (p, family) in best.items():
        change = s.changes[family]
        onset = int(change.onset[row])
        shape = shape_of(s.series[family][row], onset, bool(change.is_ramp[row]), float(change.sigma[row]))
        signs = Signs(level=line_level(history, row), shape=shape, seen=symptoms_of(ground, row))
        place = f"line:{history.line_ids[row]}"
        cases.append(Case(place, "line", np.array([row]), onset, p, signs, dict([_figure(ground, family, row)])))
    for row in np.flatnonzero(s.believed.get(SQUEEZE, taken & False) & ~taken & ~covered).tolist():
        if row not in best and s.squeeze is not None:
            best[row] = (float(s.p[SQUEEZE][row]), SQUEEZE)
            signs = Signs(level=line_level(history, row), shape="episodes", seen=symptoms_of(ground, row))
            onset, figures = int(s.squeeze.onset[row]), squeeze_evidence(s, row)
            place = f"line:{history.line_ids[row]}"
            cases.append(Case(place, "line", np.array([row]), onset, best[row][0], signs, figures))
    for row in np.flatnonzero(ground.slower & ~taken & ~np.isin(np.arange(len(history)), list(best))).tolist():
        signs = Signs(level=line_level(history, row), shape="step", seen=symptoms_of(ground, row))
        place = f"line:{history.line_ids[row]}"
        cases.append(Case(place, "line", np.array([row]), int(ground.slower_since[row]), 1e-4, signs, {}))
    return cases


def squeeze_evidence(symptoms: Symptoms, row: int) -> dict[str, Figure]:
    """How a line follows the temperature, where it began to."""
    if symptoms.squeeze is None or not symptoms.believed[SQUEEZE][row]:
        return {}
    return {
        "temperature_swing": Figure(round(float(symptoms.squeeze.swing[row]), 2), "dB"),
        "temperature_slope": Figure(round(float(symptoms.squeeze.slope[row]), 3), "dB/°C"),
    }


def _figure(ground: Ground, family: str, row: int) -> tuple[str, Figure]:
    """What a technician can check of a family's rise."""
    rise = float(ground.symptoms.changes[family].shift[row])
    if family == "bias":
        return "bias_rise", Figure(round(100 * float(np.expm1(rise)), 1), "%")
    if family == "drops" and ground.drops is not None:
        recent = ground.drops[row, -ground.settings.recent_days :]
        return "drops", Figure(round(float(np.nanmean(recent)), 2), "a day")
    if family in COUNTED:
        level = 10 ** float(_recent_level(ground.symptoms.series[family][[row]])[0]) - 1
        return COUNTED[family], Figure(round(level), "a day")
    names = {"tx": ("tx_fall", "dB"), "sag": ("voltage_fall", "V"), "spread": ("daily_swing_rise", "dB")}
    name, unit = names[family]
    return name, Figure(round(rise, 2), unit)


def _worth(ground: Ground, family: str) -> Mask:
    """Lines where the rise of a family is a trouble and no habit, no lone burst and no new laser (lines,)."""
    s, settings = ground.symptoms, ground.settings
    change = s.changes[family]
    if family in settings.errors_least:
        loud = _recent_level(s.series[family]) >= np.log10(1 + settings.errors_least[family])
        return np.asarray(_persistent(s.series[family], change.onset) & loud)
    if family == "drops" and ground.drops is not None:
        recent = ground.drops[:, -settings.recent_days :]
        read = np.isfinite(recent).sum(axis=1)
        often = np.nansum(recent, axis=1) >= settings.drops_least * np.maximum(read, 1)
        some = np.nansum(recent > 0, axis=1) >= 4
        # a habit that pauses for a holiday begins again and is still one
        usual = habitual(ground.drops, change.onset) | habitual(ground.drops, np.zeros_like(change.onset))
        return np.asarray(often & some & ~usual)
    if family in ("bias", "tx"):  # ageing creeps; a jump is another ONT or another firmware
        return np.asarray(change.is_ramp)
    return np.ones(len(change.z), dtype=np.bool_)


def _persistent(series: Floats, onset: Ints) -> Mask:
    """Most days since the onset lie above nine in ten of the days before it (lines,)."""
    since = np.arange(series.shape[1])[None, :] >= onset[:, None]
    read = np.isfinite(series)
    before = np.where(read & ~since, series, -np.inf)
    n = (read & ~since).sum(axis=1)
    ordered = np.sort(before, axis=1)
    at = series.shape[1] - np.maximum(np.ceil(0.1 * n).astype(np.int64), 1)
    usual = np.where(n > 0, ordered[np.arange(len(series)), at], -np.inf)
    after = read & since
    above = after & (series > usual[:, None])
    return np.asarray((above.sum(axis=1) >= 0.7 * np.maximum(after.sum(axis=1), 1)) & (above.sum(axis=1) >= 4))


def _recent_level(series: Floats) -> Reals:
    recent = np.isfinite(series[:, -7:])
    total = np.where(recent, series[:, -7:], 0).sum(axis=1)
    return np.asarray(total / np.maximum(recent.sum(axis=1), 1))
