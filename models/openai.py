"""Models behind vLLM or any other endpoint that speaks OpenAI's chat completions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from random import Random
from typing import TYPE_CHECKING, Any

from solvent.errors import ConfigError, PromptTooLong, ProviderError, ProviderUnavailable
from solvent.models.base import (
    CAPABILITIES,
    Capability,
    ChatModel,
    ChatRequest,
    Chunk,
    Message,
    ModelInfo,
    SampleUsage,
)
from solvent.models.merge import merge_samples
from solvent.models.openai_connection import Connection
from solvent.models.openai_errors import ContextOverflow
from solvent.models.openai_prefix import as_event, prefix_logprob, tells_prefix
from solvent.models.openai_request import COMPLETIONS, body_of, max_tokens_field, prompt_bound, route_of, turns
from solvent.models.openai_stream import SampleReader
from solvent.models.openai_tokenizer import RemoteTokenizer
from solvent.models.profiles import ModelProfile
from solvent.models.retry import retry_delay_s

if TYPE_CHECKING:
    from types import TracebackType

    from solvent.models.openai_errors import Endpoint
    from solvent.models.profiles import Timeouts

_END = object()


class OpenAIChatModel:
    """A `ChatModel` over HTTP.

    Each of n samples is a request of its own (vLLM makes n requests of it anyway), so that samples have their own
    seeds and can be cancelled alone, and the prompt is charged for each. Closing a stream closes its connections,
    which is how vLLM is told to stop generating. Requests that surely generated nothing (429, 503, no connection) are
    sent again as the profile's retry policy says; nothing else ever is. A `max_tokens` that does not fit the context
    behind the prompt is cut to what fits.

    A sample holds one of the profile's `concurrency` slots from its first chunk asked for to its last: read or close
    every stream that you opened.

    Args:
        profile: a profile with the backend openai.
        environment: where the API key is looked up.

    Raises:
        ConfigError: base_url is missing, or the variable that `api_key_env` names is not set.
    """

    def __init__(self, profile: ModelProfile, *, environment: Mapping[str, str] | None = None) -> None:
        self._profile = profile
        self._connection = Connection(profile, environment)
        self._endpoint = self._connection.endpoint
        self._tokenizer = RemoteTokenizer(self._connection)
        self._slots = asyncio.Semaphore(profile.concurrency)
        self._jitter = Random()  # noqa: S311 - spreads retries, guards nothing
        self._info = ModelInfo(
            name=profile.name,
            backend="openai",
            context_tokens=profile.context_tokens,
            exact_prompt_count=profile.count == "tokenize",
            prompt_tokens_per_sample=True,
            capabilities=_capabilities(profile),
            cut_margin_tokens=profile.cut_margin_tokens,
        )

    def __repr__(self) -> str:
        return f"OpenAIChatModel({self._endpoint})"

    @property
    def info(self) -> ModelInfo:
        """What the profile says of the endpoint."""
        return self._info

    async def count_prompt_tokens(self, messages: Sequence[Message], prefix: str = "") -> int:
        """Return the endpoint's own count, or an upper bound for byte-level tokenizers where `info` says so.

        Raises:
            ProviderError: /tokenize failed.
            ConfigError: a prefix is given and the profile says that the endpoint takes none.
        """
        if self._profile.count == "bound":
            turns(self._profile, messages, prefix)
            return prompt_bound(messages, prefix, self._profile)
        return await self._tokenizer.count_chat(messages, prefix)

    async def token_ids(self, text: str) -> tuple[int, ...]:
        """Return what the endpoint's /tokenize makes of a text.

        Raises:
            ConfigError: the profile does not say that the endpoint has /tokenize.
            ProviderError: it failed.
        """
        return await self._tokenizer.ids(text)

    async def token_text(self, tokens: Sequence[int]) -> str:
        """Return what the endpoint's /detokenize makes of tokens.

        Raises:
            ConfigError: the profile does not say that the endpoint has /tokenize, or it refuses these tokens.
            ProviderError: it failed.
        """
        return await self._tokenizer.text(tokens)

    async def served_models(self) -> dict[str, int | None]:
        """Return the ids that the endpoint serves and the context length of each, where it says so (vLLM does).

        Raises:
            ProviderError: it could not be asked.
        """
        return await self._connection.served_models()

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        """Generate as the protocol says; see the class for samples, retries and closing.

        Raises:
            PromptTooLong: as the protocol says.
            ProviderError: the first error of a sample, after the other samples have ended.
            ConfigError: the request has a prefix and the profile says that the endpoint takes none, or it asks how
                likely that is, which no endpoint but vLLM tells.
        """
        turns(self._profile, request.messages, request.prefix)
        if request.prefix_logprob and not tells_prefix(self._profile):
            raise ConfigError(
                f"profile {self._profile.name}: this endpoint does not tell how likely a given text is",
                remedy='a vLLM does; say so by prefix = "vllm" or "completions" and count = "tokenize"',
            )
        async with aclosing(merge_samples(lambda index: self._sample(request, index), request.n)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def answers(self) -> bool:
        """Return whether the endpoint answers: GET /health beside /v1, or /v1/models where that is not there."""
        return await self._connection.answers()

    async def aclose(self) -> None:
        """Close the connections; safe to call twice."""
        await self._connection.aclose()

    async def _sample(self, request: ChatRequest, index: int) -> AsyncGenerator[Chunk, None]:
        loop = asyncio.get_running_loop()
        async with self._slots:
            deadline = loop.time() + self._profile.timeouts.total_s
            body = await self._body(request, index)
            attempt = 1
            while True:
                try:
                    async with aclosing(self._attempt(request, body, index, deadline)) as chunks:
                        async for chunk in chunks:
                            yield chunk
                except ContextOverflow as overflow:
                    field = max_tokens_field(self._profile, route_of(self._profile, request))
                    if overflow.room is None or not 0 < overflow.room < body[field]:
                        raise PromptTooLong(overflow.message, remedy=overflow.remedy) from None
                    # The prompt itself fits; nothing was generated, and the smaller it gets the sooner it fits.
                    body[field] = overflow.room
                except ProviderError as error:
                    delay_s = retry_delay_s(
                        error,
                        attempt=attempt,
                        policy=self._profile.retry,
                        remaining_s=deadline - loop.time(),
                        random=self._jitter,
                    )
                    if delay_s is None:
                        raise
                    attempt += 1
                    await asyncio.sleep(delay_s)
                else:
                    return

    async def _attempt(
        self, request: ChatRequest, body: dict[str, Any], index: int, deadline: float
    ) -> AsyncGenerator[Chunk, None]:
        """Send one request and yield its chunks; closing this closes the connection."""
        from openai import AsyncStream, OpenAIError

        profile, timeouts = self._profile, self._profile.timeouts
        loop = asyncio.get_running_loop()
        client = await self._connection.open()
        if request.prefix_logprob:
            yield await self._scored(request, body, index, deadline)
            return
        wrap = profile.thinking if profile.reasoning == "wrap" else None
        reader = SampleReader(index, self._endpoint, wrap, request.sampling.top_logprobs or 0)
        first_token_by = loop.time() + timeouts.first_token_s
        async with (
            _Limit(self._endpoint, timeouts, reader, min(first_token_by, deadline), deadline),
            self._connection.translated("generate", reader),
        ):
            # Not chat.completions.create: its objects take 4 times as long as the events themselves (measured: 0.16 of
            # 0.22 ms), which is what a client of many streams spends its time on, and are not validated anyway.
            route = route_of(profile, request)
            stream = await client.post(route, cast_to=object, body=body, stream=True, stream_cls=AsyncStream[object])
        try:
            while True:
                expires = loop.time() + timeouts.between_chunks_s if reader.started else first_token_by
                limit = _Limit(self._endpoint, timeouts, reader, min(expires, deadline), deadline)
                try:
                    async with limit:
                        event = await anext(stream, _END)
                except (OpenAIError, ValueError) as error:
                    failure = self._connection.failure(error, "generate", reader)
                    if failure is None:
                        raise
                    # Only the mark of the end is missing: what is finished is not to be generated again.
                    if isinstance(failure, ProviderUnavailable) and reader.whole:
                        break
                    # `from None`: see `translated`.
                    raise failure from None
                except ProviderUnavailable:
                    if reader.whole:
                        break
                    raise
                if event is _END:
                    break
                chunk = reader.read(event)
                if chunk is not None:
                    yield chunk
        finally:
            await stream.close()
        yield reader.end(None if reader.has_usage else await self._count_usage(request, reader.generated))

    async def _scored(self, request: ChatRequest, body: dict[str, Any], index: int, deadline: float) -> Chunk:
        """Send a request that is not streamed, and return its one chunk, with how likely its prefix was."""
        count = self._tokenizer.count_chat
        tokens = await count(request.messages, request.prefix) - await count(request.messages, "")
        client = await self._connection.open()
        reader = SampleReader(index, self._endpoint, None, request.sampling.top_logprobs or 0)
        async with (
            _Limit(self._endpoint, self._profile.timeouts, reader, deadline, deadline),
            self._connection.translated("generate", reader),
        ):
            answer = await client.post(route_of(self._profile, request), cast_to=object, body=body)
        event = as_event(answer, self._endpoint)
        piece, end = reader.read(event), reader.end()
        told = {"prefix_logprob": prefix_logprob(event, tokens, self._endpoint)}
        return end.model_copy(update=told | ({} if piece is None else {"text": piece.text, "logprobs": piece.logprobs}))

    async def _body(self, request: ChatRequest, index: int) -> dict[str, Any]:
        ids: Sequence[int] = ()
        if route_of(self._profile, request) == COMPLETIONS:
            ids = await self._tokenizer.prompt_ids(request.messages, request.prefix)
        return body_of(self._profile, request, index, await self._connection.model_id(), ids)

    async def _count_usage(self, request: ChatRequest, generated: str) -> SampleUsage | None:
        """Count a sample's tokens by /tokenize, for servers without usage; None where the profile does not allow it."""
        if self._profile.count != "tokenize":
            return None
        prompt_tokens = await self.count_prompt_tokens(request.messages, request.prefix)
        completion_tokens = await self._tokenizer.count_text(generated)
        # One more for the token that ended the turn, which has no text.
        bound = min(completion_tokens + 1, request.sampling.max_tokens)
        return SampleUsage(prompt_tokens=prompt_tokens, completion_tokens=bound)


