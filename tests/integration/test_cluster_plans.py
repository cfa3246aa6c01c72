"""Rounds of an allocation and attempts of a contest as workers take them, also where one died before it could."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cluster_bench import MAX_TOKENS, PROFILE, REPLIES, ClusterBench, Script, start, sum_spec
from concept_parts import insight
from fake_sandbox import FakeSandbox

from solvent.agents.checkpoints import JobFiles
from solvent.agents.events import ConceptsRecalled
from solvent.agents.job import JobSpec, JobStatus, Outcome
from solvent.agents.ledgers import MemoryLedger
from solvent.agents.runner import Deps, run_job
from solvent.artifacts import FileArtifacts
from solvent.memory.embed import HashedEmbedder
from solvent.memory.store import ConceptStore
from solvent.memory.texts_memory import InMemoryConceptTexts
from solvent.memory.vectors import InMemoryVectors
from solvent.problems.problem import Verdict
from solvent.usage import Budget
from solvent.workers.batch_plan import BatchPlan, Contest, Team
from solvent.workers.cluster import Cluster
from solvent.workers.planning import plan_jobs
from solvent.workers.reaper import reap
from solvent.workers.records import BatchRecord, JobRecord
from solvent.workers.wakeups import batch_topic

pytestmark = pytest.mark.postgres
SINGLE = {"strategy": "single", "parameters": {"max_tokens": MAX_TOKENS}}


@pytest.fixture(params=["sqlite", "postgres"])
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ClusterBench]:
    url = f"sqlite:///{tmp_path}/service.sqlite"
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_url")
    async with ClusterBench(tmp_path, url) as made:
        yield made


async def tokens_of_a_whole_job(folder: Path) -> int:
    deps = Deps(
        model=Script().model,
        profile=PROFILE,
        sandbox=FakeSandbox({}),
        artifacts=FileArtifacts(folder / "whole"),
        ledger=MemoryLedger(),
        job_files=JobFiles(folder / "whole"),
    )
    return (await run_job(sum_spec(), deps, lambda event: None)).usage.tokens


async def submitted(bench: ClusterBench, plan: BatchPlan, budget: Budget, *specs: JobSpec) -> list[JobRecord]:
    batch = BatchRecord(
        id="batch",
        source="-",
        strategy=specs[0].strategy,
        model=specs[0].model,
        parameters=specs[0].parameters,
        budget=budget,
        plan=plan,
        created_at="",
    )
    rows = [
        JobRecord(id=spec.id, batch_id="batch", position=number, custom_id=spec.id, spec=spec, created_at="")
        for number, spec in enumerate(specs)
    ]
    batch, jobs = plan_jobs(batch, rows)
    # A batch has one strategy for all; here the second job is to leave most of its share.
    for number, spec in enumerate(specs if plan.allocation else ()):
        planned = jobs[number].spec
        assert planned is not None
        own: dict[str, Any] = {"strategy": spec.strategy, "parameters": spec.parameters}
        jobs[number] = jobs[number].model_copy(update={"spec": planned.model_copy(update=own)})
    await bench.database.store.submit(jobs, batch=batch)
    return jobs


async def until(bench: ClusterBench, settled: bool) -> list[JobRecord]:
    """Wait until all jobs have ended, and with `settled` until nothing follows."""
    store = bench.database.store
    async with asyncio.timeout(120), bench.wakeups.listen(batch_topic("batch")) as news:
        while True:
            standing = await store.batch_standing("batch")
            if not standing.open and not (settled and standing.unsettled):
                return [job async for job in store.batch_jobs("batch")]
            await news.wait(5)


async def working(bench: ClusterBench) -> Cluster:
    cluster = await bench.worker()
    config = bench.folder / "config" / "allocation"
    config.mkdir(parents=True)
    (config / "even.toml").write_text("samples = 1\n")
    cluster.parts.config_dir = bench.folder / "config"
    start(cluster)
    await cluster.top_up(60)
    return cluster


async def test_a_job_goes_on_with_what_another_left_also_after_a_death(
    bench: ClusterBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = await tokens_of_a_whole_job(bench.folder)
    budget = Budget(tokens=whole * 14 // 10)
    await submitted(bench, BatchPlan(allocation="even"), budget, sum_spec("job"), sum_spec("other", **SINGLE))

    async def dies(*_: object) -> None:
        """Be gone before the step."""

    with monkeypatch.context() as death:
        death.setattr("solvent.workers.advance.go_on", dies)
        cluster = await working(bench)
        await cluster.send(jobs=await cluster.store.next_jobs(outstanding=9, unseen_s=0))
        first = await until(bench, settled=False)
    assert [job.result.outcome for job in first if job.result] == [Outcome.EXHAUSTED, Outcome.UNSOLVED]
    # Once for the step, once for the message of the job that it queued.
    await reap(cluster)
    await cluster.top_up(0)
    last = await until(bench, settled=True)

    assert [job.result.outcome for job in last if job.result] == [Outcome.SOLVED, Outcome.UNSOLVED]
    assert bench.script.calls == {**dict.fromkeys(REPLIES, 1), "t0/0": 2}, "no reply was asked for twice"
    assert (await bench.ledger.usage("batch")).tokens == sum(job.usage.tokens for job in last) <= (budget.tokens or 0)
    assert [job.result.usage == await bench.ledger.usage(job.id) for job in last if job.result] == [True, True]


async def test_a_job_that_goes_on_sees_what_was_learned_meanwhile(
    bench: ClusterBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = ConceptStore(InMemoryConceptTexts(), InMemoryVectors(), HashedEmbedder())
    bench.more["memory"] = memory
    budget = Budget(tokens=await tokens_of_a_whole_job(bench.folder) * 26 // 10)
    problem = sum_spec().problem.model_copy(update={"statement": "2+2 by the sum rule?"})
    specs = [sum_spec("job", memory="read", problem=problem), sum_spec("other", memory="read", **SINGLE)]
    await submitted(bench, BatchPlan(allocation="even"), budget, *specs)

    async def later(*_: object) -> None:
        """Leave the step to the reaper."""

    with monkeypatch.context() as waiting:
        waiting.setattr("solvent.workers.advance.go_on", later)
        cluster = await working(bench)
        await cluster.send(jobs=await cluster.store.next_jobs(outstanding=9, unseen_s=0))
        first = await until(bench, settled=False)
    assert first[0].result is not None
    assert first[0].result.outcome is Outcome.EXHAUSTED
    before = len(bench.script.model.requests)
    await memory.add(insight("Sum rule", "2+2", "it is a sum"))
    await reap(cluster)
    await cluster.top_up(0)
    last = await until(bench, settled=True)

    assert [job.spec.share for job in last if job.spec] == [2, 1]
    assert [event.names for event in await recalls(bench, "job")] == [(), ("Sum rule",)]
    shown = ["Sum rule" in request.messages[-1].content for request in bench.script.model.requests]
    # What had a reply goes on with what it was shown.
    began = [index for index, has in enumerate(shown) if has]
    assert began
    assert min(began) >= before
    assert (await bench.ledger.usage("batch")).tokens <= (budget.tokens or 0)


async def recalls(bench: ClusterBench, job_id: str) -> list[ConceptsRecalled]:
    events = await bench.database.store.events(job_id)
    return [one.event for one in events if isinstance(one.event, ConceptsRecalled)]


async def test_a_contest_goes_on_until_answers_are_right_or_attempts_are_used_up(bench: ClusterBench) -> None:
    # Attempts after the first have seeds that the script knows no reply for: they fail, and are the last.
    rules = Contest(duration_s=3600, attempts=2, hand_in="any", teams=(Team(name="ada"), Team(name="bob")))
    problem = sum_spec().problem
    right = sum_spec("right", **SINGLE)
    wrong = sum_spec("wrong", **SINGLE, problem=problem.model_copy(update={"id": "wrong", "answer": "7"}))
    await submitted(bench, BatchPlan(contest=rules), Budget(), right, wrong)
    cluster = await working(bench)
    await cluster.send(jobs=await cluster.store.next_jobs(outstanding=9, unseen_s=0))

    jobs = await until(bench, settled=True)

    ends = {(job.spec.team, job.custom_id, job.spec.attempt): job for job in jobs if job.spec}
    assert sorted(ends) == [
        (team, name, attempt) for team in ("ada", "bob") for name, attempt in (("right", 1), ("wrong", 1), ("wrong", 2))
    ]
    for (_, name, attempt), job in ends.items():
        if attempt == 2:
            assert job.status is JobStatus.FAILED
            continue
        assert job.result is not None
        assert job.result.grade is not None
        assert job.result.grade.verdict is (Verdict.AC if name == "right" else Verdict.WA)
