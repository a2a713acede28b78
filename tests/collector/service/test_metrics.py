"""The collector's state as Prometheus sees it."""

from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest

from collector.metrics import register
from collector.spool import Spool
from collector.status import read_status
from tests.collector.service.test_service import Devices, collector
from tests.collector.sinks import SqliteSink


async def test_devices_spool_and_store_can_be_scraped_from_another_process(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    register(registry, lambda: read_status(tmp_path / "status.json"))
    assert generate_latest(registry) == b""
    spool = Spool(tmp_path / "spool", 1 << 20)
    await collector(
        spool, SqliteSink(tmp_path / "s.sqlite"), Devices(), [0, 2], status_path=tmp_path / "status.json"
    ).run_once()
    await spool.close()
    text = generate_latest(registry).decode()
    for line in (
        'lightline_device_up{device="OLT-0"} 1.0',
        'lightline_device_up{device="OLT-2"} 0.0',
        'lightline_collector_devices{state="silent"} 1.0',
        "lightline_collector_spool_records 0.0",
        "lightline_collector_store_available 1.0",
        "lightline_collector_delivered_rows_total 10.0",
    ):
        assert line in text.splitlines(), line
