"""What clients send."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from solvent.models.base import Role
from solvent.usage import Budget
from solvent.workers.batch_plan import BatchPlan

ProfileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$", examples=["starter"])]
"""Name of a model profile of the server. Never a path: what a client sends opens no file."""
MOST_PARAMETERS = 100


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Solving(_Request):
    """How to solve; what is left out is the server's default."""

    strategy: str = Field(default="solve-detect-verify", max_length=100)
    parameters: dict[str, JsonValue] = Field(default_factory=dict, max_length=MOST_PARAMETERS)
    """Overrides of the strategy's parameters."""
    model: ProfileName | None = None
    model_for: dict[Role, ProfileName] = Field(default_factory=dict)
    """Profiles of the roles that another model plays."""
    seed: int = Field(default=0, ge=-(2**63), lt=2**63)
    grade: bool = True
    """Judge the selected answer on hidden tests or gold afterwards."""
    memory: str = Field(default="off", pattern=r"^(off|read|live|frozen:snap-[0-9a-f]{16})$")
    """What concepts jobs may see: `off`, `read` (what the project's memory has), `live` (the same, and jobs write there
    what they teach), or `frozen:SNAPSHOT`."""
    priority: int = Field(default=0, ge=-100, le=100)
    """The greater, the sooner, among jobs of the same API key."""


class JobRequest(Solving):
    """One job."""

    problem: dict[str, Any] | str
    """A row of any format of docs/problem-formats.md, or a problem as text (Markdown, YAML)."""
    custom_id: str | None = Field(default=None, min_length=1, max_length=500)
    """Comes back with everything that is said of the job; default: the problem's id."""
    budget: Budget = Budget()


class JobsRequest(_Request):
    """Several jobs."""

    jobs: list[Any] = Field(min_length=1)
    """Each as it would be sent alone; one that is wrong becomes a failed job that says why, and the others are run."""
    priority: int = Field(default=0, ge=-100, le=100)
    """Of all of them."""


class UnreadableRow(_Request):
    """A row that the client itself could not read; it is kept in its place, with its error."""

    message: str = Field(max_length=2000)
    custom_id: str | None = Field(default=None, min_length=1, max_length=500)


class UnreadableItem(_Request):
    """In the place of a problem."""

    unreadable: UnreadableRow


class BatchOptions(Solving):
    """How to run a batch."""

    name: str = Field(default="-", min_length=1, max_length=1000)
    """For people: where the problems come from."""
    budget: Budget = Budget()
    """Of all jobs together."""
    job_budget: Budget = Budget()
    """Of each job by itself."""
    dedupe: bool = False
    """Run equal problems once: their rows of results share one job's, and say so (`shared_with`)."""
    plan: BatchPlan = BatchPlan()
    """Allocation of the budget, attempts at each problem, or the rules of a contest; see docs/contests.md."""


class BatchRequest(BatchOptions):
    """A batch."""

    problems: list[Any] = Field(min_length=1)
    """Rows of any formats, problems as text, or `{"unreadable": {"message": ...}}`; a row that cannot be read becomes
    a failed job that says why, and the others are run."""
