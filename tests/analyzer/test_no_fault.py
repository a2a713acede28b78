"""What looks like a fault and is none, and faults that hide behind how they are read."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.analyze import analyze
from analyzer.cases import one_sided
from analyzer.ethernet import downshifts
from analyzer.middle import median_of
from analyzer.settings import Settings
from analyzer.uptime import habitual
from analyzer.weather import in_common, without_weather
from tests.analyzer.plants import Plant, plant

BARE = ("rx_dbm", "tx_dbm", "olt_rx_dbm")


def bare(p: Plant) -> Plant:
    """The same plant, telling powers only: no serials, no state, nothing of the units but their Tx."""
    p.arrays = {k: v for k, v in p.arrays.items() if k[0] in BARE}
    p.pon_arrays = {}
    return p


@pytest.fixture
def quiet() -> Plant:
    return plant(12, lines=512, nasty=False)


def test_an_exchanged_receiver_is_no_fault_of_the_glass(quiet: Plant, settings: Settings) -> None:
    for name in ("median", "q10", "q90"):
        quiet.arrays["rx_dbm", name][100, 50:] -= 2
    assert analyze(bare(quiet).history(), quiet.as_of, settings) == []


@pytest.mark.parametrize(("rise", "is_ramp", "swapped"), [(0.13, False, True), (0.13, True, False), (0.3, False, False),
                                                          (np.nan, False, False)])  # fmt: skip
def test_a_step_that_the_other_direction_does_not_show_is_an_exchanged_unit(
    rise: float, is_ramp: bool, swapped: bool
) -> None:
    """A dB less downwards and hardly anything upwards, each known to a tenth of a dB."""
    assert one_sided({"down": (1.03, 0.1), "up": (rise, 0.1)}, "down", is_ramp) is swapped


def test_where_one_direction_is_read_a_step_with_another_transmit_power_is_another_unit(
    quiet: Plant, settings: Settings
) -> None:
    p = bare(quiet)
    del p.arrays["olt_rx_dbm", "median"]
    row = int(np.flatnonzero(np.isfinite(p.arrays["tx_dbm", "median"]).all(axis=1))[0])
    for name in ("median", "q10", "q90"):
        p.arrays["rx_dbm", name][row, 50:] -= 2
    assert [str(f.place) for f in analyze(p.history(), p.as_of, settings)] == [f"line:{p.lines[row]}"]
    p.arrays["tx_dbm", "median"][row, 50:] += 0.8
    assert analyze(p.history(), p.as_of, settings) == []


def test_where_the_maker_tells_no_transmit_power_another_bias_is_another_unit(quiet: Plant, settings: Settings) -> None:
    """The new unit receives less and sends less: both ways look worse, like a bend."""
    del quiet.arrays["tx_dbm", "median"]
    told = np.isfinite(quiet.arrays["olt_rx_dbm", "median"]) & np.isfinite(quiet.arrays["bias_ma", "median"])
    row = int(np.flatnonzero(told.all(axis=1))[0])
    for key in (("rx_dbm", "median"), ("rx_dbm", "q10"), ("rx_dbm", "q90")):
        quiet.arrays[key][row, 50:] -= 2
    quiet.arrays["olt_rx_dbm", "median"][row, 50:] -= 0.8
    assert [str(f.place) for f in analyze(quiet.history(), quiet.as_of, settings)] == [f"line:{quiet.lines[row]}"]
    quiet.arrays["bias_ma", "median"][row, 50:] += 4
    assert analyze(quiet.history(), quiet.as_of, settings) == []


def test_the_same_fall_in_both_directions_is_one(quiet: Plant, settings: Settings) -> None:
    row = int(np.flatnonzero(np.isfinite(quiet.arrays["olt_rx_dbm", "median"]).all(axis=1))[0])
    for key in (("rx_dbm", "median"), ("rx_dbm", "q10"), ("rx_dbm", "q90"), ("olt_rx_dbm", "median")):
        quiet.arrays[key][row, 50:] -= 2
    (finding,) = analyze(bare(quiet).history(), quiet.as_of, settings)
    assert str(finding.place) == f"line:{quiet.lines[row]}"
    assert finding.cause == "connector"


def test_a_milliampere_more_in_spring_is_no_ageing_laser(quiet: Plant, settings: Settings) -> None:
    bias = quiet.arrays["bias_ma", "median"]
    bias[:] = 10.0
    bias[::9, 60:] = 11.0
    bias[::9, 58:60] = 10.5
    assert not [f for f in analyze(quiet.history(), quiet.as_of, settings) if f.cause == "ont_laser"]


def test_a_rogue_that_is_on_every_other_day_is_told(quiet: Plant, settings: Settings) -> None:
    rows = slice(33, 64)
    on = np.arange(50, quiet.days, 2)
    quiet.arrays["bip_errors", "increase"][rows][:, on] += 4000
    (finding,) = analyze(quiet.history(), quiet.as_of, settings)
    assert finding.cause == "rogue_ont"
    assert finding.place.kind == "pon"


def test_a_day_half_at_each_speed_hides_no_downshift(quiet: Plant) -> None:
    speed = quiet.arrays["eth_speed_mbps", "median"]
    speed[7, 60], speed[7, 61:] = 550.0, 100.0
    found, onset, _, low = downshifts(quiet.history())
    assert list(np.flatnonzero(found)) == [7]
    assert onset[7] == 60
    assert low[7] == 100


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=60))
def test_the_small_median_is_numpys(values: list[float]) -> None:
    array = np.array(values, dtype=np.float64)
    assert median_of(array.copy(), len(array)) == pytest.approx(float(np.median(array)))


def test_a_nightly_habit_that_pauses_for_a_holiday_begins_again_and_is_no_fault() -> None:
    drops = np.ones((1, 60), dtype=np.float32)
    drops[0, 45:57] = np.array([0, 1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0])
    assert habitual(drops, np.zeros(1, dtype=np.int64)).all()
    assert not habitual(drops, np.array([57])).any()  # too few days since the onset to say by them alone


def test_a_meter_of_whole_milliamperes_does_not_take_the_season_for_age() -> None:
    rng = np.random.default_rng(2)
    warmth = (np.linspace(0, 12, 90) + rng.normal(0, 0.7, (200, 90))).astype(np.float32)
    bias = 12 * (1 + 0.012 * warmth)
    bias[100:] = np.round(bias[100:])
    current = np.log(bias).astype(np.float32)
    left, _ = without_weather(current, warmth, in_common(current, warmth))
    rise = left[:, -10:].mean(axis=1) - left[:, :10].mean(axis=1)
    assert np.abs(rise[:100]).max() < 0.03
    assert abs(float(np.median(rise[100:]))) < 0.04


def test_one_step_of_a_coarse_meter_is_no_ageing(settings: Settings) -> None:
    p = plant(12, lines=256, nasty=False)
    rng = np.random.default_rng(3)
    bias = 10 + (np.arange(90) >= 66).astype(float)
    bias[55:66] += 0.5 * rng.integers(0, 2, 11)  # the median of an even number of readings
    p.arrays["bias_ma", "median"][40:60] = bias
    assert not [f for f in analyze(p.history(), p.as_of, settings) if f.cause == "ont_laser"]
