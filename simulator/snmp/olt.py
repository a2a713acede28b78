"""What an OLT's agent serves: GPON and EPON tables of both families."""

from typing import Any

import numpy as np
import numpy.typing as npt

from simulator.constants import physics
from simulator.layout import FAR, Family, Olt
from simulator.snmp.mib import Rows
from simulator.snmp.snapshot import MINUTE, Clock, Snapshot
from simulator.telling import OPTICS
from simulator.world import World

_XPON_CLASS = {"gpon_b+": 101, "gpon_c+": 102}
_DEVICE = 1  # NSCRTV: the only device of a chassis


def port_index(family: Family, card: int, port: int) -> int:
    """ifIndex of a PON port, as the family numbers it."""
    if family == "huawei":
        return 0xFA000000 + card * 8192 + port * 256
    return (_DEVICE << 24) | (card << 16) | (port << 8)


class OltSnapshot(Snapshot):
    """Of an OLT. Stale optics: units whose last figures stay in its table when they are down (a share by the seed)."""

    def __init__(self, world: World, olt: Olt, clock: Clock) -> None:
        super().__init__(world, clock)
        self.olt = olt
        self.device, self.area = olt.id, str(world.layout.areas[olt.area]["name"])
        self.epon = "epon" in olt.pon_class
        self.tables = f"{olt.family}_epon" if self.epon else olt.family
        self.port_names = [str(n) for n in world.layout.pons.name[olt.pons]]
        self._last: dict[str, npt.NDArray[np.float32]] = {}
        rng = np.random.default_rng([world.seed, 4, olt.index])
        n = olt.lines.stop - olt.lines.start
        share = physics()["telling"]["stale_share"] if olt.family == "nscrtv" else 0.0
        self._stale = rng.random(n) < share
        self._static = self._fixed()

    def renew(self) -> bool:
        first = not self._figures
        if not super().renew():
            return False
        second = self._minute * MINUTE
        if first and self._stale.any():
            self._remember(self._read(max(second - 86400, int(self.world.start.timestamp()))))
        self._remember(self._figures)
        return True

    def figure(self, name: str, stale: bool) -> npt.NDArray[Any]:
        values = super().figure(name, stale)
        if stale and self._stale.any():
            old = self._stale & (self._figures["up"] == 0)
            return np.where(old, self._last[name], values)
        return values

    def rows(self) -> dict[str, Rows]:
        olt, layout = self.olt, self.world.layout
        pons, lines = layout.pons, layout.lines
        places = list(zip(pons.card[olt.pons].tolist(), pons.port[olt.pons].tolist(), strict=True))
        index = [port_index(olt.family, c, p) for c, p in places]
        port_of = (lines.pon[olt.lines] - olt.pons.start).tolist()
        onts = lines.ont[olt.lines].tolist()
        rows = {"scalar": Rows([(0,)]), "interface": Rows([(i,) for i in index]), "cpu": Rows([(0, 0)])}
        if olt.family == "huawei":
            ont = [(index[p], o) for p, o in zip(port_of, onts, strict=True)]
            return rows | {
                "port": rows["interface"],
                "ont": Rows(ont),
                "eth": Rows([(*o, 1) for o in ont]),
            }
        device = [index[p] | o for p, o in zip(port_of, onts, strict=True)]
        return rows | {
            "port": Rows([(_DEVICE, c, p) for c, p in places]),
            "ont": Rows([(d,) for d in device]),
            "optics": Rows([(d, 0, 0) for d in device]),
        }

    def _read(self, second: int) -> dict[str, npt.NDArray[Any]]:
        told = self.world.told(self.olt, np.array([second], np.int64))
        lines = self.world.layout.lines
        own = self.olt.lines
        figures: dict[str, npt.NDArray[Any]] = {n: v[:, 0] for n, v in (told.line | told.counters | told.pon).items()}
        # Units that publish their own figures do not answer the OLT's question.
        for name in OPTICS:
            figures[name] = np.where(lines.mqtt[own], np.float32(np.nan), figures[name])
        figures["up"] = told.up[:, 0].astype(np.int64)
        figures["cause"] = told.cause[:, 0].astype(np.int64)
        figures["since_s"] = np.where(told.up[:, 0], np.maximum(second - told.since[:, 0], 0), 0)
        figures["back"] = told.since[:, 0]
        return figures

    def _worked_out(self, name: str) -> npt.NDArray[Any]:
        """Octets that are made only when a column is asked for: they cost more than the figures."""
        if name == "last_up":
            made = [_date_and_time(int(second)) for second in self._figures["back"]]
        elif name == "serial_octets":
            own = self.olt.lines
            at = self.world.layout.lines.swapped_at[own]
            unit = ((at != FAR) & (at <= self._minute * MINUTE)).astype(int)
            serial = self.world.layout.units.serial[unit, np.arange(own.start, own.stop)]
            made = [_serial_octets(s) for s in serial.tolist()]
        else:
            return super()._worked_out(name)
        return np.array(made, dtype=object)

    def _remember(self, figures: dict[str, npt.NDArray[Any]]) -> None:
        for name in OPTICS:
            new = figures[name]
            old = self._last.get(name)
            self._last[name] = new if old is None else np.where(np.isnan(new), old, new)

    def _fixed(self) -> dict[str, npt.NDArray[Any]]:
        layout = self.world.layout
        ports = self.olt.pons.stop - self.olt.pons.start
        n = self.olt.lines.stop - self.olt.lines.start
        names = [n.encode() for n in self.port_names]
        ids = [str(s).encode() for s in layout.lines.id[self.olt.lines]]
        return {
            "port_state": np.ones(ports, np.int64),
            "port_type": np.full(ports, 3),
            "xpon_type": np.full(ports, 2),
            "xpon_class": np.full(ports, _XPON_CLASS.get(self.olt.pon_class, np.nan)),
            "pon_name": np.array(names, dtype=object),
            "line_id": np.array(ids, dtype=object),
            "model": np.array([b"SIM-ONT-1GE"] * n, dtype=object),
        }


def _serial_octets(serial: str) -> bytes:
    """Eight octets of a GPON serial, or six of a MAC address."""
    if serial.startswith("00"):  # no maker's four letters
        return bytes.fromhex(serial)
    return serial[:4].encode() + bytes.fromhex(serial[4:])


def _date_and_time(second: int) -> bytes:
    """DateAndTime (RFC 2579) in UTC with its offset, 11 octets."""
    t = np.datetime64(second, "s").item()
    return t.year.to_bytes(2, "big") + bytes((t.month, t.day, t.hour, t.minute, t.second, 0)) + b"+\x00\x00"
