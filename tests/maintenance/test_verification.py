"""Only readings after a repair judge it, for as long as its cause demands."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from maintenance.errors import InputError
from maintenance.rules import Rules
from maintenance.verification import judge, readings_needed
from plant.finding import CAUSES

RULES = Rules.load()
REPAIR = datetime(2026, 11, 2, 6, 0, tzinfo=UTC)


def hourly(start: datetime, hours: int, lines: Sequence[str] = ("A",), **columns: Any) -> pa.Table:
    """`hours` hourly readings a line from `start`; a column is a value, or a function of the hour."""
    ids = [line for line in lines for _ in range(hours)]
    times = [start + timedelta(hours=h, minutes=5) for _ in lines for h in range(hours)]
    data: dict[str, Any] = {"line_id": ids, "time": pa.array(times, pa.timestamp("us", tz="UTC"))}
    for name, value in columns.items():
        each = [value(h) if callable(value) else value for h in range(hours)]
        data[name] = each * len(lines)
    return pa.table(data)


def before(hours: int = 72, **columns: Any) -> pa.Table:
    return hourly(REPAIR - timedelta(hours=hours), hours, **columns)


def after(hours: int, **columns: Any) -> pa.Table:
    return hourly(REPAIR, hours, **columns)


def lit(rx: float) -> Mapping[str, Any]:
    return {"rx_dbm": rx, "state": "up"}


def both_ways(rx: float, olt_rx: float) -> Mapping[str, Any]:
    return {"rx_dbm": rx, "olt_rx_dbm": olt_rx, "state": "up"}


def swinging(by: float) -> Mapping[str, Any]:
    return {"rx_dbm": lambda h: -22.0 - by * (h % 24 < 12), "state": "up"}


DARK_LATER = {"rx_dbm": lambda h: -22.0 if h < 20 else None, "state": lambda h: "up" if h < 20 else "los"}
SLIPPING = {"rx_dbm": lambda h: -22.0 - h * 0.1, "state": "up"}
GASPING = {"state": lambda h: "dying_gasp" if h % 8 == 0 else "up"}
ERRORS = {"bip_errors": lambda h: 500 * h}
ERRORS_AND_RESET = {"bip_errors": lambda h: 500 * (h % 20)}

# what happened, cause, readings before, hours of readings after, readings after, verdict
CASES: list[tuple[str, str, Mapping[str, Any], int, Mapping[str, Any], str]] = [
    ("light came back", "connector", lit(-27.0), 26, lit(-22.0), "held"),
    ("both ways", "connector", both_ways(-27.0, -29.0), 26, both_ways(-22.0, -24.0), "held"),
    ("not long enough", "connector", lit(-27.0), 20, lit(-22.0), "undecided"),
    ("water needs days", "water", lit(-27.0), 26, lit(-22.0), "undecided"),
    ("water held for days", "water", lit(-27.0), 122, lit(-22.0), "held"),
    ("as before", "connector", lit(-27.0), 26, lit(-27.1), "failed"),
    ("too early to fail", "connector", lit(-27.0), 9, lit(-27.1), "undecided"),
    ("slips back", "connector", lit(-27.0), 26, SLIPPING, "failed"),
    ("one way up, the other down", "connector", both_ways(-24.0, -24.0), 26, both_ways(-22.0, -26.0), "failed"),
    ("dark again", "connector", lit(-27.0), 26, DARK_LATER, "failed"),
    ("dark before, lit now", "feeder", {"rx_dbm": None, "state": "los"}, 26, lit(-22.0), "held"),
    ("stays weak", "weak_since_install", lit(-29.0), 26, lit(-28.0), "failed"),
    ("swing gone", "thermal", swinging(2.0), 170, swinging(0.2), "held"),
    ("swing stays", "thermal", swinging(2.0), 170, swinging(2.0), "failed"),
    ("errors gone", "rogue_ont", ERRORS, 26, {"bip_errors": 36000}, "held"),
    ("errors stay, counter reset", "rogue_ont", ERRORS, 26, ERRORS_AND_RESET, "failed"),
    ("gigabit again", "ethernet", {"eth_speed_mbps": 100.0}, 26, {"eth_speed_mbps": 1000.0}, "held"),
    ("still 100", "ethernet", {"eth_speed_mbps": 100.0}, 26, {"eth_speed_mbps": 100.0}, "failed"),
    ("fresh laser", "ont_laser", {"bias_ma": 28.0, "state": "up"}, 26, {"bias_ma": 14.0, "state": "up"}, "held"),
    ("no more dying gasps", "ont_power", GASPING, 74, {"state": "up"}, "held"),
    ("gasps on", "ont_power", GASPING, 74, GASPING, "failed"),
    ("coax level", "coax_drop", {"ds_snr_db": 28.0}, 50, {"ds_snr_db": 37.0}, "held"),
    ("nothing to compare with", "ethernet", {"eth_speed_mbps": None}, 26, {"eth_speed_mbps": 1000.0}, "undecided"),
]


@pytest.mark.parametrize(("cause", "old", "hours", "new", "verdict"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_readings_decide(cause: str, old: Mapping[str, Any], hours: int, new: Mapping[str, Any], verdict: str) -> None:
    found = judge(cause, before(**old), after(hours, **new), REPAIR, REPAIR + timedelta(days=30), RULES)
    assert found.verdict == verdict, found
    assert found.reasons


def test_readings_from_before_the_repair_never_count() -> None:
    good = hourly(REPAIR - timedelta(days=3), 72, rx_dbm=-22.0, state="up")
    found = judge("connector", before(rx_dbm=-27.0, state="up"), good, REPAIR, REPAIR + timedelta(days=3), RULES)
    assert (found.verdict, found.readings_since) == ("undecided", 0)


def test_a_fault_of_today_is_compared_with_itself_not_with_the_good_days_before() -> None:
    fresh = {"rx_dbm": lambda h: -22.0 if h < 150 else -27.0, "state": "up"}
    old, new = before(168, **fresh), after(26, **lit(-22.0))
    since = REPAIR - timedelta(hours=18)
    later = REPAIR + timedelta(days=3)
    assert judge("connector", old, new, REPAIR, later, RULES).verdict == "held"
    assert judge("connector", old, new, REPAIR, later, RULES, since=since).verdict == "held"
    swinging_still = after(26, rx_dbm=lambda h: -22.0 if h % 4 else -27.0, state="up")
    assert judge("connector", old, swinging_still, REPAIR, later, RULES).verdict == "failed"
    worse = after(26, **lit(-27.0))
    assert judge("connector", old, worse, REPAIR, later, RULES, since=since).verdict == "failed"


def test_a_line_that_was_dark_when_they_came_and_is_lit_since_is_repaired() -> None:
    dark = {"rx_dbm": lambda h: -22.0 if h < 160 else None, "state": lambda h: "up" if h < 160 else "los"}
    later = REPAIR + timedelta(days=3)
    assert judge("connector", before(168, **dark), after(26, **lit(-22.0)), REPAIR, later, RULES).verdict == "held"
    still = {"rx_dbm": None, "state": "los"}
    assert judge("connector", before(168, **dark), after(26, **still), REPAIR, later, RULES).verdict == "failed"


def test_readings_from_the_future_never_count() -> None:
    found = judge(
        "connector", before(rx_dbm=-27.0, state="up"), after(40, rx_dbm=-22.0, state="up"), REPAIR,
        REPAIR + timedelta(hours=10), RULES,
    )  # fmt: skip
    assert (found.verdict, found.readings_since) == ("undecided", 10)


def test_rows_without_a_reading_are_no_readings() -> None:
    found = judge("connector", before(rx_dbm=-27.0), after(30, rx_dbm=None), REPAIR, REPAIR + timedelta(days=3), RULES)
    assert (found.verdict, found.readings_since) == ("undecided", 0)


@pytest.mark.parametrize(
    ("held", "silent", "verdict"),
    [(10, 0, "held"), (8, 0, "held"), (7, 0, "failed"), (7, 3, "held"), (5, 5, "undecided")],
)
def test_a_shared_fault_is_judged_over_its_lines(held: int, silent: int, verdict: str) -> None:
    lines = [f"L{n}" for n in range(10)]
    old = hourly(REPAIR - timedelta(hours=48), 48, lines, rx_dbm=-27.0, state="up")
    parts = [hourly(REPAIR, 30, lines[:held], rx_dbm=-23.0, state="up")]
    if held < 10 - silent:
        parts.append(hourly(REPAIR, 30, lines[held : 10 - silent], rx_dbm=-27.0, state="up"))
    found = judge("feeder", old, pa.concat_tables(parts), REPAIR, REPAIR + timedelta(days=3), RULES, lines)
    assert found.verdict == verdict
    assert (found.lines, found.lines_read, found.lines_held) == (10, 10 - silent, held)


def test_few_readings_over_many_hours_are_not_enough() -> None:
    sparse = after(60, rx_dbm=-22.0, state="up").take(pa.array([0, 10, 20, 30, 40, 50, 59]))
    found = judge("connector", before(rx_dbm=-27.0, state="up"), sparse, REPAIR, REPAIR + timedelta(days=3), RULES)
    assert found.verdict == "undecided"


def test_the_figures_say_what_was_compared() -> None:
    found = judge(
        "connector", before(rx_dbm=-27.0), after(26, rx_dbm=-22.0), REPAIR, REPAIR + timedelta(days=2), RULES, ["A"]
    )
    assert found.figures == {"light.rx_dbm": {"before": -27.0, "after": -22.0, "unit": "dBm", "held": 1, "lines": 1}}
    assert found.to_json()["resolved_at"] == REPAIR.isoformat()


def test_a_single_line_need_not_be_named_in_the_table() -> None:
    old, new = (t.drop_columns(["line_id"]) for t in (before(rx_dbm=-27.0), after(26, rx_dbm=-22.0)))
    found = judge("connector", old, new, REPAIR, REPAIR + timedelta(days=2), RULES, ["line-7"])
    assert (found.verdict, found.lines_held) == ("held", 1)


def test_odd_tables_are_refused_by_name() -> None:
    empty = pa.table({"line_id": pa.array([], pa.string()), "time": pa.array([], pa.timestamp("us", tz="UTC"))})
    assert judge("connector", empty, empty, REPAIR, REPAIR, RULES).verdict == "undecided"
    with pytest.raises(InputError, match="column time"):
        judge("connector", empty, pa.table({"rx_dbm": [1.0]}), REPAIR, REPAIR, RULES)
    with pytest.raises(InputError, match="zone"):
        judge("connector", pa.table({"time": pa.array([], pa.timestamp("us"))}), empty, REPAIR, REPAIR, RULES)
    with pytest.raises(InputError, match="resolved_at"):
        judge("connector", empty, empty, REPAIR.replace(tzinfo=None), REPAIR, RULES)


@pytest.mark.parametrize("cause", CAUSES)
def test_every_cause_says_what_to_read(cause: str) -> None:
    needed = readings_needed(cause, RULES)
    assert needed.fields
    assert needed.hold_hours >= 24


@pytest.mark.parametrize(
    ("case", "old", "new", "verdict"),
    [
        ("nothing was wrong and nothing is", lit(-21.0), lit(-21.1), "held"),
        ("the fault is there and stays", lit(-26.2), lit(-26.3), "failed"),
        ("it goes on falling", lit(-21.0), lit(-22.0), "failed"),
        (
            "dark now and then",
            lit(-21.0),
            {"rx_dbm": -21.0, "state": lambda h: "los" if h % 10 == 0 else "up"},
            "failed",
        ),
        ("errors came", {**lit(-21.0), "bip_errors": 0}, {**lit(-21.0), **ERRORS}, "failed"),
    ],
)
@pytest.mark.parametrize("answer", ["no_fault_found", "customer_equipment"])
def test_a_visit_that_found_nothing_is_closed_where_readings_agree(
    case: str, old: Mapping[str, Any], new: Mapping[str, Any], verdict: str, answer: str
) -> None:
    now = REPAIR + timedelta(hours=74)
    told = judge("connector", before(**old), after(74, **new), REPAIR, now, RULES, ["A"], answer=answer)
    assert told.verdict == verdict, case
