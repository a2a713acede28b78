"""ONTs that devices show and no lines file has: since when, and the row of a lines file that would make them known."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from api.schemas.lines import LineRow
from plant.inventory import Inventory, LinesFile
from plant.lines import REQUIRED
from plant.matrix import Scope
from plant.serials import NameIndex, normal_serials
from storage.protocol import TelemetryStore

DAYS = 90  # how far it is looked back for the first day
USUAL = LinesFile("", (*REQUIRED, "ont_index"))


@dataclass(frozen=True)
class Known:
    """A line of the files that has the same serial."""

    line_id: str
    device: str | None
    pon: str | None


class Serials:
    """Lines of the files by their ONT's serial, however it is written. Made once for an inventory."""

    def __init__(self, inventory: Inventory) -> None:
        self.inventory = inventory
        self._index = NameIndex(normal_serials(_whole(inventory.lines["ont_serial"])))

    def of(self, serials: Sequence[str | None]) -> list[Known | None]:
        at = self._index.positions(normal_serials(pa.array(serials, pa.string())))
        lines = self.inventory.lines
        return [
            None if row < 0 else Known(*(lines[name][row].as_py() for name in ("line_id", "device", "pon")))
            for row in at.tolist()
        ]


async def first_days(store: TelemetryStore, line_ids: Sequence[str], now: datetime, zone: str) -> Mapping[str, date]:
    """The first day within the last ninety on which each was seen. Raises StoreUnavailableError."""
    today = now.astimezone(ZoneInfo(zone)).date()
    told = await store.matrix(Scope(tuple(line_ids)), "state", "up_share", today - timedelta(days=DAYS - 1), today)
    seen = np.isfinite(told.values)
    return {
        line: told.dates[int(row.argmax())].astype("datetime64[D]").item()
        for line, row in zip(told.line_ids, seen, strict=True)
        if row.any()
    }


def index_of(line_id: str) -> int | None:
    """The ONT's number at its port, of a name such as DEVICE/PON/INDEX."""
    last = line_id.rpartition("/")[2]
    return int(last) if last.isascii() and last.isdigit() else None


def file_row(line: LineRow, file: LinesFile) -> str:
    """What to add to the file, in the order of its columns. The id it has now keeps its history."""
    known = {
        "line_id": line.line_id, "device": line.device, "pon": line.pon, "ont_serial": line.ont_serial,
        "ont_index": index_of(line.line_id),
    }  # fmt: skip
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(["" if (v := known.get(c)) is None else v for c in file.columns])
    return out.getvalue()


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
