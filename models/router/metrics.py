"""What a router has done, endpoint by endpoint."""

from __future__ import annotations

from dataclasses import dataclass

from solvent.models.router.breaker import BreakerState


@dataclass
class Counters:
    """Of one endpoint, since the router was opened."""

    requests: int = 0
    """Requests sent; one per sample and attempt."""
    completed: int = 0
    failures: int = 0
    """Connections refused, broken or timed out, errors 5xx, answers that the protocol does not allow."""
    overloaded: int = 0
    """Answers 429 and 503."""
    rejected: int = 0
    """Other answers 4xx: the request's own fault."""
    cancelled: int = 0
    lost: int = 0
    """Samples that broke off after tokens of them had come."""
    unanswered: int = 0
    """Requests that the endpoint may have begun and of which nothing came."""
    prompt_tokens: int = 0
    """Of completed samples, as the endpoint reported them."""
    completion_tokens: int = 0
    """As `prompt_tokens`."""
    cut_tokens: int = 0
    """Completion tokens that came of samples that were cancelled or lost."""
    first_token_s: float = 0.0
    """Sum over `first_tokens` requests, from sending to the first token."""
    first_tokens: int = 0
    sample_s: float = 0.0
    """Sum over completed samples, from sending to the end."""


@dataclass(frozen=True)
class EndpointMetrics:
    """One endpoint at this moment."""

    name: str
    url: str
    state: BreakerState
    running: int
    outstanding_tokens: int
    counters: Counters

    @property
    def mean_first_token_s(self) -> float | None:
        """Mean time to the first token, or None before there was one."""
        return self.counters.first_token_s / self.counters.first_tokens if self.counters.first_tokens else None

    @property
    def mean_sample_s(self) -> float | None:
        """Mean time of a completed sample, or None before there was one."""
        return self.counters.sample_s / self.counters.completed if self.counters.completed else None


@dataclass(frozen=True)
class RouterMetrics:
    """All endpoints, and how many samples wait for one."""

    waiting: int
    endpoints: tuple[EndpointMetrics, ...]
