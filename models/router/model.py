"""A `ChatModel` over several endpoints."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import TypeVar

from solvent.errors import (
    ConfigError,
    ProviderError,
    ProviderOverloaded,
    ProviderRejected,
    ProviderUnavailable,
)
from solvent.models.base import ChatModel, ChatRequest, Chunk, Message, ModelInfo
from solvent.models.merge import merge_samples
from solvent.models.openai import OpenAIChatModel
from solvent.models.profiles import ModelProfile
from solvent.models.router.board import Board, Lease
from solvent.models.router.choice import session_key
from solvent.models.router.endpoint import Endpoint
from solvent.models.router.metrics import RouterMetrics

T = TypeVar("T")
BYTES_PER_TOKEN = 3
"""For the load of a prompt only, where an estimate is enough; budgets use `count_prompt_tokens`."""

_COUNTING = "count of prompt tokens"


class RouterModel:
    """Several endpoints that serve the same model, as one.

    Each of n samples is a request of its own to the endpoint that `solvent.models.router.choice` names. A request that
    surely generated nothing (429, 503, refused connection), or of which not one token came before its endpoint was
    lost, goes to another one. A sample of which tokens came is never begun anew here: the error says what came
    (`ProviderUnavailable.received_tokens`), and whoever can pay for it asks again. A finished sample never is.

    Args:
        profile: a profile with endpoints.
        board: the endpoints.
    """

    def __init__(self, profile: ModelProfile, board: Board) -> None:
        self._profile = profile
        self._board = board
        self._most_sends = max(profile.retry.attempts, len(board.endpoints))
        infos = [endpoint.model.info for endpoint in board.endpoints]
        margins = [info.cut_margin_tokens for info in infos]
        self._info = ModelInfo(
            name=profile.name,
            backend="router",
            context_tokens=min(info.context_tokens for info in infos),
            exact_prompt_count=all(info.exact_prompt_count for info in infos),
            prompt_tokens_per_sample=True,
            capabilities=frozenset.intersection(*(info.capabilities for info in infos)),
            cut_margin_tokens=None if None in margins else max(margin or 0 for margin in margins),
        )

    def __repr__(self) -> str:
        return f"RouterModel({self._profile.name!r}, {len(self._board.endpoints)} endpoints)"

    @property
    def info(self) -> ModelInfo:
        """What all endpoints can do."""
        return self._info

    def metrics(self) -> RouterMetrics:
        """Return what was done so far, endpoint by endpoint."""
        return RouterMetrics(self._board.waiting, tuple(endpoint.metrics() for endpoint in self._board.endpoints))

    async def count_prompt_tokens(self, messages: Sequence[Message], prefix: str = "") -> int:
        """Return the count of an endpoint that answers; they serve the same model, so any will do.

        Raises:
            ProviderError: none answers, also not after a wait of `router.wait_s`.
        """
        return await self._any(lambda model: model.count_prompt_tokens(messages, prefix))

    async def token_ids(self, text: str) -> tuple[int, ...]:
        """Return what an endpoint that answers says.

        Raises:
            ConfigError, ProviderError: as `ChatModel.token_ids`.
        """
        return await self._any(lambda model: model.token_ids(text))

    async def token_text(self, tokens: Sequence[int]) -> str:
        """Return what an endpoint that answers says.

        Raises:
            ConfigError, ProviderError: as `ChatModel.token_text`.
        """
        return await self._any(lambda model: model.token_text(tokens))

    async def _any(self, ask: Callable[[ChatModel], Awaitable[T]]) -> T:
        now = self._board.now()
        able = [endpoint for endpoint in self._board.endpoints if endpoint.alive]
        for endpoint in sorted(able, key=lambda each: (not each.admits(now), each.outstanding_tokens / each.weight)):
            try:
                return await ask(endpoint.model)
            except ProviderOverloaded:
                continue
            except ProviderUnavailable as error:
                self._board.failed(endpoint, sure=not error.may_have_generated, trial=False)
        lease = await self._board.lease(_COUNTING, 0)
        try:
            answer = await ask(lease.endpoint.model)
            lease.answered()
        except ProviderUnavailable as error:
            lease.failed(sure=not error.may_have_generated)
            raise
        finally:
            lease.release()
        return answer

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        """Generate as the protocol says; see the class for what is sent again.

        Raises:
            PromptTooLong: as the protocol says.
            ProviderError: the first error of a sample, after the other samples have ended.
        """
        session = session_key(request)
        async with aclosing(merge_samples(lambda index: self._sample(request, index, session), request.n)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def aclose(self) -> None:
        """Close the connections; safe to call twice."""
        await self._board.aclose()
        await asyncio.gather(*(endpoint.model.aclose() for endpoint in self._board.endpoints))

    async def _sample(self, request: ChatRequest, index: int, session: str) -> AsyncGenerator[Chunk, None]:
        single = _single(request, index)
        tokens = self._estimate(request)
        avoid: frozenset[str] = frozenset()
        failure: ProviderError | None = None
        for _ in range(self._most_sends):
            try:
                lease = await self._board.lease(session, tokens, avoid)
            except ProviderUnavailable as error:
                raise failure or error from None
            try:
                async with aclosing(self._attempt(lease, single)) as chunks:
                    async for chunk in chunks:
                        yield chunk if index == 0 else chunk.model_copy(update={"index": index})
            except _ElsewhereError as elsewhere:
                failure = elsewhere.error
                avoid |= {lease.endpoint.name}
            else:
                return
            finally:
                lease.release()
        assert failure is not None
        raise failure

    async def _attempt(self, lease: Lease, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        """Yield one sample of the leased endpoint, and count how it went.

        Raises:
            _ElsewhereError: it may be sent to another endpoint.
            ProviderError: it may not.
        """
        counters, now = lease.endpoint.counters, self._board.now
        counters.requests += 1
        received: int | None = None
        ended = False
        try:
            async with aclosing(lease.endpoint.model.stream(request)) as chunks:
                async for chunk in chunks:
                    if received is None:
                        lease.answered()
                        counters.first_tokens += 1
                        counters.first_token_s += now() - lease.began
                    received = chunk.tokens or 0
                    if chunk.usage is not None:
                        ended = True
                        counters.completed += 1
                        counters.prompt_tokens += chunk.usage.prompt_tokens
                        counters.completion_tokens += chunk.usage.completion_tokens
                        counters.sample_s += now() - lease.began
                    yield chunk
        except ProviderError as error:
            if self._goes_elsewhere(error, lease, received):
                raise _ElsewhereError(error) from None
            raise
        except (asyncio.CancelledError, GeneratorExit):
            if not ended:
                counters.cancelled += 1
                counters.cut_tokens += received or 0
            raise

    def _goes_elsewhere(self, error: ProviderError, lease: Lease, received: int | None) -> bool:
        """Tell the endpoint's breaker of an error, count it, and return whether the request may be sent again."""
        counters = lease.endpoint.counters
        if isinstance(error, ProviderRejected):
            counters.rejected += 1
            lease.answered()
            return False
        if isinstance(error, ProviderOverloaded):
            counters.overloaded += 1
            lease.overloaded(error)
            return received is None
        counters.failures += 1
        lease.failed(sure=not error.may_have_generated)
        if received is not None:
            counters.lost += 1
            counters.cut_tokens += received
            return False
        if not error.may_have_generated:
            return True
        counters.unanswered += 1
        return isinstance(error, ProviderUnavailable) and error.lost and self._profile.router.resend_unanswered

    def _estimate(self, request: ChatRequest) -> int:
        characters = sum(len(message.content) for message in request.messages) + len(request.prefix)
        prompt = characters // BYTES_PER_TOKEN
        return prompt + min(request.sampling.max_tokens, self._info.context_tokens)


