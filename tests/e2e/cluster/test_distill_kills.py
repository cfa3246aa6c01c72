"""`kill -9` of workers that distil what jobs taught: nothing is lost, and nothing is in the memory twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import crash_points
import pytest
from cluster_lab import ClusterLab, MakeLab
from lab_faults import MARKS, ONE_REPAIR, WITHIN_S
from lab_jobs import scripted_lines, scripted_specs
from model_servers import ScriptedServer
from servers import ChromaServer

from solvent.agents.job import JobResult, JobStatus, Outcome
from solvent.agents.learned import LearnedStatus
from solvent.memory.chroma import ChromaServer as Vectors
from solvent.memory.embed import HashedEmbedder
from solvent.memory.store import ConceptStore
from solvent.usage import Budget
from solvent.workers.sql.concepts import SqlConceptTexts
from solvent.workers.sql.engine import Database
from solvent.workers.wakeups import job_topic

pytestmark = [*MARKS, pytest.mark.chroma]
POINTS = (
    *("after:finish", "after:claim_distillation", "after:concepts", "after:vectors"),
    *("before:end_distillation", "after:end_distillation"),
)
"""Every other write is a point of death in tests/integration/test_distill.py."""
JOBS = 2 * len(POINTS)
CONCEPTS = (
    "concept: Adding\nkind: routine\nsummary: add a number to what is read\ncue: a number is to be added\n\n"
    "concept: Reading\nkind: routine\nsummary: turn a line of input into a number"
)


async def learned(lab: ClusterLab, job_id: str) -> JobResult:
    """Wait until what a job taught is in its result."""
    async with lab.wakeups.listen(job_topic(job_id)) as news, asyncio.timeout(WITHIN_S):
        while True:
            result = (await lab.store.job(job_id)).result
            if result is not None and result.learned and result.learned.status is not LearnedStatus.PENDING:
                return result
            await news.wait(5)


async def test_a_worker_dies_at_every_write_of_a_distillation(
    make_lab: MakeLab, chroma_server: ChromaServer, tmp_path: Path
) -> None:
    asked = [
        {"contains": "Which ideas in the solution", "texts": [CONCEPTS]},
        {"contains": "pseudocode:", "texts": ["summary: adds\npseudocode:\n```\nread, add, print\n```"]},
        {"contains": "same or different", "texts": ["different"]},
    ]
    model = ScriptedServer(tmp_path / "model", [*asked, *scripted_lines(JOBS)])
    specs = scripted_specs(JOBS, parameters=ONE_REPAIR, memory="live", budget=Budget(tokens=20_000))
    dying = crash_points.dying(*([(point, 1, "")] for point in POINTS))
    async with make_lab(model, chroma_url=chroma_server.url, lease_s="4", memory_hold_out="0") as lab:
        batch = await lab.submit(specs, budget=Budget(tokens=1_000_000))
        worker = lab.begin_worker("-c", "2", program=dying)
        assert await worker.dies(within_s=WITHIN_S) == 0, lab.outputs()
        assert sum(line.startswith(crash_points.DIED) for line in worker.lines) == len(POINTS)
        await lab.start_worker("-c", "8")
        records = await lab.ended(batch, within_s=WITHIN_S)
        assert {record.status for record in records} == {JobStatus.COMPLETED}
        assert {record.result.outcome for record in records if record.result} == {Outcome.SOLVED}
        results = [await learned(lab, record.id) for record in records]
        assert Counter(result.learned.status for result in results if result.learned) == {LearnedStatus.WRITTEN: JOBS}

        database = Database(lab.postgres.url(lab.database_name), pool_size=2)
        memory = ConceptStore(SqlConceptTexts(database, owned=True), Vectors(chroma_server.url), HashedEmbedder())
        try:
            await memory.search("add a number")
            assert (await memory.check()).is_sound
            concepts = {one.content.name: one for one in await memory.list()}
            assert set(concepts) == {"Adding", "Reading"}
            for name, concept in concepts.items():
                # One version for each job, each made once, and every problem in it.
                history = await memory.history(name)
                assert len({record.concept.provenance.job_id for record in history}) == len(history) == JOBS
                assert set(concept.content.used_in) == {f"add-{number}" for number in range(JOBS)}
        finally:
            await memory.aclose()
        tally = await lab.tally("kill -9 at every write of a distillation", batch)
        tally.notes.append(f"{len(POINTS)} points of death")
