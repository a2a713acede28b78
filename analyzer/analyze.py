"""analyze: from a history to ranked findings, one cause a finding."""

import os
from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import date

import numpy as np

from analyzer.arrays import Floats, Mask
from analyzer.blocks import blocks
from analyzer.cases import (
    Case,
    Ground,
    glass_signs,
    line_cases,
    line_shifts,
    shift_evidence,
    squeeze_evidence,
    symptoms_of,
)
from analyzer.clusters import gathered
from analyzer.coax import coax_case, coax_sides, drop_shifts, falling_nodes, is_coax
from analyzer.ethernet import downshifts
from analyzer.history import History
from analyzer.levels import excess_loss, weak_from_the_start
from analyzer.losses import down_loss, rebaselined, rebaselines, up_loss
from analyzer.nodes import Shift, common_part, split
from analyzer.outages import cut_cases, outage_cases
from analyzer.ports import PortSign, bias_rises, rogues, tx_falls
from analyzer.ranking import finding_of, ranked
from analyzer.reasons import Signs
from analyzer.settings import Settings
from analyzer.steadiness import NOTHING, Told, steady
from analyzer.symptoms import observe
from analyzer.uptime import own_drops
from analyzer.weather import temperature
from analyzer.works import without_works
from plant.finding import Figure, Finding
from plant.works import Work


def analyze(
    history: History, as_of: date, settings: Settings, works: Sequence[Work] = (), told: Told = NOTHING
) -> list[Finding]:
    """Findings worth a trip as of a day, best first. Nothing dated after `as_of` is looked at, nor days of `works`.

    What was `told` before stays until it is clearly gone.
    """
    return analyze_blocks(blocks(history, settings.block_lines), as_of, settings, works, told=told)


def analyze_blocks(
    histories: Iterable[History],
    as_of: date,
    settings: Settings,
    works: Sequence[Work] = (),
    workers: int | None = None,
    told: Told = NOTHING,
) -> list[Finding]:
    """Findings of blocks that come one after another (analyzer/blocks.py), best first.

    As many blocks as there are `workers` (threads; one a processor by default) are in memory at a time, and one more.
    """
    workers = workers or os.cpu_count() or 1
    found: list[Finding] = []
    with ThreadPoolExecutor(workers) as pool:
        running: deque[Future[list[Finding]]] = deque()
        for block in histories:
            running.append(pool.submit(analyze_block, block, as_of, settings, works, told))
            if len(running) >= workers:
                found += running.popleft().result()
        for left in running:
            found += left.result()
    return ranked(found)


def analyze_block(
    history: History, as_of: date, settings: Settings, works: Sequence[Work] = (), told: Told = NOTHING
) -> list[Finding]:
    """Findings of one block of devices, whose lines are judged together; best first."""
    return judged(without_works(history.until(as_of, settings.window_days), works), as_of, settings, told)


def judged(seen: History, as_of: date, settings: Settings, told: Told = NOTHING) -> list[Finding]:
    """Findings of the lines seen, against the history's backdrop; best first."""
    if not len(seen) or not len(seen.dates):
        return []
    breaks = rebaselines(seen)
    sides = {n: rebaselined(v, breaks, common_part(seen, n, v, settings)) for n, v in sides_of(seen).items()}
    weather = temperature(seen)
    parted = split(seen, sides, weather, settings)
    drops = own_drops(seen, settings)
    degrees = None if weather is None else weather[0][weather[1]]
    symptoms = observe(seen, parted.own, drops, breaks, degrees, settings)
    slower, since, best, low = downshifts(seen)
    ground = Ground(seen, symptoms, drops, slower, since, settings)

    gone = outage_cases(seen) + cut_cases(seen, settings)
    cases = list(gone)
    out = _rows(seen, cases)  # a line without light or power says nothing more
    shared = _shared_cases(seen, parted.shifts, parted.parts.get("down"), out, settings)
    shared += [c for c in falling_nodes(seen) if c.place not in {s.place for s in shared}]
    cases += shared
    covered = _rows(seen, shared) | out
    clusters, singles = gathered(line_shifts(ground, ~out) + drop_shifts(ground, ~out), parted.own, seen, settings)
    for shift in clusters:
        cases.append(_shift_case(shift, "splitter", {}))
    taken = out | _rows(seen, cases[len(gone) + len(shared) :])
    for shift in singles:
        row = int(shift.rows[0])
        case = _shift_case(shift, "line", symptoms_of(ground, row))
        cases.append(replace(case, evidence={**case.evidence, **squeeze_evidence(symptoms, row)}))
        taken[row] = True
    others = line_cases(ground, taken, covered)
    for case in others:
        row = int(case.rows[0])
        if slower[row]:
            case.evidence["speed_before"] = Figure(float(best[row]), "Mb/s")  # type: ignore[index]
            case.evidence["speed_now"] = Figure(float(low[row]), "Mb/s")  # type: ignore[index]
    cases += others
    cases += _weak_cases(seen, taken | covered | _rows(seen, others), settings)
    tests = seen.backdrop.figure("tests", max(len(seen) * max(len(symptoms.p), 1), 1))
    found = [finding_of(case, seen, tests, settings) for case in cases]
    return ranked(steady(found, told, seen, as_of, settings))


