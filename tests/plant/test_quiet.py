"""Quiet hours are those of the operator's clock."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from plant.checking import check_inventory, examine
from plant.quiet import QuietHours
from tests.plant.test_checking import Write

CHINA = "Asia/Shanghai"


def local(text: str, zone: str = CHINA) -> datetime:
    return datetime.fromisoformat(f"2026-03-10T{text}").replace(tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize(
    ("spans", "now", "until"),
    [
        ([(60, 300)], "00:59", None),
        ([(60, 300)], "01:00", "05:00"),
        ([(60, 300)], "04:59:59", "05:00"),
        ([(60, 300)], "05:00", None),
        ([(1410, 30)], "23:45", "00:30"),
        ([(1410, 30)], "00:10", "00:30"),
        ([(1410, 30)], "12:00", None),
        ([(60, 120), (120, 300)], "01:30", "05:00"),  # one after the other is one
        ([(1320, 1440), (0, 60)], "22:30", "01:00"),
    ],
)
def test_a_moment_lies_in_a_span_or_outside(spans: list[tuple[int, int]], now: str, until: str | None) -> None:
    end = QuietHours(tuple(spans), CHINA).until(local(now).astimezone(UTC))
    assert (None if end is None else f"{end.astimezone(ZoneInfo(CHINA)):%H:%M}") == until
    if end is not None:
        assert timedelta(0) < end - local(now) < timedelta(days=1)


def test_the_clock_on_the_wall_decides_also_on_the_day_it_changes() -> None:
    berlin = datetime(2026, 3, 29, 1, 30, tzinfo=ZoneInfo("Europe/Berlin"))  # at 02:00 the clock goes to 03:00
    end = QuietHours(((60, 300),), "Europe/Berlin").until(berlin.astimezone(UTC))
    assert end == datetime(2026, 3, 29, 3, 0, tzinfo=UTC)


def test_a_device_has_its_own_quiet_hours_or_those_of_the_inventory(write: Write) -> None:
    path = write("calendar:", 'quiet: ["02:00-04:00"]\ncalendar:')
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("    port: 1161\n", "    port: 1161\n    quiet: []\n"), encoding="utf-8")
    made, problems = examine(path)
    assert not [p for p in problems if p.severity == "error"]
    assert made is not None
    assert made.devices["GZ-OLT-01"].quiet == QuietHours(((120, 240),), CHINA)
    assert made.devices["GZ-OLT-02"].quiet is None


@pytest.mark.parametrize(
    ("said", "message", "remedy"),
    [
        ('["25:00-05:00"]', 'quiet hours "25:00-05:00" are none', '"01:00-05:00"'),
        ("[at night]", 'quiet hours "at night" are none', '"01:00-05:00"'),
        ('["03:00-03:00"]', 'quiet hours "03:00-03:00" are none', '"01:00-05:00"'),
        ('["00:00-24:00"]', "is quiet all day", "leave hours"),
        ("01:00-05:00", '"quiet" should be a list', "dash"),
    ],
)
def test_quiet_hours_that_are_none_are_named_with_their_line(
    write: Write, said: str, message: str, remedy: str
) -> None:
    problems = check_inventory(write("    port: 1161\n", f"    port: 1161\n    quiet: {said}\n"))
    found = [p for p in problems if message in p.message]
    assert found, [str(p) for p in problems]
    assert (found[0].line, found[0].severity) == (22, "error")
    assert remedy in found[0].remedy
