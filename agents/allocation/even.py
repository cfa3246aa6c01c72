"""`even`: equal shares; what solved questions leave is shared equally by those that have used theirs up."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from solvent.agents.allocation.base import AllocationParameters, AllocationState, Phase, fair, policy
from solvent.agents.allocation.rounds import least_useful, raise_by
from solvent.agents.registry import Fidelity


@policy("even", fidelity=Fidelity.EXACT, reference="max-min fairness (water-filling)")
class Even:
    """Equal shares, and the rest in equal shares again."""

    class Parameters(AllocationParameters):
        """Parameters of `even`."""

        samples: int = Field(default=4, ge=1)
        """Attempts that a further share pays for at least, at what attempts have cost so far; less is not given."""

    def __init__(self, parameters: Even.Parameters) -> None:
        self._parameters = parameters

    def ask(self, state: AllocationState) -> Mapping[str, int]:
        """Give new questions equal shares of all that is free; where there are none, the open ones."""
        new = state.of(Phase.NEW)
        if new:
            return raise_by(new, fair(state.pool, [each.room for each in new]))
        waiting = state.of(Phase.OPEN)
        least = least_useful(state, self._parameters.samples)
        # Who had least comes first where not all can be given enough to go on with.
        first = sorted(waiting, key=lambda each: each.held)[: state.pool // least]
        shares = fair(state.pool, [each.room for each in first])
        return raise_by(
            first,
            [
                share if share >= min(least, each.room or least) else 0
                for each, share in zip(first, shares, strict=True)
            ],
        )
