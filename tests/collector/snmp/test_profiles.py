"""Every profile against a walk made up for it: it is chosen, and figures come out with unit and reason."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from collector.profile import CADENCE_S, ProfileError, load_profiles
from plant.checking import CADENCE_FLOOR_S
from tests.collector.snmp.asking import asker, device, turnstile
from tests.collector.snmp.walks import NAMES, synthetic_walk


def matches(row: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    """What differs; fields that are not named are not looked at."""
    out = []
    reasons = dict(pair.split(":") for pair in (row["quality"] or "").split(",") if pair)
    for name, value in expected.items():
        got = reasons if name == "quality" else row.get(name)
        if name == "quality":
            wrong = {field: why for field, why in value.items() if got.get(field) != why}
            if wrong:
                out.append(f"quality {reasons} lacks {wrong}")
        elif isinstance(got, float) and value is not None:
            if got != pytest.approx(float(value), abs=1e-3):
                out.append(f"{name} is {got}, not {value}")
        elif got != value:
            out.append(f"{name} is {got!r}, not {value!r}")
    if "quality" not in expected:
        out += [f"{f} has no reading: {why}" for f, why in reasons.items() if f in expected]
    return out


def compare(table: pa.Table, expected: list[dict[str, Any]], key: list[str]) -> None:
    rows = table.to_pylist()
    assert len(rows) == len(expected), rows
    found = {tuple(str(r.get(k)) for k in key): r for r in rows}
    for row in expected:
        at = tuple(str(row.get(k)) for k in key)
        assert at in found, (at, list(found))
        assert not matches(found[at], row), at


@pytest.mark.parametrize("name", NAMES)
async def test_profile_reads_its_walk(synthetic: int, name: str) -> None:
    walk = synthetic_walk(name)
    asks, gate, target = asker(name), turnstile(), device(synthetic)
    chosen = await asks.choose(target, gate)
    assert chosen.profile == walk["profile"], chosen
    poll = await asks.poll_all(target, walk["profile"], gate)
    serial = [] if all("ont_serial" not in row for row in walk.get("lines", [])) else ["ont_serial"]
    compare(poll.lines, walk.get("lines", []), ["pon", "ont"] if not serial else ["pon", "ont", *serial])
    compare(poll.pons, walk.get("pons", []), ["pon"])


@pytest.mark.parametrize("name", NAMES)
async def test_tiers_bring_the_same_as_all_at_once(synthetic: int, name: str) -> None:
    walk = synthetic_walk(name)
    asks, gate, target = asker(name), turnstile(), device(synthetic)
    whole = await asks.poll_all(target, walk["profile"], gate)
    for tier in asks.profiles[walk["profile"]].tiers:
        part = await asks.poll(target, walk["profile"], tier, gate)
        for table, all_of in ((part.lines, whole.lines), (part.pons, whole.pons)):
            for column in set(table.column_names) & set(all_of.column_names) - {"quality", "ont_serial"}:
                told = [v for v in table[column].to_pylist() if v is not None]
                assert all(v in all_of[column].to_pylist() for v in told), (tier, column)


def test_every_profile_has_a_walk() -> None:
    assert {synthetic_walk(name)["profile"] for name in NAMES} == set(load_profiles())


def test_cadences_are_no_faster_than_an_inventory_may_ask_for() -> None:
    for tier, seconds in CADENCE_S.items():
        assert seconds >= CADENCE_FLOOR_S[tier]
    for profile in load_profiles().values():
        for tier, seconds in profile.tiers.items():
            assert seconds >= CADENCE_FLOOR_S[tier], (profile.name, tier)


def test_light_is_asked_for_hourly_or_more_rarely_and_zte_never_more_often() -> None:
    profiles = load_profiles()
    assert all(p.tiers.get("optics", 3600) >= 3600 for p in profiles.values())
    assert {name for name, p in profiles.items() if p.floor_s} == {"zte-1012", "zte-1082"}


GOOD = """\
title: A thing
source: synthetic
matches: {answers: [1.3.6.1.4.1.9.1]}
parts:
  slot: {of: ifindex, shift: 8}
tables:
  ont:
    of: line
    index: [ifindex, ont]
    pon: "{slot}"
    ont: "{ont}"
    columns:
      rx_dbm: {oid: 1.3.6.1.4.1.9.1, tier: optics, scale: 0.01}
"""


@pytest.mark.parametrize(
    ("was", "now", "line", "says"),
    [
        ("tier: optics", "tier: optic", 13, "optic"),
        ("scale: 0.01", "scal: 0.01", 13, "scal"),
        ("rx_dbm:", "rx_db:", 13, "is not a field"),
        ('pon: "{slot}"', 'pon: "{slots}"', 8, "slots"),
        ("of: ifindex, shift", "of: index, shift", 8, "needs"),
        ("oid: 1.3.6.1.4.1.9.1, tier", "oid: 2.3, tier", 13, "2.3"),
        ("matches: {answers: [1.3.6.1.4.1.9.1]}", "matches: {answers: []}", 3, "answers"),
        ("scale: 0.01}", "map: {1: up}, pattern: '('}", 13, "regular expression"),
        ("title: A thing", "title: [", 3, "YAML"),
    ],
)
def test_a_wrong_profile_is_refused_with_file_and_line(
    tmp_path: Path, was: str, now: str, line: int, says: str
) -> None:
    path = tmp_path / "thing.yaml"
    path.write_text(GOOD)
    assert list(load_profiles(tmp_path)) == ["thing"]
    assert was in GOOD
    path.write_text(GOOD.replace(was, now))
    with pytest.raises(ProfileError) as caught:
        load_profiles(tmp_path)
    assert says in str(caught.value)
    number = int(str(caught.value).split("thing.yaml:")[1].split(":")[0])
    assert abs(number - line) <= 1
