"""The tree of a device: its ports with how their lines are, and the troubles that are placed at a node of it."""

from collections.abc import Iterable

import numpy as np

from api.roster import Rows
from api.rows import line_counts, rounded
from api.schemas.plant import Branch, Margins, NodeTicket
from api.snapshot import Snapshot
from api.standing import OpenTicket
from plant.place import Place

NODES = ("olt", "node", "pon", "splitter")


def margins(snapshot: Snapshot, rows: Rows) -> Margins:
    """The least and the middle margin of these lines."""
    known = snapshot.judged.margin_db[rows]
    known = known[np.isfinite(known)]
    if not len(known):
        return Margins(worst_db=None, median_db=None)
    return Margins(worst_db=rounded("rx_dbm", float(known.min())), median_db=rounded("rx_dbm", float(np.median(known))))


def branches(snapshot: Snapshot, ports: Iterable[str]) -> list[Branch]:
    """Ports, written DEVICE/PON, in this order; those without lines too."""
    tree = snapshot.roster.tree
    at = {name: code for code, name in enumerate(tree.pon.names)}
    order = np.argsort(tree.pon.codes, kind="stable").astype(np.int64)
    begins = np.searchsorted(tree.pon.codes[order], np.arange(len(tree.pon.names) + 1))
    out = []
    for name in ports:
        code = at.get(name)
        rows = order[begins[code] : begins[code + 1]] if code is not None else np.empty(0, np.int64)
        first, second = tree.splitter1.codes[rows], tree.splitter2.codes[rows]
        out.append(
            Branch(
                pon=name.partition("/")[2],
                lines=line_counts(snapshot, rows),
                margins=margins(snapshot, rows),
                splitters=len(np.unique(first[first >= 0])) + len(np.unique(second[second >= 0])),
            )
        )
    return out


def node_tickets(snapshot: Snapshot, device: str, tickets: Iterable[OpenTicket]) -> list[NodeTicket]:
    """Unfinished tickets of the device itself, its ports and its splitters, most lines first."""
    out = []
    for ticket in tickets:
        place = Place.parse(ticket.place)
        if place.kind not in NODES or (pon := _port_of(snapshot, place, device, ticket.lines)) is None:
            continue
        out.append(
            NodeTicket(
                ticket=ticket.id, place=ticket.place, pon=pon or None, cause=ticket.cause, grade=ticket.grade,
                probability=ticket.probability, state=ticket.state, lines=len(ticket.lines), overdue=ticket.overdue,
            )
        )  # fmt: skip
    return sorted(out, key=lambda t: (-t.lines, t.ticket))


def _port_of(snapshot: Snapshot, place: Place, device: str, lines: tuple[str, ...]) -> str | None:
    """The port (without its device) that a place hangs from; empty for the device itself, None for another's."""
    if place.kind in ("olt", "node"):
        return "" if place.id == device else None
    prefix = f"{device}/"
    if place.kind == "pon":
        return place.id.removeprefix(prefix) if place.id.startswith(prefix) else None
    tree = snapshot.roster.tree
    for line in lines:
        row = tree.row.get(line)
        if row is not None and (code := tree.pon.codes[row]) >= 0:
            name = tree.pon.names[code]
            return name.removeprefix(prefix) if name.startswith(prefix) else None
    return None
