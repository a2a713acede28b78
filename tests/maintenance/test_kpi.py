"""On-time rates come from the log, and an independent count over the same log gives the same."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from maintenance import kpi, records
from maintenance.ledger import Ledger
from plant.inventory import Inventory
from tests.maintenance.conftest import NOW, finding, judgement, resolve


def a_quarter(ledger: Ledger, inventory: Inventory) -> datetime:
    """Forty lines in trouble over eighty days; some repaired late, some in vain, some cancelled, some never."""
    lines = [f"OLT1-{pon}-{n}" for pon in (1, 2) for n in range(16)]
    for day, line in enumerate(lines):
        at = NOW + timedelta(days=2 * day)
        ledger.take([finding(f"line:{line}", onset=at.date(), rx_dbm=-28)], inventory, at)
        [ticket] = ledger.tickets(line=line)
        if day % 8 == 7:
            continue
        if day % 8 == 6:
            ledger.act(ticket.id, "cancel", actor="d", role="admin", now=at, version=ticket.version, note="no")
            continue
        done = resolve(ledger, ticket.id, at + timedelta(days=1 + 9 * (day % 3 == 1)))
        assert done.resolved_at is not None
        held = "failed" if day % 5 == 4 else "held"
        after = ledger.verify(ticket.id, judgement(done.resolved_at, held), done.resolved_at + timedelta(hours=30))
        if after.state == "reopened" and day % 2:
            again = resolve(ledger, ticket.id, after.changed_at + timedelta(days=3))
            assert again.resolved_at is not None
            ledger.verify(ticket.id, judgement(again.resolved_at, "held"), again.resolved_at + timedelta(hours=30))
    return NOW + timedelta(days=90)


def test_on_time_rates_agree_with_an_independent_count_over_the_log(ledger: Ledger, inventory: Inventory) -> None:
    now = a_quarter(ledger, inventory)
    found = {(k.month, k.work): (k.due, k.on_time, k.repeats) for k in ledger.on_time(now)}

    rows = pd.DataFrame([e.to_json() for t in ledger.tickets(limit=1000) for e in ledger.log(t.id)])
    rows["at"] = pd.to_datetime(rows["at"], utc=True, format="ISO8601")
    rows["deadline"] = pd.to_datetime([a.get("deadline") for a in rows["after"]], utc=True, format="ISO8601")
    rows["deadline"] = rows.groupby("ticket")["deadline"].ffill()
    ended = set(rows[rows["to_state"].isin(["cancelled", "merged"])]["ticket"])
    first = rows[rows["action"] == "resolve"].groupby("ticket")["deadline"].first()
    promise = first.combine_first(rows.groupby("ticket")["deadline"].last()).rename("promise").to_frame()
    resolved = rows[rows["action"] == "resolve"].groupby("ticket")["at"].last()
    undone = rows[rows["action"].isin(["fail", "reopen"])].groupby("ticket")["at"].last()
    table = promise.join(resolved.rename("resolved")).join(undone.rename("undone"))
    table = table[~table.index.isin(ended)]
    table.loc[table["undone"] > table["resolved"], "resolved"] = pd.NaT
    table = table[table["resolved"].notna() | (table["promise"] < now)]
    table["month"] = table["promise"].dt.tz_convert("Asia/Shanghai").dt.strftime("%Y-%m")
    expected = {
        (month, "maintenance"): (len(g), int((g["resolved"] <= g["promise"]).sum()), int(g["undone"].notna().sum()))
        for month, g in table.groupby("month")
    }
    assert found == expected
    assert len(found) >= 3
    assert 0 < sum(k[1] for k in found.values()) < sum(k[0] for k in found.values())


def test_the_last_months_are_as_in_the_whole_without_reading_all_of_the_log(
    ledger: Ledger, inventory: Inventory
) -> None:
    now = a_quarter(ledger, inventory)
    whole = ledger.on_time(now)
    for months in (1, 2, 3, 14):
        begin = kpi.begin_of(now, months, "Asia/Shanghai")
        assert ledger.on_time(now, months=months) == [k for k in whole if k.month >= f"{begin:%Y-%m}"]
    with ledger.engine.connect() as connection:
        read = {e.ticket for e in records.whole_log(connection, NOW + timedelta(days=40))}
        every = {e.ticket for e in records.whole_log(connection)}
    assert read < every


@pytest.mark.parametrize(
    ("months", "begin"), [(1, "2026-01-01"), (2, "2025-12-01"), (13, "2025-01-01"), (14, "2024-12-01")]
)
def test_months_begin_in_the_operators_zone(months: int, begin: str) -> None:
    now = datetime(2025, 12, 31, 20, tzinfo=UTC)  # January already in Shanghai
    assert f"{kpi.begin_of(now, months, 'Asia/Shanghai'):%Y-%m-%d %z}" == f"{begin} +0800"


def test_a_repeat_within_thirty_days_counts_against_the_first_repair(
    sqlite_ledger: Ledger, inventory: Inventory
) -> None:
    ledger = sqlite_ledger
    ledger.take([finding()], inventory, NOW)
    done = resolve(ledger, 1)
    ledger.verify(1, judgement(done.resolved_at, "held"), NOW + timedelta(days=2))
    [before] = ledger.on_time(NOW + timedelta(days=3))
    later = NOW + timedelta(days=10)
    assert ledger.take([finding(onset=later.date())], inventory, later).repeats == [2]
    [after] = ledger.on_time(later)
    assert (before.due, before.on_time, before.repeats, before.rate) == (1, 1, 0, 1.0)
    assert (after.due, after.on_time, after.repeats) == (1, 1, 1)


def test_a_ledger_without_due_work_has_no_rate(sqlite_ledger: Ledger, inventory: Inventory) -> None:
    sqlite_ledger.take([finding()], inventory, NOW)
    assert sqlite_ledger.on_time(NOW) == []
