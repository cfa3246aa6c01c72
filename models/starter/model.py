"""The bundled starter model as a `ChatModel`."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from solvent.errors import ConfigError, PromptTooLong, ProviderUnavailable
from solvent.models.base import CAPABILITIES, ChatRequest, Chunk, Message, ModelInfo
from solvent.models.profiles import ModelProfile
from solvent.models.starter.weights import SHIPPED, read_shape

if TYPE_CHECKING:
    from solvent.models.starter.engine import Engine
    from solvent.models.starter.text import ChatTokenizer

_DEFAULT_TEMPERATURE = 0.8
_CUT_MARGIN_TOKENS = 64
"""The engine runs ahead of an event loop that is busy, and what it holds back for a stop text is not yet a chunk."""
_SWITCH_INTERVAL_S = 0.0001
"""How soon a busy Python thread hands the interpreter to the engine, which asks for it after every matrix product.
Python's 5 ms let a busy thread slow the engine to a tenth; with 0.1 ms it keeps half of its speed (measured).
"""


def open_starter(profile: ModelProfile) -> StarterModel:
    """The bundled model, or weights of the same kind in the profile's `weights_dir`; they are loaded on first use.

    The profile's `threads` bounds the threads of NumPy's matrix products, and the interpreter switches between threads
    sooner; both hold for the whole process.

    Raises:
        ConfigError: there are no such weights, or the profile's context is longer than theirs.
    """
    return StarterModel(profile)


class StarterModel:
    """A small model that runs in this process: a `ChatModel` without network, torch or GPU.

    Samples with a seed repeat whatever else is being decoded, to the rounding of floating-point sums.
    """

    def __init__(self, profile: ModelProfile) -> None:
        self._directory: Path = profile.weights_dir or SHIPPED
        self._profile = profile
        longest = read_shape(self._directory).max_position_embeddings
        if profile.context_tokens > longest:
            raise ConfigError(
                f"profile {profile.name!r}: context_tokens is {profile.context_tokens}, the weights allow {longest}"
            )
        self._info = ModelInfo(
            name=profile.name,
            backend="starter",
            context_tokens=profile.context_tokens,
            exact_prompt_count=True,
            prompt_tokens_per_sample=False,
            capabilities=CAPABILITIES,
            cut_margin_tokens=_CUT_MARGIN_TOKENS,
        )
        self._loading = threading.Lock()
        self._tokenizer: ChatTokenizer | None = None
        self._engine: Engine | None = None
        self._closed = False

    @property
    def info(self) -> ModelInfo:
        """What the model is and can do."""
        return self._info

    async def count_prompt_tokens(self, messages: Sequence[Message], prefix: str = "") -> int:
        """The exact number of the prompt's tokens."""
        return len((await self.load())[0].encode_chat(messages, prefix))

    async def token_ids(self, text: str) -> tuple[int, ...]:
        """Return a text's tokens, with special tokens by their names."""
        return tuple((await self.load())[0].encode_raw(text))

    async def token_text(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens.

        Raises:
            ConfigError: one of them is no token.
        """
        tokenizer, _ = await self.load()
        _check_known(tokens, tokenizer)
        return tokenizer.decode(tokens)

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        """Generate as `ChatModel.stream` says; `max_tokens` ends at the end of the context.

        Raises:
            PromptTooLong: the prompt leaves no room for a token.
            ConfigError: a bias is for what is no token.
            ProviderUnavailable: the model was closed.
        """
        from solvent.models.starter.engine import Job
        from solvent.models.starter.sampling import Rule

        tokenizer, engine = await self.load()
        _check_known([token for token, _ in request.sampling.logit_bias], tokenizer)
        prompt_ids = tokenizer.encode_chat(request.messages, request.prefix)
        room = self._info.context_tokens - len(prompt_ids)
        if room < 1:
            raise PromptTooLong(
                f"{self._info.name}: the prompt has {len(prompt_ids)} tokens, the context {self._info.context_tokens}",
                remedy="give the problem to a model with a longer context",
            )
        loop = asyncio.get_running_loop()
        arrived: asyncio.Queue[list[Chunk] | BaseException] = asyncio.Queue()

        def deliver(news: list[Chunk] | BaseException) -> None:
            # A loop that was closed under its stream raises RuntimeError; nobody waits for the news then.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(arrived.put_nowait, news)

        asked, usual = request.sampling, self._profile.sampling
        temperature = asked.temperature if asked.temperature is not None else usual.temperature
        top_p = asked.top_p if asked.top_p is not None else usual.top_p
        rule = Rule(
            temperature=_DEFAULT_TEMPERATURE if temperature is None else temperature,
            top_p=1.0 if top_p is None else top_p,
            bias=_bias(asked.logit_bias),
        )
        job = Job(
            prompt_ids=prompt_ids,
            n=request.n,
            rule=rule,
            seed=asked.seed,
            stop=asked.stop,
            max_tokens=min(asked.max_tokens, room),
            top_logprobs=asked.top_logprobs,
            deliver=deliver,
            scored=request.prefix_logprob,
        )
        # The tokens of a prefix do not depend on what stands before it.
        prefix_tokens = len(tokenizer.encode_text(request.prefix)) if request.prefix_logprob else 0
        engine.submit(job)
        unfinished = request.n
        try:
            while unfinished:
                news = await arrived.get()
                if isinstance(news, BaseException):
                    raise news
                for chunk in news:
                    unfinished -= chunk.finish_reason is not None
                    if chunk.finish_reason is not None and job.scores is not None:
                        likely = float(job.scores.logprobs[len(prompt_ids) - 1 - prefix_tokens :].sum())
                        yield chunk.model_copy(update={"prefix_logprob": likely})
                    else:
                        yield chunk
        finally:
            engine.cancel(job)

    async def wait_idle(self) -> None:
        """Return once the engine has nothing left to generate."""
        if self._engine is not None:
            await asyncio.to_thread(self._engine.idle.wait)

    async def aclose(self) -> None:
        """Stop the engine; requests that are still being answered raise ProviderUnavailable."""
        self._closed = True
        engine, self._engine = self._engine, None
        if engine is not None:
            await asyncio.to_thread(engine.close)

    async def load(self) -> tuple[ChatTokenizer, Engine]:
        """Tokenizer and running engine, loaded once, off the event loop.

        Raises:
            ConfigError: the weights are missing or malformed.
            ProviderUnavailable: the model was closed.
        """
        if self._tokenizer is None or self._engine is None:
            return await asyncio.to_thread(self._load_now)
        return self._tokenizer, self._engine

    def _load_now(self) -> tuple[ChatTokenizer, Engine]:
        from solvent.models.starter.engine import Engine
        from solvent.models.starter.text import ChatTokenizer
        from solvent.models.starter.weights import read_weights

        with self._loading:
            sys.setswitchinterval(min(sys.getswitchinterval(), _SWITCH_INTERVAL_S))
            if self._profile.threads is not None:
                from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

                threadpool_limits(limits=self._profile.threads, user_api="blas")
            if self._closed:
                raise ProviderUnavailable(f"{self._info.name}: the model was closed")
            self._tokenizer = self._tokenizer or ChatTokenizer(self._directory)
            if self._engine is None:
                self._engine = Engine(read_weights(self._directory), self._tokenizer, self._profile.concurrency)
            return self._tokenizer, self._engine


def _bias(pairs: tuple[tuple[int, float], ...]) -> tuple[tuple[int, ...], tuple[float, ...]] | None:
    return (tuple(token for token, _ in pairs), tuple(value for _, value in pairs)) if pairs else None


def _check_known(tokens: Sequence[int], tokenizer: ChatTokenizer) -> None:
    unknown = [token for token in tokens if not 0 <= token < tokenizer.size]
    if unknown:
        raise ConfigError(
            f"{unknown[0]} is no token of the starter model", remedy=f"ids go from 0 to {tokenizer.size - 1}"
        )
