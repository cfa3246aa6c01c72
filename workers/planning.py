"""Makes the jobs of a batch's plan out of its rows: a job for each attempt and team, each with its first budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from solvent.errors import ConfigError
from solvent.usage import Budget
from solvent.workers.batch_plan import Place, attempt_seed, team_name
from solvent.workers.contest import entry_of
from solvent.workers.records import BatchRecord, JobRecord
from solvent.workers.sharing import first_budgets

MOST_JOBS = 200_000


def plan_jobs(
    batch: BatchRecord, rows: Sequence[JobRecord], config_dir: Path | None = None
) -> tuple[BatchRecord, list[JobRecord]]:
    """Return a batch as it is to be stored, and its jobs; a plain one comes back as it is.

    A row that could not be read is one failed job. What a contest adds later (further attempts) is not among them.

    Args:
        batch: with its plan.
        rows: one job for each row that was read.
        config_dir: of the settings; searched for the parameters of allocations.

    Raises:
        ConfigError: the plan does not fit the batch.
    """
    if batch.plan.is_plain:
        return batch, list(rows)
    count = 1 + max(position for row in rows for position in _positions(row))
    batch = batch.model_copy(update={"plan": batch.plan.model_copy(update={"problems": count})})
    if batch.plan.contest is not None:
        batch = _with_contest(batch, rows)
    attempts = range(batch.plan.attempts)
    if len(rows) * len(attempts) * batch.plan.teams > MOST_JOBS:
        raise ConfigError(f"that is more than {MOST_JOBS} jobs", remedy="take fewer attempts, or split the problems")
    jobs = [
        _job(batch, row, Place(team, row.position, attempt))
        for attempt in attempts
        for row in rows
        for team in range(batch.plan.teams)
        if row.spec is not None or (team, attempt) == (0, 0)
    ]
    if batch.plan.allocation is not None:
        budgets = first_budgets(batch, [job.id for job in jobs if job.spec is not None], config_dir)
        jobs = [_with_budget(job, budgets) for job in jobs]
    return batch, jobs


def _with_contest(batch: BatchRecord, rows: Sequence[JobRecord]) -> BatchRecord:
    contest = batch.plan.contest
    assert contest is not None, "looked at before"
    names = {row.custom_id for row in rows}
    unknown = sorted(contest.points_for.keys() - names)
    if unknown:
        raise ConfigError(f"points_for names {unknown[0]!r}, which is no problem of this contest")
    deadline_s = min(batch.budget.deadline_s or contest.duration_s, contest.duration_s)
    return batch.model_copy(update={"budget": batch.budget.model_copy(update={"deadline_s": deadline_s})})


def _job(batch: BatchRecord, row: JobRecord, place: Place) -> JobRecord:
    position = batch.plan.position(place)
    if row.spec is None:
        return row.model_copy(update={"position": position})
    suffix = (f"-t{place.team + 1}" if place.team else "") + (f"-a{place.attempt + 1}" if place.attempt else "")
    entry = entry_of(batch, place.team)
    update: dict[str, object] = {
        "id": row.spec.id + suffix,
        "strategy": entry.strategy,
        "parameters": entry.parameters,
        "model": entry.model,
        "model_for": entry.model_for,
        "seed": attempt_seed(entry.seed, place.attempt),
        "attempt": place.attempt + 1,
        "also": tuple(
            other.model_copy(update={"position": batch.plan.position(place._replace(problem=other.position))})
            for other in row.spec.also
        ),
    }
    if batch.plan.contest is not None:
        update["team"] = team_name(batch.plan.contest, place.team)
        update["grade"] = "all" if batch.plan.contest.rules == "score" else True
    spec = row.spec.model_copy(update=update)
    return row.model_copy(update={"id": spec.id, "position": position, "spec": spec})


def _with_budget(job: JobRecord, budgets: Mapping[str, Budget]) -> JobRecord:
    if job.spec is None:
        return job
    return job.model_copy(update={"spec": job.spec.model_copy(update={"budget": budgets[job.id]})})


def _positions(row: JobRecord) -> list[int]:
    return [row.position, *(other.position for other in (row.spec.also if row.spec is not None else ()))]
