"""`single`: one trajectory, no repair. The baseline that every other strategy must beat at equal tokens."""

from __future__ import annotations

from pydantic import Field

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


@strategy("single", fidelity=Fidelity.EXACT, reference="one sample, pass@1")
class Single:
    """One trajectory."""

    class Parameters(DecodingParameters):
        """Parameters of `single`."""

        temperature: float | None = Field(default=None, ge=0, le=2)
        """None: the model profile's."""
        max_tokens: int | None = Field(default=None, ge=1)
        """Most completion tokens of a reply; None: the model profile's `reply_tokens`."""

    def __init__(self, parameters: Single.Parameters, task: Task) -> None:
        self._parameters = parameters

    def ask(self, state: StrategyState) -> list[Action]:
        """Start the one trajectory, then stop when it ended."""
        if state["started"] == 0:
            parameters = self._parameters
            return [Start("t0", parameters.temperature, parameters.max_tokens, decoding=parameters.decoding)]
        if state["pending"]:
            return []
        selection = self.select(state)
        return [Stop(selection.reason if selection.solved else StopReason.MAX_ROUNDS)]

    def tell(self, state: StrategyState, outcome: TrajectoryOutcome) -> StrategyState:
        """Keep the outcome."""
        return {**state, "memo": {"outcome": outcome.model_dump(mode="json")}}

    def select(self, state: StrategyState) -> Selection:
        """Return the outcome; solved only if public tests say so."""
        if "outcome" not in state["memo"]:
            return Selection(None)
        outcome = TrajectoryOutcome.model_validate(state["memo"]["outcome"])
        given = int(outcome.answer is not None)
        return Selection(outcome, outcome.accepted, StopReason.TESTS_PASSED, agreement=given, votes=given)
