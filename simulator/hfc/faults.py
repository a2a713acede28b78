"""Seeding coax faults: what breaks, where, since when and how badly. Fixed by the seed and the plant's span."""

import numpy as np

from plant.finding import Cause
from simulator.constants import hfc, physics
from simulator.faults import FaultsDoNotFitError, leak
from simulator.hfc.layout import HfcLayout
from simulator.laws import Fault
from simulator.layout import FAR, I64
from simulator.weather import DAY, Weather

FEWEST_BEHIND = 4  # modems of a place that is to have a fault of its own
CAUSES: dict[str, Cause] = {"line": "coax_drop", "tap": "coax_plant", "amplifier": "coax_plant", "node": "coax_plant"}
# A drop's figure that grows until its customer feels it, and what is felt then: a level beyond which modems struggle.
_HURTS = {"drop_connector": ("up_db", 52.0), "drop_damage": ("down_db", -12.0)}


class _Ground:
    """What of the coax part is still without a fault: a node has one shared fault, or single ones."""

    def __init__(self, layout: HfcLayout, rng: np.random.Generator) -> None:
        self._layout = layout
        self.rng = rng
        self._open = (layout.modems.swapped_at == FAR) & ~layout.modems.night
        self._open_nodes = np.ones(len(layout.nodes.cmts), bool)
        self._single_nodes = np.zeros(len(layout.nodes.cmts), bool)

    def place(self, at: str) -> tuple[str, I64, int | None]:
        """(place, modem rows, node of a shared fault). FaultsDoNotFitError where none is left."""
        modems = self._layout.modems
        if at == "line":
            rows = np.flatnonzero(self._open & self._open_nodes[modems.node])
            row = self._chosen(rows)
            self._open[row] = False
            self._single_nodes[modems.node[row]] = True
            return f"line:{modems.id[row]}", np.array([row]), None
        free = self._open_nodes & ~self._single_nodes
        node = self._chosen(np.flatnonzero(free))
        self._open_nodes[node] = False
        rows = np.arange(*self._layout.nodes.lines[node])
        name = self._layout.node_place(node)
        if at == "node":
            return f"pon:{name}", rows, node
        branch = modems.amplifier[rows] * 1000 + (modems.tap[rows] if at == "tap" else 0)
        codes, counts = np.unique(branch, return_counts=True)
        rows = rows[branch == self.rng.choice(codes[counts >= min(FEWEST_BEHIND, counts.max())])]
        amplifier, tap = self._layout.branch(int(rows[0]))
        return f"splitter:{name}/{amplifier}" + (f"/{tap}" if at == "tap" else ""), rows, None

    def _chosen(self, rows: I64) -> int:
        if not len(rows):
            raise FaultsDoNotFitError("no place is left for another coax fault; ask for fewer or for more modems")
        return int(self.rng.choice(rows))


def seed_faults(
    layout: HfcLayout, weather: Weather, seed: int, count: int, start: int, end: int, *, growing: bool
) -> tuple[Fault, ...]:
    """`count` faults dealt in order again and again; where no node is free for a shared one, a drop takes its turn."""
    order, said = hfc()["order"], hfc()["faults"]
    ground = _Ground(layout, np.random.default_rng([seed, 22]))
    kinds = sorted((order[i % len(order)] for i in range(count)), key=lambda k: said[k]["at"] == "line")
    shared_left = len(layout.nodes.cmts) // 2
    faults: list[Fault] = []
    for kind in kinds:
        dealt = kind
        if said[kind]["at"] != "line":
            shared_left -= 1
            if shared_left < 0:
                dealt = ("drop_connector", "drop_damage")[len(faults) % 2]
        faults.append(_fault(ground, layout, weather, dealt, start, end, growing))
    return tuple(faults)


def _fault(
    ground: _Ground, layout: HfcLayout, weather: Weather, kind: str, start: int, end: int, growing: bool
) -> Fault:
    rng = ground.rng
    ranges = dict(hfc()["faults"][kind])
    at, shapes = ranges.pop("at"), ranges.pop("shapes")
    shape = str(shapes[int(rng.integers(len(shapes)))])
    figures = {name: float(rng.uniform(low, high)) for name, (low, high) in ranges.items()}
    place, rows, node = ground.place(at)
    share = rng.uniform(0.17, 0.4) if shape == "step" else rng.uniform(0.4, 0.62)
    onset = int(end - share * (end - start))
    if shape in ("ramp", "stairs"):
        figures["grow_s"] = float(end - onset)
    if growing:
        p = physics()["growing"]
        onset = int(end - rng.uniform(*p["begin"]) * (end - start))
        if kind in _HURTS and rng.random() < p["hurting_share"]:
            shape = "ramp"
            figures |= _until_it_hurts(layout, kind, int(rows[0]), figures, rng.uniform(*p["beyond_db"]))
        if shape in ("ramp", "stairs"):
            figures["grow_s"] = rng.uniform(*p["days"]) * DAY
    if shape == "rain":
        onset, more = leak(weather, figures, start, end, rng.uniform(0.15, 0.7) if growing else rng.uniform(0.25, 0.55))
        figures |= more
    return Fault(CAUSES[at], place, rows, onset, shape, figures, node, kind=kind)


def _until_it_hurts(
    layout: HfcLayout, kind: str, row: int, figures: dict[str, float], beyond_db: float
) -> dict[str, float]:
    name, limit = _HURTS[kind]
    modems = layout.modems
    far = limit - modems.up_dbmv[row] if name == "up_db" else modems.down_dbmv[row] - limit
    return {name: max(figures[name], float(far) + beyond_db)}
