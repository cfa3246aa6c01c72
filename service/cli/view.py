"""What a display shows of a running job: a pure reduction of its events."""

from __future__ import annotations

from dataclasses import dataclass, field

from solvent.agents.events import (
    BudgetSpent,
    CaseJudged,
    ConceptsRecalled,
    Event,
    JobFinished,
    JobStarted,
    LearnedEvent,
    PhaseEntered,
    TextGenerated,
    TrajectoryFinished,
    TrajectoryStarted,
)
from solvent.agents.job import JobResult, StopReason
from solvent.agents.learned import PHASE, Learned, LearnedStatus
from solvent.problems.problem import Verdict
from solvent.usage import Budget, Usage

TEXT_KEPT = 2000
"""Characters of a trajectory's streamed text that are kept for the display."""


@dataclass
class TrajectoryView:
    """One line of the display."""

    name: str
    phase: str = "start"
    round: int = 0
    verdicts: list[Verdict] = field(default_factory=list)
    final: Verdict | None = None
    stop_reason: StopReason | None = None
    summary: str = ""
    text: str = ""

    @property
    def ended(self) -> bool:
        """Whether it has stopped."""
        return self.stop_reason is not None


@dataclass
class JobView:
    """State of one job's display; `apply` takes events in order."""

    problem_id: str = ""
    strategy: str = ""
    model: str = ""
    budget: Budget = field(default_factory=Budget)
    usage: Usage = field(default_factory=Usage)
    resumed: bool = False
    trajectories: dict[str, TrajectoryView] = field(default_factory=dict)
    result: JobResult | None = None

    def apply(self, event: Event) -> None:
        """Take one event."""
        match event:
            case JobStarted():
                self.problem_id, self.strategy, self.model = event.problem_id, event.strategy, event.model
                self.budget, self.resumed = event.budget, event.resumed
            case BudgetSpent():
                self.usage = event.usage
            case TrajectoryStarted():
                self._of(event.trajectory)
            case PhaseEntered():
                line = self._of(event.trajectory)
                line.phase, line.round = event.phase, event.round
                if event.phase == "verify":
                    line.verdicts.clear()
                if event.phase in {"solve", "refine"}:
                    line.text = ""
            case TextGenerated():
                line = self._of(event.trajectory)
                line.text = (line.text + event.text)[-TEXT_KEPT:]
            case CaseJudged():
                self._of(event.trajectory).verdicts.append(event.verdict)
            case TrajectoryFinished():
                line = self._of(event.trajectory)
                line.stop_reason, line.final, line.summary = event.stop_reason, event.verdict, event.summary
            case LearnedEvent():
                # What it wrote stood where a trajectory's text does.
                self.trajectories.pop(PHASE, None)
            case JobFinished():
                self.result = event.result
                self.usage = event.result.usage

    def _of(self, name: str) -> TrajectoryView:
        return self.trajectories.setdefault(name, TrajectoryView(name))


def learned_line(learned: Learned) -> str:
    """Return in one line what a job wrote into the memory."""
    if learned.status is LearnedStatus.WRITTEN:
        said = f"learned: {', '.join(learned.names)}"
    else:
        said = f"learned {learned.status.value.replace('_', ' ').replace('not written', 'nothing')}"
    refused = f"{len(learned.refused)} refused" if learned.refused else ""
    more = "; ".join(part for part in (refused, learned.note) if part)
    return f"{said} ({more})" if more else said


def _left_out(event: ConceptsRecalled) -> str:
    if event.held_out:
        return f"; held out: {len(event.dropped)}"
    return f"; left out by chance: {len(event.dropped)}" if event.dropped else ""


def plain_line(event: Event, before: JobView) -> str | None:
    """Return the line that a pipe gets for an event, or None for those that only a terminal shows.

    Args:
        event: the event.
        before: the view before it was applied.
    """
    stamp = f"{event.time_s:7.2f}s"
    match event:
        case JobStarted():
            how = "resumed" if event.resumed else "started"
            return f"{stamp} {how} {event.problem_id} strategy={event.strategy} model={event.model} id={event.job_id}"
        case PhaseEntered(phase="solve" | "verify" | "refine"):
            repair = f" repair={event.round}" if event.round else ""
            return f"{stamp} {event.trajectory} {event.phase}{repair}"
        case ConceptsRecalled():
            shown = f"{', '.join(event.names) or 'none'}{_left_out(event)}"
            return f"{stamp} {event.trajectory} concepts: {shown}{f' ({event.note})' if event.note else ''}"
        case LearnedEvent():
            return f"{stamp} {learned_line(event.learned)}"
        case TextGenerated() if not (line := before.trajectories.get(event.trajectory)) or not line.text:
            return f"{stamp} {event.trajectory} first token"
        case CaseJudged():
            return f"{stamp} {event.trajectory} test {event.test} {event.verdict.value}"
        case TrajectoryFinished():
            said = event.summary or (event.verdict.value if event.verdict else "")
            return f"{stamp} {event.trajectory} ended {event.stop_reason.value} {said}".rstrip()
        case _:
            return None
