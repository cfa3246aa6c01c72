"""What jobs of the cluster taught is distilled once, whoever dies meanwhile; over real databases, in one process."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from cluster_bench import ClusterBench, bench_of, record_of, start
from fake_sandbox import FakeSandbox
from sqlalchemy import update

from solvent.agents.job import Answer, CaseVerdict, Evidence, Grade, JobResult, JobSpec, JobStatus, Outcome, StopReason
from solvent.agents.learned import Learned, LearnedStatus
from solvent.agents.lessons import Learner, LearnRules
from solvent.errors import MemoryUnavailable
from solvent.memory.embed import HashedEmbedder
from solvent.memory.store import ConceptStore
from solvent.memory.vectors import InMemoryVectors
from solvent.models.base import ChatRequest
from solvent.models.scripted import ScriptedModel
from solvent.problems.problem import IoTest, Problem, ProblemKind, Verdict
from solvent.usage import Budget, Usage
from solvent.workers.distill import distill
from solvent.workers.distillations import Lessons
from solvent.workers.handlers import handlers_of
from solvent.workers.local_messages import LocalMessages
from solvent.workers.messages import DISTILL
from solvent.workers.reaper import reap
from solvent.workers.service_records import LeaseKind, LeaseLostError
from solvent.workers.sql.concepts import SqlConceptTexts
from solvent.workers.sql.store import SqlServiceStore
from solvent.workers.tables import distillation

PROGRAM = "print('ok')\n"
CONCEPT = "concept: Print rule\nkind: routine\nsummary: print the word that is asked for"


class DiedError(BaseException):
    """The process died here."""


def says(request: ChatRequest) -> str:
    prompt = request.messages[-1].content
    if "Which ideas in the solution" in prompt:
        return CONCEPT
    if "pseudocode:" in prompt:
        return "summary: prints a word\npseudocode:\n```\nprint it\n```"
    return f"```python\n{PROGRAM}```"


def spec_of(job_id: str = "job", **changes: Any) -> JobSpec:
    problem = Problem(
        id="echo",
        kind=ProblemKind.STDIO,
        statement="Print ok.",
        public_tests=(IoTest(name="1", stdin="", expected="ok\n"),),
        hidden_tests=(IoTest(name="2", stdin="", expected="never this\n"),),
    )
    values = {"id": job_id, "problem": problem, "strategy": "single", "memory": "live", "budget": Budget(tokens=50_000)}
    return JobSpec.model_validate({**values, **changes})


def result_of(job_id: str, *, learned: Learned | None = None) -> JobResult:
    return JobResult(
        job_id=job_id,
        problem_id="echo",
        status=JobStatus.COMPLETED,
        outcome=Outcome.SOLVED,
        stop_reason=StopReason.TESTS_PASSED,
        answer=Answer(text=PROGRAM, language="python", trajectory="t0"),
        evidence=Evidence(public_tests=(CaseVerdict(name="1", verdict=Verdict.AC),)),
        # A wrong grade keeps nothing from being learned: it plays no part.
        grade=Grade(verdict=Verdict.WA, passed=0, total=1),
        usage=Usage(prompt_tokens=7, completion_tokens=3, model_calls=1),
        learned=learned or Learned(status=LearnedStatus.PENDING),
    )


class Lab:
    """A cluster's shares whose jobs learn."""

    def __init__(self, bench: ClusterBench) -> None:
        self.bench = bench
        self.vectors = InMemoryVectors()
        self.rules = LearnRules()
        self.bench.script.model = ScriptedModel(says)
        self.bench.more.update(sandbox=FakeSandbox({PROGRAM: lambda _: b"ok\n"}))
        self.use(self.memory())

    def memory(self, project: str = "default") -> ConceptStore:
        store = self.bench.database.store
        assert isinstance(store, SqlServiceStore)
        return ConceptStore(SqlConceptTexts(store._database), self.vectors, HashedEmbedder(), project=project)

    def use(self, store: ConceptStore) -> None:
        self.bench.more.update(memory=store, learner=Learner(store, self.rules))

    @property
    def asked(self) -> int:
        return len(self.bench.script.model.requests)

    async def ended(self, job_id: str) -> None:
        """Store a job that ended, and whose lesson is to be distilled."""
        store = self.bench.database.store
        await store.submit([record_of(spec_of(job_id))])
        claim = await store.claim(LeaseKind.JOB, job_id, holder="a worker", lease_s=60)
        assert claim is not None
        await store.finish(claim, result_of(job_id))

    async def result(self, job_id: str = "job") -> JobResult:
        found = (await self.bench.database.store.job(job_id)).result
        assert found is not None
        return found

    async def lapse(self) -> None:
        """Let all claims be over now."""
        store = self.bench.database.store
        assert isinstance(store, SqlServiceStore)
        over = update(distillation).where(distillation.c.expires_at.is_not(None)).values(expires_at=0.0)
        await store._database.write("lapse", lambda connection: connection.execute(over))


@pytest_asyncio.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def lab(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Lab]:
    is_sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path / 'service.sqlite'}" if is_sqlite else request.getfixturevalue("postgres_url")
    async with bench_of(tmp_path, str(url)) as bench:
        yield Lab(bench)


