"""Coloured limits of the panels, from the power budgets of the plant's PON classes; none is made up here."""

from collections import Counter
from dataclasses import dataclass

from dashboards.grafana.spec import Limits
from plant.inventory import Inventory
from plant.pon_classes import PonClass, default_class, pon_classes

Step = tuple[float | None, str]  # from this value on (None: from below all), this colour
RED, YELLOW, GREEN = "red", "yellow", "green"


@dataclass(frozen=True)
class Classes:
    """`usual` is the class of most lines; `devices` names the OLTs of each class."""

    usual: PonClass
    devices: dict[str, tuple[str, ...]]


def classes_of(inventory: Inventory) -> Classes:
    """The PON classes of a plant: what a device names, else the usual one of its lines' technology."""
    lines = (
        inventory.lines.select(["device", "technology"])
        .group_by(["device", "technology"])
        .aggregate([([], "count_all")])
    )
    technology: dict[str, Counter[str]] = {}
    for row in lines.to_pylist():
        technology.setdefault(row["device"], Counter())[row["technology"] or "gpon"] += row["count_all"]
    devices: dict[str, list[str]] = {}
    weight: Counter[str] = Counter()
    for device in sorted(inventory.devices.values(), key=lambda d: d.id):
        if device.kind != "olt":
            continue
        found = technology.get(device.id, Counter({"gpon": 0}))
        usual = next((t for t, _ in found.most_common() if t != "coax"), "gpon")
        name = device.pon_class or default_class(usual).name
        devices.setdefault(name, []).append(device.id)
        weight[name] += sum(found.values())
    name = min(weight, key=lambda n: (-weight[n], n)) if weight else default_class("gpon").name
    return Classes(pon_classes()[name], {n: tuple(d) for n, d in sorted(devices.items())})


def steps(limits: Limits, of: PonClass) -> list[Step]:
    """The colours from below to above."""
    if limits == "none_wanted":
        return [(None, GREEN), (1, RED)]
    if limits == "one_wanted":
        return [(None, RED), (1, GREEN)]
    if limits == "ont_rx":
        return [(None, RED), (of.weak_dbm, YELLOW), (of.warn_dbm, GREEN), (of.ont_rx[1], RED)]
    low, high = {"olt_rx": of.olt_rx, "ont_tx": of.ont_tx, "pon_tx": of.olt_tx}[limits]
    return [(None, RED), (low, GREEN), (high, RED)]
