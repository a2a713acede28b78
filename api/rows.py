"""From arrays to the rows of a page: only the rows that are shown become objects."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from math import isfinite
from typing import Any, cast

import numpy as np
import pyarrow as pa

from api.absence import Told, absence
from api.judging import Judged
from api.masking import masked
from api.roster import Rows
from api.schemas.lines import Good, LineRow, Reading, State
from api.schemas.plant import LineCounts
from api.schemas.service import LinesHealth
from api.sight import Sight
from api.snapshot import Snapshot, Tally, moment
from plant.fields import fields

GOODS: tuple[Good, ...] = ("not_good", "good", "no_reading")  # by Judged.good: 0, 1, −1

_ROSTER = (
    "line_id", "device", "pon", "ont_index", "splitter1", "splitter2", "grid", "technology", "sold_mbps",
    "ont_serial", "customer_ref",
)  # fmt: skip
_LATEST = ("state", "rx_dbm", "olt_rx_dbm", "ont_serial")


def line_rows(snapshot: Snapshot, rows: Rows | Sequence[int], *, customers: bool) -> list[LineRow]:
    """The lines of these rows, in this order. Customers' references masked, where the caller may search for them."""
    wanted = np.asarray(rows, np.int64)
    at = pa.array(wanted)
    told = snapshot.roster.table.select(list(_ROSTER)).take(at).to_pylist()
    latest = snapshot.latest.select(list(_LATEST)).take(snapshot.at.take(at)).to_pylist()
    seen = map(moment, snapshot.last_reading.take(at).cast(pa.int64()).to_pylist())
    judged, area, known = snapshot.judged, snapshot.roster.tree.area, wanted < snapshot.roster.known_count
    figures = (a.tolist() for a in (known, area.codes[wanted], judged.good[wanted], judged.margin_db[wanted], wanted))
    out = []
    for line, new, last, listed, code, good, margin, row in zip(told, latest, seen, *figures, strict=True):
        out.append(
            LineRow(
                line_id=line["line_id"],
                known=listed,
                area=area.names[code] if code >= 0 else None,
                grid=line["grid"],
                device=line["device"],
                pon=line["pon"],
                ont_index=line["ont_index"],
                splitter1=line["splitter1"],
                splitter2=line["splitter2"],
                technology=line["technology"],
                sold_mbps=line["sold_mbps"],
                ont_serial=new["ont_serial"] or line["ont_serial"],
                customer_ref=masked(line["customer_ref"]) if customers else None,
                state=cast("State | None", new["state"]),
                rx_dbm=rounded("rx_dbm", new["rx_dbm"]),
                olt_rx_dbm=rounded("olt_rx_dbm", new["olt_rx_dbm"]),
                margin_db=rounded("rx_dbm", margin),
                good=GOODS[good],
                why=judged.why(row),
                last_reading=last,
            )
        )
    return out


def readings(
    newest: Mapping[str, Any], names: Sequence[str], last: datetime | None, told: Mapping[str, Told]
) -> list[Reading]:
    """Each field's newest value with its time, and why there is none or an old one."""
    known, out = fields(), []
    for name in names:
        value, at = newest.get(name), newest.get(f"{name}_time")
        shown = rounded(name, value) if known[name].kind == "gauge" else value
        reason = absence(name, newest, last, told)
        out.append(Reading(field=name, value=shown, unit=known[name].unit, time=utc(at), reason=reason))
    return out


def line_counts(snapshot: Snapshot, rows: Rows) -> LineCounts:
    good = snapshot.judged.good[rows]
    return LineCounts(
        total=len(rows),
        up=int(snapshot.up[rows].sum()),
        good=int((good == Judged.GOOD).sum()),
        not_good=int((good == Judged.NOT_GOOD).sum()),
        no_reading=int((good == Judged.NO_READING).sum()),
    )


def health_counts(snapshot: Snapshot, sight: Sight) -> LinesHealth:
    """Counts of the lines that may be seen; `at_risk` is left to who knows the tickets."""
    made = snapshot.counts.get(sight)
    if made is None:
        rows = np.flatnonzero(snapshot.roster.within(sight))
        counts = line_counts(snapshot, rows)
        judged = counts.good + counts.not_good
        made = snapshot.counts[sight] = LinesHealth(
            total=counts.total,
            by_state=snapshot.states_among(rows),
            good=counts.good,
            not_good=counts.not_good,
            no_reading=counts.no_reading,
            good_rate=counts.good / judged if judged else None,
            at_risk=0,
        )
    return made


def tallied(tally: Tally, name: str) -> LineCounts:
    """The counts of one place of a level; zeros for a place without lines."""
    at = tally.at.get(name)
    if at is None:
        return LineCounts(total=0, up=0, good=0, not_good=0, no_reading=0)
    total, up, good, bad = (int(c[at]) for c in (tally.total, tally.up, tally.good, tally.not_good))
    return LineCounts(total=total, up=up, good=good, not_good=bad, no_reading=total - good - bad)


def rounded(name: str, value: Any) -> float | None:
    """A gauge with the decimals of its field: a float32 has no more to say. None for NaN."""
    if value is None or not isfinite(value):
        return None
    return round(float(value), fields()[name].decimals)


def utc(moment: datetime | None) -> datetime | None:
    return moment.astimezone(UTC) if moment is not None else None
