"""Figures in the Prometheus text format: of requests, lines, tickets, the store and the collector."""

import asyncio

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import Scope

from api.figures import Figures
from api.healthy import health_of
from api.parts import Parts
from api.sight import ALL
from api.standing import Standing
from collector import metrics as collector_metrics
from plant.batch import StoreUnavailableError

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)


class Metrics:
    """`observe` counts requests; `text` tells everything."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "lightline_http_requests", "Requests answered.", ("method", "route", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "lightline_http_request_seconds", "Time to answer.", ("route",), buckets=BUCKETS, registry=self._registry
        )

    def observe(self, scope: Scope, status: int, seconds: float) -> None:
        # the route's template, never the path: paths are without number and hold ids
        route = getattr(scope.get("route"), "path", "other")
        method = scope["method"] if scope["method"] in ("GET", "POST", "DELETE", "HEAD", "OPTIONS") else "other"
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    async def text(self, parts: Parts, figures: Figures, standing: Standing) -> bytes:
        now = CollectorRegistry()
        await asyncio.to_thread(_tell_collector, now, parts)
        down = Gauge("lightline_store_up", "1 while the telemetry store answers.", registry=now)
        try:
            health = await health_of(parts, figures, standing, ALL)
        except StoreUnavailableError as error:
            figures.store_failed(error)
            down.set(0)
            return generate_latest(now) + generate_latest(self._registry)
        down.set(0 if figures.is_down else 1)
        taken = Gauge("lightline_figures_timestamp_seconds", "When the figures were read.", registry=now)
        taken.set(health.as_of.timestamp())
        states = Gauge("lightline_lines", "Lines by state.", ("state",), registry=now)
        for state, count in health.lines.by_state.items():
            states.labels(state).set(count)
        if health.lines.good_rate is not None:
            rate = Gauge("lightline_good_rate", "Share of judged lines that are good.", registry=now)
            rate.set(health.lines.good_rate)
        Gauge("lightline_lines_at_risk", "Lines hit by an unfinished ticket.", registry=now).set(health.lines.at_risk)
        grades = Gauge("lightline_tickets_unfinished", "Unfinished tickets by grade.", ("grade",), registry=now)
        for grade, count in health.tickets.by_grade.items():
            grades.labels(grade).set(count)
        Gauge("lightline_tickets_overdue", "Tickets past their deadline.", registry=now).set(health.tickets.overdue)
        well = Gauge("lightline_part_well", "1 while a part of the service is well.", ("part",), registry=now)
        for part in health.parts:
            well.labels(part.name).set(1 if part.state == "well" else 0)
        return generate_latest(now) + generate_latest(self._registry)


def _tell_collector(registry: CollectorRegistry, parts: Parts) -> None:
    """Add the collector's own figures; none while its status cannot be read, which `lightline_part_well` tells."""
    try:
        status = parts.collector_status()
    except (ValueError, OSError):
        return
    collector_metrics.register(registry, lambda: status)
