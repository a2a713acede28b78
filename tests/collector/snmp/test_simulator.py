"""Every figure the simulated OLTs serve comes out as the simulator says it is."""

from datetime import UTC, datetime

import numpy as np
import pytest

from collector.snmp import Poll
from simulator.layout import Olt
from simulator.snmp.serve import serve_agents
from simulator.world import World
from tests.collector.snmp.asking import asker, device, turnstile

END = datetime(2026, 6, 20, 4, tzinfo=UTC)
# What a raw integer of the family's table can hold of a figure.
_STEP = {"huawei": {"temp_c": 1, "bias_ma": 1, "voltage_v": 0.001, "pon_temp_c": 1, "pon_bias_ma": 1,
                    "pon_voltage_v": 0.01}, "nscrtv": {"voltage_v": 1e-5, "pon_voltage_v": 1e-5}}  # fmt: skip


@pytest.fixture(scope="module")
def world() -> World:
    return World(seed=5, onts=240, faults=4, end=END, days=30)


async def _polled(world: World, olt: Olt) -> tuple[str | None, Poll]:
    served = await serve_agents(world, clock=END.timestamp, community="plant")
    try:
        asks, gate, target = asker("plant"), turnstile(), device(served.ports[olt.id])
        chosen = await asks.choose(target, gate)
        assert chosen.profile is not None
        return chosen.profile, await asks.poll_all(target, chosen.profile, gate)
    finally:
        served.close()


@pytest.fixture(scope="module")
def other_classes() -> World:
    """EPON on both families, then XGS-PON on both."""
    classes = ("epon_px20", "epon_px20", "xgspon_n1", "xgspon_n1")
    return World(seed=5, olts=4, onts=320, faults=4, end=END, days=30, classes=classes)


@pytest.mark.parametrize(
    ("plant", "at", "profile"),
    [("world", 0, "nscrtv-gpon"), ("world", 1, "huawei"), ("other_classes", 0, "nscrtv-epon"),
     ("other_classes", 1, "huawei"), ("other_classes", 2, "nscrtv-gpon"), ("other_classes", 3, "huawei")],
)  # fmt: skip
async def test_every_figure_is_the_simulators(
    plant: str, at: int, profile: str, request: pytest.FixtureRequest
) -> None:
    world: World = request.getfixturevalue(plant)
    olt = world.olts[at]
    chosen, poll = await _polled(world, olt)
    assert chosen == profile

    told = world.told(olt, np.array([int(END.timestamp())]))
    lines, own = world.layout.lines, olt.lines
    pons = world.layout.pons
    names = [str(pons.name[p]) for p in lines.pon[own]]
    row = {key: n for n, key in enumerate(zip(names, lines.ont[own].tolist(), strict=True))}
    got = list(zip(poll.lines["pon"].to_pylist(), poll.lines["ont"].to_pylist(), strict=True))
    assert sorted(got) == sorted(row)
    order = [row[key] for key in got]
    up = told.up[order, 0]

    assert poll.lines["state"].to_pylist() == ["up" if u else "down" for u in up]
    serials = world.layout.units.serial
    current = np.where(lines.swapped_at[own] <= END.timestamp(), 1, 0)
    expected = [str(serials[current[n], own.start + n]) for n in order]
    assert poll.lines["ont_serial"].to_pylist() == expected

    checked = 0
    for name, figures in told.line.items():
        if name not in poll.lines.column_names:
            continue
        silent = lines.mqtt[own][order] & np.isin(name, ["rx_dbm", "tx_dbm", "bias_ma", "voltage_v", "temp_c"])
        figure = figures[order, 0].astype(float)
        here = np.array(poll.lines[name].to_numpy(), dtype=float)
        valid = up & ~np.isnan(figure) & ~silent
        step = _STEP[olt.family].get(name, 1 if name in ("distance_m", "eth_speed_mbps") else 0.01)
        assert np.isnan(here[~up]).all() or name in ("distance_m",), name
        np.testing.assert_allclose(here[valid], figure[valid], atol=step * 0.51 + 1e-4, err_msg=name)
        checked += 1
    assert checked >= 7
    for name, counts in told.counters.items():
        if name in poll.lines.column_names:
            assert poll.lines[name].to_pylist() == counts[order, 0].astype(int).tolist()

    ports = [str(n) for n in pons.name[olt.pons]]
    at_port = [ports.index(p) for p in poll.pons["pon"].to_pylist()]
    for name, figures in told.pon.items():
        if name in poll.pons.column_names:
            step = _STEP[olt.family].get(name, 0.01)
            got_port = np.array(poll.pons[name].to_numpy(), dtype=float)
            np.testing.assert_allclose(got_port, figures[at_port, 0], atol=step * 0.51 + 1e-4, err_msg=name)


async def test_stale_optics_of_units_that_are_down_are_no_readings(world: World) -> None:
    for olt in world.olts:
        _, poll = await _polled(world, olt)
        for row in poll.lines.select(["state", "rx_dbm", "quality"]).to_pylist():
            if row["state"] != "up":
                assert row["rx_dbm"] is None
                assert "rx_dbm:not_up" in row["quality"]


async def test_modems_are_read_through_their_cmts() -> None:
    world = World(seed=6, olts=1, onts=20, faults=0, end=END, days=10, coax=160, coax_faults=2)
    assert world.hfc is not None
    layout, cmts = world.hfc.layout, world.hfc.layout.cmts[0]
    served = await serve_agents(world, clock=END.timestamp, community="plant")
    try:
        asks, gate, target = asker("plant"), turnstile(), device(served.ports[cmts.id])
        chosen = await asks.choose(target, gate)
        assert chosen.profile == "docsis-cmts"
        poll = await asks.poll_all(target, chosen.profile, gate)
    finally:
        served.close()
    told = world.hfc.told(cmts, np.array([int(END.timestamp())]))
    modems = layout.modems
    places = list(zip(layout.nodes.name[modems.node].tolist(), modems.index.tolist(), strict=True))
    order = [places.index(at) for at in zip(*(poll.lines[n].to_pylist() for n in ("pon", "ont")), strict=True)]
    assert sorted(order) == list(range(160))
    up = told.up[order, 0]
    assert [s == "up" for s in poll.lines["state"].to_pylist()] == up.tolist()
    unit = (modems.swapped_at <= END.timestamp()).astype(int)
    assert poll.lines["ont_serial"].to_pylist() == [str(modems.mac[unit[n], n]) for n in order]
    for name, figures in told.line.items():
        got = np.array(poll.lines[name].to_numpy(), dtype=float)
        np.testing.assert_allclose(got[up], figures[order, 0][up], atol=0.01, err_msg=name)
        assert np.isnan(got[~up]).all()
    for name, counts in told.counters.items():
        assert poll.lines[name].to_pylist() == counts[order, 0].tolist()
    assert poll.pons["pon"].to_pylist() == layout.nodes.name[cmts.nodes].tolist()
