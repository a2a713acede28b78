"""Planned works: where crews are known to be and when, so that what is read there meanwhile is nobody's fault."""

import difflib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from plant.document import Node
from plant.entry import Entry
from plant.place import Place
from plant.splitters import splitter_ids

KEYS = ("place", "from", "to", "why")
KINDS = ("line", "splitter", "pon", "olt", "area")


@dataclass(frozen=True)
class Work:
    """Works at a place (line, splitter, pon, olt or area) on the days from `first` to `last`, both included."""

    place: Place
    first: date
    last: date
    why: str = ""


def read_works(
    nodes: Collection[Node], top: Entry, areas: Collection[str], devices: Collection[str], lines: pa.Table
) -> tuple[Work, ...]:
    """The `works` of an inventory. What is wrong becomes a problem: an unknown place, days that end before they begin.

    A PON port may have no line yet: its device must be known.
    """
    if not nodes:
        return ()
    known = _known(areas, devices, lines)
    works = []
    for node in nodes:
        entry = Entry(node, "planned works", top.file, top.report, KEYS)
        if not entry.require("place", "from"):
            continue
        place = _place(entry, known)
        first = _day(entry, "from")
        last = _day(entry, "to") if "to" in entry else first
        if place is None or first is None or last is None:
            continue
        if last < first:
            entry.problem(entry.at("to"), f"planned works at {place} end on {last}, before {first}", "swap the days")
            continue
        works.append(Work(place, first, last, entry.text("why", "") or ""))
    return tuple(works)


def _known(areas: Collection[str], devices: Collection[str], lines: pa.Table) -> dict[str, Collection[str]]:
    """Ids by kind of place."""
    splitters: set[str] = set()
    for stage in splitter_ids(lines):
        splitters |= set(pc.unique(stage).drop_null().to_pylist())
    return {
        "area": areas,
        "olt": devices,
        "pon": devices,
        "splitter": splitters,
        "line": set(lines["line_id"].to_pylist()),
    }


def _place(entry: Entry, known: dict[str, Collection[str]]) -> Place | None:
    text = entry.text("place", "") or ""
    kinds = ", ".join(KINDS)
    try:
        place = Place.parse(text)
    except ValueError:
        entry.problem(entry.at("place"), f'planned works at "{text}"', f"write one of {kinds}, a colon, an id")
        return None
    if place.kind not in KINDS:
        entry.problem(entry.at("place"), f'planned works at "{text}"', f"the place is one of: {kinds}")
        return None
    ids = known[place.kind]
    if place.kind == "pon":
        there = any(place.id.startswith(f"{device}/") for device in ids)
        hint = "write pon:DEVICE/PON with a device of this inventory"
    else:
        there = place.id in ids
        near = difflib.get_close_matches(place.id, list(ids)[:20_000], 1)
        hint = f'did you mean "{place.kind}:{near[0]}"?' if near else f"name a {place.kind} of this inventory"
    if not there:
        entry.problem(entry.at("place"), f"planned works at {place}, which is not in the inventory", hint)
        return None
    return place


def _day(entry: Entry, key: str) -> date | None:
    node = entry.node(key)
    if node is not None and type(node.value) is date:
        return node.value
    said = None if node is None else node.value
    entry.problem(entry.at(key), f'planned works: "{key}" is "{said}"', "write a day, such as 2026-11-20")
    return None
