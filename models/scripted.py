"""A model that says what a script tells it: for tests of decisions, budgets and faults, never for solving."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass

from solvent.errors import ConfigError, PromptTooLong, SolventError
from solvent.models.base import (
    CAPABILITIES,
    Capability,
    ChatRequest,
    Chunk,
    FinishReason,
    Message,
    ModelInfo,
    SampleUsage,
    TokenLogprob,
)

_TOKEN = re.compile(r"\s*\S+|\s+")


@dataclass(frozen=True)
class Reply:
    """What one request is answered with.

    Args:
        texts: the samples; sample i gets `texts[i]`, and the last text serves all samples beyond the end.
        error: raised once `after_chunks` chunks of the request were yielded.
        gate: awaited once `after_chunks` chunks of the request were yielded, before the error; a test sets it to let
            the reply go on, and an event that nobody sets holds the reply until it is cancelled.
        after_chunks: where `error` and `gate` act; 0 is before the first chunk.
        logprob: log probability of each token; the last serves all tokens beyond the end.
        top: what the likeliest in the place of each token are said to be; the last serves all tokens beyond the end,
            and none leaves it to the model, which makes some up.
        prefix_logprob: log probability of the request's prefix; None: -0.25 for each of its tokens.
    """

    texts: tuple[str, ...] = ("",)
    error: SolventError | None = None
    gate: asyncio.Event | None = None
    after_chunks: int = 0
    logprob: tuple[float, ...] = (-0.25,)
    top: tuple[tuple[tuple[str, float], ...], ...] = ()
    prefix_logprob: float | None = None


Script = Sequence["Reply | str"] | Callable[[ChatRequest], "Reply | str | Sequence[str]"]


def tokens_of(text: str) -> list[str]:
    """Split into the scripted model's tokens: a word with the white space before it. Joined, they are `text`."""
    return _TOKEN.findall(text)


def prompt_key(messages: Sequence[Message], prefix: str = "") -> str:
    """Return the SHA-256 (hexadecimal) of a prompt: `role NUL content NUL` for each message, then the prefix."""
    digest = hashlib.sha256()
    for message in messages:
        digest.update(f"{message.role}\0{message.content}\0".encode("utf-8", errors="surrogatepass"))
    digest.update(prefix.encode("utf-8", errors="surrogatepass"))
    return digest.hexdigest()


class ScriptedModel:
    """A `ChatModel` whose replies are written beforehand.

    A token is a word with the white space before it, each message costs one more, and usage counts exactly these.
    `stop`, `max_tokens`, `n`, `prefix` (the reply is what follows it) and cancellation behave as at a real endpoint.
    Log probabilities are made up. Texts do not depend on the seed, unless the script is a function that reads it.
    Token ids are given out as tokens are asked for. Of a bias only the ends count: at -100 a token is left out of the
    reply, at 100 nothing else is said, to the end of the reply's tokens.

    Args:
        script: a sequence, whose next entry answers the next request (a str answers all its samples), or a function
            from a request to its reply (a sequence of str gives one text per sample).
        name: name in `info`.
        context_tokens: prompts that leave no room for one token below this raise PromptTooLong.
        prompt_tokens_per_sample: charge the prompt for each sample, as endpoints that take n requests do.
        capabilities: what it claims to be able to do; None: everything.
        vocabulary: tokens whose ids were given out; one list for models that stand for the same one.

    Attributes:
        requests: every request that came, in order, also those that failed.
        live: replies being generated now; 0 after all streams were closed.
        generated_tokens: completion tokens yielded so far, also by replies that were cancelled.
    """

    def __init__(
        self,
        script: Script,
        *,
        name: str = "scripted",
        context_tokens: int = 1_000_000,
        prompt_tokens_per_sample: bool = False,
        capabilities: frozenset[Capability] | None = None,
        vocabulary: list[str] | None = None,
    ) -> None:
        self._script = script
        self._next = 0
        self.requests: list[ChatRequest] = []
        self.live = 0
        self.generated_tokens = 0
        self._arrived = asyncio.Condition()
        self._vocabulary = [] if vocabulary is None else vocabulary
        self._info = ModelInfo(
            name=name,
            backend="scripted",
            context_tokens=context_tokens,
            exact_prompt_count=True,
            prompt_tokens_per_sample=prompt_tokens_per_sample,
            capabilities=CAPABILITIES if capabilities is None else capabilities,
            cut_margin_tokens=0,
        )

    @property
    def info(self) -> ModelInfo:
        """What the scripted model claims to be."""
        return self._info

    async def count_prompt_tokens(self, messages: Sequence[Message], prefix: str = "") -> int:
        """Return words plus one per message plus words of the prefix."""
        return sum(1 + len(tokens_of(message.content)) for message in messages) + len(tokens_of(prefix))

    async def token_ids(self, text: str) -> tuple[int, ...]:
        """Return the numbers of a text's tokens."""
        tokens = tokens_of(text)
        self._vocabulary += dict.fromkeys(token for token in tokens if token not in self._vocabulary)
        return tuple(self._vocabulary.index(token) for token in tokens)

    async def token_text(self, tokens: Sequence[int]) -> str:
        """Return the text of numbers that were given out.

        Raises:
            ConfigError: one of them was not.
        """
        unknown = [token for token in tokens if not 0 <= token < len(self._vocabulary)]
        if unknown:
            raise ConfigError(f"{self._info.name}: {unknown[0]} is no token yet", remedy="ask for its id first")
        return "".join(self._vocabulary[token] for token in tokens)

    async def wait_for_requests(self, count: int) -> None:
        """Return once `count` requests have come (counted from the start)."""
        async with self._arrived:
            await self._arrived.wait_for(lambda: len(self.requests) >= count)

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        """Yield the scripted samples token by token, interleaved.

        Raises:
            PromptTooLong: as the protocol says.
            ConfigError: the script has no reply left.
            SolventError: the reply's own error.
        """
        self.requests.append(request)
        async with self._arrived:
            self._arrived.notify_all()
        prompt_tokens = await self.count_prompt_tokens(request.messages, request.prefix)
        if prompt_tokens + 1 > self._info.context_tokens:
            raise PromptTooLong(
                f"{self._info.name}: the prompt has {prompt_tokens} tokens, the context {self._info.context_tokens}",
                remedy="shorten the prompt",
            )
        reply = self._reply(request)
        self.live += 1
        try:
            yielded = 0
            for chunk in self._chunks(request, reply, prompt_tokens):
                if yielded == reply.after_chunks:
                    await self._fault(reply)
                await asyncio.sleep(0)
                self.generated_tokens += 1 if chunk.finish_reason is None else 0
                yield chunk
                yielded += 1
            if yielded <= reply.after_chunks:
                await self._fault(reply)
        finally:
            self.live -= 1

    async def aclose(self) -> None:
        """Do nothing: there is nothing to release."""

    def _reply(self, request: ChatRequest) -> Reply:
        if callable(self._script):
            answer = self._script(request)
        else:
            if self._next >= len(self._script):
                raise ConfigError(
                    f"{self._info.name}: request {self._next + 1} came, and the script has {len(self._script)} replies",
                    remedy="add a reply to the script",
                )
            answer = self._script[self._next]
            self._next += 1
        if isinstance(answer, Reply):
            return answer
        return Reply((answer,) if isinstance(answer, str) else tuple(answer))

    async def _fault(self, reply: Reply) -> None:
        if reply.gate is not None:
            await reply.gate.wait()
        if reply.error is not None:
            raise reply.error

    def _chunks(self, request: ChatRequest, reply: Reply, prompt_tokens: int) -> list[Chunk]:
        room = min(request.sampling.max_tokens, self._info.context_tokens - prompt_tokens)
        charged = request.n if self._info.prompt_tokens_per_sample else 1
        known = len(self._vocabulary)
        bias = {self._vocabulary[token]: value for token, value in request.sampling.logit_bias if token < known}
        samples = [
            _sample(request, reply, bias, index, room, prompt_tokens if index < charged else 0)
            for index in range(request.n)
        ]
        longest = max(len(sample) for sample in samples)
        return [sample[position] for position in range(longest) for sample in samples if position < len(sample)]


