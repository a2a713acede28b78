"""The change-point package line by line: what it tells, and that what it is spared changes nothing."""

import numpy as np
import pytest

from analyzer import per_line
from analyzer.backtest import figures, replay
from analyzer.history import History
from analyzer.naive import z_score
from lightline import report
from lightline.commands import backtest
from tests.analyzer.plants import plant


@pytest.fixture(scope="module")
def history() -> History:
    return plant(3, lines=256, faults=("connector", "feeder", "macrobend")).history()


def test_a_line_that_fell_and_stayed_is_told_once_with_its_fall(history: History) -> None:
    made = plant(3, lines=256, faults=("connector",))
    found = per_line.change_points(made.history(), made.as_of)
    (hit,) = made.truths[0].lines
    told = [f for f in found if f.lines == (hit,)]
    assert len(told) == 1
    assert told[0].evidence["fall"].value >= per_line.FALL_DB
    assert all(len(f.lines) == 1 and f.cause == "unknown" for f in found)


def test_lines_spared_could_not_have_been_told(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    last = history.dates[-1].astype(object)
    spared = per_line.change_points(history, last)
    assert spared
    everything = np.isfinite(history.values["rx_dbm", "median"]).sum(axis=1) >= per_line.LEAST_DAYS
    monkeypatch.setattr(per_line, "_may_have_fallen", lambda rx: everything)
    assert per_line.change_points(history, last) == spared


def test_nothing_read_after_the_day_is_looked_at(history: History) -> None:
    half = history.dates[len(history.dates) // 2].astype(object)
    cut = history.until(half, len(history.dates))
    assert per_line.change_points(history, half) == per_line.change_points(cut, half)


def test_where_the_package_is_absent_its_row_says_how_to_install_it(
    history: History, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(per_line, "installed", lambda: False)
    last = history.dates[-1].astype(object)
    told = [figures(replay("z_score", z_score, history, [], [last], 5), {})]
    backtest._print(told, [], 5)
    assert per_line.INSTALL in " ".join(capsys.readouterr().out.split())  # a wide cell may be folded
    table = report._table(told, backtest._absent())
    assert "pip install" in table
    assert table.count("<td>–</td>") >= len(report.ROWS)
