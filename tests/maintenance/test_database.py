"""The ledger on disk: migrations both ways on data, races with one winner, a kill that leaves nothing half done."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from maintenance import database
from maintenance.errors import ConflictError, InputError, LedgerError, LedgerVersionError
from maintenance.ledger import Ledger
from maintenance.replay import replay
from maintenance.tables import entries, meta
from plant.inventory import Inventory
from tests.conftest import ROOT
from tests.maintenance.conftest import NOW, finding, lines_of, resolve


def test_the_migrated_tables_are_those_the_code_knows(database_url: str) -> None:
    engine = database.connect(database_url)
    database.migrate(engine)
    found = sa.inspect(engine)
    for table in meta.sorted_tables:
        columns = {c["name"]: c["nullable"] for c in found.get_columns(table.name)}
        assert columns == {c.name: bool(c.nullable) for c in table.columns}, table.name
    engine.dispose()


def test_migrations_go_back_and_forth_without_losing_a_ticket(database_url: str, inventory: Inventory) -> None:
    with Ledger.open(database_url) as ledger:
        ledger.take([finding(), finding("pon:OLT1/0/2", (), "feeder")], inventory, NOW)
        resolve(ledger, 1)
        before = [(t.to_json(), ledger.log(t.id)) for t in ledger.tickets()]
    engine = database.connect(database_url)
    database.migrate(engine, "0001")
    with database.reading(engine) as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(entries)).scalar_one() == 4
    engine.dispose()
    with Ledger.open(database_url) as ledger:
        assert [(t.to_json(), ledger.log(t.id)) for t in ledger.tickets()] == before
    engine = database.connect(database_url)
    database.migrate(engine, "base")
    assert set(sa.inspect(engine).get_table_names()) <= {"alembic_version"}
    database.migrate(engine)
    engine.dispose()


def test_opening_twice_at_once_migrates_once(database_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(lambda _: Ledger.open(database_url), range(4)))
    assert [ledger.tickets() for ledger in opened] == [[]] * 4
    for ledger in opened:
        ledger.close()


def test_a_ledger_of_a_newer_version_is_not_touched(database_url: str) -> None:
    Ledger.open(database_url).close()
    engine = database.connect(database_url)
    with database.writing(engine) as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(LedgerVersionError, match=r"9999.*newer version"):
        Ledger.open(database_url)


@pytest.mark.parametrize(
    ("url", "says"),
    [("nonsense", "not readable"), ("mysql://h/x", "cannot live in mysql"), ("sqlite://", "name a file"),
     ("sqlite:///:memory:", "name a file")],
)  # fmt: skip
def test_an_unusable_address_is_refused_with_the_remedy(url: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        Ledger.open(url)


def test_the_database_itself_keeps_the_log_append_only(ledger: Ledger, database_url: str, inventory: Inventory) -> None:
    ledger.take([finding()], inventory, NOW)
    engine = database.connect(database_url)
    for statement in ("UPDATE entries SET why = 'else'", "DELETE FROM entries"):
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), database.writing(engine) as connection:
            connection.execute(sa.text(statement))
    engine.dispose()
    assert len(ledger.log(1)) == 1


def race(*calls: Callable[[], object]) -> list[object]:
    """All calls at the same moment; what each came to."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], object]) -> object:
        barrier.wait()
        try:
            return call()
        except ConflictError as e:
            return e

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_of_dispatchers_who_act_at_once_exactly_one_wins(ledger: Ledger, inventory: Inventory) -> None:
    ledger.take([finding()], inventory, NOW)
    for turn in range(5):
        version = ledger.ticket(1).version
        results = race(
            *(
                lambda name=f"d{n}", v=version: ledger.act(
                    1, "assign", actor=name, role="dispatcher", now=NOW, version=v, engineer=name
                )
                for n in range(4)
            )
        )
        assert sum(isinstance(r, ConflictError) for r in results) == 3, turn
        assert ledger.ticket(1).version == version + 1
    assert replay(ledger.log(1)) == ledger.ticket(1).to_json()


