"""What concepts of the memory were worth: one record for each job and concept, and counters over them."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field


class ConceptUse(BaseModel):
    """What one concept did for one job that retrieved it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    namespace: str
    concept_id: str
    version: int = Field(ge=1)
    snapshot: str = ""
    """Of the memory, that the job read."""
    chosen: bool = False
    """It stood in a prompt."""
    cited: bool = False
    """The selected answer names or uses it (`agents.citing`)."""
    held_out: bool = False
    """It was chosen, and chance decided whether it stands in a prompt, so that with and without compare."""
    solved: bool | None = None
    """Whether the job was solved; None where its end says nothing of that (cancelled, failed by something outside)."""
    helpful: bool | None = None
    """What a person or a judge said of it."""
    tokens: int = Field(default=0, ge=0)
    """That the job spent."""


class ConceptUtility(BaseModel):
    """Counters of one version of a concept."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    namespace: str
    concept_id: str
    version: int
    retrieved: int = 0
    chosen: int = 0
    cited: int = 0
    helpful: int = 0
    harmful: int = 0
    tried_with: int = 0
    """Jobs that ended solved or unsolved with it in a prompt."""
    solved_with: int = 0
    held_out_tried_with: int = 0
    """The same, of the jobs in which chance decided."""
    held_out_solved_with: int = 0
    held_out_tried_without: int = 0
    held_out_solved_without: int = 0
    tokens_with: int = 0
    """Spent by the held-out jobs that were tried with it."""
    tokens_without: int = 0
    updated_at: float = 0.0

    @property
    def uplift(self) -> float | None:
        """Rate of solved jobs with it less that without it, of the held-out ones; None where one of them is unknown."""
        if not self.held_out_tried_with or not self.held_out_tried_without:
            return None
        with_it = self.held_out_solved_with / self.held_out_tried_with
        return with_it - self.held_out_solved_without / self.held_out_tried_without


class Arm(StrEnum):
    """What a job was given of the memory."""

    SHOWN = "shown"
    """what was chosen for it; single ones may have been left out"""
    HELD_OUT = "held_out"
    """nothing of what was chosen for it: the same prompts as with an empty memory"""
    NONE = "none"
    """nothing, since nothing was chosen"""
    AWAY = "away"
    """nothing, since the memory did not answer"""


class JobUse(BaseModel):
    """What a job that ended had of the memory."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    job_id: str
    namespace: str
    """Its project."""
    policy: str
    snapshot: str = ""
    arm: Arm
    retrieved: int = Field(default=0, ge=0)
    """Concepts."""
    shown: int = Field(default=0, ge=0)
    cited: int = Field(default=0, ge=0)
    solved: bool | None = None
    """By public evidence; see `ConceptUse`."""
    tokens: int = Field(default=0, ge=0)
    created_at: float = 0.0
    """When its end was written down."""


class UtilityStore(Protocol):
    """Counters of concepts. Safe for concurrent use; all methods raise `StoreError`."""

    async def record_uses(self, job_id: str, uses: Sequence[ConceptUse], job: JobUse | None = None) -> int:
        """Write down what concepts did for a job that ended, and count it; returns how many were new.

        A concept counts once for a job, however often its end is written down; the first record holds. With `job`, what
        the job had as a whole is written down in the same transaction, once too.
        """
        ...

    async def jobs(self, namespace: str, *, limit: int = 100_000) -> Sequence[JobUse]:
        """Return the last jobs of a project that had a memory, in the order in which they ended."""
        ...

    async def rate(self, namespace: str, *, last: int = 200) -> tuple[int, int]:
        """Return how many of a project's last jobs with a memory were solved, and how many that is of."""
        ...

    async def utility(self, namespace: str, concept_ids: Sequence[str] | None = None) -> Sequence[ConceptUtility]:
        """Return the counters of concepts (None: of all), by id and version; what was never used is left out."""
        ...

    async def uses(self, job_id: str) -> Sequence[ConceptUse]:
        """Return what was written down of a job, as long as the job is kept."""
        ...


def counts_of(use: ConceptUse) -> dict[str, int]:
    """Return what a use adds to the counters. Pure."""
    tried = use.solved is not None
    with_it, without = tried and use.chosen, tried and not use.chosen and use.held_out
    held_out_with = with_it and use.held_out
    solved = bool(use.solved)
    return {
        "retrieved": 1,
        "chosen": int(use.chosen),
        "cited": int(use.cited),
        "helpful": int(use.helpful is True),
        "harmful": int(use.helpful is False),
        "tried_with": int(with_it),
        "solved_with": int(with_it and solved),
        "held_out_tried_with": int(held_out_with),
        "held_out_solved_with": int(held_out_with and solved),
        "held_out_tried_without": int(without),
        "held_out_solved_without": int(without and solved),
        "tokens_with": use.tokens if held_out_with else 0,
        "tokens_without": use.tokens if without else 0,
    }
