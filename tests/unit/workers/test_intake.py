from __future__ import annotations

from solvent.agents.job import JobSpec
from solvent.errors import DataError
from solvent.problems.problem import IoTest, Problem, ProblemKind
from solvent.workers.intake import batch_jobs
from solvent.workers.records import BatchRecord

BATCH = BatchRecord(id="batch-1", source="/p", strategy="single", model="starter", created_at="t")


def problem(id: str, statement: str = "Add.", **more: object) -> Problem:
    values = {"id": id, "kind": ProblemKind.STDIO, "statement": statement, "source": f"file:{id}", **more}
    return Problem.model_validate(values)


def also(spec: JobSpec | None) -> list[tuple[str, int]]:
    assert spec is not None
    return [(row.custom_id, row.position) for row in spec.also]


def test_equal_problems_become_one_job_that_names_the_other_rows() -> None:
    hidden = (IoTest(name="h", stdin="1", expected="2"),)
    items = [
        problem("a"),
        problem("b", "Multiply."),
        DataError("is no problem", file="set.jsonl", row=3),
        problem("c", metadata={"custom_id": "third"}, tags=("easy",)),
        problem("d", hidden_tests=hidden),
        problem("e"),
    ]
    jobs = batch_jobs(BATCH, iter(items), dedupe=True)
    assert [(job.custom_id, job.position) for job in jobs] == [("a", 0), ("b", 1), ("set.jsonl:3", 2), ("d", 4)]
    assert also(jobs[0].spec) == [("third", 3), ("e", 5)]
    assert also(jobs[1].spec) == []
    assert also(jobs[3].spec) == [], "other hidden tests grade it otherwise"
    assert len(batch_jobs(BATCH, iter(items))) == 6


def test_a_job_of_one_row_is_written_as_before_there_were_more() -> None:
    job = batch_jobs(BATCH, iter([problem("a")]), dedupe=True)[0]
    assert job.spec is not None
    assert "also" not in job.spec.model_dump(mode="json")
    assert JobSpec.model_validate_json(job.spec.model_dump_json()) == job.spec
