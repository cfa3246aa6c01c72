"""What a worker counts, and how it is read."""

from __future__ import annotations

import re
import threading
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from stored_jobs import job_result

from solvent.agents.budget import Ask
from solvent.agents.events import CaseJudged, Event, OpaqueEvent, PhaseEntered, TrajectoryFinished
from solvent.agents.job import JobStatus, StopReason
from solvent.agents.ledgers import MemoryLedger
from solvent.errors import ConfigError, ProviderError, ProviderOverloaded, ProviderRejected, ProviderUnavailable
from solvent.models.base import ChatRequest, Chunk, Message
from solvent.models.router.breaker import BreakerState
from solvent.models.router.metrics import Counters, EndpointMetrics, RouterMetrics
from solvent.models.scripted import ScriptedModel
from solvent.problems.problem import Verdict
from solvent.usage import Budget, Usage
from solvent.workers.loop import LoopThread
from solvent.workers.measured import MeasuredLedger, MeasuredModel, router_of, scope_kind
from solvent.workers.metrics import WorkerMetrics
from solvent.workers.service_records import Due, EndedJob, QueuedJob
from solvent.workers.sql.rates import MINUTE_S, ROUNDING_S, next_accounted_at
from solvent.workers.worker_http import WorkerHttp

REQUEST = ChatRequest(messages=(Message(role="user", content="?"),))


@pytest.fixture
def metrics() -> WorkerMetrics:
    return WorkerMetrics()


def values(metrics: WorkerMetrics) -> dict[str, float]:
    """Return all samples by name with labels, as Prometheus itself reads them."""
    found = {}
    for family in text_string_to_metric_families(metrics.text().decode()):
        assert re.fullmatch(r"solvent_[a-z0-9_]+", family.name)
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name.removeprefix('solvent_')}{{{labels}}}"] = sample.value
    return found


def test_events_are_counted_as_they_pass(metrics: WorkerMetrics) -> None:
    events: list[Event] = [
        PhaseEntered(job_id="j", trajectory="t", phase="solve"),
        PhaseEntered(job_id="j", trajectory="t", phase="verify"),
        CaseJudged(job_id="j", trajectory="t", test="1", verdict=Verdict.WA, cpu_s=0.25),
        TrajectoryFinished(job_id="j", trajectory="t", stop_reason=StopReason.MAX_ROUNDS),
        OpaqueEvent.model_validate({"job_id": "j", "type": "of a later version"}),
    ]
    for event in events:
        metrics.observe(event)
    found = values(metrics)
    assert found["steps_total{phase=solve}"] == found["steps_total{phase=verify}"] == 1
    assert found["sandbox_tests_total{verdict=WA}"] == 1
    assert found["sandbox_test_cpu_seconds_sum{}"] == 0.25
    assert found["trajectories_ended_total{stop_reason=max_rounds}"] == 1


def test_ends_reaps_and_sweeps_are_counted(metrics: WorkerMetrics) -> None:
    metrics.job_ended(job_result("j"))
    metrics.job_ended(job_result("k", JobStatus.CANCELLED))
    metrics.reaped(Due([QueuedJob("j", "batch")], ["j/t", "j/u"], [EndedJob("k", None)], lapsed=3))
    metrics.swept({"jobs": 2, "artifact_bytes": 10})
    metrics.drain()
    found = values(metrics)
    assert found["jobs_ended_total{outcome=solved,status=completed}"] == 1
    assert found["jobs_ended_total{outcome=none,status=cancelled}"] == 1
    assert [found[f"reaper_actions_total{{action={name}}}"] for name in ("lease_lapsed", "job_resent")] == [3, 1]
    assert [found[f"reaper_actions_total{{action={name}}}"] for name in ("trajectory_resent", "job_ended")] == [2, 1]
    assert found["reaper_runs_total{result=ok}"] == 1
    assert found["sweep_deleted_total{what=jobs}"] == 2
    assert found["sweep_last_success_timestamp_seconds{}"] > 1e9
    assert found["worker_draining{}"] == 1


