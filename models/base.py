"""Who writes: the protocol that every model backend keeps."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Literal, Protocol, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Role = Literal["solve", "refine", "verify", "tests", "abstract", "choose", "summarise"]
"""What a model is asked for. The present strategies ask for solve and refine; the others are for those to come."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Message(_Frozen):
    """One turn of a chat."""

    role: Literal["system", "user", "assistant"]
    content: str


class Sampling(_Frozen):
    """How tokens are drawn; None leaves the choice to the endpoint's default."""

    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    max_tokens: int = Field(default=1024, ge=1)
    """Most completion tokens of ONE sample."""
    stop: tuple[str, ...] = ()
    """Generation ends before the first of these; the stop text itself is not part of the completion."""
    seed: int | None = None
    """Sample i of a request draws with seed + i, so that one request of n equals n requests of one."""
    top_logprobs: int | None = Field(default=None, ge=0, le=20)
    """None: no logprobs. k: the logprob of each token and of the k likeliest in its place."""
    logit_bias: tuple[tuple[int, float], ...] = ()
    """Token ids, none twice, and what is added to their logits before a token is drawn: -100 (never comes) to 100
    (always comes). Whether logprobs show it is the endpoint's affair."""

    @field_validator("logit_bias")
    @classmethod
    def _bias_in_range(cls, value: tuple[tuple[int, float], ...]) -> tuple[tuple[int, float], ...]:
        if any(token < 0 or not -100 <= bias <= 100 for token, bias in value):
            raise ValueError("logit_bias: token ids are not negative, and a bias lies between -100 and 100")
        if len({token for token, _ in value}) != len(value):
            raise ValueError("logit_bias: a token is there twice")
        return value


class ChatRequest(_Frozen):
    """One prompt, n samples.

    `prefix` is text with which the assistant's turn already begins; completions continue it and do not repeat it.
    `session` names what the request belongs to: where there are several endpoints, the requests of one session go to
    one of them, for the sake of its prefix cache, and sessions wait in turn.
    `prefix_logprob` asks how likely the prefix is (see `Chunk`); the pieces of the samples may then come at once.
    """

    messages: tuple[Message, ...] = Field(min_length=1)
    sampling: Sampling = Sampling()
    n: int = Field(default=1, ge=1, le=1024)
    prefix: str = ""
    session: str | None = None
    prefix_logprob: bool = False

    @model_validator(mode="after")
    def _has_a_prefix(self) -> ChatRequest:
        if self.prefix_logprob and not self.prefix:
            raise ValueError("prefix_logprob: there is no prefix")
        return self


class TokenLogprob(_Frozen):
    """A generated token, its natural log probability before temperature and top_p, and the likeliest in its place."""

    token: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()


FinishReason = Literal["stop", "length"]


class SampleUsage(_Frozen):
    """Exact tokens of one sample.

    The prompt of a request counts once, with sample 0, unless the endpoint charges it per sample.
    """

    prompt_tokens: int = Field(ge=0)
    completion_tokens: int = Field(ge=0)


class Chunk(_Frozen):
    """A piece of one sample; its last chunk, and only that, has a finish reason and its usage.

    `tokens` is how many completion tokens the sample has taken so far, this chunk's among them; None where that is not
    known. Where `tokens_exact` is false, the endpoint did not say, and it is an upper bound of the tokens that came,
    from their bytes.

    `stop_text`, in a sample's last chunk, is the stop text that ended it; None where the model ended by itself, and
    also where the endpoint does not say what it was (vLLM and the starter model do, OpenAI does not).

    `prefix_logprob`, in a sample's last chunk where the request asks for it, is the natural log probability of the
    request's prefix behind its messages: of all its tokens together, before temperature and top_p.
    """

    index: int = Field(ge=0)
    text: str = ""
    logprobs: tuple[TokenLogprob, ...] = ()
    finish_reason: FinishReason | None = None
    usage: SampleUsage | None = None
    tokens: int | None = Field(default=None, ge=0)
    tokens_exact: bool = True
    stop_text: str | None = None
    prefix_logprob: float | None = None


