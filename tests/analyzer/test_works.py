"""Planned works raise no tickets; what they leave behind does."""

from datetime import timedelta

import numpy as np
import pytest

from analyzer.analyze import analyze
from analyzer.settings import Settings
from analyzer.works import without_works
from plant.place import Place
from plant.works import Work
from tests.analyzer.plants import Plant, plant


@pytest.fixture
def dark_port() -> Plant:
    """The first port without light on the last two days."""
    p = plant(5, lines=256, nasty=False)
    for key, value in ((("state", "los_share"), 1.0), (("state", "up_share"), 0.0)):
        p.arrays[key] = np.broadcast_to(np.float32(1 - value), (256, p.days)).copy()
        p.arrays[key][:32, -2:] = value
    p.arrays["rx_dbm", "median"][:32, -2:] = np.nan
    return p


def test_a_port_that_is_dark_for_works_is_no_ticket(dark_port: Plant, settings: Settings) -> None:
    history, day = dark_port.history(), dark_port.as_of
    place = Place("pon", str(history.pon_ids[history.tree.pon[0]]))
    (cut,) = analyze(history, day, settings)
    assert cut.place == place
    known = Work(place, day - timedelta(days=1), day)
    assert analyze(history, day, settings, [known]) == []
    elsewhere = Work(Place("pon", "OLT9/0/0"), day - timedelta(days=1), day)
    assert analyze(history, day, settings, [elsewhere]) == [cut]


def test_what_stays_worse_after_works_is_found(settings: Settings) -> None:
    p = plant(33, lines=512, faults=["connector"], nasty=False)
    (fault,) = p.truths
    work = Work(Place.parse(fault.place), fault.onset - timedelta(days=1), fault.onset)
    (finding,) = analyze(p.history(), p.as_of, settings, [work])
    assert str(finding.place) == fault.place


@pytest.mark.parametrize(("kind", "lines"), [("line", 1), ("splitter", 8), ("pon", 32), ("olt", 256), ("node", 0)])
def test_works_hide_the_lines_of_their_place_and_their_days(kind: str, lines: int) -> None:
    p = plant(5, lines=512, nasty=False)
    history, tree = p.history(), p.history().tree
    names = {"line": history.line_ids[0], "splitter": tree.splitters1[tree.splitter1[0]],
             "pon": history.pon_ids[tree.pon[0]], "olt": tree.devices[tree.device[0]], "node": "N1"}  # fmt: skip
    place = Place(kind, str(names[kind]))  # type: ignore[arg-type]
    left = without_works(history, [Work(place, p.as_of, p.as_of)])
    gone = np.isfinite(history.values["rx_dbm", "median"]) & ~np.isfinite(left.values["rx_dbm", "median"])
    assert gone.sum() == gone[:, -1].sum() == lines
