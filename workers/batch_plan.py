"""What a batch is beyond a list of jobs: how its budget is shared, how often each problem is tried, and by whom.

Pure. A job's part in the plan is its position in the batch, so no row needs more columns, and a step that is done
twice makes the same positions.
"""

from __future__ import annotations

import hashlib
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from solvent.models.base import Role

MOST_ATTEMPTS = 1000
MOST_TEAMS = 200


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Team(_Frozen):
    """Who takes part in a contest: a strategy and a model. What is left out is the batch's."""

    name: str = Field(min_length=1, max_length=60)
    strategy: str | None = Field(default=None, max_length=100)
    parameters: dict[str, JsonValue] = Field(default_factory=dict, max_length=100)
    """Overrides of the strategy's parameters."""
    model: str | None = Field(default=None, max_length=500)
    """Name of a model profile."""
    model_for: dict[Role, str] = Field(default_factory=dict)
    seed: int | None = Field(default=None, ge=-(2**63), lt=2**63)


class Contest(_Frozen):
    """Rules of a contest. Hidden tests grade what a team hands in; what they say reaches no prompt."""

    name: str = Field(default="Contest", min_length=1, max_length=200)
    rules: Literal["icpc", "score"] = "icpc"
    """`icpc`: solved problems, then penalty time. `score`: points for the share of tests passed, the best attempt
    counts."""
    duration_s: float = Field(gt=0, le=30 * 24 * 3600)
    freeze_s: float = Field(default=0.0, ge=0)
    """Last part of the contest whose submissions the board shows as pending."""
    penalty_s: float = Field(default=1200.0, ge=0)
    """Added to the time of an accepted answer for each wrong one before it (icpc)."""
    attempts: int = Field(default=3, ge=1, le=MOST_ATTEMPTS)
    """Most attempts of a team at a problem; each has a job's budget."""
    hand_in: Literal["verified", "any"] | None = None
    """`verified`: an answer that fails a public test is not handed in. Default: that for icpc, any for score."""
    points: float = Field(default=100.0, gt=0)
    """Of a problem whose tests are all passed (score)."""
    points_for: dict[str, float] = Field(default_factory=dict)
    """Points of single problems, by `custom_id`."""
    teams: tuple[Team, ...] = Field(default=(), max_length=MOST_TEAMS)
    """None: one team, with what the batch says."""

    @model_validator(mode="after")
    def _fits(self) -> Contest:
        if self.freeze_s > self.duration_s:
            raise ValueError("the freeze is longer than the contest")
        names = [team.name for team in self.teams]
        if len(set(names)) != len(names):
            raise ValueError("two teams have one name")
        return self

    @property
    def verified_only(self) -> bool:
        """Whether an answer that fails a public test stays with the team."""
        return (self.hand_in or ("verified" if self.rules == "icpc" else "any")) == "verified"


class BatchPlan(_Frozen):
    """How a batch is run."""

    allocation: str | None = Field(default=None, max_length=100)
    """Policy that shares the batch's budget between the jobs; None: first come, first served."""
    attempts: int = Field(default=1, ge=1, le=MOST_ATTEMPTS)
    """Independent jobs for each problem (benchmark)."""
    contest: Contest | None = None
    problems: int | None = Field(default=None, ge=1)
    """Rows that were read; set where the jobs are made, whatever is given."""

    @model_validator(mode="after")
    def _goes_together(self) -> BatchPlan:
        if self.contest is not None and self.attempts > 1:
            raise ValueError("a contest has attempts of its own; a benchmark is a batch of its own")
        if self.contest is not None and self.allocation is not None:
            raise ValueError("in a contest every attempt has its own budget (job_budget); leave the allocation out")
        return self

    @property
    def is_plain(self) -> bool:
        """Whether the batch is a list of jobs and nothing more."""
        return self.allocation is None and self.attempts == 1 and self.contest is None

    @property
    def has_steps(self) -> bool:
        """Whether jobs are added or budgets raised as its jobs end."""
        return self.allocation is not None or self.contest is not None

    @property
    def teams(self) -> int:
        """How many take part; 1 outside a contest."""
        return max(1, len(self.contest.teams)) if self.contest else 1

    def position(self, place: Place) -> int:
        """Return a job's position: first attempts of all before second ones, teams side by side."""
        return (place.attempt * self._problems + place.problem) * self.teams + place.team

    def place(self, position: int) -> Place:
        """Return what the job at a position is."""
        rest, team = divmod(position, self.teams)
        attempt, problem = divmod(rest, self._problems)
        return Place(team, problem, attempt)

    @property
    def _problems(self) -> int:
        # A plain batch has one attempt, so all positions are problems.
        return self.problems if self.problems is not None else 2**31


class Place(NamedTuple):
    """A job's part in a plan; all numbers from 0."""

    team: int
    problem: int
    attempt: int


def team_name(contest: Contest, team: int) -> str:
    """Return the name of a team."""
    return contest.teams[team].name if contest.teams else "solvent"


def attempt_seed(seed: int, attempt: int) -> int:
    """Return the seed of an attempt: the batch's own for the first, independent ones for the others."""
    if attempt == 0:
        return seed
    return int.from_bytes(hashlib.sha256(f"attempt {seed} {attempt}".encode()).digest()[:6], "big")
