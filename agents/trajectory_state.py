"""State and context of the trajectory graph. State is small: ids, counts, verdicts; texts are artifacts."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NotRequired, TypedDict

from solvent.models.base import FinishReason

if TYPE_CHECKING:
    from solvent.agents.calls import Calls
    from solvent.agents.prompts import ConceptText, Prompts
    from solvent.agents.recall import JobMemory
    from solvent.agents.reporter import Reporter
    from solvent.agents.roles import Cast
    from solvent.artifacts import ArtifactStore
    from solvent.models.base import Message
    from solvent.problems.problem import CallTest, Problem
    from solvent.problems.view import PublicProblem


class Plan(TypedDict):
    """What a strategy orders when it starts a trajectory."""

    trajectory: str
    temperature: float | None
    max_tokens: int | None
    """Most completion tokens of one reply; None for what the model profile says."""
    repairs: int
    """Most rounds after the first reply."""
    decoding: NotRequired[dict[str, Any]]
    """`DecodingOptions` as JSON, where a control is on."""


class Candidate(TypedDict):
    """The best program so far."""

    program: str
    language: str
    verdict: str | None
    passed: int
    total: int
    judged: str | None
    repairs: int
    outputs: NotRequired[str]
    """Kind `grid`: artifact id of the grids that it makes of the test inputs."""


class TrajectoryState(TypedDict, total=False):
    """One trajectory. Ids are artifact ids."""

    plan: Plan
    round: int
    """0 for the first reply; each further reply is one more."""
    repairs: int
    """Repairs that the present program went through; 0 after a restart."""
    concepts: list[str]
    """`ID:VERSION` of the concepts that the prompts show."""
    recalled: NotRequired[str]
    """The `Recalled` record, where the job has a memory."""
    reply: str
    finish: FinishReason
    confidence: float | None
    """Lowest confidence of the present reply, where it was measured and nothing cut the reply off."""
    program: str | None
    language: str | None
    answer: str | None
    """Final answer that the present reply gives."""
    missing: str
    """Why the present reply cannot be verified; empty if it can."""
    verdict: str | None
    judged: str | None
    best: Candidate | None
    stop: str | None
    """Stop reason; set as soon as the trajectory is to end."""
    notes: list[str]
    """What a person should know, each said once."""


@dataclass(frozen=True)
class TrajectoryContext:
    """What the nodes of one job's trajectories work with; comes in as LangGraph run context."""

    job_id: str
    seed: int
    problem: Problem
    view: PublicProblem
    """What a prompt may see of the problem."""
    cast: Cast
    prompts: Prompts
    calls: Calls
    artifacts: ArtifactStore
    report: Reporter
    wants: Literal["program", "answer"]
    languages: dict[str, str]
    """Names and aliases of the allowed languages, with the language's name."""
    default_language: str
    memory: JobMemory | None = None
    """None for a job whose policy is `off`."""
    entered: set[tuple[str, str, int]] = field(default_factory=set)
    """Phases that were reported, so that each is reported once."""

    def solve_prompt(self, concepts: Sequence[ConceptText], related: Sequence[str] = ()) -> tuple[Message, ...]:
        """Return the prompt of a first reply of a job with a memory that shows these concepts."""
        return self.prompts.render(
            self.cast.of("solve").profile.prompts,
            "solve",
            self.view,
            language=self.default_language,
            wants=self.wants,
            concepts=concepts,
            related=related,
            memory=True,
        )

    @property
    def can_refine(self) -> bool:
        """Whether the model that repairs can, and its prompt style knows how to ask for it."""
        profile = self.cast.of("refine").profile
        return profile.plays("refine") and self.prompts.has(profile.prompts, "refine")


def judgeable(problem: Problem) -> bool:
    """Return whether public tests can say anything of a program: there are some, and the judge can run them."""
    return bool(problem.public_tests) and not problem.lacks_programs


def probes_of(problem: Problem) -> tuple[CallTest, ...]:
    """Return calls for the test inputs of kind `grid`, without the outputs that are hidden."""
    from solvent.problems.problem import CallTest

    return tuple(
        CallTest(name=f"input {number}", arguments=(grid,)) for number, grid in enumerate(problem.test_inputs, start=1)
    )


def derived_seed(seed: int, *path: Any) -> int:
    """Return the seed of a step: the same for the same job seed and path, unrelated for others; under 2**31."""
    digest = hashlib.sha256("/".join(map(str, (seed, *path))).encode()).digest()
    return int.from_bytes(digest[:8], "big") & (2**31 - 1)
