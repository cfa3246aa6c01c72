"""Turns requests into jobs, through the same readers and checks as files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from solvent.agents.job import JobSpec
from solvent.agents.strategies.base import find_strategy, load_parameters
from solvent.errors import ConfigError, DataError
from solvent.models.profiles import ModelProfile
from solvent.models.registry import load_profile
from solvent.problems.problem import Problem
from solvent.problems.readers import ReadResult, read_rows, read_text
from solvent.service.http.bodies import wrong
from solvent.service.http.errors import ApiError
from solvent.service.http.requests import BatchOptions, JobRequest, Solving, UnreadableItem
from solvent.service.plans import check_plan
from solvent.settings import Settings
from solvent.workers.ids import new_id
from solvent.workers.intake import batch_jobs, unreadable_job
from solvent.workers.parts import check_roles
from solvent.workers.planning import plan_jobs
from solvent.workers.records import BatchRecord, JobRecord, utc_now

NAME = "request"
"""Stands in errors where a file's name would."""


def one_job(settings: Settings, request: JobRequest) -> JobRecord:
    """Return the job of a request.

    Raises:
        ConfigError: there is no such strategy, parameter, model or role.
        DataError: its problem cannot be read.
    """
    check(settings, request)
    problem = next(read_rows([request.problem], NAME))
    if isinstance(problem, DataError):
        raise problem
    return _job(settings, request, problem, new_id("job"))


def many_jobs(settings: Settings, rows: list[Any]) -> list[JobRecord]:
    """Return a job for each row; one that is wrong becomes a failed job that says why, and the others go on."""
    checks = _Checks(settings)
    return [_row(settings, checks, row, number) for number, row in enumerate(rows, start=1)]


class _Checks:
    """Looks the same choices up once, since each time reads files."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._known: dict[str, ConfigError | None] = {}

    def __call__(self, request: Solving) -> None:
        fields = {"strategy", "parameters", "model", "model_for"}
        choice = request.model_dump_json(include=fields)
        if choice not in self._known:
            try:
                check(self._settings, request)
            except ConfigError as error:
                self._known[choice] = error
            else:
                self._known[choice] = None
        found = self._known[choice]
        if found is not None:
            raise found


def _row(settings: Settings, checks: _Checks, row: object, number: int) -> JobRecord:
    job_id = f"{new_id('job')}-{number - 1:05d}"
    custom_id = row.get("custom_id") if isinstance(row, dict) else None
    try:
        try:
            request = JobRequest.model_validate(row)
        except ValidationError as error:
            found = wrong(error)
            raise DataError(found.detail, file=NAME, row=number) from None
        if request.priority:
            raise DataError("stands beside `jobs`, for all of them", file=NAME, row=number, field="priority")
        checks(request)
        problem = next(read_rows([request.problem], f"{NAME}:{number}"))
        if isinstance(problem, DataError):
            raise problem
        return _job(settings, request, problem, job_id)
    except (DataError, ConfigError) as error:
        return unreadable_job(job_id, custom_id if isinstance(custom_id, str) else f"{NAME}:{number}", error)


def _job(settings: Settings, request: JobRequest, problem: Problem, job_id: str) -> JobRecord:
    spec = JobSpec(
        id=job_id,
        problem=problem,
        strategy=request.strategy,
        parameters=request.parameters,
        budget=request.budget,
        model=request.model or settings.model,
        model_for=dict(request.model_for),
        seed=request.seed,
        memory=request.memory,
        grade=request.grade,
    )
    custom_id = request.custom_id or problem.metadata.get("custom_id") or problem.id
    return JobRecord(id=job_id, custom_id=str(custom_id), spec=spec, created_at=utc_now())


def new_batch(
    settings: Settings, options: BatchOptions, problems: Iterator[ReadResult], most_rows: int
) -> tuple[BatchRecord, list[JobRecord]]:
    """Return a batch and its jobs, of which those that could not be read are failed.

    Raises:
        ApiError: 413, there are too many.
        ConfigError: there is no such strategy, parameter, model or role.
        DataError: there is no problem in it.
    """
    check(settings, options)
    batch = BatchRecord(
        id=new_id("batch"),
        source=options.name,
        strategy=options.strategy,
        model=options.model or settings.model,
        model_for=dict(options.model_for),
        seed=options.seed,
        budget=options.budget,
        job_budget=options.job_budget,
        parameters=options.parameters,
        plan=options.plan,
        created_at=utc_now(),
    )
    check_plan(settings, batch)
    jobs = batch_jobs(
        batch, problems, limit=most_rows + 1, grade=options.grade, memory=options.memory, dedupe=options.dedupe
    )
    if len(jobs) > most_rows:
        raise too_many(most_rows)
    return plan_jobs(batch, jobs, settings.config_dir)


def rows_of_list(rows: list[Any]) -> Iterator[ReadResult]:
    """Return what the items of a batch request hold."""
    return read_rows((_item(row, number) for number, row in enumerate(rows, start=1)), NAME)


def rows_of_file(body: bytes) -> Iterator[ReadResult]:
    """Return what a file in any format of docs/problem-formats.md holds."""
    return read_text(body, NAME)


def _item(row: Any, number: int) -> Any:
    if not (isinstance(row, dict) and set(row) == {"unreadable"}):
        return row
    try:
        given = UnreadableItem.model_validate(row).unreadable
    except ValidationError as error:
        return DataError(wrong(error).detail, file=NAME, row=number)
    return DataError(given.message, file=given.custom_id)


def too_many(most_rows: int) -> ApiError:
    """Return the answer to more rows than one request may bring."""
    return ApiError(413, "too_many_rows", f"there are more than {most_rows} rows", remedy="send several batches")


def check(settings: Settings, request: Solving) -> None:
    """Look up what a request names, before anything is stored.

    Raises:
        ConfigError: there is no such strategy, parameter, model or role.
    """
    load_parameters(find_strategy(request.strategy), request.parameters, settings.config_dir)
    _profile(settings, request.model or settings.model, given=request.model is not None)
    check_roles(request.model_for, {name: _profile(settings, name, given=True) for name in request.model_for.values()})


def _profile(settings: Settings, name: str, *, given: bool) -> ModelProfile:
    if given and name.endswith(".toml"):
        raise ConfigError(f"{name!r} is no name of a model profile", remedy="name one of the server's profiles")
    return load_profile(name, settings)
