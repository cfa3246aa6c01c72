"""What is asked of batches with a plan, wherever they are: checks, standings, reports, estimates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from solvent.agents.allocation.base import find_policy, make_policy
from solvent.agents.allocation.units import Units
from solvent.agents.strategies.base import find_strategy, load_parameters
from solvent.errors import ConfigError, NotFound
from solvent.models.registry import load_profile
from solvent.service.benchmark import report
from solvent.service.estimate import Ground, estimate
from solvent.service.standings import standings, standings_json
from solvent.settings import Settings
from solvent.workers.contest import entry_of
from solvent.workers.intake import with_equal_rows
from solvent.workers.parts import check_roles
from solvent.workers.records import BatchRecord, JobRecord
from solvent.workers.service_store import ServiceStore
from solvent.workers.sharing import allocation_state

HISTORY = 400
"""Newest jobs that an estimate looks at."""


def check_plan(settings: Settings, batch: BatchRecord, *, paths: bool = False) -> None:
    """Look up what a batch's plan names, before anything is stored.

    Args:
        settings: say which strategies and models there are.
        batch: with its plan.
        paths: whether a team's model may be a file of this machine.

    Raises:
        ConfigError: there is no such policy, strategy, parameter or model; names the team.
    """
    if batch.plan.allocation is not None:
        make_policy(batch.plan.allocation, settings.config_dir)
    if batch.plan.contest is None:
        return
    for number, team in enumerate(batch.plan.contest.teams):
        entry = entry_of(batch, number)
        names = dict.fromkeys([entry.model, *entry.model_for.values()])
        try:
            if not paths and any(name.endswith(".toml") or "/" in name for name in names):
                raise ConfigError("its model is no name of a profile", remedy="name one of the server's profiles")
            load_parameters(find_strategy(entry.strategy), entry.parameters, settings.config_dir)
            check_roles(entry.model_for, {name: load_profile(name, settings) for name in names})
        except ConfigError as error:
            raise ConfigError(f"team {team.name}: {error.message}", remedy=error.remedy) from None


async def board(store: ServiceStore, batch: BatchRecord, *, unfreeze: bool = False) -> dict[str, Any]:
    """Return the standings of a contest as JSON values.

    Raises:
        NotFound: the batch is no contest.
    """
    if batch.plan.contest is None:
        raise NotFound(f"batch {batch.id!r} is no contest")
    standing = await store.batch_standing(batch.id)
    jobs = [job async for job in store.batch_jobs(batch.id)]
    settled = not standing.open and not standing.unsettled
    found = standings(batch, jobs, standing.now, unfreeze=unfreeze, settled=settled)
    return {"id": batch.id, **standings_json(found)}


async def plan_report(store: ServiceStore, batch: BatchRecord, *, unfreeze: bool = False) -> dict[str, Any]:
    """Return what a batch's plan has come to so far, as JSON values: `allocation`, `benchmark` or `standings`.

    Empty for a batch without a plan.
    """
    plan = batch.plan
    if plan.contest is not None:
        return {"standings": await board(store, batch, unfreeze=unfreeze)}
    if plan.is_plain:
        return {}
    jobs = [job async for job in store.batch_jobs(batch.id)]
    found: dict[str, Any] = {}
    if plan.allocation is not None:
        found["allocation"] = allocation_report(batch, jobs)
    if plan.attempts > 1:
        found["benchmark"] = report(batch, jobs)
    return found


def allocation_report(batch: BatchRecord, jobs: Sequence[JobRecord]) -> dict[str, Any]:
    """Return how a batch's budget was shared, as JSON values; amounts are of the leading cap."""
    name = batch.plan.allocation or ""
    info = find_policy(name)
    units = Units(batch.budget, batch.job_budget)
    state = allocation_state(batch, jobs)
    questions = list(state.questions.values())
    return {
        "policy": name,
        "fidelity": info.fidelity.value,
        "reference": info.reference,
        "unit": units.leading,
        "budget": units.cap,
        "spent": sum(question.spent for question in questions),
        "free": state.pool,
        "least_share": min((question.granted for question in questions), default=0),
        "largest_share": max((question.granted for question in questions), default=0),
    }


async def estimated(
    settings: Settings,
    store: ServiceStore,
    batch: BatchRecord,
    jobs: Sequence[JobRecord],
    *,
    project: str | None = None,
    concurrency: int | None = None,
) -> dict[str, Any]:
    """Return what a batch would take, as JSON values; nothing is run or stored.

    Args:
        settings: say where parameters and profiles are.
        store: whose earlier jobs expectations rest on.
        batch: as it would be stored.
        jobs: as they would be stored.
        project: whose jobs count; None: all.
        concurrency: jobs at once, where that is known.

    Raises:
        ConfigError: a strategy or model is not there.
    """
    grounds = {}
    for team in range(batch.plan.teams):
        entry = entry_of(batch, team)
        parameters = load_parameters(find_strategy(entry.strategy), entry.parameters, settings.config_dir)
        grounds[team] = Ground(parameters, load_profile(entry.model, settings))
    history = await store.recent(project=project, limit=HISTORY)
    rows = [job for job in jobs if batch.plan.place(job.position)[::2] == (0, 0)]
    duplicates = sum(len(job.spec.also) for job in with_equal_rows(rows) if job.spec is not None)
    return estimate(batch, jobs, grounds, history, duplicates=duplicates, concurrency=concurrency)
