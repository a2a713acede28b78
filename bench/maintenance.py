"""The ledger with a million tickets on SQLite and PostgreSQL: lists, filters, search; and the planner of visits."""

import gc
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bench import postgresql
from bench.result import Result
from bench.town import a_town
from lightline.logs import configure_logs
from maintenance import database, search
from maintenance.dispatch.planning import plan
from maintenance.ledger import Ledger
from maintenance.tables import ticket_lines, tickets
from maintenance.transitions import FINAL, STATES

NOW = datetime(2026, 11, 2, 2, 0, tzinfo=UTC)
LIMIT_MS, PLAN_LIMIT_S = 100.0, 60.0
REPEATS, PAGE = 7, 5000
UNFINISHED = tuple(s for s in STATES if s not in FINAL)
CAUSES = {"connector": "接头脏污或损坏", "macrobend": "光纤弯曲", "water": "接头盒进水", "ont_power": "ONT电源故障"}

Question = Callable[[Ledger], object]


def measure(quick: bool) -> list[Result]:
    """`list_*`, `search_*`, `queue` and `counts` in ms (the median; the ratio is that of 100 ms to it), and
    `plan_2000` in s (to a minute) with what its cost is to the greedy plan's."""
    configure_logs(level="WARNING")
    count = 20_000 if quick else 1_000_000
    results: list[Result] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lightline-bench-")))
        results += _ledger(f"sqlite:///{folder / 'ledger.sqlite'}", "sqlite", count)
        initdb = postgresql.found()
        if initdb is None:
            _say(f"PostgreSQL is not here; {postgresql.INSTALL}")
        else:
            results += _ledger(stack.enter_context(postgresql.serving(initdb)), "postgresql", count)
    return [*results, *_planner(quick)]


def _questions(count: int) -> dict[str, Question]:
    rare = f"L{count // 2:07d}"
    return {
        "list_first": lambda o: o.tickets(limit=50),
        "list_deep": lambda o: o.tickets(limit=50, after=count - 100),
        "list_unfinished": lambda o: o.tickets(state=UNFINISHED, limit=50),
        "list_area_grade": lambda o: o.tickets(state=UNFINISHED, area="area3", grade="P2", limit=50),
        "list_department": lambda o: o.tickets(department="区域中心 7", limit=50),
        "list_overdue": lambda o: o.tickets(overdue_at=NOW, limit=50),
        "list_line": lambda o: o.tickets(line=rare, limit=50),
        "list_escalated": lambda o: o.tickets(escalation="general_manager", limit=50),
        "search_line": lambda o: o.tickets(text=rare[1:], limit=50),
        "search_rare_name": lambda o: o.tickets(text="欧阳", limit=50),
        "search_common": lambda o: o.tickets(text="connector", limit=50),
        "search_common_area": lambda o: o.tickets(text="进水", area="area3", state=UNFINISHED, limit=50),
        "search_two_words": lambda o: o.tickets(text="欧阳 接头", limit=50),
        "search_nothing": lambda o: o.tickets(text="nowhere-to-be-found", limit=50),
        "queue": lambda o: o.queue(NOW, area="area3", limit=50),
        "counts": lambda o: o.counts(NOW),
    }


def _ledger(url: str, kind: str, count: int) -> list[Result]:
    began = time.monotonic()
    with Ledger.open(url) as ledger:
        _fill(url, count)
        _say(f"{kind}: {count:,} tickets stored in {time.monotonic() - began:.0f} s")
        results = []
        for name, ask in _questions(count).items():
            took = [_timed(lambda ask=ask: ask(ledger)) for _ in range(REPEATS)]  # type: ignore[misc]
            middle = statistics.median(took)
            _say(f"{kind} {name}: median {middle:.1f} ms, worst {max(took):.1f} ms")
            results.append(Result(f"{name}_{kind}", round(middle, 2), "ms", round(LIMIT_MS / middle, 1),
                                  f"{LIMIT_MS:.0f} ms, {count:,} tickets"))  # fmt: skip
    return results


def _timed(call: Callable[[], object]) -> float:
    gc.collect()
    began = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - began)


def _fill(url: str, count: int) -> None:
    """Tickets of three years, one in forty unfinished: the newest, and here and there an old one."""
    engine = database.connect(url)
    rows = _rows(count)
    with database.writing(engine) as connection:
        while page := list(islice(rows, PAGE)):
            _insert(connection, tickets, page)
            lines = [{"ticket_id": r["id"], "line_id": f"L{r['id']:07d}"} for r in page]
            _insert(connection, ticket_lines, lines)
            texts = [(r["id"], search.grams(r[name] for name in search.NAMES)) for r in page]
            search.fill(connection, texts)
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text("VACUUM ANALYZE"))
    engine.dispose()


def _insert(connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    connection.execute(sa.insert(table), rows)


def _rows(count: int) -> Iterator[dict[str, Any]]:
    causes = list(CAUSES.items())
    for n in range(1, count + 1):
        cause, words = causes[n % len(causes)]
        going = n > count - count // 50 or n % 200 == 0
        state = UNFINISHED[n % len(UNFINISHED)] if going else "closed"
        opened = NOW - timedelta(hours=26_280 * (1 - n / count))
        place = f"line:L{n:07d}"
        yield {
            "id": n, "kind": "inspection", "place": place, "cause": cause, "grade": f"P{1 + n * 7 % 4}", "state": state,
            "area": f"area{n % 10}", "grid": f"area{n % 10}-g{n // 10 % 10}", "party": "drop",
            "department": f"区域中心 {n % 10}", "engineer": "欧阳" if n % 20_000 == 77 else f"工程师{n % 500}",
            "probability": 0.8, "score": 2.0, "deadline": opened + timedelta(days=10), "opened_at": opened,
            "changed_at": opened, "version": 1, "title_en": f"{cause} at {place}", "title_zh": f"{words}：{place}",
            "onset": date(2026, 10, 1), "evidence": {"rx_now": {"value": -24.1, "unit": "dBm"}}, "reopened": 0,
            "escalation": "general_manager" if going and n % 50 == 0 else None,
            "resolved_at": None if going else opened, "closed_at": None if going else opened,
        }  # fmt: skip


def _planner(quick: bool) -> list[Result]:
    jobs, shifts = a_town(2000, 100, 5)
    began, used = time.monotonic(), time.process_time()
    found = plan(jobs, shifts, seconds=5.0 if quick else 40.0)
    took = time.monotonic() - began
    assert found.greedy_cost is not None
    _say(f"planner: {took:.1f} s ({time.process_time() - used:.1f} s of processor), {len(found.unplanned)} left out")
    return [
        Result("plan_2000", round(took, 1), "s", round(PLAN_LIMIT_S / took, 2), "60 s, 2,000 jobs and 100 engineers"),
        Result("plan_2000_cost", float(found.cost), "min", round(found.greedy_cost / found.cost, 3), "the greedy plan"),
    ]


def _say(text: str) -> None:
    """Progress, beside the result."""
    sys.stderr.write(f"bench maintenance: {text}\n")
