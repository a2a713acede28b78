"""Each cause shows the signature that physics gives it, and no other."""

from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pytest

from plant.finding import Cause
from simulator.constants import physics
from simulator.laws import Fault
from simulator.layout import Olt
from simulator.light import Light, shine
from simulator.noise import Noise
from simulator.receiver import bit_error_ratio, day_errors
from simulator.weather import Weather
from simulator.world import World

BEGIN = int(datetime(2026, 5, 1, tzinfo=UTC).timestamp())
TIMES = np.arange(BEGIN, BEGIN + 40 * 86400, 3600)
ONSET = BEGIN + 20 * 86400
GROW = {"grow_s": 15 * 86400.0}


def change(world: World, fault: Fault) -> tuple[Olt, dict[str, npt.NDArray[np.float32]]]:
    """What a fault changes in the light of its OLT, each (rows, times)."""
    olt = next(o for o in world.olts if o.lines.start <= fault.rows[0] < o.lines.stop)
    lights: list[Light] = [
        shine(world.layout, olt, TIMES, world.weather, faults, world.noise) for faults in ((), (fault,))
    ]
    return olt, {n: getattr(lights[1], n) - getattr(lights[0], n) for n in Light.__dataclass_fields__}


def on_line(cause: Cause, shape: str, **figures: float) -> Fault:
    return Fault(cause, "line:L0000003", np.array([2]), ONSET, shape, figures | GROW)


def test_loss_of_the_path_adds_up(healthy_plant: World) -> None:
    layout, p = healthy_plant.layout, physics()
    km = layout.lines.distance_m / 1000
    lost = layout.lines.loss_down - km * p["fibre_db_per_km"]["down"]
    single = layout.pons.legs[layout.lines.pon] == 1
    ways = layout.pons.ways[layout.lines.pon]
    joints = (p["connectors"] * p["connector_db"][1]) + p["splices"] * p["splice_db"][1] + 2.0
    for n in np.unique(ways[single]):
        part = lost[single & (ways == n)]
        assert part.max() <= p["splitter_db"][int(n)] + joints + 2 * p["splitter_tolerance_db"]
        assert np.median(part) > p["splitter_db"][int(n)]
    light = shine(layout, healthy_plant.olts[0], TIMES, healthy_plant.weather, (), healthy_plant.noise)
    own = healthy_plant.olts[0].lines
    told = np.median(light.pon_tx[layout.lines.pon[own]] - light.rx, axis=1)
    assert np.abs(told - layout.lines.loss_down[own]).max() < 0.2


def test_up_loses_more_in_glass_than_down(healthy_plant: World) -> None:
    lines = healthy_plant.layout.lines
    slope = np.polyfit(lines.distance_m / 1000, lines.loss_up - lines.loss_down, 1)[0]
    assert slope == pytest.approx(0.10, abs=0.02)


@pytest.mark.parametrize("ratio", [1.5, 2.5, 4.0])
def test_a_macrobend_takes_more_at_1490_than_at_1310(plant: World, ratio: float) -> None:
    _, d = change(plant, on_line("macrobend", "step", db=3.0, ratio=ratio))
    after = ONSET <= TIMES
    assert np.allclose(d["rx"][2, ~after], 0)
    assert np.median(d["rx"][2, after]) == pytest.approx(-3.0, abs=0.3)
    assert np.allclose(d["rx"][2, after] / d["olt_rx"][2, after], ratio, rtol=0.01)
    assert np.allclose(np.delete(d["rx"], 2, axis=0), 0)


@pytest.mark.parametrize("shape", ["step", "ramp", "stairs"])
def test_a_connector_takes_the_same_in_both_directions(plant: World, shape: str) -> None:
    _, d = change(plant, on_line("connector", shape, db=2.5, skew_db=0.1))
    assert d["rx"][2, -1] == pytest.approx(-2.5 if shape != "ramp" else -2.5 * 1.3, abs=0.05)
    assert np.abs(d["rx"] - d["olt_rx"]).max() < 0.2
    assert (np.diff(d["rx"][2]) <= 1e-4).all()


def test_a_feeder_shifts_every_ont_of_its_port_and_nobody_else(plant: World) -> None:
    pon = 1
    rows = np.arange(*plant.layout.pons.lines[pon])
    fault = Fault("feeder", "pon:x", rows, ONSET, "step", {"db": 2.0, "skew_db": 0.0}, pon)
    olt, d = change(plant, fault)
    own = rows - olt.lines.start
    assert np.allclose(d["rx"][own][:, TIMES >= ONSET], -2.0, atol=1e-4)
    assert np.allclose(d["olt_rx"][own][:, TIMES >= ONSET], -2.0, atol=1e-4)
    assert np.allclose(np.delete(d["rx"], own, axis=0), 0)
    assert np.allclose(d["pon_tx"], 0)


