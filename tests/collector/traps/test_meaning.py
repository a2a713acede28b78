"""What a trap means is data: of the profiles, of the standards, and of the operator's own files."""

from pathlib import Path

import pytest

from collector.profile import ProfileError, load_profiles
from collector.trap_rules import same_trap
from collector.traps.decoding import Notification, Value
from collector.traps.meaning import Meaning, Meanings
from collector.traps.own_rules import with_own_rules
from tests.collector.traps.conftest import ROOT, profiles

IF_INDEX, IF_DESCR = "1.3.6.1.2.1.2.2.1.1", "1.3.6.1.2.1.2.2.1.2"
BDCOM = "1.3.6.1.4.1.3320.10.3"
NOKIA_ONT = (4 << 25) | (14 << 21) | (1 << 16) | (6 << 9)  # slot 3, PON 2, ONT 7
OWN = """\
profile: huawei
traps:
  losi:
    oid: 1.3.6.1.4.1.99999.1.7 # made up for this test
    table: ont
    index: {ifindex: 1, ont: 2}
    fields: {state: los, down_cause: los}
  rx_alarm:
    oid: 1.3.6.1.4.1.99999.1.8
    table: ont
    row: 1.3.6.1.4.1.99999.2.1
    fields: {rx_dbm: {of: 1.3.6.1.4.1.99999.2.1, scale: 0.01}}
"""


def said(trap: str, *values: tuple[str, Value]) -> Notification:
    return Notification(trap, values, confirmed=False, request_id=1, uptime_cs=None)


def of_onu(word: int, trap: str = "7") -> Notification:
    place: tuple[tuple[str, Value], ...] = ((f"{IF_INDEX}.12", 12), (f"{IF_DESCR}.12", b"GPON0/1:2"))
    return said(
        f"{BDCOM}.{trap}.2", *place, (f"{BDCOM}.3.1.2.12", b"BDCM\x00\x00\x00\x02"), (f"{BDCOM}.{trap}.1.0", word)
    )


PLACE = {"pon": "0/1", "ont": 2, "serial": "BDCM00000002"}
CASES = [
    (of_onu(2), Meaning("onu_up", True, values={"state": "up"}, **PLACE)),
    (of_onu(3), Meaning("onu_down", True, values={"state": "down"}, **PLACE)),
    (of_onu(1), Meaning("onu_found", True, **PLACE)),
    (of_onu(9), None),
    (of_onu(1, "8"), Meaning("dying_gasp", True, values={"state": "dying_gasp", "down_cause": "power_off"}, **PLACE)),
    (said(f"{BDCOM}.10.2"), Meaning("rx_low", True)),
    (
        said("1.3.6.1.4.1.3320.10.2.5.2", (f"{IF_INDEX}.3", 3), (f"{IF_DESCR}.3", b"GPON0/3")),
        Meaning("pon_optics", True, of="pon", pon="0/3"),
    ),
    (
        said("1.3.6.1.4.1.37950.1.1.5.10.13.6.1", ("1.3.6.1.4.1.37950.1.1", 4), ("1.3.6.1.4.1.37950.1.2", 17)),
        Meaning("alarm", True, pon="0/4", ont=17),
    ),
    (said("1.3.6.1.4.1.3902.1082.30.40.3.12"), Meaning("pon_optics", True)),
    (said("1.3.6.1.6.3.1.1.5.5"), Meaning("authentication_failure", False)),
    (said("1.3.6.1.2.1.158.0.2", ("1.3.6.1.2.1.158.1.6.1.4.7.1", 257)), Meaning("oam_dying_gasp", True)),
    (said("1.3.6.1.4.1.2011.2.248.1"), None),
]


@pytest.mark.parametrize(("notification", "meaning"), CASES, ids=[str(n) for n in range(len(CASES))])
def test_what_traps_mean(notification: Notification, meaning: Meaning | None) -> None:
    assert Meanings(profiles()).of(notification, None) == meaning


def test_a_standard_trap_means_what_the_senders_profile_says() -> None:
    down = said("1.3.6.1.6.3.1.1.5.3", (f"{IF_INDEX}.{NOKIA_ONT}", NOKIA_ONT))
    meanings = Meanings(profiles())
    assert meanings.of(down, "nokia-isam") == Meaning("ont_down", True, pon="1/1/3/2", ont=7, values={"state": "down"})
    assert meanings.of(down, "huawei") == Meaning("link_down", True)


def test_versions_write_one_trap_in_two_ways() -> None:
    assert same_trap("1.3.6.1.4.1.3320.10.3.8.0.2") == same_trap("1.3.6.1.4.1.3320.10.3.8.2")


def test_the_operators_own_numbers_go_before_the_profiles(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(OWN)
    known, wrong = with_own_rules(profiles(), [str(tmp_path / "own.yaml")])
    assert wrong == []
    meanings = Meanings(known)
    port = 0xFA000000 + 1 * 8192 + 7 * 256
    losi = said("1.3.6.1.4.1.99999.1.0.7", ("1.1", port), ("1.2", 5))
    assert meanings.of(losi, "huawei") == Meaning(
        "losi", True, pon="0/1/7", ont=5, values={"state": "los", "down_cause": "los"}
    )
    rx = said("1.3.6.1.4.1.99999.1.8", (f"1.3.6.1.4.1.99999.2.1.{port}.5", -2710))
    assert meanings.of(rx, None) == Meaning("rx_alarm", True, pon="0/1/7", ont=5, values={"rx_dbm": -27.1})
    none = said("1.3.6.1.4.1.99999.1.8", (f"1.3.6.1.4.1.99999.2.1.{port}.5", 2147483647))
    assert meanings.of(none, None) == Meaning("rx_alarm", True, pon="0/1/7", ont=5, quality="rx_dbm:out_of_range")


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("profile: huawei", "profile: hauwei", 1, '"hauwei" is no profile'),
        ("state: los,", "state: dark,", 7, '"dark" is no word of state'),
        ("fields: {state", "fields: {stat", 7, '"stat" is not a field'),
        ("table: ont\n    index", "table: onts\n    index", 5, '"onts" is no table'),
        ("{ifindex: 1, ont: 2}", "{ifindex: 1}", 3, "index with ifindex, ont"),
        ("oid: 1.3.6.1.4.1.99999.1.7", "oid: losi", 4, "losi"),
        ("    row:", "    rows:", 8, "rows"),
    ],
)
def test_a_mistake_in_a_rule_file_is_named_and_the_file_left_out(
    tmp_path: Path, old: str, new: str, line: int, message: str
) -> None:
    path = tmp_path / "own.yaml"
    assert old in OWN
    path.write_text(OWN.replace(old, new, 1))
    known, wrong = with_own_rules(profiles(), [str(path)])
    assert len(wrong) == 1
    assert message in wrong[0]
    assert wrong[0].startswith(f"{path}:{line}: "), wrong[0]
    assert known == profiles()


def test_a_mistake_in_a_profiles_traps_refuses_the_profile_with_file_and_line(tmp_path: Path) -> None:
    text = (ROOT / "collector" / "profiles" / "nokia-isam.yaml").read_text("utf-8")
    (tmp_path / "nokia.yaml").write_text(text.replace("fields: {state: down}", "fields: {state: downn}"), "utf-8")
    with pytest.raises(ProfileError, match=r'nokia\.yaml:\d+: traps\.ont_down\.fields\.state: "downn" is no word'):
        load_profiles(tmp_path)
