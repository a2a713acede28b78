"""What happens to readings although nothing is wrong: makers that tell less, firmware, line cards, cleanings, moves.

Like everything here it is fixed by the seed and a function of time. Shares and sizes: physics.yaml, `rough`.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from simulator.constants import physics
from simulator.layout import FAR, Layout, Olt
from simulator.noise import Floats, Keys
from simulator.telling import OPTICS, Told

DAY = 86400
LIGHT = ("rx_dbm", "olt_rx_dbm")
OTHER_SIDE = "olt_rx_dbm"

Tell = Callable[[Olt, Keys], Told]


class Rough:
    """The roughness of one plant; `told` makes what an OLT tells rough."""

    def __init__(self, layout: Layout, seed: int, start: int, end: int) -> None:
        p = physics()["rough"]
        rng = np.random.default_rng([seed, 77])
        olts, pons, lines = len(layout.olts), len(layout.pons.olt), len(layout.lines.id)
        self._p, self._lines = p, layout.lines

        def between(name: str, n: int) -> npt.NDArray[np.float64]:
            low, high = p[name]
            return np.asarray(rng.uniform(float(low), float(high), n), np.float64)

        def when(n: int, share: float) -> Keys:
            """UTC second from which each of n is hit; far away for those that never are."""
            at = start + between("begin", n) * (end - start)
            return np.asarray(np.where(rng.random(n) < share, at, FAR), np.int64)

        self.hidden = {name: rng.random(olts) < share for name, share in p["hidden"].items()}
        self.daily = rng.random(olts) < p["daily_share"]
        self.unlisted = rng.random(olts) < p["unlisted_share"]
        self.no_serials = rng.random(olts) < p["silent_swap_share"]
        self.coarse_at, self.card_at, self.stale_at = (
            when(olts, p[name]) for name in ("coarse_share", "line_card_share", "stale_share")
        )
        self.card_db = between("line_card_db", olts)
        self.stale_until = self.stale_at + (between("stale_days", olts) * DAY).astype(np.int64)
        self.stale_line = rng.random(lines) < p["stale_lines"]
        self.cleaned_at, self.cleaned_db = when(pons, p["cleaned_share"]), between("cleaned_db", pons)
        self.eased_at, self.eased_db = when(lines, p["eased_share"]), between("eased_db", lines)
        self.moved_at, self.moved_db = when(lines, p["moved_share"]), between("moved_db", lines)
        self.moved_m = between("moved_m", lines)

    def told(self, told: Told, tell: Tell) -> Told:
        """The same, rough. `tell` says what an OLT tells at other times, before any roughness."""
        olt, times = told.olt, told.times
        line = {name: values.copy() for name, values in told.line.items()}
        self._frozen(line, olt, times, tell)
        at = olt.lines
        pon = self._lines.pon[at]
        better = _since(self.cleaned_at[pon], times) * self.cleaned_db[pon][:, None]
        better = better + _since(self.eased_at[at], times) * self.eased_db[at][:, None]
        moved = _since(self.moved_at[at], times)
        better = better + moved * self.moved_db[at][:, None]
        for name in LIGHT:
            line[name] = (line[name] + better).astype(np.float32)
        line["distance_m"] = (line["distance_m"] + moved * self.moved_m[at][:, None]).astype(np.float32)
        i = olt.index
        line[OTHER_SIDE] += np.where(times >= self.card_at[i], np.float32(self.card_db[i]), np.float32(0))[None, :]
        if times[-1] >= self.coarse_at[i]:
            step = np.float32(self._p["coarse_db"])
            for name in (*LIGHT, "tx_dbm"):
                coarse = np.round(line[name] / step) * step
                line[name] = np.where(times[None, :] >= self.coarse_at[i], coarse, line[name])
        for name, olts in self.hidden.items():
            if olts[i]:
                line[name][:] = np.nan
        if self.daily[i]:
            later = np.zeros(len(times), bool)
            later[1:] = times[1:] // DAY == times[:-1] // DAY
            for name in (*OPTICS, OTHER_SIDE):
                line[name][:, later] = np.nan
        return replace(told, line=line)

    def _frozen(self, line: dict[str, Floats], olt: Olt, times: Keys, tell: Tell) -> None:
        at, until = int(self.stale_at[olt.index]), int(self.stale_until[olt.index])
        within = (times >= at) & (times < until)
        if not within.any():
            return
        then = tell(olt, np.array([at], np.int64)).line
        rows = np.flatnonzero(self.stale_line[olt.lines])
        for name in (*OPTICS, OTHER_SIDE):
            read = np.isfinite(line[name][np.ix_(rows, within)])
            line[name][np.ix_(rows, within)] = np.where(read, then[name][rows], np.float32(np.nan))


def _since(at: Keys, times: Keys) -> npt.NDArray[np.bool_]:
    """Whether each time (rows, times) lies at or after its row's moment (rows,)."""
    return np.asarray(times[None, :] >= at[:, None])
