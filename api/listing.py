"""One page of lines, sorted, from a million: orders are made once a snapshot, cursors name a line and not a number."""

import base64
import binascii
import bisect
from typing import Literal

import numpy as np
import numpy.typing as npt
import orjson

from api.problems import ProblemError
from api.roster import Mask, Rows
from api.snapshot import Snapshot

Sort = Literal[
    "line_id", "-line_id", "rx_dbm", "-rx_dbm", "olt_rx_dbm", "-olt_rx_dbm", "margin_db", "-margin_db",
    "last_reading", "-last_reading",
]  # fmt: skip
Keys = npt.NDArray[np.float64]


def page(
    snapshot: Snapshot, keep: Mask, sort: Sort, cursor: str | None, limit: int, skip: int = 0
) -> tuple[Rows, str | None]:
    """Rows of the page, `skip` rows after its beginning, and the cursor of the next one.

    Lines without the figure come last; ties go by line id.
    """
    order, keys = order_of(snapshot, sort)
    start = 0 if cursor is None else _after(snapshot, order, keys, sort, cursor)
    found = _first(keep, order, start, skip + limit + 1)[skip:]
    rows = found[:limit]
    if len(found) <= limit:
        return rows, None
    last = int(rows[-1])
    key = float(keys[last])
    return rows, _encode([sort, None if np.isnan(key) else key, snapshot.roster.tree.line_ids[last]])


def order_of(snapshot: Snapshot, sort: Sort) -> tuple[Rows, Keys]:
    """All rows in the order of `sort`, and the key of each row (by row; descending keys are negated)."""
    made = snapshot.orders.get(sort)
    if made is None:
        name, falling = sort.removeprefix("-"), sort.startswith("-")
        rank = snapshot.roster.rank
        if name == "line_id":
            keys = rank.astype(np.float64)
        elif name == "last_reading":
            moments = snapshot.last_reading.cast("int64").to_numpy(zero_copy_only=False)
            keys = np.asarray(moments, np.float64)
        else:
            keys = (snapshot.judged.margin_db if name == "margin_db" else snapshot.values(name)).astype(np.float64)
        keys = -keys if falling else keys
        made = (np.lexsort((rank, keys)).astype(np.int64), keys)
        snapshot.orders[sort] = made
    return made


def _first(keep: Mask, order: Rows, start: int, count: int) -> Rows:
    """The first `count` rows of `order` from `start` on that are kept; looks no further than it must."""
    found: list[Rows] = []
    have, at, step = 0, start, max(4096, 4 * count)
    while have < count and at < len(order):
        part = order[at : at + step]
        hit = part[keep[part]]
        found.append(hit)
        have, at, step = have + len(hit), at + step, step * 4
    return np.concatenate(found)[:count] if found else np.empty(0, np.int64)


def _after(snapshot: Snapshot, order: Rows, keys: Keys, sort: Sort, cursor: str) -> int:
    """The place in the order behind the cursor's line, also where that line or its figure is gone by now."""
    value, line_id = _decode(cursor, sort)
    if sort.endswith("line_id"):
        # the key is the rank itself: look for the id, which may have gone from the inventory
        ids = snapshot.roster.tree.line_ids
        if sort == "line_id":
            return bisect.bisect_right(order, line_id, key=lambda row: ids[row].encode())
        falling = order[::-1]
        return len(order) - bisect.bisect_left(falling, line_id, key=lambda row: ids[row].encode())
    wanted = np.nan if value is None else value
    ordered = keys[order]
    low, high = (int(np.searchsorted(ordered, wanted, side=side)) for side in ("left", "right"))
    ids = snapshot.roster.tree.line_ids
    return bisect.bisect_right(order, line_id, low, high, key=lambda row: ids[row].encode())


def _encode(told: list[object]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(told)).decode().rstrip("=")


def _decode(cursor: str, sort: Sort) -> tuple[float | None, bytes]:
    try:
        of, value, line_id = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        known = isinstance(line_id, str) and (value is None or type(value) in (int, float))
    except (ValueError, TypeError, binascii.Error):
        of, value, line_id, known = None, None, "", False
    if not known:
        raise ProblemError(
            "invalid", "query.cursor: this is no cursor of this list", remedy="start again without `cursor`",
            errors=[{"where": "query.cursor", "message": "no cursor of this list"}],
        )  # fmt: skip
    if of != sort:
        raise ProblemError(
            "invalid", "query.cursor: the cursor is of a list in another order", remedy="start again without `cursor`",
            errors=[{"where": "query.cursor", "message": f"goes with sort={of}"}],
        )  # fmt: skip
    return value, line_id.encode()
