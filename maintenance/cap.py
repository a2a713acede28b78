"""Weather warnings in the Common Alerting Protocol (OASIS CAP 1.1 and 1.2): read, checked, matched to areas.

A document may be one alert or anything that holds alerts. It comes from outside: entities and document types are
refused, sizes are limited, and what is not an actual public warning is left out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from maintenance.errors import InputError
from maintenance.mode_rules import ModeKind, ModeRules
from maintenance.text import moment
from plant.inventory import Inventory

LONGEST = 4 << 20  # bytes
MOST = 2000  # alerts in one document
_NAMESPACES = ("{urn:oasis:names:tc:emergency:cap:1.1}", "{urn:oasis:names:tc:emergency:cap:1.2}")


@dataclass(frozen=True)
class Warned:
    """One `info` of an alert. Times are UTC; `places` are its areas' descriptions and geocodes."""

    event: str
    severity: str
    begins: datetime
    ends: datetime | None
    places: tuple[str, ...]


@dataclass(frozen=True)
class Alert:
    """An actual alert to the public. `name` is "sender,identifier"; `replaces`: the names an update or cancel ends."""

    name: str
    kind: str
    replaces: tuple[str, ...]
    warnings: tuple[Warned, ...]


@dataclass(frozen=True)
class Wish:
    """A mode that a warning asks for in one area."""

    key: str
    mode: ModeKind
    area: str
    begins: datetime
    ends: datetime
    why: str


def parse(document: bytes) -> list[Alert]:
    """The actual alerts in a document, oldest first. InputError where it is no CAP or names what it must not."""
    if len(document) > LONGEST:
        raise InputError(f"the warnings are {len(document):,} bytes; at most {LONGEST:,} are read: look at the address")
    try:
        root = fromstring(document, forbid_dtd=True)
    except DefusedXmlException as error:
        raise InputError(f"the warnings hold a document type or entities, which CAP has not: {error}") from None
    except (ParseError, ValueError, LookupError) as error:
        raise InputError(f"the warnings are not readable as XML: {error}") from None
    elements = [e for space in _NAMESPACES for e in root.iter(f"{space}alert")]
    if len(elements) > MOST:
        raise InputError(f"the document holds {len(elements)} alerts; at most {MOST} are read: look at the address")
    if not elements and root.tag not in ("{http://www.w3.org/2005/Atom}feed", "rss"):
        raise InputError("the document holds no alert of the Common Alerting Protocol; look at the address")
    found = [(alert, sent) for e in elements if (alert := _alert(e, sent := _time(e, "sent"))) is not None]
    return [alert for alert, _ in sorted(found, key=lambda pair: pair[1])]


def wishes(alert: Alert, rules: ModeRules, inventory: Inventory) -> Iterator[Wish]:
    """The modes an alert asks for; none where no rule fits or no area of ours is meant."""
    for warning in alert.warnings:
        event = warning.event.lower()
        row = next(
            (r for r in rules.feed if warning.severity in r.severities and any(w.lower() in event for w in r.events)),
            None,
        )
        if row is None:
            continue
        ends = warning.ends or warning.begins + timedelta(hours=rules.feed_hours)
        for area in inventory.areas.values():
            words = (area.id, area.name, *rules.feed_areas.get(area.id, ()))
            if any(word and word in place for word in words for place in warning.places):
                why = f"{warning.event} ({warning.severity}), {alert.name}"[:500]
                yield Wish(f"cap:{alert.name}:{area.id}", row.mode, area.id, warning.begins, ends, why)


def _alert(element: Element, sent: datetime) -> Alert | None:
    """None for exercises, drafts and what is not for the public."""
    if _text(element, "status") != "Actual" or _text(element, "scope") not in ("Public", ""):
        return None
    kind = _text(element, "msgType")
    if kind not in ("Alert", "Update", "Cancel"):
        return None
    name = f"{_text(element, 'sender')},{_text(element, 'identifier')}"
    if len(name) < 3 or len(name) > 300:
        raise InputError("an alert lacks its sender or identifier, or they are longer than 300 characters")
    replaces = tuple(",".join(one.split(",")[:2]) for one in _text(element, "references").split())
    space = _space(element)
    infos = [] if kind == "Cancel" else element.findall(f"{space}info")
    return Alert(name, kind, replaces, tuple(_warning(info, sent) for info in infos))


def _warning(info: Element, sent: datetime) -> Warned:
    space = _space(info)
    places = []
    for area in info.findall(f"{space}area"):
        places.append(_text(area, "areaDesc"))
        places += [_text(code, "value") for code in area.findall(f"{space}geocode")]
    begins = _time(info, "onset", _time(info, "effective", sent))
    ends = _time(info, "expires") if _text(info, "expires") else None
    return Warned(_text(info, "event"), _text(info, "severity"), begins, ends, tuple(places))


def _space(element: Element) -> str:
    return element.tag.partition("}")[0] + "}"


def _text(element: Element, name: str) -> str:
    return (element.findtext(f"{_space(element)}{name}") or "").strip()


def _time(element: Element, name: str, otherwise: datetime | None = None) -> datetime:
    text = _text(element, name)
    if not text and otherwise is not None:
        return otherwise
    try:
        return moment(name, datetime.fromisoformat(text))
    except ValueError:
        raise InputError(f'a warning\'s {name} is "{text[:40]}"; CAP writes 2026-11-01T08:00:00+08:00') from None
