"""How one trajectory ended: a small record that strategies decide on. Texts are artifact ids."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from solvent.agents.job import StopReason
from solvent.problems.problem import Verdict


class TrajectoryOutcome(BaseModel):
    """How one trajectory ended. A wrong or missing program is data here, never an exception."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    trajectory: str
    stop_reason: StopReason
    program: str | None = None
    """Artifact id of its best program."""
    language: str | None = None
    answer: str | None = None
    """Artifact id of what is compared for agreement: the final answer, or the program's text where no test decides, or
    the grids that it makes of the test inputs."""
    group: int | None = None
    """Number of the class of equal answers that it belongs to, in order of first appearance; set by the search."""
    verdict: Verdict | None = None
    """Of its best program over all public tests; None without a program or without tests."""
    passed: int = 0
    total: int = 0
    judged: str | None = None
    """Artifact id of the `Judged` record of that program."""
    repairs: int = 0
    """Repairs that its best program went through."""
    confidence: float | None = None
    """Lowest confidence of its last reply; None where it was not measured, or the reply was cut off for it."""
    recalled: str | None = Field(default=None, exclude_if=lambda record: record is None)
    """Artifact id of the `Recalled` record, where the job has a memory."""
    reply: str | None = Field(default=None, exclude_if=lambda text: text is None)
    """Artifact id of its last reply, where the job has a memory."""
    summary: str = ""
    error: dict[str, str | None] | None = None
    """`SolventError.to_dict()` where something outside failed."""

    @property
    def accepted(self) -> bool:
        """Whether its program passes all public tests (and there are some)."""
        return self.verdict is Verdict.AC
