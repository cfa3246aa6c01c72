"""Batches with a plan in a cluster whose workers die: every round is taken, once, and the budget holds."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest
from cluster_lab import ClusterLab, MakeLab
from lab_jobs import add_problem, program
from model_servers import ScriptedServer

from solvent.agents.job import Grade, JobSpec, JobStatus, Outcome
from solvent.errors import DependencyError
from solvent.problems.problem import Verdict
from solvent.usage import Budget
from solvent.workers.batch_plan import BatchPlan, Contest, Team
from solvent.workers.follow import follow_batch
from solvent.workers.messages import BATCH, UNSEEN_S
from solvent.workers.planning import plan_jobs
from solvent.workers.records import BatchRecord, JobRecord

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.slow,
    pytest.mark.redis,
    pytest.mark.postgres,
    pytest.mark.bubblewrap,
]
CAP = 9_000


async def submit_plan(lab: ClusterLab, specs: list[JobSpec], plan: BatchPlan, budget: Budget, **more: object) -> str:
    batch = BatchRecord(
        id="batch-plan",
        source="-",
        strategy=specs[0].strategy,
        model=specs[0].model,
        parameters=specs[0].parameters,
        budget=budget,
        plan=plan,
        created_at="",
    )
    rows = [
        JobRecord(id=spec.id, batch_id=batch.id, position=number, custom_id=spec.id, spec=spec, created_at="")
        for number, spec in enumerate(specs)
    ]
    batch, jobs = plan_jobs(batch, rows)
    await lab.store.submit(jobs, batch=batch, queue=BATCH)
    with suppress(DependencyError):
        await lab.messages.send_jobs(await lab.store.next_jobs(outstanding=256, unseen_s=UNSEEN_S))
    return batch.id


def specs_of(count: int) -> list[JobSpec]:
    """Jobs of which every other one is never solved, however much is spent on it."""
    return [
        JobSpec.model_validate(
            {
                "id": f"job-{number:04}",
                "problem": add_problem(number).model_copy(update={"statement": f"<{number}> Add {number}."}),
                "parameters": {"wave": 2, "max_trajectories": 500, "repairs": 0, "max_tokens": 60},
                "model": "scripted-server",
            }
        )
        for number in range(count)
    ]


def lines_of(count: int) -> list[dict[str, object]]:
    return [
        {"contains": f"<{number}> Add", "texts": [program(number, wrong=number % 2 == 1)]} for number in range(count)
    ]


async def test_an_allocation_goes_on_through_the_deaths_of_workers(make_lab: MakeLab, tmp_path: Path) -> None:
    async with make_lab(ScriptedServer(tmp_path, lines_of(6)), lease_s="6") as lab:
        batch_id = await submit_plan(lab, specs_of(6), BatchPlan(allocation="even"), Budget(tokens=CAP))
        workers = await lab.start_workers(2, "-c", "8")
        ends = 0
        async with asyncio.timeout(200):
            async for _ in follow_batch(lab.store, lab.wakeups, batch_id):
                ends += 1
                if ends in {2, 6}:
                    workers.pop(0).kill()
                    workers.append(lab.begin_worker("-c", "8"))

        jobs = [job async for job in lab.store.batch_jobs(batch_id)]
        counts = await lab.store.batch_counts(batch_id)
        assert [job.status for job in jobs] == [JobStatus.COMPLETED] * 6
        assert [job.result.outcome for job in jobs if job.result] == [Outcome.SOLVED, Outcome.EXHAUSTED] * 3
        assert not counts.unsettled
        # What the solved ones left went to the others, and nobody spent more than the batch had.
        shares = [job.spec.budget.tokens or 0 for job in jobs if job.spec]
        assert max(shares) > CAP // 6
        assert counts.usage.tokens <= CAP
        spent = lab.query(
            "SELECT sum(prompt_tokens + completion_tokens) FROM ledger_call WHERE scope LIKE 'job-%%' AND done"
        )[0][0]
        assert spent <= counts.usage.tokens <= CAP
        assert lab.query("SELECT count(*) FROM lease") == [(0,)]


async def test_a_contest_tries_again_after_wrong_answers(make_lab: MakeLab, tmp_path: Path) -> None:
    rules = Contest(duration_s=600, attempts=2, hand_in="any", teams=(Team(name="ada"), Team(name="bob", seed=5)))
    specs = [spec.model_copy(update={"parameters": {"max_tokens": 60}, "strategy": "single"}) for spec in specs_of(2)]
    async with make_lab(ScriptedServer(tmp_path, lines_of(2)), lease_s="6") as lab:
        batch_id = await submit_plan(lab, specs, BatchPlan(contest=rules), Budget())
        await lab.start_worker("-c", "8")
        async with asyncio.timeout(120):
            async for _ in follow_batch(lab.store, lab.wakeups, batch_id):
                pass

        jobs = [job async for job in lab.store.batch_jobs(batch_id)]
        grades = {
            (job.spec.team, job.custom_id, job.spec.attempt): job.result.grade
            for job in jobs
            if job.spec and job.result
        }
        verdicts = {key: grade.verdict for key, grade in grades.items() if isinstance(grade, Grade)}
        wrong = {(team, "job-0001", attempt): Verdict.WA for team in ("ada", "bob") for attempt in (1, 2)}
        assert verdicts == {("ada", "job-0000", 1): Verdict.AC, ("bob", "job-0000", 1): Verdict.AC, **wrong}