class Completion(_Frozen):
    """One whole sample."""

    index: int
    text: str
    finish_reason: FinishReason
    usage: SampleUsage
    logprobs: tuple[TokenLogprob, ...] = ()
    stop_text: str | None = None
    prefix_logprob: float | None = None


Capability = Literal[
    "stream", "n", "stop", "seed", "logprobs", "prefix", "prefix_logprob", "cancel", "logit_bias", "token_ids"
]
CAPABILITIES: frozenset[Capability] = frozenset(get_args(Capability))
"""What a backend may be able to do; `token_ids`: it tells the ids of tokens (`ChatModel.token_ids`, `token_text`)."""


class ModelInfo(_Frozen):
    """What a backend is and can do."""

    name: str
    backend: str
    context_tokens: int
    exact_prompt_count: bool
    """Whether `count_prompt_tokens` is the endpoint's own count rather than an upper bound."""
    prompt_tokens_per_sample: bool
    """Whether the prompt is charged for each of n samples (True) or once per request."""
    capabilities: frozenset[Capability] = frozenset()
    """Of `CAPABILITIES`."""
    cut_margin_tokens: int | None = None
    """Most tokens of a sample that an endpoint generates beyond `Chunk.tokens` when its stream is closed or breaks off.
    None: not known, so that a sample without an end counts at all that was reserved for it."""


class ChatModel(Protocol):
    """A model that writes. Implementations are safe for any number of concurrent requests on one event loop."""

    @property
    def info(self) -> ModelInfo:
        """What the backend is and can do; no I/O."""
        ...

    async def count_prompt_tokens(self, messages: Sequence[Message], prefix: str = "") -> int:
        """Return the prompt's tokens as the endpoint will charge them, or an upper bound (see `info`).

        Raises:
            ProviderError: the endpoint had to be asked and failed.
        """
        ...

    async def token_ids(self, text: str) -> tuple[int, ...]:
        """Return the tokens of a text that stands for itself, in which the name of a special token is that token.

        Raises:
            ConfigError: the endpoint does not tell (no capability `token_ids`).
            ProviderError: it had to be asked and failed.
        """
        ...

    async def token_text(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens, special tokens by their names.

        Raises:
            ConfigError: the endpoint does not tell, or one of them is no token.
            ProviderError: it had to be asked and failed.
        """
        ...

    def stream(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        """Generate; yield chunks of the n samples, interleaved as they come.

        Closing the iterator (`aclose`, or cancelling the task that iterates) stops the generation at the endpoint.
        Every sample ends with a chunk that has finish_reason and usage, unless an error is raised.

        Raises:
            PromptTooLong: the prompt with one token more does not fit the context.
            ProviderError: see its subclasses; `may_have_generated` says whether tokens may have been spent.
        """
        ...

    async def aclose(self) -> None:
        """Release connections and threads; safe to call twice."""
        ...


async def generate(model: ChatModel, request: ChatRequest) -> list[Completion]:
    """Run a request to its end and return its n samples by index.

    Raises:
        ProviderError: as `ChatModel.stream`; also when the stream ended without finishing each sample.
    """
    from contextlib import aclosing

    from solvent.errors import ProviderProtocolError

    texts: dict[int, list[str]] = {}
    logprobs: dict[int, list[TokenLogprob]] = {}
    done: dict[int, Completion] = {}
    async with aclosing(model.stream(request)) as chunks:
        async for chunk in chunks:
            texts.setdefault(chunk.index, []).append(chunk.text)
            logprobs.setdefault(chunk.index, []).extend(chunk.logprobs)
            if chunk.finish_reason is not None and chunk.usage is not None:
                done[chunk.index] = Completion(
                    index=chunk.index,
                    text="".join(texts[chunk.index]),
                    finish_reason=chunk.finish_reason,
                    usage=chunk.usage,
                    logprobs=tuple(logprobs[chunk.index]),
                    stop_text=chunk.stop_text,
                    prefix_logprob=chunk.prefix_logprob,
                )
    if sorted(done) != list(range(request.n)):
        raise ProviderProtocolError(
            f"{model.info.name}: {len(done)} of {request.n} samples ended", may_have_generated=True
        )
    return [done[index] for index in range(request.n)]
