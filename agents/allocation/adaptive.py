"""`adaptive`: each question starts small; what is left goes in rounds to the unsolved ones that promise most.

Math questions, whose answers vote: by how far the vote is from decided, P(leader is not the mode) / sqrt(n + 1) under
the Beta posterior of `agreement.majority_confidence`. Code questions, whose attempts are tested: by the posterior mean
of the chance that the next attempt passes, whose prior is what attempts of the whole batch were worth, and in which the
public tests that the best attempt passes count as part of a success.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt

from pydantic import Field

from solvent.agents.agreement import majority_confidence
from solvent.agents.allocation.base import AllocationParameters, AllocationState, Phase, Question, fair, policy
from solvent.agents.allocation.rounds import least_useful, raise_by
from solvent.agents.registry import Fidelity


@policy(
    "adaptive",
    fidelity=Fidelity.APPROXIMATION,
    reference="Blend-ASC, arXiv 2511.12309; for tested attempts the greedy allocation by marginal chance of arXiv "
    "2410.04707",
    note="In rounds and in tokens instead of sample by sample; one posterior statistic instead of the blend of two; "
    "all votes beside the leader's count as one runner-up's. The chance of a tested attempt comes from the batch "
    "itself instead of a trained predictor.",
)
class Adaptive:
    """Small starts, then rounds for the most promising."""

    class Parameters(AllocationParameters):
        """Parameters of `adaptive`."""

        start: float = Field(default=0.75, gt=0, le=1)
        """Part of an equal share with which each question starts: its floor, which nothing can take away."""
        best: float = Field(default=0.5, gt=0, le=1)
        """Part of the open questions that a round gives to."""
        spend: float = Field(default=0.5, gt=0, le=1)
        """Part of what is free that a round gives, so that there are few rounds and the later ones know more."""
        samples: int = Field(default=4, ge=1)
        """Attempts that a further share pays for at least, at what attempts have cost so far."""
        prior: float = Field(default=2.0, gt=0)
        """Weight of the batch's rate of success in a question's own chance, in attempts."""

    def __init__(self, parameters: Adaptive.Parameters) -> None:
        self._parameters = parameters

    def ask(self, state: AllocationState) -> Mapping[str, int]:
        """Give new questions their start; where there are none, a round to the best of the open ones."""
        parameters = self._parameters
        new = state.of(Phase.NEW)
        if new:
            equal = fair(state.pool, [each.room for each in new])
            return raise_by(new, [max(min(share, 1), int(share * parameters.start)) for share in equal])
        waiting = state.of(Phase.OPEN)
        if not waiting:
            return {}
        rate = success_rate(state)
        ranked = sorted(waiting, key=lambda each: -promise(each, rate, parameters.prior))
        least = least_useful(state, parameters.samples)
        if state.pool < least:
            return {}
        width = max(1, round(len(ranked) * parameters.best))
        share = max(least, int(state.pool * parameters.spend) // len(ranked))
        best = ranked[: min(width, state.pool // share)]
        return raise_by(best, [share if each.room is None else min(share, each.room) for each in best])


def success_rate(state: AllocationState) -> float:
    """Return what part of the tested attempts of all questions was right, with one of each kind added."""
    tested = [each for each in state.questions.values() if each.verified and each.samples]
    solved = sum(each.solved for each in tested)
    return (solved + 1) / (max(solved, sum(each.samples for each in tested)) + 2)


def promise(question: Question, rate: float, prior: float) -> float:
    """Return how much the next attempt at an open question promises, from 0 to 1."""
    if question.verified:
        return (prior * rate + question.passed) / (prior + question.samples + 1)
    runner_up = min(question.leader, question.votes - question.leader)
    return (1.0 - majority_confidence(question.leader, runner_up)) / sqrt(question.samples + 1)
