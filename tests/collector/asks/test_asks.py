"""One line is asked for by itself: only its own instances, never beside another request, and not too often."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from collector.asking import Place
from collector.asks import (
    AskLimits,
    AskServer,
    CollectorAwayError,
    LineAnswer,
    LineAsks,
    ask_collector,
    look_at_device,
)
from collector.device import DeviceSettings, NotAnsweringError
from collector.pacing import PaceLimits
from collector.service import Collector, CollectorSettings
from collector.snmp import Poll
from collector.snmp.walk import Walker, WalkLimits
from collector.spool import Spool
from collector.turnstile import BudgetSpentError, Turnstile
from plant.batch import Batch
from plant.inventory import LINE_SCHEMA
from tests.collector.plants import device, inventory, lines
from tests.collector.sinks import SqliteSink
from tests.collector.snmp.asking import asker
from tests.collector.snmp.conftest import synthetic as synthetic  # noqa: PLC0414 - a fixture

ROW = {"pon": ["0/1"], "ont": [3], "ont_serial": ["HWTC00000003"], "state": ["up"], "rx_dbm": [-21.5], "tx_dbm": [None],
       "quality": ["tx_dbm:sentinel"]}  # fmt: skip


class OneDevice:
    """Answers one line, or raises what it is told to."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.places = error, list[Place]()

    async def ask(self, place: Place) -> Poll:
        self.places.append(place)
        if self.error is not None:
            raise self.error
        table = pa.table({**ROW, "rx_dbm": pa.array([-21.5], pa.float32()), "tx_dbm": pa.array([None], pa.float32())})
        return Poll(table, pa.table({}), datetime(2026, 3, 1, tzinfo=UTC), 2, 0.1)


class World:
    def __init__(self, error: Exception | None = None, **limits: Any) -> None:
        self.device, self.now, self.kept = OneDevice(error), 0.0, list[Batch]()
        self.asks = LineAsks(
            {f"L{n}": ("OLT", Place("0/1", n)) for n in range(9)}.get,
            {"OLT": self.device}.get,
            self.keep,
            AskLimits(**limits),
            lambda: self.now,
        )

    async def keep(self, batch: Batch) -> None:
        self.kept.append(batch)


async def test_readings_come_back_with_their_reasons_and_are_kept() -> None:
    world = World()
    answer = await world.asks.answer("L3")
    assert answer.outcome == "answered"
    assert answer.readings == {"ont_serial": "HWTC00000003", "state": "up", "rx_dbm": -21.5, "tx_dbm": None}
    assert answer.quality == {"tx_dbm": "sentinel"}
    assert world.device.places == [Place("0/1", 3)]
    (batch,) = world.kept
    assert batch.table.select(["line_id", "rx_dbm", "quality"]).to_pylist() == [
        {"line_id": "L3", "rx_dbm": -21.5, "quality": "tx_dbm:sentinel"}
    ]


async def test_a_line_and_a_device_are_asked_only_so_often() -> None:
    world = World(line_s=60.0, device_asks=3, device_s=60.0)
    assert (await world.asks.answer("L1")).outcome == "answered"
    again = await world.asks.answer("L1")
    assert (again.outcome, again.retry_after_s) == ("too_soon", 60)
    world.now = 20.0
    assert [(await world.asks.answer(f"L{n}")).outcome for n in (2, 3, 4)] == ["answered", "answered", "too_soon"]
    assert (await world.asks.answer("L4")).retry_after_s == 40
    world.now = 61.0
    assert (await world.asks.answer("L1")).outcome == "answered"
    assert len(world.device.places) == 4


@pytest.mark.parametrize(
    ("error", "outcome", "retry"),
    [
        (NotAnsweringError("device OLT does not answer"), "not_answering", None),
        (TimeoutError(), "not_answering", None),
        (BudgetSpentError("no more for now"), "budget_spent", 60),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "garbage"), "failed", None),
    ],
)
async def test_what_goes_wrong_at_the_device_is_an_answer(error: Exception, outcome: str, retry: float | None) -> None:
    world = World(error)
    answer = await world.asks.answer("L1")
    assert (answer.outcome, answer.retry_after_s) == (outcome, retry)
    assert answer.detail
    assert not world.kept


async def test_what_made_no_request_does_not_count() -> None:
    world = World(NotAnsweringError("it was not asked yet"))
    assert [(await world.asks.answer("L1")).outcome for _ in range(9)] == ["not_answering"] * 9
    world.device.error = None
    assert (await world.asks.answer("L1")).outcome == "answered"


async def test_a_line_that_nobody_has_is_told_so() -> None:
    assert (await World().asks.answer("L77")).outcome == "unknown_line"


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Path]:
    folder = tmp_path / ("a long name " * 12)  # longer than a socket's address may be
    folder.mkdir()
    path, stop = folder / "collector.sock", asyncio.Event()
    path.write_text("left by a collector that was killed")
    running = asyncio.create_task(AskServer(path, World().asks.answer).run(stop))
    while not path.is_socket():
        await asyncio.sleep(0.01)
    yield path
    stop.set()
    await running
    assert not path.exists()


