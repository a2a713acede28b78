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


@pytest.mark.parametrize(("at", "profile"), [(0, "nscrtv-gpon"), (1, "huawei")])
async def test_every_figure_is_the_simulators(world: World, at: int, profile: str) -> None:
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
