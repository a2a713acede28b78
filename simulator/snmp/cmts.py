"""What a CMTS's agent serves: its modems and upstream channels, and what it learns by asking the modems itself."""

from typing import Any

import numpy as np
import numpy.typing as npt

from simulator.hfc.layout import Cmts
from simulator.hfc.part import HfcPart
from simulator.layout import FAR
from simulator.snmp.mib import Rows
from simulator.snmp.snapshot import MINUTE, Clock, Snapshot
from simulator.world import World


class CmtsSnapshot(Snapshot):
    """Of a CMTS. Tables by MAC address hold a row a modem, in the order of the addresses it has when serving begins."""

    tables = "docsis"

    def __init__(self, world: World, part: HfcPart, cmts: Cmts, clock: Clock) -> None:
        super().__init__(world, clock)
        self._part, self._cmts = part, cmts
        self.device, self.area = cmts.id, str(world.layout.areas[cmts.area]["name"])
        nodes, modems = part.layout.nodes, part.layout.modems
        self.port_names = [str(n) for n in nodes.name[cmts.nodes]]
        self._macs = self._mac(int(clock()))
        self._by_mac = np.argsort(self._macs.astype(str), kind="stable")
        self._static = {
            "upstream": nodes.name[modems.node[cmts.lines]].astype(np.int64),
            "index_by_mac": modems.index[cmts.lines][self._by_mac],
        }

    def rows(self) -> dict[str, Rows]:
        channels = Rows([(int(name),) for name in self.port_names])
        macs = [tuple(bytes.fromhex(m)) for m in self._macs[self._by_mac].tolist()]
        modems = self._part.layout.modems.index[self._cmts.lines].tolist()
        return {
            "scalar": Rows([(0,)]), "interface": channels, "channel": channels,
            "modem": Rows([(i,) for i in modems]), "mac": Rows(macs),
        }  # fmt: skip

    def _read(self, second: int) -> dict[str, npt.NDArray[Any]]:
        told = self._part.told(self._cmts, np.array([second], np.int64))
        figures: dict[str, npt.NDArray[Any]] = {name: v[:, 0] for name, v in (told.line | told.counters).items()}
        by_mac = {f"{name}_by_mac": v[self._by_mac] for name, v in figures.items()}
        node = {f"node_{name}": v[:, 0] for name, v in told.node.items()}
        return figures | by_mac | node | {"up": told.up[:, 0].astype(np.int64)}

    def _worked_out(self, name: str) -> npt.NDArray[Any]:
        if name != "mac_octets":
            return super()._worked_out(name)
        return np.array([bytes.fromhex(m) for m in self._mac(self._minute * MINUTE).tolist()], dtype=object)

    def _mac(self, second: int) -> npt.NDArray[np.object_]:
        modems, own = self._part.layout.modems, self._cmts.lines
        at = modems.swapped_at[own]
        unit = ((at != FAR) & (at <= second)).astype(int)
        return np.asarray(modems.mac[unit, np.arange(own.start, own.stop)])