def test_of_two_who_merge_each_into_the_other_one_wins(ledger: Ledger, inventory: Inventory) -> None:
    ledger.take([finding(), finding("line:OLT1-1-4")], inventory, NOW)

    def merge(source: int, target: int) -> object:
        try:
            return ledger.act(source, "merge", actor="d", role="dispatcher", now=NOW, version=1, into=target)
        except LedgerError as error:
            return error

    results = race(lambda: merge(1, 2), lambda: merge(2, 1))
    assert sum(isinstance(r, Exception) for r in results) == 1
    assert sorted(t.state for t in ledger.tickets()) == ["merged", "open"]
    (left,) = ledger.tickets(state="open")
    assert left.lines == ("OLT1-1-3", "OLT1-1-4")
    assert all(replay(ledger.log(t.id)) == t.to_json() for t in ledger.tickets())


def test_of_two_bulk_actions_at_once_each_ticket_is_done_once(ledger: Ledger, inventory: Inventory) -> None:
    ledger.take([finding(f"line:OLT1-1-{n}") for n in range(6)], inventory, NOW)
    versions = {t.id: t.version for t in ledger.tickets()}

    def assign(engineer: str) -> tuple[set[int], set[int]]:
        done, refused = ledger.act_on_many(
            versions, "assign", actor=engineer, role="dispatcher", now=NOW, engineer=engineer
        )
        return {t.id for t in done}, set(refused)

    (done_a, refused_a), (done_b, refused_b) = race(lambda: assign("A"), lambda: assign("B"))  # type: ignore[misc]
    assert done_a | done_b == set(versions)
    assert not done_a & done_b
    assert (refused_a, refused_b) == (done_b, done_a)
    assert {t.id: t.engineer for t in ledger.tickets()} == {n: "A" if n in done_a else "B" for n in versions}


def test_the_same_findings_taken_at_once_open_one_ticket(ledger: Ledger, inventory: Inventory) -> None:
    findings = [finding(), finding("pon:OLT1/0/2", (), "feeder")]
    race(*(lambda: ledger.take(findings, inventory, NOW) for _ in range(4)))
    assert len(ledger.tickets()) == 2
    assert len(ledger.findings()) == 2


_WRITER = """
import sys
from datetime import datetime, timedelta
sys.path.insert(0, sys.argv[2])
from maintenance.ledger import Ledger
from tests.maintenance.conftest import NOW
ledger = Ledger.open(sys.argv[1])
print("ready", flush=True)
n = 0
while True:
    n += 1
    ticket = ledger.ticket(1 + n % 2)
    ledger.act(ticket.id, "note", actor="w", role="admin", now=NOW + timedelta(seconds=n), version=ticket.version,
               note="x" * 3000)
"""


def test_a_writer_killed_at_any_moment_leaves_no_half_change(
    database_url: str, inventory: Inventory, tmp_path: Path
) -> None:
    with Ledger.open(database_url) as ledger:
        ledger.take([finding(), finding("pon:OLT1/0/2", lines_of("OLT1", 2), "feeder")], inventory, NOW)
    for delay in (0.05, 0.11, 0.23):
        writer = subprocess.Popen(
            [sys.executable, "-c", _WRITER, database_url, str(ROOT)], stdout=subprocess.PIPE, cwd=ROOT,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert writer.stdout is not None
        while b"ready" not in writer.stdout.readline():
            pass
        threading.Event().wait(delay)
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        with Ledger.open(database_url) as ledger:
            for ticket in ledger.tickets():
                log = ledger.log(ticket.id)
                assert ticket.version == len(log)
                assert replay(log) == ticket.to_json()
    with Ledger.open(database_url) as ledger:
        assert sum(len(ledger.log(t.id)) for t in ledger.tickets()) > 2
        ledger.take([finding()], inventory, NOW + timedelta(days=1))