class _Limit:
    """Until when the endpoint may be silent; entered for each event of a stream.

    Args:
        endpoint: for the message.
        timeouts: of the profile, for the message.
        reader: of the sample.
        expires: time of the loop.
        deadline: of the whole sample.
    """

    def __init__(
        self, endpoint: Endpoint, timeouts: Timeouts, reader: SampleReader, expires: float, deadline: float
    ) -> None:
        self._endpoint = endpoint
        self._timeouts = timeouts
        self._reader = reader
        self._is_deadline = expires == deadline
        self._timeout = asyncio.timeout_at(expires)

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError:
            raise self._late() from None
        if isinstance(error, TimeoutError):
            raise self._late() from None

    def _late(self) -> ProviderUnavailable:
        if self._is_deadline:
            what = f"the sample did not end within {self._timeouts.total_s:g} s (timeouts.total_s)"
        elif self._reader.started:
            what = f"nothing came for {self._timeouts.between_chunks_s:g} s (timeouts.between_chunks_s)"
        else:
            what = f"no first token within {self._timeouts.first_token_s:g} s (timeouts.first_token_s)"
        return ProviderUnavailable(
            f"{self._endpoint}: {what}",
            remedy="see whether the endpoint is overloaded, or raise the timeout in the profile",
            may_have_generated=True,
            lost=not self._is_deadline,
        )


def _capabilities(profile: ModelProfile) -> frozenset[Capability]:
    lacking: set[Capability] = set()
    if profile.prefix == "none":
        lacking.add("prefix")
    if profile.count != "tokenize":
        lacking.add("token_ids")
    if not tells_prefix(profile):
        lacking.add("prefix_logprob")
    return CAPABILITIES - lacking


def open_openai(profile: ModelProfile) -> ChatModel:
    """Open the endpoint of a profile, or a router over its endpoints; no I/O before the first request.

    Raises:
        ConfigError: see `OpenAIChatModel`.
    """
    if not profile.endpoints:
        return OpenAIChatModel(profile)
    from solvent.models.router.model import open_router

    return open_router(profile)
