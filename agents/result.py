"""From a search that ended to the job's result. Pure but for reading artifacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from solvent.agents.citing import cited
from solvent.agents.grid_attempts import attempts_of, grids_of, ordered_outputs
from solvent.agents.job import (
    Answer,
    CaseVerdict,
    Evidence,
    GridAttempts,
    JobResult,
    JobSpec,
    JobStatus,
    Outcome,
    StopReason,
)
from solvent.agents.judged import Judged
from solvent.agents.outcome import TrajectoryOutcome
from solvent.agents.recalled import MemoryUse, Recalled, use_of
from solvent.agents.strategies.base import Selection
from solvent.artifacts import ArtifactStore
from solvent.problems.problem import ProblemKind
from solvent.usage import Usage

if TYPE_CHECKING:
    from solvent.agents.search import SearchState

EXHAUSTED = frozenset({
    StopReason.CAP_TOKENS, StopReason.CAP_CALLS, StopReason.CAP_TRAJECTORIES, StopReason.CAP_SANDBOX,
    StopReason.CAP_COST, StopReason.DEADLINE,
})  # fmt: skip


def assemble(spec: JobSpec, state: SearchState, artifacts: ArtifactStore, *, usage: Usage, wall_s: float) -> JobResult:
    """Return the result, without a grade."""
    from solvent.agents.search import selection_of

    selection = selection_of(state)
    stop = StopReason(state["stop"] or StopReason.MAX_ROUNDS)
    error = state["error"]
    if stop is StopReason.ERROR and selection.solved:
        stop, error = selection.reason, None
    status: Literal[JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED] = JobStatus.COMPLETED
    if stop is StopReason.ERROR:
        status = JobStatus.FAILED
    elif stop is StopReason.CANCELLED:
        status = JobStatus.CANCELLED
    return JobResult(
        job_id=spec.id,
        problem_id=spec.problem.id,
        status=status,
        outcome=_outcome(selection, stop) if status is JobStatus.COMPLETED else None,
        stop_reason=stop,
        answer=_answer(spec, selection.outcome, artifacts),
        evidence=_evidence(selection, artifacts),
        usage=usage,
        wall_s=max(0.0, wall_s),
        error=error,
        strategy=spec.strategy,
        model=spec.model,
        model_for=spec.model_for,
        memory=_memory(spec, state, selection.outcome, artifacts),
        attempts=_attempts(spec, state, selection, artifacts),
    )


def _attempts(
    spec: JobSpec, state: SearchState, selection: Selection, artifacts: ArtifactStore
) -> tuple[GridAttempts, ...]:
    if spec.problem.kind is not ProblemKind.GRID:
        return ()
    selected = None if selection.outcome is None else selection.outcome.answer
    tried = [grids_of(artifacts.get(outputs)) for outputs in ordered_outputs(state.get("tries", []), selected)]
    return attempts_of(tried, len(spec.problem.test_inputs))


def _memory(
    spec: JobSpec, state: SearchState, outcome: TrajectoryOutcome | None, artifacts: ArtifactStore
) -> MemoryUse | None:
    # A job that came to nothing counts as well: its concepts may be why.
    record = (outcome and outcome.recalled) or state.get("recalled")
    if record is None:
        return None
    recalled = Recalled.model_validate_json(artifacts.get(record))
    program = artifacts.get(outcome.program) if outcome and outcome.program else ""
    reply = artifacts.get(outcome.reply) if outcome and outcome.reply else ""
    return use_of(recalled, cited(recalled.chosen, program=program, reply=reply, statement=spec.problem.statement))


def _outcome(selection: Selection, stop: StopReason) -> Outcome:
    if selection.solved:
        return Outcome.SOLVED
    return Outcome.EXHAUSTED if stop in EXHAUSTED else Outcome.UNSOLVED


def _answer(spec: JobSpec, outcome: TrajectoryOutcome | None, artifacts: ArtifactStore) -> Answer | None:
    if outcome is None:
        return None
    program = None if outcome.program is None else artifacts.get(outcome.program)
    if spec.problem.kind is ProblemKind.MATH:
        if outcome.answer is None:
            return None
        return Answer(text=artifacts.get(outcome.answer), program=program, trajectory=outcome.trajectory)
    if program is None:
        return None
    return Answer(text=program, language=outcome.language, trajectory=outcome.trajectory)


def _evidence(selection: Selection, artifacts: ArtifactStore) -> Evidence:
    outcome = selection.outcome
    if outcome is None:
        return Evidence()
    cases: tuple[CaseVerdict, ...] = ()
    if outcome.judged is not None:
        cases = Judged.model_validate_json(artifacts.get(outcome.judged)).cases
    return Evidence(public_tests=cases, agreement=selection.agreement, votes=selection.votes, repairs=outcome.repairs)
