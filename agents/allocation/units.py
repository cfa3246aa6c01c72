"""Budgets as whole units of one amount, so that policies divide one number and no cap of the batch can be passed.

The shared caps are tokens, completion tokens, cost and the sandbox's CPU seconds; the first of them that the batch caps
leads. A share of n of the leading cap's N units is n/N of every shared cap, rounded down. What a job has spent counts
with the cap of which it spent most, rounded up. So whatever sums of units hold, hold for each cap. Caps of other kinds
(calls, trajectories, the deadline) are not divided: they hold for the batch as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping

from solvent.agents.budget import from_nano, nano
from solvent.errors import ConfigError
from solvent.usage import Budget, Usage

SHARED = ("tokens", "completion_tokens", "cost", "sandbox_cpu_s")
_NANO = frozenset({"cost", "sandbox_cpu_s"})


def _amounts(source: Budget | Usage) -> Mapping[str, int]:
    """Return the shared amounts that are there as whole numbers."""
    found = {name: getattr(source, name) for name in SHARED}
    return {name: nano(value) if name in _NANO else int(value) for name, value in found.items() if value is not None}


class Units:
    """Converts between budgets and units of a batch's leading cap.

    Args:
        batch: the budget that is shared.
        job: caps of each job by itself.

    Raises:
        ConfigError: the batch has no cap that can be shared, or one of zero.
    """

    def __init__(self, batch: Budget, job: Budget) -> None:
        self._caps = _amounts(batch)
        if not self._caps:
            raise ConfigError(
                "an allocation shares a budget, and this batch has none that can be shared",
                remedy="cap its tokens, completion, cost or sandbox, for example --budget tokens=500k",
            )
        if not all(self._caps.values()):
            raise ConfigError("a budget of zero cannot be shared", remedy="give the batch more")
        self._job = job
        self.leading = next(iter(self._caps))
        self.cap = self._caps[self.leading]
        """The whole budget, units."""

    def _up(self, amounts: Mapping[str, int]) -> int:
        parts = [-(-amounts[name] * self.cap // cap) for name, cap in self._caps.items() if name in amounts]
        return max(parts, default=0)

    @property
    def limit(self) -> int | None:
        """Most that one job can use, by its own caps; None where these cap nothing that is shared."""
        own = _amounts(self._job)
        limits = [-(-own[name] * self.cap // cap) for name, cap in self._caps.items() if name in own]
        return min(limits, default=None)

    def spent(self, usage: Usage) -> int:
        """Return what a job has spent, units."""
        return self._up(_amounts(usage))

    def granted(self, budget: Budget) -> int:
        """Return what a job's budget gives it, units: the inverse of `budget`."""
        return self._up(_amounts(budget))

    def budget(self, units: int) -> Budget:
        """Return a job's caps for a share of so many units; its own caps hold as well."""
        caps: dict[str, int | float] = {}
        for name, cap in self._caps.items():
            amount = cap * units // self.cap
            share = from_nano(amount) if name in _NANO else amount
            own = getattr(self._job, name)
            caps[name] = share if own is None else min(own, share)
        return self._job.model_copy(update=caps)
