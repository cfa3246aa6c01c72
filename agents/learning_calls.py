"""The model calls of one job's learning, within what learning may take of the job's cap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from solvent.agents.budget import Refused
from solvent.agents.generated import Generated
from solvent.agents.learned import PHASE
from solvent.errors import ProviderProtocolError
from solvent.models.base import ChatRequest, Message, Role, Sampling

if TYPE_CHECKING:
    from solvent.agents.trajectory_state import TrajectoryContext
    from solvent.agents.written import Watch

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

    async def likelihood(self, key: str, messages: Sequence[Message], reply: str, *, role: Role = "solve") -> float:
        """Return the natural log probability with which the model of a role replies just so.

        Raises:
            NothingLeftError: a cap, or learning's share of one, does not allow it.
            PromptTooLong: prompt and reply leave no room in the context.
            ProviderError: the endpoint failed.
        """
        sampling = Sampling(temperature=0.0, max_tokens=1, seed=0)
        request = ChatRequest(messages=tuple(messages), prefix=reply, prefix_logprob=True, sampling=sampling)
        told = await self.generate(key, request, role=role, floor=1)
        if told.prefix_logprob is None:
            raise ProviderProtocolError(f"{key}: the endpoint did not say how likely the reply is")
        return told.prefix_logprob

    async def generate(
        self,
        key: str,
        request: ChatRequest,
        *,
        role: Role = "abstract",
        floor: int = FLOOR_TOKENS,
        watch: Callable[[], Watch] | None = None,
    ) -> Generated:
        """Return a reply of at most what the request and the share allow, and of `floor` tokens at least.

        Raises:
            NothingLeftError: a cap, or learning's share of one, allows no reply.
            PromptTooLong: the prompt leaves no room in the context.
            ProviderError: the endpoint failed.
        """
        model = self._context.cast.of(role).model
        prompt_tokens = await model.count_prompt_tokens(request.messages, request.prefix)
        if self._most is not None:
            most = min(request.sampling.max_tokens, self._most - self.tokens - prompt_tokens)
            if most < floor:
                raise NothingLeftError(f"the memory's share, {self._most} tokens, allows no further call")
            request = request.model_copy(update={"sampling": request.sampling.model_copy(update={"max_tokens": most})})
        reply = await self._context.calls.generate(
            f"{PHASE}/{key}", PHASE, request, floor=floor, role=role, watch=watch
        )
        if isinstance(reply, Refused):
            raise NothingLeftError(reply.reason.value)
        self.tokens += prompt_tokens + reply.tokens
        return reply