async def test_a_job_ends_first_and_its_lesson_is_written_after_it(lab: Lab) -> None:
    worker = await lab.bench.worker()
    sent = asyncio.Event()

    async def note(job_id: str) -> None:
        sent.set()

    assert isinstance(worker.messages, LocalMessages)
    worker.messages.start({**handlers_of(worker), DISTILL: note})
    await worker.messages.send_jobs(await lab.bench.submit(spec_of()))
    ended = (await lab.bench.ended()).result
    assert ended is not None
    assert ended.outcome is Outcome.SOLVED
    assert ended.grade is not None
    assert ended.grade.verdict is Verdict.WA
    assert ended.learned == Learned(status=LearnedStatus.PENDING)
    await asyncio.wait_for(sent.wait(), 60)

    await distill(worker, "job")
    result = await lab.result()
    concept = await lab.memory().get("Print rule")
    assert result.learned is not None
    assert (result.learned.status, result.learned.added) == (LearnedStatus.WRITTEN, (f"{concept.id}:1",))
    assert concept.provenance.job_id == "job"
    # What it took is the job's, in its result and in the columns that batches are counted by.
    assert result.usage == await lab.bench.ledger.usage("job")
    assert result.usage.tokens == ended.usage.tokens + result.learned.tokens
    assert result.model_copy(update={"learned": ended.learned, "usage": ended.usage}) == ended
    # A message that comes twice does nothing.
    asked = lab.asked
    await distill(worker, "job")
    await distill(worker, "no such job")
    assert lab.asked == asked
    assert await lab.result() == result


async def test_what_waits_and_what_it_took_is_counted(lab: Lab) -> None:
    worker = await lab.bench.worker()
    store, table = lab.bench.database.store, lab.bench.database.distillations
    assert await table.lessons("default") == Lessons()
    await lab.ended("job")
    await lab.ended("other")
    gauges = await store.gauges()
    assert gauges['distillations{status="queued"}'] == 2
    assert gauges["oldest_distillation_seconds"] >= 0
    await distill(worker, "job")
    found = await table.lessons("default")
    learned = (await lab.result()).learned
    assert learned is not None
    assert (found.waiting, found.running, found.jobs, found.ended) == (1, 0, 2, {"written": 1})
    assert found.tokens == learned.tokens > 0
    assert found.oldest_waiting_s is not None
    assert found.mean_s is not None
    assert await table.lessons("another project") == Lessons()
    text = worker.metrics.text().decode()
    assert 'solvent_distillations_ended_total{status="written"} 1.0' in text
    assert "solvent_distillation_seconds_count 1.0" in text
    assert f"solvent_distillation_tokens_total {float(learned.tokens)}" in text
    assert (await table.claim("other", holder="a worker", lease_s=60)) is not None
    gauges = await store.gauges()
    assert gauges['distillations{status="running"}'] == 1
    assert "oldest_distillation_seconds" not in gauges


async def test_an_unsolved_job_is_not_queued_and_says_why(lab: Lab) -> None:
    worker = await lab.bench.worker()
    lab.bench.more["sandbox"] = FakeSandbox({PROGRAM: lambda _: b"no\n"})
    start(worker)
    await worker.messages.send_jobs(await lab.bench.submit(spec_of()))
    result = (await lab.bench.ended()).result
    assert result is not None
    assert result.learned == Learned(status=LearnedStatus.NOTHING, note="the job was not solved")
    assert await lab.bench.database.distillations.due(max_attempts=3, unseen_s=0) == []


class Mortal:
    """Wraps a part whose process dies at a point: before or after one of its writes. A dead process does no more.

    Args:
        part: what is wrapped.
        writes: names of its methods that change something.
        life: points that are left, shared by all parts of a process.
    """

    def __init__(self, part: Any, writes: set[str], life: list[int]) -> None:
        self._part, self._writes, self._life = part, writes, life

    def __getattr__(self, name: str) -> Any:
        inner = getattr(self._part, name)
        if name not in self._writes:
            return inner

        def spend() -> None:
            self._life[0] -= 1
            if self._life[0] < 0:
                raise DiedError

        if not inspect.iscoroutinefunction(inner):

            def now(*given: Any, **named: Any) -> Any:
                spend()
                result = inner(*given, **named)
                spend()
                return result

            return now

        async def later(*given: Any, **named: Any) -> Any:
            spend()
            result = await inner(*given, **named)
            spend()
            return result

        return later


