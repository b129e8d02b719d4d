"""What a server counts, in Prometheus' format."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


class Metrics:
    """Counters of one server, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.questions = Counter(
            "zfwidgets_questions", "Questions by method and how they ended.",
            ["method", "end"], registry=self._registry,
        )  # fmt: skip
        self.seconds = Histogram(
            "zfwidgets_answer_seconds", "Seconds from a question to its whole answer.",
            ["method"], buckets=BUCKETS, registry=self._registry,
        )  # fmt: skip
        self.refused = Counter(
            "zfwidgets_refused", "Requests that were refused, by the error's name.",
            ["error"], registry=self._registry,
        )  # fmt: skip

    def watch(self, name: str, what: str, read: Callable[[], float]) -> None:
        """Show a number as it is when it is asked for."""
        Gauge(f"zfwidgets_{name}", what, registry=self._registry).set_function(read)

    def text(self) -> bytes:
        """All of them."""
        return generate_latest(self._registry)