async def test_requests_to_a_model_are_timed_and_told_apart(metrics: WorkerMetrics) -> None:
    model = MeasuredModel(ScriptedModel(["one two three"] * 2), "profile", metrics)
    async with aclosing(model.stream(REQUEST)) as chunks:
        text = "".join([chunk.text async for chunk in chunks])
    assert text == "one two three"
    async with aclosing(model.stream(REQUEST)) as chunks:
        async for _ in chunks:
            assert values(metrics)["model_requests_in_flight{profile=profile}"] == 1
            break
    found = values(metrics)
    assert found["model_requests_total{profile=profile,result=ok}"] == 1
    assert found["model_requests_total{profile=profile,result=cancelled}"] == 1
    assert found["model_first_token_seconds_count{profile=profile}"] == 2
    assert found["model_request_seconds_count{profile=profile}"] == 1
    assert found["model_requests_in_flight{profile=profile}"] == 0
    await model.aclose()


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (ProviderOverloaded("later"), "overloaded"),
        (ProviderUnavailable("away"), "unavailable"),
        (ProviderRejected("no"), "rejected"),
        (ProviderError("something"), "failed"),
        (RuntimeError("a defect"), "failed"),
    ],
)
async def test_errors_of_a_model_pass_and_are_counted(metrics: WorkerMetrics, error: Exception, result: str) -> None:
    class Failing(ScriptedModel):
        async def stream(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
            raise error
            yield  # makes it a generator

    model = MeasuredModel(Failing(["x"]), "p", metrics)
    with pytest.raises(type(error)):
        async for _ in model.stream(REQUEST):
            pass
    assert values(metrics)[f"model_requests_total{{profile=p,result={result}}}"] == 1


async def test_the_ledgers_answers_and_charges_are_counted(metrics: WorkerMetrics) -> None:
    ledger = MeasuredLedger(MemoryLedger(), metrics)
    await ledger.open("key:ada", Budget(), daily=True)
    await ledger.open("batch-1", Budget(tokens=100), parent="key:ada")
    await ledger.open("job-1", Budget(), parent="batch-1")
    await ledger.reserve("job-1", "1", Ask(fixed=Usage(prompt_tokens=80, model_calls=1)))
    await ledger.commit("job-1", "1", Usage(prompt_tokens=80, completion_tokens=5, model_calls=1, cost=0.5))
    await ledger.reserve("job-1", "1", Ask(fixed=Usage(prompt_tokens=80)))
    await ledger.reserve("job-1", "2", Ask(fixed=Usage(prompt_tokens=80)))
    assert (await ledger.usage("job-1")).tokens == 85
    found = values(metrics)
    assert [found[f"reservations_total{{answer={word}}}"] for word in ("granted", "settled", "refused")] == [1, 1, 1]
    assert found["reserve_refusals_total{reason=cap_tokens,scope=batch}"] == 1
    assert (found["spent_tokens_total{kind=prompt}"], found["spent_tokens_total{kind=completion}"]) == (80, 5)
    assert (found["spent_model_calls_total{}"], found["spent_cost_total{}"]) == (1, 0.5)
    assert found["reserve_seconds_count{}"] == 3
    assert [scope_kind(scope) for scope in ("key:a", "batch-1", "job-1", "anything")] == ["key", "batch", "job", "job"]
    await ledger.aclose()


def test_endpoints_of_a_router_are_shown_as_they_stand(metrics: WorkerMetrics) -> None:
    class Router:
        def metrics(self) -> RouterMetrics:
            counters = Counters(completed=3, failures=1, completion_tokens=40, first_token_s=0.5, first_tokens=4)
            return RouterMetrics(0, (EndpointMetrics("a", "http://a", BreakerState.OPEN, 2, 10, counters),))

    router = router_of(Router())
    assert router is not None
    assert router_of(object()) is None
    metrics.watch_router("many", router)
    found = values(metrics)
    assert found["endpoint_up{endpoint=a,profile=many}"] == 0
    assert found["endpoint_requests_total{endpoint=a,profile=many,result=ok}"] == 3
    assert found["endpoint_requests_total{endpoint=a,profile=many,result=failed}"] == 1
    assert found["endpoint_tokens_total{endpoint=a,kind=completion,profile=many}"] == 40
    assert found["endpoint_running{endpoint=a,profile=many}"] == 2


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    thread = LoopThread()
    thread.start()
    yield thread
    thread.stop()


def test_a_workers_port_tells_whether_its_loop_runs(
    metrics: WorkerMetrics, loop: LoopThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    http = WorkerHttp("127.0.0.1", 0, loop, metrics.text)
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{http.port}", trust_env=False, timeout=30) as client:
            assert client.get("/live").status_code == 200
            answer = client.get("/metrics?x=1")
            assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
            assert "solvent_worker_info{version=" in answer.text
            assert client.get("/v1/jobs").status_code == 404
            assert client.post("/metrics").status_code == 501
            release = threading.Event()
            loop.call(release.wait)
            monkeypatch.setattr("solvent.workers.worker_http.ANSWER_WAIT_S", 0.05)
            assert client.get("/live").status_code == 503
            assert client.get("/metrics").status_code == 200
            release.set()
            monkeypatch.setattr("solvent.workers.worker_http.ANSWER_WAIT_S", 30.0)
            assert client.get("/live").status_code == 200
        with pytest.raises(ConfigError, match="listen at"):
            WorkerHttp("127.0.0.1", http.port, loop, metrics.text)
    finally:
        http.close()


@given(
    st.integers(1, 100),
    st.lists(st.floats(0, 30, allow_nan=False), min_size=1, max_size=300),
)
def test_no_minute_has_more_submissions_than_twice_its_worth(per_minute: int, gaps: list[float]) -> None:
    """A bucket of a minute's worth that fills evenly: in any t seconds at most that, and what flowed in meanwhile."""
    now, accounted_at = 1000.0, None
    taken: list[float] = []
    for gap in gaps:
        now += gap
        after, wait_s = next_accounted_at(accounted_at, now, per_minute)
        if wait_s == 0:
            accounted_at = after
            taken.append(now)
        else:
            # Who waits as long as was said is taken, and not much sooner.
            assert next_accounted_at(accounted_at, now + wait_s + 1e-6, per_minute)[1] == 0
            if wait_s > 3 * ROUNDING_S:
                assert next_accounted_at(accounted_at, now + wait_s * 0.5, per_minute)[1] > 0
    for start, first in enumerate(taken):
        for end in range(start, len(taken)):
            span = taken[end] - first
            assert end - start + 1 <= per_minute + span * per_minute / MINUTE_S + 1e-6
