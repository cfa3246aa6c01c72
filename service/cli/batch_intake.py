"""Makes a batch of this machine's own database out of what a user points at."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from solvent.settings import Settings
from solvent.usage import Budget

if TYPE_CHECKING:
    from solvent.workers.records import BatchRecord, JobRecord
    from solvent.workers.service_store import ServiceStore

QUEUE = "batch"


def local_settings(options: Mapping[str, Any]) -> Settings:
    """Return the settings with the options of `solving_options` over them, and files by their whole paths.

    Raises:
        ConfigError: a variable or an option is wrong.
    """
    from solvent.service.cli.options import load_settings, parse_model_for

    settings = load_settings(
        sandbox=options["sandbox"], model=options["model"], model_for=parse_model_for(options["model_for"])
    )
    roles = {role: whole_path(name) for role, name in settings.model_for.items()}
    return settings.model_copy(update={"model": whole_path(settings.model), "model_for": roles})


def whole_path(profile: str) -> str:
    """Return the name of a model profile, or the whole path of its file."""
    return str(Path(profile).resolve()) if profile.endswith(".toml") or "/" in profile else profile


def source_of(path: str) -> str:
    """Return what a batch remembers of where its problems come from."""
    return path if path == "-" else str(Path(path).resolve())


def read_batch(settings: Settings, path: str, options: Mapping[str, Any]) -> tuple[BatchRecord, Sequence[JobRecord]]:
    """Return a batch and its jobs, of which those that could not be read are failed.

    Args:
        settings: of `local_settings`.
        path: file or folder; `-` for standard input.
        options: of `submission_options`.

    Raises:
        ConfigError: there is no such strategy, parameter, model or role.
        DataError: there is no problem in it, or none to go back to.
    """
    from solvent.memory.holding import DEFAULT_PROJECT
    from solvent.service.cli.again import chosen_again
    from solvent.service.cli.batch_plan import plan_fields
    from solvent.service.cli.memory_source import LocalSource
    from solvent.service.cli.options import memory_policy, parse_parameters, roles_of
    from solvent.service.cli.parts import check_strategy
    from solvent.service.cli.reading import read_problems
    from solvent.service.plans import check_plan
    from solvent.workers.batch_plan import BatchPlan
    from solvent.workers.embedded import check_models
    from solvent.workers.ids import new_id
    from solvent.workers.intake import batch_jobs
    from solvent.workers.planning import plan_jobs
    from solvent.workers.records import BatchRecord, utc_now

    batch = BatchRecord(
        id=new_id("batch"),
        source=source_of(path),
        strategy=options["strategy"],
        model=settings.model,
        model_for=roles_of(settings),
        seed=options["seed"],
        budget=options["budget"] or Budget(),
        job_budget=options["job_budget"] or Budget(),
        parameters=parse_parameters(options["params"]),
        plan=BatchPlan.model_validate(plan_fields(options).get("plan", {})),
        created_at=utc_now(),
    )
    check_strategy(settings, batch.strategy, batch.parameters)
    check_models(settings, batch)
    check_plan(settings, batch, paths=True)
    rows = batch_jobs(
        batch,
        chosen_again(read_problems(path), options, lambda: LocalSource(DEFAULT_PROJECT)),
        limit=options["limit"],
        pattern=options["pattern"],
        grade=not options["no_grade"],
        memory=memory_policy(options["memory"]),
        dedupe=options["dedupe"],
    )
    return plan_jobs(batch, rows, settings.config_dir)


async def store_batch(
    store: ServiceStore, batch: BatchRecord, jobs: Sequence[JobRecord], options: Mapping[str, Any]
) -> str:
    """Store a batch; returns its id, or that of the one that the idempotency key stands for already.

    Raises:
        Conflict: the idempotency key came with something else.
        StoreError: it cannot be stored.
    """
    stored = await store.submit(
        jobs,
        batch=batch,
        queue=QUEUE,
        priority=options["priority"],
        idempotency_key=options["idempotency_key"],
        request_digest=digest_of(batch, jobs) if options["idempotency_key"] is not None else "",
    )
    return stored[0].batch_id or batch.id


def digest_of(batch: BatchRecord, jobs: Sequence[JobRecord]) -> str:
    """Return what tells one submission from another: all but ids, times and places of files. Pure."""
    found = hashlib.sha256(batch.model_dump_json(exclude={"id", "source", "created_at"}).encode())
    for job in jobs:
        spec = None
        if job.spec is not None:
            spec = job.spec.model_dump(mode="json", exclude={"id": True, "problem": {"source"}})
        row = json.dumps([job.position, job.custom_id, spec, job.error], sort_keys=True)
        found.update(row.encode())
    return found.hexdigest()
