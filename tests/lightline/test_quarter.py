"""A quarter lived through the real ledger: its figures are the same by the ledger and by pandas, and they move."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lightline import recount
from lightline.commands.quarter import both
from lightline.quarter import ZONE
from maintenance.ledger import Ledger
from maintenance.replay import replay
from tests.lightline.commands import lightline


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("quarter")
    return folder, both(folder, lines=96, weeks=13, faults_a_day=0.8, seed=3)


def test_ledger_and_pandas_agree_on_every_figure(lived: tuple[Path, dict[str, Any]]) -> None:
    told = lived[1]
    assert told["ledger"]["on_time"] == told["pandas"]["on_time"]
    assert told["ledger"]["visits"] == told["pandas"]["visits"]
    assert told["equal"]


def test_every_figure_is_put_to_the_test(lived: tuple[Path, dict[str, Any]]) -> None:
    """Not all on time, some repeated, some failed, in three months and both classes of work."""
    ours = lived[1]["ledger"]
    due, on_time = (sum(r[name] for r in ours["on_time"]) for name in ("due", "on_time"))
    assert 0 < on_time < due
    assert {r["work"] for r in ours["on_time"]} == {"installation", "maintenance"}
    assert len({r["month"] for r in ours["on_time"]}) >= 3
    sums = {
        name: sum(r[name] for r in ours["visits"]) for name in ("visits", "repeated", "repeats", "verified", "failed")
    }
    assert all(sums.values())
    assert sums["repeated"] <= sums["repeats"] < sums["visits"]
    assert sums["verified"] + sums["failed"] <= sums["visits"]


def test_the_quarters_log_replays_to_its_tickets(lived: tuple[Path, dict[str, Any]]) -> None:
    with Ledger.open(f"sqlite:///{lived[0] / 'ledger.sqlite'}") as ledger:
        for ticket in ledger.every():
            assert replay(ledger.log(ticket.id)) == ticket.to_json()
            assert ticket.department
            assert ticket.deadline


def test_a_log_that_says_something_else_gives_other_figures(lived: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    """The second count looks at the log, not at the first count."""
    folder, told = lived
    table = pd.read_csv(folder / "log.csv")
    dropped = table[table["action"] == "resolve"].index[:20]
    table.drop(index=dropped).to_csv(tmp_path / "log.csv", index=False)
    again = recount.visits(tmp_path / "log.csv", repeat_days=30, jobs=["installation", "retrofit"], zone=ZONE)
    assert again.to_dict("records") != told["ledger"]["visits"]


def test_the_command_prints_both_counts(tmp_path: Path) -> None:
    done = lightline(tmp_path, "quarter", "--lines", "64", "--weeks", "2", "--faults", "1")
    assert done.returncode == 0, done.stderr
    assert "ledger and pandas agree" in done.stdout
    assert "Visits, by the ledger | by pandas" in done.stdout
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "ledger.sqlite").touch()
    assert lightline(tmp_path, "quarter", "--keep", tmp_path / "kept").returncode == 2
