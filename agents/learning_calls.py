"""The model calls of one job's learning, within what learning may take of the job's cap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from solvent.agents.budget import Refused
from solvent.agents.calls import Generated
from solvent.agents.learned import PHASE
from solvent.models.base import ChatRequest, Role

if TYPE_CHECKING:
    from solvent.agents.trajectory_state import TrajectoryContext

FLOOR_TOKENS = 16
"""Fewest completion tokens that are worth a call."""


class NothingLeftError(Exception):
    """Nothing more may be spent on this."""


class LearningCalls:
    """Makes the calls and counts what they take.

    Args:
        context: of the job.
        most: tokens, of prompts and replies, that all of them may take; None: what the job's caps leave.

    Attributes:
        tokens: what they took so far.
    """

    def __init__(self, context: TrajectoryContext, most: int | None) -> None:
        self._context = context
        self._most = most
        self.tokens = 0

    async def generate(self, key: str, request: ChatRequest, *, role: Role = "abstract") -> Generated:
        """Return a reply of at most what the request and the share allow.

        Raises:
            NothingLeftError: a cap, or learning's share of one, allows no reply.
            PromptTooLong: the prompt leaves no room in the context.
            ProviderError: the endpoint failed.
        """
        prompt_tokens = await self._context.cast.of(role).model.count_prompt_tokens(request.messages)
        if self._most is not None:
            most = min(request.sampling.max_tokens, self._most - self.tokens - prompt_tokens)
            if most < FLOOR_TOKENS:
                raise NothingLeftError(f"the memory's share, {self._most} tokens, allows no further call")
            request = request.model_copy(update={"sampling": request.sampling.model_copy(update={"max_tokens": most})})
        reply = await self._context.calls.generate(f"{PHASE}/{key}", PHASE, request, floor=FLOOR_TOKENS, role=role)
        if isinstance(reply, Refused):
            raise NothingLeftError(reply.reason.value)
        self.tokens += prompt_tokens + reply.tokens
        return reply
