"""Circuit breaker of one endpoint: a pure state machine; time and jitter come from outside.

    closed -- failures in a row, or a refused connection --> open -- its back-off is over, a look at it
    succeeds --> half-open: one request is let through -- a token comes --> closed; it fails --> open, for twice as long

After Nygard, "Release It!" (2007), chapter 5.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from solvent.models.profiles import RouterOptions


class BreakerState(StrEnum):
    """Whether an endpoint gets requests: all, none, or one on trial."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass(frozen=True)
class Breaker:
    """State of one endpoint's breaker; each method returns the next state and changes nothing.

    Attributes:
        state: see `BreakerState`.
        failures: failures in a row while closed.
        openings: how often it opened since it was last closed: the exponent of the back-off.
        look_at: when the endpoint may be looked at, on the caller's clock; only while open.
        on_trial: whether the one request of a half-open breaker is out.
    """

    state: BreakerState = BreakerState.CLOSED
    failures: int = 0
    openings: int = 0
    look_at: float = 0.0
    on_trial: bool = False

    @property
    def admits(self) -> bool:
        """Whether a request may be sent now."""
        return self.state is BreakerState.CLOSED or (self.state is BreakerState.HALF_OPEN and not self.on_trial)

    def sent(self) -> Breaker:
        """A request is sent, which is the trial where the breaker is half-open."""
        return replace(self, on_trial=True) if self.state is BreakerState.HALF_OPEN else self

    def answered(self, *, trial: bool) -> Breaker:
        """A token came, or another answer that a sound endpoint gives.

        Args:
            trial: whether it answered the trial; what was sent before the breaker opened says nothing of now.
        """
        if self.state is BreakerState.CLOSED:
            return replace(self, failures=0) if self.failures else self
        return Breaker() if self.state is BreakerState.HALF_OPEN and trial else self

    def abandoned(self, *, trial: bool) -> Breaker:
        """A request was cancelled, or turned away for load, before it said anything of the endpoint's health."""
        return replace(self, on_trial=False) if trial and self.state is BreakerState.HALF_OPEN else self

    def failed(self, now: float, options: RouterOptions, jitter: float, *, sure: bool, trial: bool) -> Breaker:
        """A request failed.

        Args:
            now: on the caller's clock.
            options: how many failures open it, and for how long.
            jitter: in [0, 1): where in the upper half of the back-off it ends.
            sure: nothing listens there, so that it opens at once.
            trial: whether it was the trial.
        """
        if self.state is BreakerState.OPEN or (self.state is BreakerState.HALF_OPEN and not (trial or sure)):
            return self
        failures = self.failures + 1
        if self.state is BreakerState.CLOSED and not sure and failures < options.failures_to_open:
            return replace(self, failures=failures)
        return self._opened(now, options, jitter)

    def looked(self, now: float, options: RouterOptions, jitter: float, *, sound: bool) -> Breaker:
        """The endpoint was looked at while the breaker was open; a look at any other time changes nothing."""
        if self.state is not BreakerState.OPEN or now < self.look_at:
            return self
        if not sound:
            return self._opened(now, options, jitter)
        return Breaker(state=BreakerState.HALF_OPEN, openings=self.openings)

    def _opened(self, now: float, options: RouterOptions, jitter: float) -> Breaker:
        # The exponent is bounded: 2.0**1024 overflows.
        longest = min(options.max_open_s, options.first_open_s * 2.0 ** min(self.openings, 64))
        return Breaker(
            state=BreakerState.OPEN,
            openings=self.openings + 1,
            look_at=now + longest * (0.5 + 0.5 * jitter),
        )
