"""What /metrics tells: this process's requests, and the counts of the database at the time of asking."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Counters of one process, in a registry of their own."""

    def __init__(self) -> None:
        # One more time series for each of ours, which nobody asks for. The package leaves the function untyped.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "solvent_http_requests",
            "HTTP answers by route and status.",
            ["method", "route", "status"],
            registry=self._registry,
        )
        self.seconds = Histogram(
            "solvent_http_request_seconds",
            "From a request to the beginning of its answer.",
            ["method", "route"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.streams = Gauge(
            "solvent_http_streams", "Open streams of events and results.", ["kind"], registry=self._registry
        )
        self.accepted = Counter("solvent_jobs_accepted", "Jobs stored by requests here.", registry=self._registry)
        self.unsent = Counter(
            "solvent_messages_unsent", "Messages to workers that the reaper has to send.", registry=self._registry
        )
        self.quotas = Counter(
            "solvent_quota_refusals",
            "Submissions that a quota of their key refused.",
            ["quota"],
            registry=self._registry,
        )

    def text(self, gauges: Mapping[str, float]) -> bytes:
        """Return all of it as Prometheus text.

        Args:
            gauges: of the database; a name may carry its labels, as in `jobs{queue="batch",status="queued"}`.
        """
        lines: list[str] = []
        named: set[str] = set()
        for name, value in sorted(gauges.items()):
            bare, brace, labels = name.partition("{")
            bare = bare if bare.startswith("solvent_") else f"solvent_{bare}"
            if bare not in named:
                named.add(bare)
                lines.append(f"# TYPE {bare} gauge")
            lines.append(f"{bare}{brace}{labels} {value}")
        return generate_latest(self._registry) + "".join(f"{line}\n" for line in lines).encode()
