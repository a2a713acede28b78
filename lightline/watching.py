"""`lightline status --watch`: a live table of the devices, from the status the collector writes every few seconds."""

import time
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path

from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from collector.lateness import late_tiers
from collector.status import CollectorStatus, DeviceStatus, read_status
from lightline.output import console, lean_table

EVERY_S = 2.0
SILENT_AFTER_S = 60.0  # the collector writes its status every few seconds
_AROUND = 9  # lines of a frame that are no device's, with room for some that a narrow window folds
_STYLES = {"silent": "red", "troubled": "yellow", "unknown": "yellow", "waiting": "dim"}
_COLUMNS = ("device", "state", "answers in", "asked", "budget left", "last read", "lines", "missing", "unknown", "why")


def watch(path: Path, every_s: float = EVERY_S) -> None:
    """Show the collector of this status file until Ctrl-C. A file that is not there yet is waited for.

    Renewed in place on a terminal; into a pipe or a file one look after another.
    """
    screen = console()
    in_place = Live(console=screen, screen=True, auto_refresh=False) if screen.is_terminal else None
    with suppress(KeyboardInterrupt), in_place or nullcontext():
        while True:
            seen = look(path, datetime.now(UTC), screen.height)
            if in_place:
                in_place.update(seen, refresh=True)
            else:
                screen.print(seen)
            time.sleep(every_s)


def look(path: Path, now: datetime, height: int) -> RenderableType:
    """What there is to see now, in so many lines."""
    try:
        status = read_status(path)
    except ValueError as error:
        return Text(str(error), style="red")
    if status is None:
        return Text(f"no collector ever ran here ({path}); start one with `lightline run`", style="yellow")
    return frame(status, now, height)


def frame(status: CollectorStatus, now: datetime, height: int) -> Group:
    """Devices that need a look first; those that do not fit into `height` lines are counted."""
    late = {(one.device, one.tier): one.why for one in late_tiers(status.devices)}
    devices = sorted(status.devices, key=lambda d: (_urgency(d, late), d.id))
    ends = accumulate(max(1, len(d.tiers)) for d in devices)  # a tier a line
    room = max(1, sum(1 for end in ends if end <= height - _AROUND))
    table = lean_table("Devices", _COLUMNS, right=(2, 3, 4, 6, 7, 8))
    for device in devices[:room]:
        table.add_row(*_row(device, late, now), style=_STYLES.get(device.state, ""))
    more = len(devices) - room
    below = [Text(f"… and {more} more: {_states(devices[room:])}", style="dim")] if more > 0 else []
    return Group(_headline(status, now, len(late)), table, *below, _spool(status))


def _headline(status: CollectorStatus, now: datetime, late: int) -> Text:
    age = (now - status.written_at).total_seconds()
    text = Text(f"{len(status.devices)} devices: {_states(status.devices)}")
    text.append(f"; {late} tiers behind" if late else "", style="yellow")
    if age > SILENT_AFTER_S:
        text.append(f"; the collector is not running, it last wrote {_ago(status.written_at, now)}", style="red")
    return text


def _states(devices: Sequence[DeviceStatus]) -> str:
    counts: dict[str, int] = {}
    for device in devices:
        counts[device.state] = counts.get(device.state, 0) + 1
    return ", ".join(f"{n} {state}" for state, n in sorted(counts.items()))


def _spool(status: CollectorStatus) -> Text:
    spool, drain = status.spool, status.drain
    text = Text(f"spool: {spool.records} batches wait, {spool.bytes_used / 2**20:.0f} MiB; store: {drain.state}")
    text.append(f", {drain.rows_per_s:,.0f} rows/s" if drain.rows_per_s else "")
    text.append(f"; {spool.detail or drain.detail}" if spool.full or drain.detail else "", style="red")
    return text


def _urgency(device: DeviceStatus, late: dict[tuple[str, str], str]) -> int:
    if device.state != "answering":
        return 2 if device.state == "waiting" else 0
    return 1 if any((device.id, name) in late or t.skipped for name, t in device.tiers.items()) else 3


def _row(device: DeviceStatus, late: dict[tuple[str, str], str], now: datetime) -> list[str]:
    pace = device.pace
    return [
        device.id,
        device.state,
        "" if pace.usual_ms is None else f"{pace.usual_ms:,.1f} ms",
        f"{1000 / pace.pause_ms:,.1f}/s" if pace.pause_ms else "no pause",
        f"{pace.budget_left / pace.budget_per_hour:.0%}",
        "\n".join(_tiers(device, now)),
        str(device.lines),
        str(device.missing or ""),
        str(device.unknown_count or ""),
        _why(device, late),
    ]


def _tiers(device: DeviceStatus, now: datetime) -> list[str]:
    return [
        f"{name} {_ago(t.last_success, now)}" + (f", {t.behind_s:,.0f} s behind" if t.behind_s else "")
        for name, t in sorted(device.tiers.items(), key=lambda one: one[1].cadence_s)
    ]


def _why(device: DeviceStatus, late: dict[tuple[str, str], str]) -> str:
    """Trouble, or what no profile knows, or what is left out and late; else the last thing that was odd."""
    if device.state == "unknown":
        return " ".join([device.trouble or device.profile_reason, *device.evidence[:3]])
    said = [device.trouble] if device.trouble else []
    for name, tier in device.tiers.items():
        if (device.id, name) in late:
            said.append(f"{name}: {late[device.id, name]}")
        elif tier.skipped:
            said.append(f"{name} left out: {tier.skipped}")
    return "; ".join(said) or (device.notes[-1] if device.notes else "")


def _ago(moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return "never"
    seconds = max(0.0, (now - moment).total_seconds())
    for size, unit in ((86400.0, "d"), (3600.0, "h"), (60.0, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"
