"""Which endpoint gets a request: a pure decision.

Rendezvous hashing (Thaler and Ravishankar 1998; the weights after Schindelhauer and Schomaker 2005) gives every session
a home, and losing an endpoint moves only the sessions whose home it was. A request goes to its session's home, where
the prefix lies in the cache, unless that is overloaded; then, to the endpoint with the least outstanding tokens.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

from solvent.models.base import ChatRequest
from solvent.models.profiles import RouterOptions


@dataclass(frozen=True)
class Candidate:
    """An endpoint that has room for the request."""

    name: str
    weight: float
    outstanding_tokens: int

    @property
    def load(self) -> float:
        """Outstanding tokens by weight."""
        return self.outstanding_tokens / self.weight


def session_key(request: ChatRequest) -> str:
    """Return what a request's session is known by: its name, or a digest of how its conversation opens.

    The opening is all up to the first turn of the user, so the turns of a conversation have one key.
    """
    if request.session is not None:
        return request.session
    digest = hashlib.blake2b(digest_size=16)
    for message in request.messages:
        digest.update(f"{message.role}\0{message.content}\0".encode("utf-8", errors="surrogatepass"))
        if message.role == "user":
            break
    return digest.hexdigest()


def home(key: str, endpoints: Sequence[tuple[str, float]]) -> str:
    """Return the name of a session's home among these endpoints (name and weight), of which there is at least one."""

    def score(endpoint: tuple[str, float]) -> float:
        name, weight = endpoint
        text = f"{key}\0{name}".encode("utf-8", errors="surrogatepass")
        drawn = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")
        # In (0, 1), so that the logarithm is finite and below zero.
        return -weight / math.log((drawn + 0.5) / 2.0**64)

    return max(endpoints, key=score)[0]


def choose(wanted: str, candidates: Sequence[Candidate], options: RouterOptions, avoid: frozenset[str]) -> str | None:
    """Return the name of the endpoint that a request goes to, or None if there is no candidate.

    Args:
        wanted: the home of its session; it need not be among the candidates.
        candidates: the endpoints that may take the request now.
        options: when the home is overloaded.
        avoid: endpoints on which the request failed before; taken only where there is no other.
    """
    fresh = [candidate for candidate in candidates if candidate.name not in avoid] or list(candidates)
    if not fresh:
        return None
    least = min(fresh, key=lambda candidate: candidate.load)
    preferred = next((candidate for candidate in fresh if candidate.name == wanted), None)
    if preferred is not None:
        slack = options.affinity_slack_tokens / preferred.weight
        if preferred.load <= options.affinity_factor * least.load + slack:
            return preferred.name
    return least.name
