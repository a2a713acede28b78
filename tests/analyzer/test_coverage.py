"""The good rate: who counts, who does not, and why."""

import numpy as np
import pytest

from analyzer.coverage import Verdict, by_group, judge, reason_names
from analyzer.settings import Settings
from plant.pon_classes import pon_classes

B_PLUS = pon_classes()["gpon_b+"]


def verdict(settings: Settings, technology: str = "gpon", **latest: object) -> Verdict:
    columns = {k: np.array([v], dtype=object if k == "state" else np.float64) for k, v in latest.items()}
    code = np.array([0 if technology == "gpon" else -1])
    return judge(columns, np.array([technology], dtype=object), (B_PLUS,), code, np.array([300.0]), settings)


CASES = [
    ({"state": "up", "rx_dbm": -20.0, "olt_rx_dbm": -22.0, "fec_uncorrected": 0, "eth_speed_mbps": 1000}, []),
    ({"state": "up", "rx_dbm": -26.5}, ["weak"]),
    ({"state": "up", "rx_dbm": -20.0, "olt_rx_dbm": -27.5}, ["weak"]),
    ({"state": "up", "rx_dbm": -5.0}, ["overload"]),
    ({"state": "up", "rx_dbm": -20.0, "fec_uncorrected": 12}, ["errors"]),
    ({"state": "up", "rx_dbm": -20.0, "eth_speed_mbps": 100}, ["slow"]),
    ({"state": "los", "rx_dbm": -29.0}, ["down"]),
    ({"state": "up", "rx_dbm": -27.0, "eth_speed_mbps": 100}, ["weak", "slow"]),
]


@pytest.mark.parametrize(("latest", "reasons"), CASES)
def test_a_line_is_bad_for_stated_reasons_only(
    latest: dict[str, object], reasons: list[str], settings: Settings
) -> None:
    v = verdict(settings, **latest)
    assert v.read[0]
    assert reason_names(int(v.reasons[0])) == reasons
    assert v.good[0] == (not reasons)


@pytest.mark.parametrize(
    ("latest", "good"),
    [
        (
            {"state": "up", "ds_power_dbmv": 2.0, "ds_snr_db": 36.0, "us_power_dbmv": 44.0, "reflection_dbc": -35.0},
            True,
        ),
        ({"state": "up", "ds_power_dbmv": -12.0}, False),
        ({"state": "up", "ds_snr_db": 28.0}, False),
        ({"state": "up", "us_power_dbmv": 53.0}, False),
        ({"state": "up", "cw_uncorrected": 4.0}, False),
    ],
)
def test_coax_lines_are_judged_by_coax_limits(latest: dict[str, object], good: bool, settings: Settings) -> None:
    assert verdict(settings, "coax", **latest).good[0] == good


def test_a_line_without_readings_is_neither_good_nor_bad(settings: Settings) -> None:
    v = verdict(settings, state=None, rx_dbm=np.nan)
    assert not v.read[0]
    assert not v.good[0]
    (group,) = by_group(v, np.array([0]), 1)
    assert (group.lines, group.read, group.rate) == (1, 0, None)


def test_groups_add_up_and_lines_of_no_group_are_left_out(settings: Settings) -> None:
    rx = np.array([-20, -20, -28, np.nan, -20.0])
    v = judge({"rx_dbm": rx}, np.full(5, "gpon", dtype=object), (B_PLUS,), np.zeros(5, dtype=np.int64),
              np.full(5, np.nan), settings)  # fmt: skip
    first, second = by_group(v, np.array([0, 0, 0, 1, -1]), 2)
    assert (first.lines, first.read, first.good, first.reasons["weak"]) == (3, 3, 2, 1)
    assert first.rate == pytest.approx(2 / 3)
    assert (second.lines, second.read) == (1, 0)
