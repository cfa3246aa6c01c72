"""Takes the next step of a batch's plan: a round of its allocation, or the further attempts of a contest.

A step follows from the stored rows alone and is written in one transaction, which does nothing where another step or
another end came in between. So anyone may take it at any time, and as often as they like: whoever ended a job does,
and the reaper for those that died before they could.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from solvent.usage import Budget
from solvent.workers.contest import next_attempts
from solvent.workers.records import BatchRecord, JobRecord
from solvent.workers.service_records import BatchStanding, PlanStep
from solvent.workers.service_store import ServiceStore
from solvent.workers.sharing import next_budgets


@dataclass(frozen=True)
class Taken:
    """What a step did."""

    queued: Sequence[JobRecord] = ()
    """Jobs to be run now; none of them counts as sent."""
    settled: bool = False
    """Nothing follows any more."""


NOTHING = Taken()


async def next_step(store: ServiceStore, batch: BatchRecord, *, config_dir: Path | None = None) -> Taken:
    """Take the next step of a batch, if one is due.

    Raises:
        ConfigError: the batch's allocation is not known here any more.
        NotFound: there is no such batch.
        StoreError: the database does not answer.
    """
    if not batch.plan.has_steps:
        return NOTHING
    standing = await store.batch_standing(batch.id)
    if not standing.unsettled or (standing.open and batch.plan.contest is None):
        return NOTHING
    jobs = [job async for job in store.batch_jobs(batch.id)]
    # Read again: when it began, which a contest counts from, is known from its first job on.
    step = decide(await store.batch(batch.id), jobs, standing, config_dir)
    if step is None:
        return NOTHING
    return Taken(await store.take_step(batch.id, step), step.settled)


def decide(
    batch: BatchRecord, jobs: Sequence[JobRecord], standing: BatchStanding, config_dir: Path | None = None
) -> PlanStep | None:
    """Return what comes next, or None while jobs that are open decide it. Pure.

    `settled` is said once nothing can follow any more.
    """
    added: Sequence[JobRecord] = ()
    budgets: dict[str, Budget] = {}
    if batch.plan.contest is not None:
        added = next_attempts(batch, jobs, standing.now)
    elif not standing.open and not is_over(batch, standing.now):
        budgets = dict(next_budgets(batch, jobs, config_dir))
    if added or budgets:
        return PlanStep(ended=standing.ended, added=added, budgets=budgets)
    return None if standing.open else PlanStep(ended=standing.ended, settled=True)


def is_over(batch: BatchRecord, now: float) -> bool:
    """Return whether a batch's time is over (Unix time by the store's clock). Pure."""
    if batch.budget.deadline_s is None or batch.begun_at is None:
        return False
    return now >= datetime.fromisoformat(batch.begun_at).timestamp() + batch.budget.deadline_s
