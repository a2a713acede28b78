"""The collector's figures for Prometheus, made from its status: the same whether asked in its process or beside it."""

from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector as MetricSource
from prometheus_client.registry import CollectorRegistry

from collector.lateness import late_tiers
from collector.status import CollectorStatus

STATES = ("waiting", "answering", "silent", "troubled", "unknown")


def register(registry: CollectorRegistry, status: Callable[[], CollectorStatus | None]) -> None:
    """Add the collector's metrics to `registry`; `status` is called at each scrape (None: no collector, no metrics)."""
    registry.register(_FromStatus(status))


class _FromStatus(MetricSource):
    def __init__(self, status: Callable[[], CollectorStatus | None]) -> None:
        self._status = status

    def describe(self) -> list[Metric]:
        return []  # nothing to ask before the first scrape

    def collect(self) -> Iterator[Metric]:
        status = self._status()
        if status is None:
            return
        yield _gauge(
            "status_timestamp_seconds", "When the collector last told its state.", status.written_at.timestamp()
        )
        yield from _devices(status)
        yield from _brokers(status)
        yield from _traps(status)
        spool, drain = status.spool, status.drain
        yield _gauge("spool_records", "Batches on disk that the store does not have yet.", spool.records)
        yield _gauge("spool_bytes", "Bytes the spool takes on disk.", spool.bytes_used)
        yield _gauge("spool_bytes_limit", "Bytes the spool may take on disk.", spool.bytes_limit)
        yield _gauge("spool_full", "1 while the spool refuses readings.", spool.full)
        yield _gauge("spool_damaged_records", "Places in the spool that could not be read.", spool.damaged)
        yield _gauge("spool_set_aside_batches", "Batches the store refuses for good.", spool.set_aside)
        yield _gauge("store_available", "0 while the store does not take readings.", drain.state != "store_unavailable")
        rows = CounterMetricFamily("lightline_collector_delivered_rows", "Rows delivered to the store.")
        rows.add_metric([], drain.rows)
        yield rows


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"lightline_collector_{name}", text, value=float(value))


def _devices(status: CollectorStatus) -> Iterator[Metric]:
    states = GaugeMetricFamily("lightline_collector_devices", "Devices by state.", labels=["state"])
    for state in STATES:
        states.add_metric([state], sum(d.state == state for d in status.devices))
    yield states
    up = GaugeMetricFamily("lightline_device_up", "1 while the device can be read.", labels=["device"])
    response = GaugeMetricFamily("lightline_device_response_seconds", "Its usual response time.", labels=["device"])
    pause = GaugeMetricFamily("lightline_device_pause_seconds", "Pause kept between requests.", labels=["device"])
    left = GaugeMetricFamily("lightline_device_budget_left", "Requests left in this hour.", labels=["device"])
    strangers = GaugeMetricFamily("lightline_device_unknown_onts", "ONTs that no lines file has.", labels=["device"])
    success = GaugeMetricFamily(
        "lightline_tier_success_timestamp_seconds", "Last successful poll of a tier.", labels=["device", "tier"]
    )
    behind = GaugeMetricFamily(
        "lightline_tier_behind_seconds", "How far a tier is behind its cadence.", labels=["device", "tier"]
    )
    for d in status.devices:
        up.add_metric([d.id], float(d.state == "answering"))
        if d.pace.usual_ms is not None:
            response.add_metric([d.id], d.pace.usual_ms / 1000)
        pause.add_metric([d.id], d.pace.pause_ms / 1000)
        left.add_metric([d.id], d.pace.budget_left)
        strangers.add_metric([d.id], d.unknown_count)
        for name, tier in d.tiers.items():
            if tier.last_success is not None:
                success.add_metric([d.id, name], tier.last_success.timestamp())
            behind.add_metric([d.id, name], tier.behind_s)
    yield from (up, response, pause, left, strangers, success, behind)
    yield _gauge("tiers_behind", "Tiers that are behind their cadence.", len(late_tiers(status.devices)))


def _brokers(status: CollectorStatus) -> Iterator[Metric]:
    up = GaugeMetricFamily("lightline_broker_up", "1 while connected.", labels=["broker"])
    messages = CounterMetricFamily("lightline_broker_messages", "Messages received.", labels=["broker"])
    readings = CounterMetricFamily("lightline_broker_readings", "Readings on disk.", labels=["broker"])
    refused = CounterMetricFamily("lightline_broker_refused", "Refused, by reason.", labels=["broker", "reason"])
    more = CounterMetricFamily("lightline_broker_events", "What some payloads have.", labels=["broker", "what"])
    agents = GaugeMetricFamily("lightline_broker_usp_agents", "USP agents known.", labels=["broker"])
    for b in status.brokers:
        up.add_metric([b.id], float(b.state == "connected"))
        messages.add_metric([b.id], b.messages)
        readings.add_metric([b.id], b.readings)
        for reason, count in b.refused.items():
            refused.add_metric([b.id, reason], count)
        for what, count in b.counts.items():
            if what == "agents":
                agents.add_metric([b.id], count)
            else:
                more.add_metric([b.id, what], count)
    yield from (up, messages, readings, refused, more, agents)


def _traps(status: CollectorStatus) -> Iterator[Metric]:
    up = GaugeMetricFamily("lightline_traps_up", "1 while the port is open.", labels=["listener"])
    counts = {
        name: CounterMetricFamily(f"lightline_traps_{name}", text, labels=["listener"])
        for name, text in (
            ("received", "Datagrams received."),
            ("decoded", "Notifications read whole."),
            ("folded", "Notifications equal to one read before, counted only."),
            ("unread", "Of those folded, the ones told apart by device and trap alone, in a storm."),
            ("informs", "Informs received."),
            ("acknowledged", "Informs acknowledged: on disk."),
            ("deferred", "Informs not taken for want of room, to be sent again."),
            ("readings", "Readings on disk."),
            ("unknown", "Traps that no rule knows."),
            ("looks", "Devices asked sooner because of a trap."),
            ("lost", "Readings the spool did not take."),
            ("dropped", "Datagrams the kernel dropped."),
        )
    }
    refused = CounterMetricFamily("lightline_traps_refused", "Refused, by reason.", labels=["listener", "reason"])
    known = CounterMetricFamily("lightline_traps_known", "Notifications by meaning.", labels=["listener", "trap"])
    for t in status.traps:
        up.add_metric([t.id], float(t.state == "listening"))
        for name, family in counts.items():
            family.add_metric([t.id], getattr(t, name))
        for reason, count in t.refused.items():
            refused.add_metric([t.id, reason], count)
        for trap, count in t.known.items():
            known.add_metric([t.id, trap], count)
    yield from (up, *counts.values(), refused, known)