@pytest.mark.parametrize("replays", [0, 1])
async def test_a_worker_that_dies_at_any_point_loses_nothing_and_writes_nothing_twice(
    lab: Lab, replays: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    lab.rules = LearnRules(replays=replays)
    worker, successor = await lab.bench.worker(), await lab.bench.worker()
    point = -1
    died = True
    while died:
        point += 1
        job_id = project = f"job-{point}"
        await lab.ended(job_id)
        life = [point]
        texts, vectors = (
            Mortal(lab.memory()._texts, {"write", "mark_indexed", "make_namespace"}, life),
            Mortal(lab.vectors, {"upsert", "delete"}, life),
        )
        store = ConceptStore(texts, vectors, HashedEmbedder(), project=project)  # type: ignore[arg-type]  # wrapped
        ledger = Mortal(lab.bench.ledger, {"open", "reserve", "commit", "release"}, life)
        artifacts = Mortal(lab.bench.artifacts, {"put"}, life)
        lab.bench.more.update(memory=store, learner=Learner(store, lab.rules), ledger=ledger, artifacts=artifacts)
        writes = {"claim", "end", "give_back"}
        mortal = replace(worker, distillations=Mortal(worker.distillations, writes, life), ledger=ledger)  # type: ignore[arg-type]
        died = False
        try:
            await distill(mortal, job_id)
        except DiedError:
            died = True

        lab.use(lab.memory(project))
        lab.bench.more.update(ledger=lab.bench.ledger, artifacts=lab.bench.artifacts)
        await lab.lapse()
        await reap(successor)
        await distill(successor, job_id)
        result = await lab.result(job_id)
        assert result.learned is not None, point
        assert (result.learned.status, result.learned.names) == (LearnedStatus.WRITTEN, ("Print rule",)), point
        memory = lab.memory(project)
        assert [one.content.name for one in await memory.list()] == ["Print rule"], point
        assert len(await memory.history("Print rule")) == 1, point
        assert [hit.concept.content.name for hit in await memory.search("print a word")] == ["Print rule"], point
        assert (await memory.check()).is_sound, point
        assert result.usage == await lab.bench.ledger.usage(job_id), point
        assert result.usage.sandbox_runs >= replays, point
    assert point > 15, "it died nowhere"


async def test_of_two_workers_one_distils(lab: Lab) -> None:
    await lab.ended("job")
    workers = [await lab.bench.worker() for _ in range(3)]
    await asyncio.gather(*(distill(worker, "job") for worker in workers))
    learned = (await lab.result()).learned
    assert learned is not None
    assert learned.status is LearnedStatus.WRITTEN
    assert lab.asked == 2


async def test_what_cannot_be_written_ends_as_failed_with_its_cause(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)

    class Away(ConceptStore):
        async def search(self, *_: Any, **__: Any) -> Any:
            raise MemoryUnavailable("Chroma is away")

    memory = lab.memory()
    away = Away(memory._texts, memory._vectors, HashedEmbedder())
    lab.use(away)
    await lab.ended("job")
    worker = await lab.bench.worker()
    due: Callable[[], Any] = lambda: worker.distillations.due(max_attempts=worker.max_attempts, unseen_s=0)  # noqa: E731
    for _ in range(worker.max_attempts):
        assert await due() == ["job"]
        await distill(worker, "job")
        learned = (await lab.result()).learned
        assert learned is not None
        assert learned.status is LearnedStatus.PENDING
    assert await due() == []
    learned = (await lab.result()).learned
    assert learned is not None
    assert learned.status is LearnedStatus.FAILED
    assert learned.note == "it was begun 3 times and never ended; the last cause: Chroma is away"
    # Only the calls of the first attempt were made.
    assert lab.asked == 1


async def test_a_holder_that_was_frozen_writes_nothing_over_its_successor(lab: Lab) -> None:
    await lab.ended("job")
    table = lab.bench.database.distillations
    first = await table.claim("job", holder="first", lease_s=60)
    assert first is not None
    assert await table.claim("job", holder="second", lease_s=60) is None
    assert await table.beat(first, lease_s=60)
    await lab.lapse()
    second = await table.claim("job", holder="second", lease_s=60)
    assert second is not None
    assert (second.token > first.token, second.attempt) == (True, 2)
    assert not await table.beat(first, lease_s=60)
    wrong = Learned(status=LearnedStatus.NOTHING, note="of the frozen one")
    with pytest.raises(LeaseLostError):
        await table.end(first, wrong, Usage())
    await table.give_back(first, counts=True, error={"message": "of the frozen one"})
    await table.end(second, Learned(status=LearnedStatus.NOTHING), Usage(prompt_tokens=9))
    assert (await lab.result()).learned == Learned(status=LearnedStatus.NOTHING)
    assert await table.claim("job", holder="third", lease_s=60) is None


async def test_a_worker_that_is_cut_hands_its_lesson_back_uncounted(lab: Lab) -> None:
    await lab.ended("job")
    gate = asyncio.Event()
    worker = await lab.bench.worker()
    inner = worker.parts.of

    async def held(*given: Any, **named: Any) -> Any:
        gate.set()
        await asyncio.Event().wait()
        return await inner(*given, **named)

    worker.parts.of = held  # type: ignore[method-assign]  # it is to hang
    running = asyncio.create_task(distill(worker, "job"))
    await asyncio.wait_for(gate.wait(), 30)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    again = await lab.bench.worker()
    assert await again.distillations.due(max_attempts=1, unseen_s=600) == ["job"]
    await distill(again, "job")
    learned = (await lab.result()).learned
    assert learned is not None
    assert learned.status is LearnedStatus.WRITTEN