def test_an_ageing_olt_module_dims_all_onts_and_not_what_it_receives(plant: World) -> None:
    pon = 0
    rows = np.arange(*plant.layout.pons.lines[pon])
    fault = Fault("olt_optics", "pon:x", rows, ONSET, "ramp", {"db": 2.0, "bias": 0.5} | GROW, pon)
    olt, d = change(plant, fault)
    own = rows - olt.lines.start
    assert d["pon_tx"][0, -1] < -1.9
    assert d["pon_bias"][0, -1] > 5
    assert (d["rx"][own, -1] < -1.9).all()
    assert np.allclose(d["olt_rx"], 0)


def test_an_ageing_laser_draws_more_current_long_before_it_dims(plant: World) -> None:
    olt, d = change(plant, on_line("ont_laser", "ramp", db=2.0, bias=0.7))
    third = np.searchsorted(TIMES, ONSET + 5 * 86400)
    assert d["bias"][2, third] > 1.5
    assert d["tx"][2, third] == 0
    assert d["tx"][2, -1] < -1.8
    assert np.allclose(d["olt_rx"][2], d["tx"][2], atol=1e-4)
    assert np.allclose(d["rx"], 0)
    assert olt.index == 0


def test_squeezed_fibre_swings_with_the_cold_and_its_median_hardly_moves(plant: World) -> None:
    _, d = change(plant, on_line("thermal", "ramp", db_per_c=0.5, ratio=1.2))
    late = d["rx"][2, -10 * 24 :]
    assert np.quantile(late, 0.05) < -1.2
    assert np.median(late) > -0.25
    air = plant.weather.sky(TIMES).air_c[-10 * 24 :]
    assert np.corrcoef(air, late)[0, 1] > 0.5


def test_water_follows_rain_and_dries_only_in_part(plant: World) -> None:
    figures = {
        "db": 2.5, "ratio": 1.3, "rise_h": 5.0, "dry_h": 60.0, "full_mm": 8.0, "stain_db": 0.8, "stain_mm": 15.0,
    }  # fmt: skip
    fault = Fault("water", "splitter:x", np.array([2, 3, 4]), ONSET, "rain", figures, 0)
    _, d = change(plant, fault)
    wet = plant.weather.soak(TIMES, ONSET, 5.0, 60.0)
    loss = -d["rx"][2]
    after = ONSET <= TIMES
    assert np.allclose(loss[~after], 0)
    assert np.corrcoef(wet[after], loss[after])[0, 1] > 0.7
    assert np.allclose(d["rx"][2], d["rx"][4])
    assert (loss >= -d["olt_rx"][2] - 1e-5).all(), "1310 nm is hurt least"
    dry = after & (wet < 0.5) & (plant.weather.rain_since(TIMES, ONSET) > 30)
    if dry.any():
        assert loss[dry].min() > 0.3


def with_faults(world: World, *faults: Fault) -> World:
    """The same plant with other faults."""
    return World.again(world.settings() | {"faults": 0}).with_faults(faults)


def test_a_failing_supply_sags_and_switches_the_ont_off_again_and_again(plant: World) -> None:
    row = int(np.flatnonzero(~plant.layout.lines.night)[5])
    end = int(plant.end.timestamp())
    fault = Fault(
        "ont_power", f"line:{plant.layout.lines.id[row]}", np.array([row]), end - 15 * 86400, "ramp",
        {"sag_v": 0.25, "offs_per_day": 4.0, "grow_s": 5 * 86400.0},
    )  # fmt: skip
    world = with_faults(plant, fault)
    olt = world.olts[0]
    times = np.arange(end - 28 * 86400, end, 300)
    told = world.told(olt, times)
    falls = np.diff(told.up[row].astype(int)) < 0
    assert falls[times[1:] < fault.onset].sum() <= 3
    assert falls[times[1:] >= fault.onset].sum() > 20
    volts = told.line["voltage_v"][row]
    assert np.nanmedian(volts[:2000]) - np.nanmedian(volts[-1000:]) > 0.2


def test_a_rogue_ont_spoils_its_neighbours_while_it_is_on(plant: World) -> None:
    olt = plant.olts[1]
    pon = olt.pons.start
    rows = np.arange(*plant.layout.pons.lines[pon])
    source = int(rows[3])
    onset = int(plant.end.timestamp()) - 10 * 86400
    fault = Fault("rogue_ont", "pon:x", rows[rows != source], onset, "step", {"errors": 3000.0}, pon, source)
    world = with_faults(plant, fault)
    times = np.array([onset - 3600, int(plant.end.timestamp())])
    before, after = (
        world.told(olt, times).counters["fec_corrected"] - plant.told(olt, times).counters["fec_corrected"]
    ).T
    assert (before == 0).all()
    assert np.median(after[fault.rows - olt.lines.start]) > 500
    assert after[source - olt.lines.start] <= 0
    others = np.setdiff1d(np.arange(olt.lines.start, olt.lines.stop), rows) - olt.lines.start
    assert (after[others] == 0).all()


