"""What a worker process counts, for Prometheus. See docs/operations.md; labels are closed sets or profiles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from solvent import __version__
from solvent.agents.events import CaseJudged, Event, PhaseEntered, TrajectoryFinished
from solvent.agents.job import JobResult
from solvent.agents.learned import Learned
from solvent.models.router.breaker import BreakerState
from solvent.workers.service_records import Due, LeaseKind

if TYPE_CHECKING:
    from solvent.models.router.metrics import RouterMetrics
    from solvent.workers.lease import Keeper

_CALL_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
_ASK_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0)
_CPU_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class HasRouterMetrics(Protocol):
    """A model with several endpoints."""

    def metrics(self) -> RouterMetrics:
        """Return all endpoints at this moment."""
        ...


class WorkerMetrics:
    """Counters of one worker process, in a registry of their own.

    Methods may be called on the event loop while another thread makes the text.
    """

    def __init__(self) -> None:
        # One more time series for each of ours, which nobody asks for. The package leaves the function untyped.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry = CollectorRegistry()

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"solvent_{name}", text, labels, registry=registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"solvent_{name}", text, labels, registry=registry)

        def histogram(name: str, text: str, buckets: Iterable[float], *labels: str) -> Histogram:
            return Histogram(f"solvent_{name}", text, labels, buckets=tuple(buckets), registry=registry)

        gauge("worker_info", "1, with the version of the process.", "version").labels(__version__).set(1)
        self._capacity = gauge("worker_capacity", "Most jobs and trajectories at once.")
        self._draining = gauge("worker_draining", "1 while the process ends.")
        self._jobs = counter("jobs_ended", "Jobs that ended here.", "status", "outcome")
        self._distilled = counter("distillations_ended", "Lessons of jobs that were distilled here.", "status")
        self._distil_s = histogram("distillation_seconds", "Distillations that ended here.", _CALL_S)
        self._distil_tokens = counter("distillation_tokens", "Tokens that distillations took.")
        self._trajectories = counter("trajectories_ended", "Trajectories that ended here.", "stop_reason")
        self._steps = counter("steps", "Steps of trajectories that were begun here.", "phase")
        self.spent_tokens = counter("spent_tokens", "Tokens that were charged.", "kind")
        self.spent_calls = counter("spent_model_calls", "Model calls that were charged.")
        self.spent_cpu = counter("spent_sandbox_cpu_seconds", "CPU seconds of sandboxes that were charged.")
        self.spent_cost = counter("spent_cost", "Money that was charged, in the currency of the profiles' prices.")
        self.reservations = counter("reservations", "What the ledger answered to what was asked for.", "answer")
        self.refusals = counter("reserve_refusals", "Calls that a cap refused.", "reason", "scope")
        self.reserve_s = histogram("reserve_seconds", "From asking the ledger to its answer.", _ASK_S)
        self._reaper = counter("reaper_actions", "What the reaper found and did.", "action")
        self.reaper_runs = counter("reaper_runs", "How often the reaper looked.", "result")
        self._swept = counter("sweep_deleted", "What sweeps deleted.", "what")
        self._swept_at = gauge("sweep_last_success_timestamp_seconds", "When a sweep of this process last ended well.")
        self.requests = counter("model_requests", "Requests to models that ended.", "profile", "result")
        self.requests_running = gauge("model_requests_in_flight", "Requests to models that run.", "profile")
        self.request_s = histogram("model_request_seconds", "Requests that were answered whole.", _CALL_S, "profile")
        self.first_s = histogram("model_first_token_seconds", "From a request to its first token.", _CALL_S, "profile")
        self._tests = counter("sandbox_tests", "Tests that were judged.", "verdict")
        self._test_cpu = histogram("sandbox_test_cpu_seconds", "CPU seconds of a judged test.", _CPU_S)
        self._watched = _Watched()
        registry.register(self._watched)

    def watch(self, keeper: Keeper, *, capacity: int) -> None:
        """Show what a keeper holds."""
        self._capacity.set(capacity)
        self._watched.keeper = keeper

    def watch_router(self, profile: str, router: HasRouterMetrics) -> None:
        """Show the endpoints of a profile."""
        self._watched.routers[profile] = router

    def drain(self) -> None:
        """The process ends."""
        self._draining.set(1)

    def observe(self, event: Event) -> None:
        """Count an event of a job."""
        match event:
            case PhaseEntered():
                self._steps.labels(event.phase).inc()
            case CaseJudged():
                self._tests.labels(event.verdict.value).inc()
                self._test_cpu.observe(event.cpu_s)
            case TrajectoryFinished():
                self._trajectories.labels(event.stop_reason.value).inc()
            case _:
                pass

    def job_ended(self, result: JobResult) -> None:
        """Count a job that ended."""
        self._jobs.labels(result.status.value, "none" if result.outcome is None else result.outcome.value).inc()

    def distilled(self, learned: Learned, *, seconds: float) -> None:
        """Count a distillation that ended, and what it took."""
        self._distilled.labels(learned.status.value).inc()
        self._distil_s.observe(seconds)
        self._distil_tokens.inc(learned.tokens)

    def reaped(self, due: Due) -> None:
        """Count what a reaper did."""
        found = {
            "lease_lapsed": due.lapsed,
            "job_resent": len(due.jobs),
            "trajectory_resent": len(due.trajectories),
            "job_ended": len(due.ended),
        }
        for action, number in found.items():
            self._reaper.labels(action).inc(number)
        self.reaper_runs.labels("ok").inc()

    def swept(self, deleted: dict[str, int]) -> None:
        """Count what a sweep deleted."""
        for what, number in deleted.items():
            self._swept.labels(what).inc(number)
        self._swept_at.set_to_current_time()

    def text(self) -> bytes:
        """Return all of it as Prometheus text."""
        return generate_latest(self.registry)


class _Watched(Collector):
    """What is looked at when it is asked for."""

    def __init__(self) -> None:
        self.keeper: Keeper | None = None
        self.routers: dict[str, HasRouterMetrics] = {}

    def collect(self) -> Iterator[Metric]:
        if self.keeper is not None:
            yield from _held(self.keeper)
        if self.routers:
            yield from _endpoints({profile: router.metrics() for profile, router in self.routers.items()})


def _held(keeper: Keeper) -> Iterator[Metric]:
    held = GaugeMetricFamily("solvent_worker_held", "What this process works on.", labels=["kind"])
    claims = keeper.claims
    for kind in LeaseKind:
        held.add_metric([kind.value], sum(claim.kind is kind for claim in claims))
    yield held
    yield CounterMetricFamily("solvent_leases_lost", "Leases that this process lost.", value=keeper.lost)


def _endpoints(found: dict[str, RouterMetrics]) -> Iterator[Metric]:
    labels = ["profile", "endpoint"]
    requests = CounterMetricFamily(
        "solvent_endpoint_requests", "Requests to an endpoint that ended.", labels=[*labels, "result"]
    )
    up = GaugeMetricFamily("solvent_endpoint_up", "0 while its breaker is open.", labels=labels)
    running = GaugeMetricFamily("solvent_endpoint_running", "Samples that it generates.", labels=labels)
    tokens = CounterMetricFamily("solvent_endpoint_tokens", "Of completed samples.", labels=[*labels, "kind"])
    first = CounterMetricFamily(
        "solvent_endpoint_first_token_seconds", "Sum of the times to the first token.", labels=labels
    )
    firsts = CounterMetricFamily("solvent_endpoint_first_tokens", "How many first tokens.", labels=labels)
    for profile, router in found.items():
        for one in router.endpoints:
            place, counted = [profile, one.name], one.counters
            results = {
                "ok": counted.completed,
                "failed": counted.failures,
                "overloaded": counted.overloaded,
                "rejected": counted.rejected,
                "cancelled": counted.cancelled,
            }
            for result, number in results.items():
                requests.add_metric([*place, result], number)
            up.add_metric(place, one.state is not BreakerState.OPEN)
            running.add_metric(place, one.running)
            tokens.add_metric([*place, "prompt"], counted.prompt_tokens)
            tokens.add_metric([*place, "completion"], counted.completion_tokens)
            first.add_metric(place, counted.first_token_s)
            firsts.add_metric(place, counted.first_tokens)
    yield from (requests, up, running, tokens, first, firsts)
