"""Numbers for ``/metrics``. Each app has a registry of its own, so that two in one process count apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

METHODS = {"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"}
ENGINE_BUCKETS = (0.003, 0.01, 0.03, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)  # seconds


class Metrics:
    """Counts requests and live messages, times the model, and reads queue and sockets whenever it is asked."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        labels = ("route", "method", "status")
        self._requests = Counter("groupdnet_requests", "Requests answered.", labels, registry=self.registry)
        self._seconds = Histogram(
            "groupdnet_request_seconds", "Seconds from request to answer.", ("route",), registry=self.registry
        )
        self._engine = Histogram(
            "groupdnet_engine_seconds",
            "Seconds that the model's thread worked on one piece of a request.",
            buckets=ENGINE_BUCKETS,
            registry=self.registry,
        )
        self._queue = Gauge(
            "groupdnet_queue_depth", "Requests that wait for the model or are with it.", registry=self.registry
        )
        self._sockets = Gauge("groupdnet_live_sockets", "Live sockets that are open.", registry=self.registry)
        self._painted = Counter(
            "groupdnet_live_messages",
            "Messages of live sockets by what became of them: draft, exact, dropped for a newer one, refused.",
            ("outcome",),
            registry=self.registry,
        )

    def count(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one answered request, and the ``seconds`` that it took. ``route`` is its path with {placeholders}."""
        self._requests.labels(route, method if method in METHODS else "other", str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def engine(self, seconds: float) -> None:
        """Add the ``seconds`` of one piece of work on the model's thread."""
        self._engine.observe(seconds)

    def watch_queue(self, depth: Callable[[], int]) -> None:
        """Read the queue's depth from ``depth`` whenever the numbers are asked for."""
        self._queue.set_function(depth)

    def watch_sockets(self, count: Callable[[], int]) -> None:
        """Read the number of open live sockets from ``count`` whenever the numbers are asked for."""
        self._sockets.set_function(count)

    def painted(self, outcome: Literal["draft", "exact", "dropped", "refused"]) -> None:
        """Count one message of a live socket by what became of it."""
        self._painted.labels(outcome).inc()

    def text(self) -> bytes:
        """All numbers in Prometheus's text format."""
        return generate_latest(self.registry)
