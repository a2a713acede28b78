"""A department's list into the ledger: row by row, each opened, known already, or rejected with the reason."""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, cast

from maintenance.by_hand import Request
from maintenance.errors import LedgerError
from maintenance.lists.columns import KINDS_ZH
from maintenance.lists.reading import Row
from maintenance.ticket import Grade, Ticket, TicketKind


@dataclass(frozen=True)
class Rejected:
    row: int
    why: str


@dataclass
class ImportReport:
    """`opened`: numbers of the tickets opened or proposed; `known`: rows that were there; `rejected`: the rest."""

    rows: int = 0
    opened: list[int] = field(default_factory=list)
    known: int = 0
    rejected: list[Rejected] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        rejected = [{"row": r.row, "why": r.why} for r in self.rejected]
        return {"rows": self.rows, "opened": self.opened, "known": self.known, "rejected": rejected}


def load(rows: Iterable[Row], opening: Callable[[Request, str], tuple[Ticket, bool]]) -> ImportReport:
    """Open a ticket a row through `opening` (a request and its key; gives the ticket, and whether it is new)."""
    report = ImportReport()
    for row in rows:
        report.rows += 1
        try:
            ticket, new = opening(request_of(row), key_of(row))
        except LedgerError as error:
            report.rejected.append(Rejected(row.number, str(error)))
            continue
        if new:
            report.opened.append(ticket.id)
        else:
            report.known += 1
    return report


def request_of(row: Row) -> Request:
    """What a row asks for; the ledger checks it."""
    cells = row.cells
    lines = tuple(cells.get("line", "").replace(",", " ").replace("，", " ").split())
    place = cells.get("place") or (f"line:{lines[0]}" if lines else "")
    kind = cells.get("kind", "repair")
    request = Request(
        kind=cast(TicketKind, KINDS_ZH.get(kind, kind)), place=place, note=cells.get("note", ""), lines=lines,
        cause=cells.get("cause"), grade=cast(Grade | None, cells.get("grade")), engineer=cells.get("engineer"),
    )  # fmt: skip
    return request if ":" in request.place or not place else replace(request, place=f"line:{place}")


def key_of(row: Row) -> str:
    """What makes a row the same row when the list comes again: the department's own number, else all it says."""
    reference = row.cells.get("reference")
    told = {"reference": reference} if reference else row.cells
    return "import:" + hashlib.sha256(json.dumps(told, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