def sides_of(history: History) -> dict[str, Floats]:
    glass = {"down": down_loss(history), "up": up_loss(history)}
    return {name: values for name, values in glass.items() if values is not None} | coax_sides(history)


def _rows(history: History, cases: list[Case]) -> Mask:
    out = np.zeros(len(history), dtype=np.bool_)
    for case in cases:
        out[case.rows] = True
    return out


def _shift_case(shift: Shift, level: str, seen: dict[str, bool]) -> Case:
    if is_coax(shift):
        return coax_case(shift, level, seen)
    evidence = shift_evidence(shift)
    return Case(shift.place, level, shift.rows, shift.onset, shift.p, glass_signs(shift, level, seen), evidence)


def _shared_cases(
    history: History, shifts: tuple[Shift, ...], parts: Floats | None, out: Mask, settings: Settings
) -> list[Case]:
    """Faults of PON ports and splitters; what the port's own module says decides between glass and module."""
    falls = {s.pon: s for s in tx_falls(history, parts, settings)}
    ageing = {s.pon: s for s in bias_rises(history, settings)}
    cases, explained = [], set()
    for shift in shifts:
        if shift.level == "splitter":
            cases.append(_shift_case(shift, "splitter", {}))
            continue
        told: dict[str, bool] = {}
        if history.get_pon("pon_tx_dbm", "median") is not None:
            told["olt_tx_fell"] = shift.code in falls
        if history.get_pon("pon_bias_ma", "median") is not None:
            told["olt_bias_up"] = shift.code in ageing
        cases.append(_shift_case(shift, shift.level, told))
        explained.add(shift.code)
    for pon in ((falls.keys() | ageing.keys()) - explained) & set(history.tree.pon.tolist()):
        cases.append(_module_case(history, pon, falls.get(pon), ageing.get(pon)))
        explained.add(pon)
    for sign, rows in rogues(history, settings):
        if sign.pon not in explained and not out[rows].mean() > 0.5:
            figures = {"upstream_errors_rise": Figure(round(sign.rise, 2), "decades")}
            place = f"pon:{history.pon_ids[sign.pon]}"
            causes = {"rogue_ont": 0.85, "unknown": 0.15}
            cases.append(Case(place, "pon", rows, sign.onset, sign.p, Signs("pon"), figures, causes))
    return cases


def _module_case(history: History, pon: int, fall: PortSign | None, ageing: PortSign | None) -> Case:
    lead = fall or ageing
    assert lead is not None  # noqa: S101 - the caller has at least one
    rows = np.flatnonzero(history.tree.pon == pon)
    figures: dict[str, Figure] = {}
    if fall is not None:
        figures["pon_tx_fall"] = Figure(round(fall.rise, 2), "dB")
    if ageing is not None:
        figures["pon_bias_rise"] = Figure(round(100 * float(np.expm1(ageing.rise)), 1), "%")
    causes = {"olt_optics": 0.95 if fall and ageing else 0.85}
    causes["unknown"] = 1 - causes["olt_optics"]
    shape = "ramp" if lead.is_ramp else "step"
    return Case(f"pon:{history.pon_ids[pon]}", "pon", rows, lead.onset, lead.p, Signs("pon", shape=shape), figures,
                causes)  # fmt: skip


def _weak_cases(history: History, taken: Mask, settings: Settings) -> list[Case]:
    excess = excess_loss(history, settings)
    cases = []
    for row in np.flatnonzero(weak_from_the_start(history, excess, settings) & ~taken):
        figures = {
            f"excess_{side}": Figure(round(float(v[row]), 2), "dB") for side, v in excess.items() if np.isfinite(v[row])
        }
        # installed within the window: seen from the first day; else the fault may be older than the history
        new = bool(history.installed[row] >= history.dates[0])
        causes = {"weak_since_install": 0.95 if new else 0.8}
        causes["unknown"] = 1 - causes["weak_since_install"]
        place = f"line:{history.line_ids[row]}"
        cases.append(Case(place, "line", np.array([row]), 0, 1e-4, Signs("line", shape="step"), figures, causes))
    return cases