class _ElsewhereError(Exception):
    """The request may be sent to another endpoint."""

    def __init__(self, error: ProviderError) -> None:
        super().__init__(error.message)
        self.error = error


def _single(request: ChatRequest, index: int) -> ChatRequest:
    """Return sample `index` of a request as a request of its own."""
    if request.n == 1:
        return request
    seed = request.sampling.seed
    sampling = request.sampling.model_copy(update={"seed": None if seed is None else seed + index})
    return request.model_copy(update={"n": 1, "sampling": sampling})


def open_router(
    profile: ModelProfile, connect: Callable[[ModelProfile], OpenAIChatModel] = OpenAIChatModel
) -> RouterModel:
    """Return the router of a profile with endpoints; no I/O before the first request.

    Raises:
        ConfigError: the profile has no endpoints, or one of them cannot be used (see `OpenAIChatModel`).
    """
    if not profile.endpoints:
        raise ConfigError(f"profile {profile.name}: a router needs a table [[endpoints]] for each endpoint")
    endpoints = []
    for entry in profile.endpoints:
        model: OpenAIChatModel = connect(profile.at(entry))
        chat: ChatModel = model
        endpoints.append(
            Endpoint(
                name=entry.label,
                url=entry.base_url,
                model=chat,
                look=model.answers,
                weight=entry.weight,
                max_concurrent=entry.max_concurrent or profile.concurrency,
                max_outstanding_tokens=entry.max_outstanding_tokens,
            )
        )
    return RouterModel(profile, Board(profile.name, endpoints, profile.router, profile.retry))
