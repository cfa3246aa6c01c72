"""`solve-detect-verify`: attempts side by side until one is verified, or enough of their answers agree.

Code: an attempt is verified by running it on the public tests; a rejected one is repaired at most three times from
what the failing test showed, then dropped for a fresh start. Math, and code without public tests: the answers vote.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from solvent.agents.agreement import agreed
from solvent.agents.decoding.confidence import after_warm_up
from solvent.agents.job import StopReason
from solvent.agents.outcome import TrajectoryOutcome
from solvent.agents.registry import Fidelity
from solvent.agents.strategies.base import (
    Action,
    DecodingParameters,
    Selection,
    Start,
    Stop,
    StrategyState,
    Task,
    strategy,
)
from solvent.problems.problem import ProblemKind


@strategy(
    "solve-detect-verify",
    fidelity=Fidelity.UNTRAINED,
    reference="Solve-Detect-Verify with FlexiVe, arXiv 2505.11966",
    note="Execution on public tests and agreement of answers stand in for the trained verifier; whether a reply is "
    "complete is read from its text, and probed by log probabilities where decoding.completion_threshold is set.",
)
class SolveDetectVerify:
    """Attempts until one is verified or enough agree."""

    class Parameters(DecodingParameters):
        """Parameters of `solve-detect-verify`."""

        max_trajectories: int = Field(default=32, ge=1, le=10_000)
        """Fresh starts in all."""
        wave: int = Field(default=4, ge=1, le=1024)
        """Trajectories at once; when one ends, the next starts."""
        temperature: float | None = Field(default=None, ge=0, le=2)
        """None: the model profile's."""
        max_tokens: int | None = Field(default=None, ge=1)
        """Most completion tokens of a reply; None: the model profile's `reply_tokens`."""
        repairs: int = Field(default=3, ge=0, le=3)
        """Most repairs of one program; none where the model's prompts know no repair: a fresh start costs the same."""
        confidence: float = Field(default=0.95, gt=0.5, lt=1)
        """Probability that the leading answer is the majority, at which the vote ends."""
        min_votes: int = Field(default=3, ge=2)
        """Fewest answers before agreement counts."""

    def __init__(self, parameters: SolveDetectVerify.Parameters, task: Task) -> None:
        self._parameters = parameters
        self._task = task

    def ask(self, state: StrategyState) -> list[Action]:
        """Stop when solved or done; else keep `wave` trajectories running."""
        selection = self.select(state)
        parameters = self._parameters
        if self._decided(state, selection):
            return [Stop(selection.reason)]
        left = parameters.max_trajectories - state["started"]
        if left <= 0 and not state["pending"]:
            return [Stop(selection.reason if selection.solved else StopReason.MAX_ROUNDS)]
        repairs = parameters.repairs if self._task.can_refine else 0
        decoding = after_warm_up(parameters.decoding, state["memo"].get("confidences", []))
        return [
            Start(f"t{state['started'] + number}", parameters.temperature, parameters.max_tokens, repairs, decoding)
            for number in range(min(left, parameters.wave - len(state["pending"])))
        ]

    def tell(self, state: StrategyState, outcome: TrajectoryOutcome) -> StrategyState:
        """Count its vote and keep it if it is the best on the tests, or the first with its answer."""
        memo: dict[str, Any] = {"votes": [], "first": [], "best": None, **state["memo"]}
        record = outcome.model_dump(mode="json", exclude_defaults=True)
        if outcome.program is not None and (memo["best"] is None or _rank(outcome) > _rank(_read(memo["best"]))):
            memo["best"] = record
        if outcome.group is not None:
            if outcome.group == len(memo["votes"]):
                memo = {**memo, "votes": [*memo["votes"], 1], "first": [*memo["first"], record]}
            else:
                votes = list(memo["votes"])
                votes[outcome.group] += 1
                memo["votes"] = votes
        if outcome.confidence is not None:
            learnt = [*memo.get("confidences", []), outcome.confidence]
            memo["confidences"] = learnt[: self._parameters.decoding.confidence_warm_up]
        return {**state, "memo": memo}

    def select(self, state: StrategyState) -> Selection:
        """Return the best program on the public tests, or the answer with most votes."""
        memo = state["memo"]
        votes: list[int] = memo.get("votes", [])
        if self._task.public_tests:
            best = memo.get("best")
            outcome = None if best is None else _read(best)
            return Selection(outcome, outcome is not None and outcome.accepted, StopReason.TESTS_PASSED)
        if not votes:
            best = memo.get("best")
            return Selection(None if best is None else _read(best))
        leader = votes.index(max(votes))
        majority = votes[leader] * 2 > sum(votes) >= self._parameters.min_votes
        # Programs that nothing could run on agree by their text only: that chooses one, and proves nothing.
        solved = majority and self._task.kind is ProblemKind.MATH
        return Selection(_read(memo["first"][leader]), solved, StopReason.AGREED, votes[leader], sum(votes))

    def _decided(self, state: StrategyState, selection: Selection) -> bool:
        if self._task.public_tests:
            return selection.solved
        parameters = self._parameters
        return agreed(state["memo"].get("votes", []), confidence=parameters.confidence, min_votes=parameters.min_votes)


def _read(record: dict[str, Any]) -> TrajectoryOutcome:
    return TrajectoryOutcome.model_validate(record)


def _rank(outcome: TrajectoryOutcome) -> tuple[bool, float, int]:
    return outcome.accepted, outcome.passed / max(1, outcome.total), -outcome.repairs
