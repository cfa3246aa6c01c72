"""What happens in a job, as it happens: one small frozen model per event, told apart by `type`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from solvent.agents.job import JobResult, StopReason
from solvent.problems.problem import Verdict
from solvent.usage import Budget, Usage

SCHEMA_VERSION = 1

Phase = Literal["recall", "solve", "detect", "verify", "refine", "conclude"]


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    job_id: str
    time_s: float = 0.0
    """Seconds since the job started (in this process)."""


class JobStarted(_Event):
    """The job begins, or goes on after an interruption."""

    type: Literal["job.started"] = "job.started"
    problem_id: str
    strategy: str
    model: str
    budget: Budget
    resumed: bool = False


class TrajectoryStarted(_Event):
    """A strategy started a trajectory."""

    type: Literal["trajectory.started"] = "trajectory.started"
    trajectory: str


class PhaseEntered(_Event):
    """A trajectory entered a node of its graph."""

    type: Literal["phase"] = "phase"
    trajectory: str
    phase: Phase
    round: int = 0
    """Repair round; 0 is the first program."""


class TextGenerated(_Event):
    """A piece of a model's text, as it streams."""

    type: Literal["text"] = "text"
    trajectory: str
    text: str


class BudgetSpent(_Event):
    """What the job has spent so far, after a commit."""

    type: Literal["budget"] = "budget"
    usage: Usage


class CaseJudged(_Event):
    """A public (or generated) test got its verdict."""

    type: Literal["verdict"] = "verdict"
    trajectory: str
    test: str
    verdict: Verdict
    cpu_s: float = 0.0


class TrajectoryFinished(_Event):
    """A trajectory ended."""

    type: Literal["trajectory.finished"] = "trajectory.finished"
    trajectory: str
    stop_reason: StopReason
    verdict: Verdict | None = None
    """Of its last program over all public tests; None without a program or tests."""
    summary: str = ""
    """One line for a person."""


class JobFinished(_Event):
    """The job ended."""

    type: Literal["job.finished"] = "job.finished"
    result: JobResult


Event = Annotated[
    JobStarted
    | TrajectoryStarted
    | PhaseEntered
    | TextGenerated
    | BudgetSpent
    | CaseJudged
    | TrajectoryFinished
    | JobFinished,
    Field(discriminator="type"),
]

Emit = Callable[[Event], None]
"""Receives events in order; must return at once and not raise."""
