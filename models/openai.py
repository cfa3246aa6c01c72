"""Models behind vLLM or any other endpoint that speaks OpenAI's chat completions."""

from __future__ import annotations

import asyncio
import json
import os
import unicodedata
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from random import Random
from typing import TYPE_CHECKING, Any

from solvent.errors import (
    ConfigError,
    PromptTooLong,
    ProviderError,
    ProviderProtocolError,
    ProviderRejected,
    ProviderUnavailable,
)
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
from solvent.models.openai_errors import ContextOverflow, Endpoint, translate
from solvent.models.openai_stream import SampleReader
from solvent.models.profiles import ModelProfile
from solvent.models.retry import retry_delay_s

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from openai import AsyncOpenAI

_END = object()
_CHAT, _COMPLETIONS = "/chat/completions", "/completions"
_OF_TEMPLATE = frozenset({"chat_template", "chat_template_kwargs"})
"""Further fields of a request that say how a conversation becomes a prompt."""


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
        ConfigError: the variable that `api_key_env` names is not set.
    """

    def __init__(self, profile: ModelProfile, *, environment: Mapping[str, str] | None = None) -> None:
        if profile.base_url is None:
            raise ConfigError(f"profile {profile.name}: the backend openai needs base_url")
        key = None
        if profile.api_key_env is not None:
            key = (os.environ if environment is None else environment).get(profile.api_key_env)
            if not key:
                raise ConfigError(
                    f"profile {profile.name}: the environment variable {profile.api_key_env} is not set",
                    remedy="set it to the endpoint's API key",
                )
        self._profile = profile
        self._endpoint = Endpoint(profile.name, profile.base_url, profile.model, profile.api_key_env, key)
        self._tokenize_url = profile.tokenize_url or profile.base_url.removesuffix("/v1") + "/tokenize"
        self._detokenize_url = self._tokenize_url.removesuffix("/tokenize") + "/detokenize"
        self._slots = asyncio.Semaphore(profile.concurrency)
        self._opening = asyncio.Lock()
        self._client: AsyncOpenAI | None = None
        self._model = profile.model
        self._jitter = Random()  # noqa: S311 - spreads retries, guards nothing
        self._info = ModelInfo(
            name=profile.name,
            backend="openai",
            context_tokens=profile.context_tokens,
            exact_prompt_count=profile.count == "tokenize",
            prompt_tokens_per_sample=True,
            capabilities=_capabilities(profile),
            cut_margin_tokens=profile.cut_margin,
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
        turns, switches = self._turns(messages, prefix)
        if self._profile.count == "bound":
            return prompt_bound(messages, prefix, self._profile)
        if prefix and self._profile.prefix == "completions":
            return len(await self._prompt_ids(messages, prefix))
        return await self._tokenize({"messages": turns, **switches, **self._template()})

    async def token_ids(self, text: str) -> tuple[int, ...]:
        """Return what the endpoint's /tokenize makes of a text.

        Raises:
            ConfigError: the profile does not say that the endpoint has /tokenize.
            ProviderError: it failed.
        """
        self._needs_tokenizer()
        answer = await self._ask_tokenizer(self._tokenize_url, {"prompt": _sendable(text), "add_special_tokens": False})
        return self._read_ids(answer)

    async def token_text(self, tokens: Sequence[int]) -> str:
        """Return what the endpoint's /detokenize makes of tokens.

        Raises:
            ConfigError: the profile does not say that the endpoint has /tokenize, or it refuses these tokens.
            ProviderError: it failed.
        """
        self._needs_tokenizer()
        try:
            answer = await self._ask_tokenizer(self._detokenize_url, {"tokens": list(tokens)})
        except ProviderRejected as error:
            raise ConfigError(f"{list(tokens)} are no tokens of {self._endpoint}: {error.message}") from None
        text = answer.get("prompt") if isinstance(answer, dict) else None
        if not isinstance(text, str):
            raise ProviderProtocolError(f"{self._endpoint}: {self._detokenize_url} answered no text")
        if tokens and not text:
            # vLLM's answer to an id that is no token.
            raise ConfigError(f"{list(tokens)} have no text at {self._endpoint}", remedy="check the ids of the tokens")
        return text

    async def served_models(self) -> dict[str, int | None]:
        """Return the ids that the endpoint serves and the context length of each, where it says so (vLLM does).

        Raises:
            ProviderError: it could not be asked.
        """
        client = await self._open()
        async with self._translated("list its models"):
            page = await client.models.list(timeout=self._profile.timeouts.connect_s)
            served = getattr(page, "data", None) or []
        lengths = {str(model.id): getattr(model, "max_model_len", None) for model in served}
        return {name: length if isinstance(length, int) else None for name, length in lengths.items()}

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        """Generate as the protocol says; see the class for samples, retries and closing.

        Raises:
            PromptTooLong: as the protocol says.
            ProviderError: the first error of a sample, after the other samples have ended.
            ConfigError: the request has a prefix and the profile says that the endpoint takes none.
        """
        self._turns(request.messages, request.prefix)
        async with aclosing(merge_samples(lambda index: self._sample(request, index), request.n)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def answers(self) -> bool:
        """Return whether the endpoint answers: GET /health beside /v1, or /v1/models where that is not there."""
        from openai import APIStatusError, OpenAIError

        client = await self._open()
        root = self._endpoint.url.removesuffix("/v1")
        for url in (f"{root}/health", f"{self._endpoint.url}/models"):
            try:
                await client.get(url, cast_to=str, options={"timeout": self._profile.timeouts.connect_s})
            except APIStatusError as error:
                if error.status_code == 404:
                    continue
                return error.status_code < 500
            except (OpenAIError, ValueError):
                return False
            return True
        # It says 404 to everything that is not a chat, and that is an answer too.
        return True

    async def aclose(self) -> None:
        """Close the connections; safe to call twice."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _sample(self, request: ChatRequest, index: int) -> AsyncGenerator[Chunk, None]:
        loop = asyncio.get_running_loop()
        async with self._slots:
            deadline = loop.time() + self._profile.timeouts.total_s
            route, body = await self._body(request, index)
            attempt = 1
            while True:
                try:
                    async with aclosing(self._attempt(request, route, body, index, deadline)) as chunks:
                        async for chunk in chunks:
                            yield chunk
                except ContextOverflow as overflow:
                    field = self._profile.max_tokens_field if route == _CHAT else "max_tokens"
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
        self, request: ChatRequest, route: str, body: dict[str, Any], index: int, deadline: float
    ) -> AsyncGenerator[Chunk, None]:
        """Send one request and yield its chunks; closing this closes the connection."""
        from openai import AsyncStream

        profile, timeouts = self._profile, self._profile.timeouts
        loop = asyncio.get_running_loop()
        client = await self._open()
        wrap = profile.thinking if profile.reasoning == "wrap" else None
        reader = SampleReader(index, self._endpoint, wrap, request.sampling.top_logprobs or 0)
        first_token_by = loop.time() + timeouts.first_token_s
        async with self._limit(reader, min(first_token_by, deadline), deadline):
            # Not chat.completions.create: its objects take 4 times as long as the events themselves (measured: 0.16 of
            # 0.22 ms), which is what a client of many streams spends its time on, and are not validated anyway.
            stream = await client.post(route, cast_to=object, body=body, stream=True, stream_cls=AsyncStream[object])
        try:
            while True:
                expires = loop.time() + timeouts.between_chunks_s if reader.started else first_token_by
                try:
                    async with self._limit(reader, min(expires, deadline), deadline):
                        event = await anext(stream, _END)
                except ProviderUnavailable:
                    # Only the mark of the end is missing: what is finished is not to be generated again.
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

    @asynccontextmanager
    async def _limit(self, reader: SampleReader, expires: float, deadline: float) -> AsyncIterator[None]:
        timeouts = self._profile.timeouts
        try:
            async with asyncio.timeout_at(expires), self._translated("generate", reader):
                yield
        except TimeoutError:
            late = expires == deadline
            if late:
                what = f"the sample did not end within {timeouts.total_s:g} s (timeouts.total_s)"
            elif reader.started:
                what = f"nothing came for {timeouts.between_chunks_s:g} s (timeouts.between_chunks_s)"
            else:
                what = f"no first token within {timeouts.first_token_s:g} s (timeouts.first_token_s)"
            raise ProviderUnavailable(
                f"{self._endpoint}: {what}",
                remedy="see whether the endpoint is overloaded, or raise the timeout in the profile",
                may_have_generated=True,
                lost=not late,
            ) from None

    @asynccontextmanager
    async def _translated(self, what: str, reader: SampleReader | None = None) -> AsyncIterator[None]:
        from openai import APIStatusError, OpenAIError

        try:
            yield
        except (OpenAIError, json.JSONDecodeError) as error:
            failure = translate(error, self._endpoint, started=reader is not None and reader.started)
            if (
                reader is not None
                and isinstance(failure, ProviderUnavailable)
                and not isinstance(error, APIStatusError)
            ):
                failure.received_tokens = reader.tokens
            # `from None`: the client's exceptions quote headers and bodies, which can hold the key.
            raise failure from None
        except UnicodeDecodeError as error:
            raise ProviderProtocolError(
                f"{self._endpoint}: cannot {what}: the answer is not UTF-8: {error.reason}", may_have_generated=True
            ) from None

    async def _body(self, request: ChatRequest, index: int) -> tuple[str, dict[str, Any]]:
        """Return the route and the body of a request for one sample."""
        profile = self._profile
        sampling = profile.resolve(request.sampling)
        extra = dict(profile.extra_body)
        tops: dict[str, Any]
        if request.prefix and profile.prefix == "completions":
            route, field = _COMPLETIONS, "max_tokens"
            prompt: dict[str, Any] = {"prompt": await self._prompt_ids(request.messages, request.prefix)}
            extra = {name: value for name, value in extra.items() if name not in _OF_TEMPLATE}
            tops = {"logprobs": sampling.top_logprobs}
        else:
            route, field = _CHAT, profile.max_tokens_field
            turns, switches = self._turns(request.messages, request.prefix)
            prompt = {"messages": turns, **switches}
            asked = sampling.top_logprobs is not None
            tops = {"logprobs": True if asked else None, "top_logprobs": sampling.top_logprobs}
        body: dict[str, Any] = {
            "model": await self._model_id(),
            "stream": True,
            "stream_options": {
                "include_usage": True,
                **({"continuous_usage_stats": True} if profile.running_usage else {}),
            },
            field: sampling.max_tokens,
            **extra,
            **prompt,
        }
        optional = {
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "stop": list(sampling.stop) or None,
            "seed": None if sampling.seed is None else sampling.seed + index,
            "logit_bias": {str(token): bias for token, bias in sampling.logit_bias} or None,
            **tops,
        }
        return route, body | {name: value for name, value in optional.items() if value is not None}

    def _turns(self, messages: Sequence[Message], prefix: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Return the messages to send, and the fields that make the endpoint continue the last one."""
        turns: list[dict[str, Any]] = [
            {"role": message.role, "content": _sendable(message.content)} for message in messages
        ]
        if not prefix:
            return turns, {}
        match self._profile.prefix:
            case "vllm":
                turns.append({"role": "assistant", "content": _sendable(prefix)})
                return turns, {"continue_final_message": True, "add_generation_prompt": False}
            case "assistant":
                turns.append({"role": "assistant", "content": _sendable(prefix), "prefix": True})
                return turns, {}
            case "completions":
                return turns, {}
            case "none":
                raise ConfigError(
                    f"profile {self._profile.name}: this endpoint cannot continue a given beginning",
                    remedy='set prefix to "completions", "vllm" or "assistant" if it can, or choose what needs none',
                )

    async def _count_usage(self, request: ChatRequest, generated: str) -> SampleUsage | None:
        """Count a sample's tokens by /tokenize, for servers without usage; None where the profile does not allow it."""
        if self._profile.count != "tokenize":
            return None
        prompt_tokens = await self.count_prompt_tokens(request.messages, request.prefix)
        completion_tokens = await self._tokenize({"prompt": generated, "add_special_tokens": False})
        # One more for the token that ended the turn, which has no text.
        bound = min(completion_tokens + 1, request.sampling.max_tokens)
        return SampleUsage(prompt_tokens=prompt_tokens, completion_tokens=bound)

    def _template(self) -> dict[str, Any]:
        return {name: value for name, value in self._profile.extra_body.items() if name in _OF_TEMPLATE}

    async def _prompt_ids(self, messages: Sequence[Message], prefix: str) -> list[int]:
        """Return the tokens of a prompt up to where the assistant's turn begins, and of the beginning of that turn."""
        turns, _ = self._turns(messages, "")
        head = self._read_ids(await self._ask_tokenizer(self._tokenize_url, {"messages": turns, **self._template()}))
        return [*head, *await self.token_ids(prefix)]

    def _needs_tokenizer(self) -> None:
        if self._profile.count != "tokenize":
            raise ConfigError(
                f"profile {self._profile.name}: this endpoint does not tell which tokens a text has",
                remedy='set count = "tokenize" if it is vLLM, or leave out what needs the ids of tokens',
            )

    def _read_ids(self, answer: object) -> tuple[int, ...]:
        tokens = answer.get("tokens") if isinstance(answer, dict) else None
        if not isinstance(tokens, list) or any(type(token) is not int for token in tokens):
            raise ProviderProtocolError(f"{self._endpoint}: {self._tokenize_url} answered no tokens")
        return tuple(tokens)

    async def _ask_tokenizer(self, url: str, body: dict[str, Any]) -> object:
        client = await self._open()
        model = await self._model_id()
        async with self._translated("count tokens"):
            answer: object = await client.post(
                url,
                cast_to=dict[str, Any],
                body={"model": model, **body},
                options={"timeout": self._profile.timeouts.first_token_s},
            )
        return answer

    async def _tokenize(self, body: dict[str, Any]) -> int:
        answer = await self._ask_tokenizer(self._tokenize_url, body)
        count = answer.get("count") if isinstance(answer, dict) else None
        if type(count) is not int or count < 0:
            raise ProviderProtocolError(
                f"{self._endpoint}: {self._tokenize_url} answered no count",
                remedy='set count = "bound" in the profile if the endpoint is not vLLM',
            )
        return count

    async def _model_id(self) -> str:
        if self._model is None:
            served = await self.served_models()
            if len(served) != 1:
                raise ConfigError(
                    f"{self._endpoint} serves {', '.join(sorted(served)) or 'no model'}",
                    remedy="set `model` in the profile to one of these",
                )
            (self._model,) = served
        return self._model

    async def _open(self) -> AsyncOpenAI:
        async with self._opening:
            if self._client is None:
                # Importing it takes most of a second, which the event loop should not stand still for.
                self._client = await asyncio.to_thread(_new_client, self._profile, self._endpoint)
            return self._client


def _capabilities(profile: ModelProfile) -> frozenset[Capability]:
    lacking: set[Capability] = set()
    if profile.prefix == "none":
        lacking.add("prefix")
    if profile.count != "tokenize":
        lacking.add("token_ids")
    return CAPABILITIES - lacking


def _new_client(profile: ModelProfile, endpoint: Endpoint) -> AsyncOpenAI:
    import httpx2
    from openai import AsyncOpenAI, DefaultAsyncHttpxClient, Timeout

    timeout = Timeout(None, connect=profile.timeouts.connect_s)
    # uvicorn, and so vLLM, closes a connection that was idle for 5 s, which is also how long the client would keep it:
    # a request sent at that moment is lost, and looks as if it may have generated.
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=profile.concurrency, keepalive_expiry=2.0)
    return AsyncOpenAI(
        base_url=endpoint.url,
        # The client insists on a key, and would else send the one in OPENAI_API_KEY to whatever endpoint this is.
        api_key=endpoint.secret or "none",
        # Never by itself: its retries do not know whether tokens were generated.
        max_retries=0,
        timeout=timeout,
        http_client=DefaultAsyncHttpxClient(limits=limits, timeout=timeout),
    )


