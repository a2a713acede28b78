"""Bulk data reports of TR-181 devices, JSON: object hierarchy and name-value pairs.

`{"Report": [{"CollectionTime": 1764000000,
  "Device": {"Optical": {"Interface": {"1": {"OpticalSignalLevel": -21500}}}}}]}`
or flat, with the whole path as the name (Broadband Forum TR-181 Device.BulkData.Profile.{i}.JSONEncoding.ReportFormat:
ObjectHierarchy, NameValuePair); rows of `ParameterName` and `ParameterValue`, as gateways make them of the CSV
encoding, are taken too. The time is `CollectionTime` (`ReportTimestamp` in rows), seconds since 1970 or ISO 8601.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from collector.mqtt.reading import Reading, reading_time
from collector.mqtt.refusals import Refusal, RefusedError
from collector.mqtt.tr181 import figures

MAX_BYTES = 256 << 10
_DEEPEST = 16  # levels of the model; none of its objects is deeper
_TIMES = ("CollectionTime", "ReportTimestamp")


def is_report(document: Any) -> bool:
    """Whether a JSON document looks like a bulk data report, and not like a reading of our own form."""
    return isinstance(document, dict) and ("Report" in document or any(k.startswith("Device") for k in document))


def readings(
    document: Any,
    from_topic: tuple[str, ...],
    arrived: datetime,
    *,
    retained: bool,
    refuse: Callable[[RefusedError], None],
    ignored: Callable[[int], None],
) -> list[Reading]:
    """One reading a report; each that cannot be taken goes to `refuse`. `from_topic`: names the topic may hold;
    `ignored` is told how many parameters were none of ours."""
    out: list[Reading] = []
    try:
        reports = _reports(document)
    except RefusedError as refused:
        refuse(refused)
        return out
    for report in reports:
        try:
            time = next((report[key] for key in _TIMES if key in report), None)
            if isinstance(time, str) and time.isascii() and time.isdigit():
                time = int(time[:20])
            found = figures(_flat(report))
            ignored(found.ignored)
            if not found.values:
                raise RefusedError(Refusal.NO_READING, "no parameter in it is a reading")
            serials = (*found.serials, *from_topic)
            when = reading_time(time, arrived, retained=retained)
            first = serials[0] if serials else None
            out.append(Reading(first, None, when, found.values, found.quality, serials[1:]))
        except RefusedError as refused:
            refuse(refused)
    return out


def _reports(document: Any) -> list[Mapping[str, Any]]:
    if not isinstance(document, dict):
        raise RefusedError(Refusal.NOT_AN_OBJECT, 'an object with "Report" expected')
    given = document.get("Report", document)
    listed = given if isinstance(given, list) else [given]
    if not all(isinstance(report, dict) for report in listed):
        raise RefusedError(Refusal.NOT_AN_OBJECT, '"Report" holds something that is no object')
    return _rows_joined(listed)


def _rows_joined(reports: list[dict[str, Any]]) -> list[Mapping[str, Any]]:
    """Rows of one parameter each become one report for each time."""
    out: list[Mapping[str, Any]] = []
    rows: dict[Any, dict[str, Any]] = {}
    for report in reports:
        name = report.get("ParameterName")
        if not isinstance(name, str):
            out.append(report)
            continue
        time = next((report[key] for key in _TIMES if key in report), None)
        if not isinstance(time, str | int | float | None):
            raise RefusedError(Refusal.BAD_TIME, "a row's time is no time")
        at = rows.setdefault(time, {} if time is None else {_TIMES[0]: time})
        at[name] = report.get("ParameterValue")
    return [*out, *rows.values()]


def _flat(report: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """(path, value) pairs of a report, hierarchical or flat."""
    left: list[tuple[str, Any, int]] = [(k, v, 1) for k, v in report.items() if k not in _TIMES]
    while left:
        path, value, depth = left.pop()
        if not isinstance(value, dict):
            yield path, value
        elif depth >= _DEEPEST:
            raise RefusedError(Refusal.NESTED, f'"{path[:40]}…" goes deeper than the model')
        else:
            left += [(f"{path}.{k}", v, depth + 1) for k, v in value.items()]
