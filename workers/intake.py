"""Turns what a user points at into the jobs of a batch; rows that cannot be read become failed jobs that say why."""

from __future__ import annotations

import fnmatch
import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice

from solvent.agents.job import EqualRow, JobSpec, JobStatus
from solvent.agents.recalled import OFF
from solvent.errors import DataError, SolventError
from solvent.problems.problem import Problem
from solvent.workers.ids import new_id
from solvent.workers.records import BatchRecord, JobRecord, utc_now

_OF_A_ROW = {"id", "source", "tags", "metadata"}
"""What two rows of the same problem may differ in."""


def batch_jobs(
    batch: BatchRecord,
    items: Iterator[Problem | DataError],
    *,
    limit: int | None = None,
    pattern: str | None = None,
    grade: bool = True,
    memory: str = OFF,
    dedupe: bool = False,
) -> list[JobRecord]:
    """Return one queued job per problem, and one failed job per row that could not be read.

    A problem's `custom_id` is the row's own where it has one (metadata `custom_id`), else the problem's id.

    Args:
        batch: the batch they belong to; gives strategy, model, seed, parameters and the caps of each job.
        items: what a reader gave.
        limit: take only that many rows.
        pattern: shell pattern that a problem's id must match.
        grade: judge selected answers on hidden tests or gold afterwards.
        memory: memory policy of each job.
        dedupe: make one job of rows with equal problems; it names the others (`JobSpec.also`).

    Raises:
        DataError: there is nothing to run.
    """
    found = islice(_matching(items, pattern), limit)
    jobs = [_job(batch, position, item, grade, memory) for position, item in enumerate(found)]
    if not jobs:
        what = f"no problem matches {pattern!r}" if pattern else "there is no problem in it"
        raise DataError(what, file=batch.source)
    return with_equal_rows(jobs) if dedupe else jobs


def with_equal_rows(jobs: Sequence[JobRecord]) -> list[JobRecord]:
    """Return the jobs without those whose problem is that of an earlier one, which answers their rows too. Pure.

    Problems are equal where all is that a solver or a judge sees: not their ids, sources, tags and further data.
    """
    kept: dict[str, JobRecord] = {}
    also: defaultdict[str, list[EqualRow]] = defaultdict(list)
    for job in jobs:
        if job.spec is None:
            kept[job.id] = job
            continue
        problem = job.spec.problem.model_dump_json(exclude=_OF_A_ROW)
        found = hashlib.sha256(problem.encode("utf-8", errors="surrogatepass")).hexdigest()
        if kept.setdefault(found, job) is not job:
            row = EqualRow(custom_id=job.custom_id, problem_id=job.spec.problem.id, position=job.position)
            also[found].append(row)
    return [
        job.model_copy(update={"spec": job.spec.model_copy(update={"also": tuple(also[found])})})
        if job.spec is not None and found in also
        else job
        for found, job in kept.items()
    ]


def _matching(items: Iterator[Problem | DataError], pattern: str | None) -> Iterator[Problem | DataError]:
    for item in items:
        if pattern is None or (isinstance(item, Problem) and fnmatch.fnmatchcase(item.id, pattern)):
            yield item


def _job(batch: BatchRecord, position: int, item: Problem | DataError, grade: bool, memory: str) -> JobRecord:
    job_id = f"{new_id('job')}-{position:05d}"
    if isinstance(item, DataError):
        place = f"{item.file or batch.source}" + (f":{item.row}" if item.row is not None else "")
        failed = unreadable_job(job_id, place.rsplit("/", 1)[-1], item)
        return failed.model_copy(update={"batch_id": batch.id, "position": position})
    custom_id = item.metadata.get("custom_id")
    spec = JobSpec(
        id=job_id,
        problem=item,
        strategy=batch.strategy,
        parameters=batch.parameters,
        budget=batch.job_budget,
        model=batch.model,
        model_for=batch.model_for,
        seed=batch.seed,
        memory=memory,
        grade=grade,
    )
    return JobRecord(
        id=job_id,
        batch_id=batch.id,
        position=position,
        custom_id=str(custom_id) if custom_id is not None else item.id,
        spec=spec,
        created_at=utc_now(),
    )


def unreadable_job(job_id: str, custom_id: str, error: SolventError) -> JobRecord:
    """Return the failed job that a row becomes which nothing can be run for."""
    now = utc_now()
    return JobRecord(
        id=job_id,
        custom_id=custom_id,
        status=JobStatus.FAILED,
        error=error.to_dict(),
        created_at=now,
        finished_at=now,
    )
