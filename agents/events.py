"""What happens in a job, as it happens: one small frozen model per event, told apart by `type`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError

from solvent.agents.job import JobResult, StopReason
from solvent.agents.learned import Learned
from solvent.agents.tolerant import read_tolerantly
from solvent.problems.problem import Verdict
from solvent.usage import Budget, Usage

SCHEMA_VERSION = 1
"""Grows when a reader of the one before would misread an event; new types and new fields do not."""
FINISHED = "job.finished"
"""Type of the last event of a run, whatever version wrote it."""

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


class ConceptsRecalled(_Event):
    """The job asked the memory; only of jobs with a memory policy."""

    type: Literal["concepts"] = "concepts"
    trajectory: str
    """That asked; the others show the same."""
    policy: str
    snapshot: str | None = None
    retrieved: tuple[str, ...] = ()
    """`ID:VERSION`, best first."""
    chosen: tuple[str, ...] = ()
    """Of those, what its prompts show."""
    names: tuple[str, ...] = ()
    """Of the chosen."""
    dropped: tuple[str, ...] = ()
    """Chosen too, and left out by chance."""
    related: tuple[str, ...] = ()
    """Names of candidates that the prompts name and no more."""
    reasons: dict[str, str] = Field(default_factory=dict)
    """Why the model took or left a candidate, by `ID:VERSION`."""
    held_out: bool = False
    """All that was chosen is left out, so that it can be told what the memory is worth."""
    hold_out: float = 0.0
    """Share of jobs that this happens to."""
    note: str = ""
    """What was weaker than was asked for, such as a memory that did not answer."""


class LearnedEvent(_Event):
    """What the job wrote into the memory; only of jobs with the policy `live` that run in one process."""

    type: Literal["learned"] = "learned"
    learned: Learned


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


_OPAQUE = "opaque"


class OpaqueEvent(_Event):
    """An event of a later version, as it came: who does not know it passes it on, or leaves it out."""

    model_config = ConfigDict(frozen=True, extra="allow")

    type: str


def _tag(value: Any) -> str:
    if isinstance(value, OpaqueEvent):
        return _OPAQUE
    kind = value.get("type") if isinstance(value, Mapping) else getattr(value, "type", None)
    return kind if isinstance(kind, str) and kind in _KINDS else _OPAQUE


Event = Annotated[
    Annotated[JobStarted, Tag("job.started")]
    | Annotated[TrajectoryStarted, Tag("trajectory.started")]
    | Annotated[PhaseEntered, Tag("phase")]
    | Annotated[ConceptsRecalled, Tag("concepts")]
    | Annotated[LearnedEvent, Tag("learned")]
    | Annotated[TextGenerated, Tag("text")]
    | Annotated[BudgetSpent, Tag("budget")]
    | Annotated[CaseJudged, Tag("verdict")]
    | Annotated[TrajectoryFinished, Tag("trajectory.finished")]
    | Annotated[JobFinished, Tag("job.finished")]
    | Annotated[OpaqueEvent, Tag(_OPAQUE)],
    Discriminator(_tag),
]

_KINDS: Mapping[str, type[_Event]] = {
    kind.model_fields["type"].default: kind
    for kind in (
        JobStarted,
        TrajectoryStarted,
        PhaseEntered,
        ConceptsRecalled,
        LearnedEvent,
        TextGenerated,
        BudgetSpent,
        CaseJudged,
        TrajectoryFinished,
        JobFinished,
    )
}


def read_event(given: Mapping[str, Any]) -> Event:
    """Return an event from its JSON value, whatever version wrote it.

    Fields that are not known here are left out. What cannot be read as the event that it says it is, and types that are
    not known, become an `OpaqueEvent`.

    Raises:
        ValueError: it is no event: it has no type or no job.
    """
    kind = _KINDS.get(str(given.get("type")))
    if kind is not None:
        with suppress(ValidationError):
            return cast(Event, read_tolerantly(kind, given))
    return OpaqueEvent.model_validate(given)


Emit = Callable[[Event], None]
"""Receives events in order; must return at once and not raise."""
