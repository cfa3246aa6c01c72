"""What is asked of the solver and what it answers."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from solvent.agents.learned import Learned
from solvent.agents.recalled import OFF, MemoryUse
from solvent.models.base import Role
from solvent.problems.grids import Grid
from solvent.problems.problem import Problem, Verdict
from solvent.usage import Budget, Usage


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StopReason(StrEnum):
    """Why a trajectory or a job stopped. A closed set; each stop has exactly one."""

    AGREED = "agreed"
    """enough independent answers agree"""
    TESTS_PASSED = "tests_passed"
    """an answer passes everything that may select it"""
    CAP_TOKENS = "cap_tokens"
    CAP_CALLS = "cap_calls"
    CAP_TRAJECTORIES = "cap_trajectories"
    CAP_SANDBOX = "cap_sandbox"
    CAP_COST = "cap_cost"
    DEADLINE = "deadline"
    MAX_ROUNDS = "max_rounds"
    """the strategy has done all that it does"""
    CANCELLED = "cancelled"
    ERROR = "error"


class Outcome(StrEnum):
    """How a completed job ended. `solved` rests on evidence that selects; hidden tests are reported apart, as grade."""

    SOLVED = "solved"
    UNSOLVED = "unsolved"
    EXHAUSTED = "exhausted"
    """a cap of the budget ended it before an answer was found"""


class JobStatus(StrEnum):
    """Life of a job."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    CANCELLING = "cancelling"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class EqualRow(_Frozen):
    """A further row of a batch with the same problem: it gets the result of the job that the first one became."""

    custom_id: str
    problem_id: str
    position: int


class JobSpec(_Frozen):
    """One problem, a strategy, a budget, a model profile, a seed."""

    id: str
    problem: Problem
    strategy: str = "solve-detect-verify"
    parameters: dict[str, JsonValue] = Field(default_factory=dict)
    """Overrides of the strategy's parameters."""
    budget: Budget = Budget()
    model: str = "starter"
    model_for: dict[Role, str] = Field(default_factory=dict)
    """Profiles of the roles that another model plays."""
    seed: int = 0
    memory: str = Field(default=OFF, exclude_if=lambda policy: policy == OFF)
    """Memory policy: `off`, `read`, `live`, or `frozen:SNAPSHOT`. Left out of JSON where it is off, so that a version
    without memory reads all other jobs."""
    grade: bool | Literal["all"] = True
    """Judge the selected answer on hidden tests or gold after the selection; never feeds back. `all`: also the tests
    after the first failure, for partial scores."""
    attempt: int = Field(default=1, ge=1, exclude_if=lambda attempt: attempt == 1)
    """Of several at the same problem in one batch, from 1."""
    team: str | None = Field(default=None, exclude_if=lambda team: team is None)
    """Who makes it, in a contest."""
    share: int = Field(default=1, ge=1, exclude_if=lambda share: share == 1)
    """Which share of its batch's budget it works with, from 1; counted where it reads a memory that grows, which it
    asks anew with each share."""
    also: tuple[EqualRow, ...] = Field(default=(), exclude_if=lambda rows: not rows)
    """Further rows that this job answers."""


class CaseVerdict(_Frozen):
    """One test's verdict as evidence."""

    name: str
    verdict: Verdict
    cpu_s: float = 0.0
    wall_s: float = 0.0
    peak_memory_mb: float | None = None


class Evidence(_Frozen):
    """What the selection of an answer rests on."""

    public_tests: tuple[CaseVerdict, ...] = ()
    agreement: int = 0
    """Independent trajectories whose answer equals the selected one (by value, or by behaviour on shared inputs)."""
    votes: int = 0
    """Trajectories that gave an answer at all."""
    verifier: float | None = None
    """Score of a model as judge, 0 to 1, where one was asked."""
    repairs: int = 0
    """Repairs that the selected program went through."""


class Answer(_Frozen):
    """The selected answer."""

    text: str
    """Program source, or the final answer of a math problem."""
    language: str | None = None
    """Language of a program; None for a final answer."""
    program: str | None = None
    """For a math problem solved by a program: its source."""
    trajectory: str
    """Trajectory that gave it."""


class GridAttempts(_Frozen):
    """What is answered for one test input of a problem of kind `grid`."""

    attempt_1: Grid | None = None
    """Of the selected program; None where it makes no grid of this input."""
    attempt_2: Grid | None = None
    """Of the next best program that makes another grid of it; None where there is none."""


class Grade(_Frozen):
    """What hidden tests or the gold answer say of the selected answer; made after the selection."""

    verdict: Verdict
    passed: int = 0
    """Of kind `grid`: test inputs of which any attempt is right."""
    total: int = 0
    strict: bool | None = Field(default=None, exclude_if=lambda strict: strict is None)
    """Kind `grid`: whether one program is right on all train pairs and, with its first attempt, on all test inputs."""


class JobResult(_Frozen):
    """How a job ended."""

    job_id: str
    problem_id: str
    status: Literal[JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.EXPIRED]
    outcome: Outcome | None = None
    """Only when completed."""
    stop_reason: StopReason
    answer: Answer | None = None
    evidence: Evidence = Evidence()
    grade: Grade | None = None
    usage: Usage = Usage()
    wall_s: float = 0.0
    error: dict[str, str | None] | None = None
    """`SolventError.to_dict()` when failed."""
    strategy: str = ""
    model: str = ""
    model_for: dict[Role, str] = Field(default_factory=dict)
    memory: MemoryUse | None = Field(default=None, exclude_if=lambda use: use is None)
    """Of jobs with a memory policy: what the selected answer was written with."""
    learned: Learned | None = Field(default=None, exclude_if=lambda learned: learned is None)
    """Of jobs with the policy `live`: what it wrote into the memory. While it is `pending`, the usage may yet grow."""
    attempts: tuple[GridAttempts, ...] = Field(default=(), exclude_if=lambda attempts: not attempts)
    """Kind `grid`: one for each test input."""
