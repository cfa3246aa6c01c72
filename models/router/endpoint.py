"""One endpoint while it is in use: its limits, its breaker, what it is doing now."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from solvent.models.base import ChatModel
from solvent.models.router.breaker import Breaker, BreakerState
from solvent.models.router.metrics import Counters, EndpointMetrics


@dataclass(eq=False)
class Endpoint:
    """An endpoint of a router.

    Args:
        name: unique among the router's endpoints.
        url: for metrics.
        model: sends each request once.
        look: asks the endpoint whether it is sound; raises nothing.
        weight: its share of the load.
        max_concurrent: most samples that it generates at once.
        max_outstanding_tokens: most tokens that it is given at once; a sample larger than that gets it alone.
    """

    name: str
    url: str
    model: ChatModel
    look: Callable[[], Awaitable[bool]]
    weight: float = 1.0
    max_concurrent: int = 32
    max_outstanding_tokens: int | None = None
    breaker: Breaker = field(default_factory=Breaker)
    held_until: float = 0.0
    """It asked to come back later; on the board's clock."""
    overloads: int = 0
    """How often in a row it did."""
    running: int = 0
    outstanding_tokens: int = 0
    counters: Counters = field(default_factory=Counters)

    @property
    def alive(self) -> bool:
        """Whether its breaker is not open."""
        return self.breaker.state is not BreakerState.OPEN

    def admits(self, now: float) -> bool:
        """Return whether its breaker and its own wish let a request through."""
        return self.breaker.admits and now >= self.held_until

    def has_room(self, tokens: int) -> bool:
        """Return whether its limits let a request of so many tokens through."""
        if self.running >= self.max_concurrent:
            return False
        most = self.max_outstanding_tokens
        return most is None or self.running == 0 or self.outstanding_tokens + tokens <= most

    def metrics(self) -> EndpointMetrics:
        """Return a view of it; the counters go on counting."""
        return EndpointMetrics(
            self.name, self.url, self.breaker.state, self.running, self.outstanding_tokens, self.counters
        )