def cut(text: str, max_tokens: int, stop: Sequence[str]) -> tuple[list[str], int, FinishReason, str | None]:
    """Return the pieces that a model would stream for `text`, its tokens, why it would end, and the stop text it met.

    The stop text is generated (and counted) but not part of the pieces, as with real endpoints.
    """
    tokens = tokens_of(text)
    kept = tokens[:max_tokens]
    finish: FinishReason = "length" if len(tokens) > max_tokens else "stop"
    generated = "".join(kept)
    hits = [(generated.find(word), word) for word in stop if word and word in generated]
    if not hits:
        return kept, len(kept), finish, None
    start, word = min(hits)
    pieces, count, position = [], 0, 0
    for token in kept:
        if position >= start + len(word):
            break
        pieces.append(token[: max(0, start - position)])
        position += len(token)
        count += 1
    return [piece for piece in pieces if piece], count, "stop", word


def _biased(text: str, bias: Mapping[str, float], max_tokens: int) -> str:
    for token, value in bias.items():
        if value >= 100:
            return token * max_tokens
    return "".join(token for token in tokens_of(text) if bias.get(token, 0) > -100)


def _sample(
    request: ChatRequest, reply: Reply, bias: Mapping[str, float], index: int, room: int, prompt_tokens: int
) -> list[Chunk]:
    text = reply.texts[min(index, len(reply.texts) - 1)]
    if bias:
        text = _biased(text, bias, room)
    pieces, count, finish, stop_text = cut(text, room, request.sampling.stop)
    top = request.sampling.top_logprobs
    chunks = []
    for position, piece in enumerate(pieces):
        logprobs: tuple[TokenLogprob, ...] = ()
        if top is not None:
            value = reply.logprob[min(position, len(reply.logprob) - 1)]
            others = ((piece, value), *((f"<{rank}>", value - rank) for rank in range(1, top)))
            if reply.top:
                others = reply.top[min(position, len(reply.top) - 1)]
            logprobs = (TokenLogprob(token=piece, logprob=value, top=others[:top]),)
        chunks.append(Chunk(index=index, text=piece, logprobs=logprobs, tokens=min(position + 1, count)))
    usage = SampleUsage(prompt_tokens=prompt_tokens, completion_tokens=count)
    likely: float | None = None
    if request.prefix_logprob:
        likely = -0.25 * len(tokens_of(request.prefix)) if reply.prefix_logprob is None else reply.prefix_logprob
    end = Chunk(index=index, finish_reason=finish, usage=usage, tokens=count, stop_text=stop_text)
    chunks.append(end.model_copy(update={"prefix_logprob": likely}))
    return chunks