def test_a_bad_cable_lowers_the_speed_and_leaves_the_light(plant: World) -> None:
    olt = plant.olts[1]
    row = olt.lines.start + 4
    end = int(plant.end.timestamp())
    fault = Fault("ethernet", "line:x", np.array([row]), end - 86400, "step", {"mbps": 100.0})
    world = with_faults(plant, fault)
    times = np.arange(end - 4 * 86400, end, 3600)
    told, clean = world.told(olt, times), plant.told(olt, times)
    speed = told.line["eth_speed_mbps"][4]
    assert set(speed[(times >= fault.onset) & told.up[4]]) == {100.0}
    assert set(speed[(times < fault.onset) & told.up[4]]) == {1000.0}
    if not any(4 + olt.lines.start in f.rows for f in plant.faults):
        assert np.array_equal(told.line["rx_dbm"][4], clean.line["rx_dbm"][4], equal_nan=True)


def test_weak_since_install_is_below_the_limit_from_the_first_day(demo: World) -> None:
    fault = next(f for f in demo.faults if f.cause == "weak_since_install")
    olt = demo.olts[int(demo.layout.lines.olt[fault.rows[0]])]
    times = np.arange(int(demo.start.timestamp()), int(demo.end.timestamp()), 6 * 3600)
    rx = demo.told(olt, times).line["rx_dbm"][fault.rows[0] - olt.lines.start]
    assert -29 < np.nanmedian(rx[:40]) < -27.2
    assert abs(np.nanmedian(rx[:40]) - np.nanmedian(rx[-40:])) < 0.3


def test_every_line_of_the_demo_survives_its_fault(demo: World) -> None:
    now = np.array([int(demo.end.timestamp())])
    floor = physics()["ont"]["lost_light_dbm"]
    for olt in demo.olts:
        light = shine(demo.layout, olt, now, demo.weather, demo.faults, demo.noise)
        assert light.rx.min() > floor


def test_errors_rise_steeply_below_the_sensitivity() -> None:
    ratio = bit_error_ratio(np.array([-29.0, -28.0, -27.0]), "gpon_b+")
    assert ratio[1] == pytest.approx(1e-10, rel=0.05)
    assert ratio[0] > 100 * ratio[1] > 1e4 * ratio[2]
    corrected, bad, bip = day_errors(np.array([-20.0, -33.0, -36.0]), "gpon_c+")
    assert corrected[0] < 1 < corrected[1]
    assert bad[0] == 0
    assert bad[2] > bad[1]
    assert (np.diff(bip) > 0).all()


def test_weather_is_guangdongs() -> None:
    weather = Weather(Noise(9))
    year = np.arange(
        int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()), int(datetime(2027, 1, 1, tzinfo=UTC).timestamp()), 3600
    )
    air = weather.sky(year).air_c
    assert 20 < air.mean() < 24.5
    assert -2 < air.min() < 10
    assert 32 < air.max() < 40
    mm, _ = weather.rain(np.arange(20454, 20454 + 365))
    assert 1000 < mm.sum() < 2700
    assert mm[120:240].sum() > 2 * mm[300:365].sum()


@pytest.mark.parametrize("cause", ["macrobend", "feeder", "olt_optics", "ont_laser", "ethernet", "water"])
def test_a_repair_brings_the_light_back_and_lasts(demo: World, cause: str) -> None:
    fault = next(f for f in demo.faults if f.cause == cause)
    world = demo.with_faults(demo.faults)
    at = datetime.fromtimestamp(demo.end.timestamp() - 2 * 86400, UTC)
    world.repair(fault.place, at)
    olt = world.olts[int(world.layout.lines.olt[fault.rows[0]])]
    times = np.arange(int(at.timestamp()) - 3600, int(demo.end.timestamp()) + 86400, 3600)
    none = world.with_faults([f for f in demo.faults if f.place != fault.place])
    repaired, well = (shine(w.layout, olt, times, w.weather, w.faults, w.noise) for w in (world, none))
    for name in ("rx", "olt_rx", "bias", "pon_tx"):
        assert np.allclose(getattr(repaired, name)[:, 1:], getattr(well, name)[:, 1:], atol=1e-5)
    if cause == "ethernet":
        speed = world.told(olt, times).line["eth_speed_mbps"][fault.rows[0] - olt.lines.start]
        assert set(speed[1:][~np.isnan(speed[1:])]) == {1000.0}
    again = World.again(world.settings())
    assert [t.get("repaired") for t in again.truth()] == [t.get("repaired") for t in world.truth()]


def test_only_what_is_broken_can_be_repaired(demo: World) -> None:
    with pytest.raises(KeyError, match="no fault is at"):
        demo.with_faults(demo.faults).repair("line:nowhere", demo.end)