async def test_another_process_asks_over_the_socket(served: Path) -> None:
    assert oct(served.stat().st_mode)[-3:] == "600"
    answers = await asyncio.gather(*(ask_collector(served, f"L{n}") for n in (1, 2, 99)))
    assert [a.outcome for a in answers] == ["answered", "answered", "unknown_line"]
    assert answers[0].time == datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize("request_", [b"{}\n", b"nonsense\n", b'{"line_id": 5}\n', b"x" * 10_000, b""])
async def test_requests_that_are_none_do_no_harm(served: Path, request_: bytes) -> None:
    with _short(served) as address:
        reader, writer = await asyncio.open_unix_connection(address)
    writer.write(request_)
    writer.write_eof()
    told = await reader.read()
    assert told == b"" or b'"failed"' in told
    writer.close()
    assert (await ask_collector(served, "L1")).outcome == "answered"


def _short(path: Path) -> Any:
    from collector.asks.meeting import address_of  # noqa: PLC0415

    return address_of(path)


async def test_without_a_collector_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(CollectorAwayError, match="lightline collect"):
        await ask_collector(tmp_path / "collector.sock", "L1")


class Agent:
    """A session that notices two requests at once."""

    bulk_works = True

    def __init__(self) -> None:
        self.at_once = self.most = 0

    async def get_scalars(self, oids: list[str]) -> dict[str, int]:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await asyncio.sleep(0.002)
        self.at_once -= 1
        return dict.fromkeys(oids, 1)


async def test_requests_for_a_line_come_between_those_of_a_walk_and_never_beside_them() -> None:
    agent, turnstile = Agent(), Turnstile(PaceLimits(first_rate=1000.0), 1000)

    async def many() -> None:
        walker = Walker(agent, turnstile, WalkLimits())  # type: ignore[arg-type]
        for _ in range(20):
            await walker.scalars(["1.3.6.1.2.1.1.3.0"])

    await asyncio.gather(many(), many())
    assert agent.most == 1
    assert turnstile.requests == 40


async def until_polled(collector: Collector) -> None:
    for _ in range(400):
        (status,) = collector.status().devices
        if status.tiers and all(t.last_success for t in status.tiers.values()):
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"not polled: {status}")


async def its_states_are_read_again(collector: Collector, path: Path) -> None:
    """A whole device, because a person looks at it: its states at once, and not again so soon."""
    before = collector.status().devices[0].tiers
    assert (await look_at_device(path, "OLT-1")).outcome == "begun"
    again = await look_at_device(path, "OLT-1")
    assert again.outcome == "too_soon"
    assert 0 < (again.retry_after_s or 0) <= 120
    assert (await look_at_device(path, "nobody")).outcome == "unknown_device"
    async with asyncio.timeout(30):
        while collector.status().devices[0].tiers["status"].last_success == before["status"].last_success:
            await asyncio.sleep(0.02)
    after = collector.status().devices[0].tiers
    assert {name for name in after if after[name].last_success != before[name].last_success} == {"status"}


@pytest.mark.parametrize(
    ("walk", "line", "expected", "columns"),
    [
        (
            "huawei",
            ("L1", "OLT-1", "0/0/1", None, 0),
            {
                "state": "up",
                "ont_serial": "HWTC1A2B3C4D",
                "rx_dbm": -18.75,
                "olt_rx_dbm": -21.0,
                "eth_speed_mbps": 1000,
            },
            15,
        ),
        ("ufiber", ("L1", "OLT-1", "pon1", "UBNTE4EB5001", None), {}, 6),
    ],
)
async def test_the_running_collector_reads_the_instances_of_one_line_and_nothing_else(
    synthetic: int, tmp_path: Path, walk: str, line: Any, expected: dict[str, Any], columns: int
) -> None:
    spool, path, stop = Spool(tmp_path / "spool", 1 << 20), tmp_path / "collector.sock", asyncio.Event()
    collector = Collector(
        inventory(lines(line) if walk == "huawei" else LINE_SCHEMA.empty_table(), [device("OLT-1", synthetic)]),
        spool,
        SqliteSink(tmp_path / "store.sqlite"),
        asker=asker(walk),
        settings=CollectorSettings(
            device=DeviceSettings(spread_s=0.01, pace=PaceLimits(first_rate=1000.0)), status_every_s=60
        ),
        asks_path=path,
    )
    running = asyncio.create_task(collector.run(stop))
    try:
        await until_polled(collector)
        (status,) = collector.status().devices
        wanted = "L1" if walk == "huawei" else status.unknown[0]
        answer: LineAnswer = await ask_collector(path, wanted)
        assert answer.outcome == "answered", answer
        assert answer.device == "OLT-1"
        assert answer.readings["ont_serial"]
        assert expected.items() <= answer.readings.items()
        assert {"rx_dbm", "state"} <= answer.readings.keys()
        assert 1 <= answer.requests <= -(-columns // 12)  # a dozen instances each
        again = await ask_collector(path, wanted)
        assert (again.outcome, again.retry_after_s) == ("too_soon", 60)
        await its_states_are_read_again(collector, path)
    finally:
        stop.set()
        await running
        await spool.close()