def prompt_bound(messages: Sequence[Message], prefix: str, profile: ModelProfile) -> int:
    """Return an upper bound of a prompt's tokens.

    A byte-level tokenizer makes at most one token of each byte of UTF-8; some (Qwen's) bring the text to NFC before,
    which can lengthen it, so the longer form counts. What the chat template adds comes from the profile.
    """
    bound = profile.prompt_bound
    texts = [message.content for message in messages] + ([prefix] if prefix else [])
    return bound.per_prompt + sum(bound.per_message + _longest_bytes(text) for text in texts)


def _sendable(text: str) -> str:
    """Return `text` with "?" for lone surrogates, which model output can hold after a cut and UTF-8 cannot."""
    return text if text.isascii() else text.encode("utf-8", errors="replace").decode("utf-8")


def _longest_bytes(text: str) -> int:
    if text.isascii():
        return len(text)
    forms = (text, unicodedata.normalize("NFC", text))
    return max(len(form.encode("utf-8", errors="surrogatepass")) for form in forms)


def open_openai(profile: ModelProfile) -> ChatModel:
    """Open the endpoint of a profile, or a router over its endpoints; no I/O before the first request.

    Raises:
        ConfigError: see `OpenAIChatModel`.
    """
    if not profile.endpoints:
        return OpenAIChatModel(profile)
    from solvent.models.router.model import open_router

    return open_router(profile)
