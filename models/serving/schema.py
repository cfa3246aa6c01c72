"""The bodies of requests, as far as this server takes them; every other field is refused by its name.

The fields mean what they mean at OpenAI, and beyond those at vLLM (its "extra parameters").
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

MOST_SAMPLES = 128
MOST_STOPS = 16
MOST_TOP_LOGPROBS = 20

TokenId = Annotated[int, Field(ge=0, strict=True)]


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, given: Any) -> Any:
        return {name: value for name, value in given.items() if value is not None} if isinstance(given, dict) else given


class StreamOptions(_Body):
    """What a stream tells beside the text."""

    include_usage: bool = False
    """A last event with the usage."""
    continuous_usage_stats: bool = False
    """With each event the usage so far."""


class SamplingFields(_Body):
    """What chats and plain completions share."""

    model: str | None = None
    """None takes the one that is served."""
    n: int = Field(default=1, ge=1, le=MOST_SAMPLES)
    """Sample i draws with seed + i."""
    max_tokens: int | None = Field(default=None, ge=1)
    """Cut to what the context leaves behind the prompt; the finish reason is then `length` as well."""
    min_tokens: int = Field(default=0, ge=0)
    temperature: float | None = Field(default=None, ge=0, le=2, allow_inf_nan=False)
    top_p: float | None = Field(default=None, gt=0, le=1, allow_inf_nan=False)
    top_k: int = Field(default=0, ge=-1)
    """-1 and 0 keep all."""
    min_p: float = Field(default=0.0, ge=0, le=1, allow_inf_nan=False)
    seed: int | None = Field(default=None, ge=-(2**63), lt=2**63)
    stop: str | list[str] = Field(default_factory=list)
    stop_token_ids: list[TokenId] = Field(default_factory=list, max_length=64)
    ignore_eos: bool = False
    logit_bias: dict[str, Annotated[float, Field(ge=-100, le=100, allow_inf_nan=False)]] = Field(default_factory=dict)
    prompt_logprobs: Literal[0] | None = None
    """0: how likely each token of the prompt was, in an answer that is not streamed."""
    stream: bool = False
    stream_options: StreamOptions | None = None

    frequency_penalty: Literal[0] = 0
    presence_penalty: Literal[0] = 0
    repetition_penalty: Literal[1] = 1
    best_of: int | None = None
    priority: Literal[0] = 0
    skip_special_tokens: Literal[True] = True
    user: str | None = None
    """Taken and not used, as are the next ones: they change nothing in what is generated."""
    metadata: dict[str, Any] | None = None
    store: Literal[False] = False
    request_id: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    service_tier: Literal["auto", "default"] | None = None

    @field_validator("frequency_penalty", "presence_penalty", "repetition_penalty", "priority", mode="before")
    @classmethod
    def _whole(cls, value: Any) -> Any:
        return int(value) if isinstance(value, float) and value.is_integer() else value

    @field_validator("stop")
    @classmethod
    def _few_stops(cls, value: str | list[str]) -> str | list[str]:
        stops = [value] if isinstance(value, str) else value
        if len(stops) > MOST_STOPS or any(not stop or len(stop) > 256 for stop in stops):
            raise ValueError(f"stop: at most {MOST_STOPS} texts of 1 to 256 characters")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> SamplingFields:
        if self.stream_options is not None and not self.stream:
            raise ValueError("stream_options: only with stream = true")
        if self.prompt_logprobs is not None and self.stream:
            raise ValueError("prompt_logprobs: not with stream = true")
        if self.best_of is not None and self.best_of != self.n:
            raise ValueError("best_of: this server does not choose among samples; leave it out")
        return self

    @property
    def stops(self) -> tuple[str, ...]:
        """The stop strings."""
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop)


class TextPart(_Body):
    """A part of a message's content."""

    type: Literal["text"]
    text: str


class ChatMessage(_Body):
    """One turn."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart]

    @property
    def text(self) -> str:
        """The content as one text."""
        return self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)


class Turns(_Body):
    """A conversation and where the reply begins."""

    messages: list[ChatMessage] = Field(min_length=1)
    add_generation_prompt: bool = True
    """Begin the assistant's turn behind the messages."""
    continue_final_message: bool = False
    """The last message is the assistant's and is continued; `add_generation_prompt` must be false."""

    @model_validator(mode="after")
    def _one_beginning(self) -> Turns:
        if self.continue_final_message:
            if self.add_generation_prompt:
                raise ValueError("add_generation_prompt: must be false where continue_final_message is true")
            if self.messages[-1].role != "assistant":
                raise ValueError("continue_final_message: the last message is not the assistant's")
        return self


class ChatBody(SamplingFields, Turns):
    """POST /v1/chat/completions."""

    max_completion_tokens: int | None = Field(default=None, ge=1)
    logprobs: bool = False
    top_logprobs: int | None = Field(default=None, ge=0, le=MOST_TOP_LOGPROBS)
    response_format: dict[Literal["type"], Literal["text"]] | None = None
    tools: Annotated[list[Any], Field(max_length=0)] | None = None
    tool_choice: Literal["none"] | None = None
    parallel_tool_calls: bool | None = None

    @model_validator(mode="after")
    def _chat_fits_together(self) -> ChatBody:
        if self.top_logprobs is not None and not self.logprobs:
            raise ValueError("top_logprobs: only with logprobs = true")
        if None not in (self.max_tokens, self.max_completion_tokens) and self.max_tokens != self.max_completion_tokens:
            raise ValueError("max_completion_tokens: differs from max_tokens; give one of them")
        return self


class CompletionBody(SamplingFields):
    """POST /v1/completions: a prompt without a chat format, in which special tokens are written by their names."""

    prompt: str | list[str] | list[TokenId] | list[list[TokenId]]
    logprobs: int | None = Field(default=None, ge=0, le=MOST_TOP_LOGPROBS)
    echo: Literal[False] = False
    suffix: Literal[""] | None = None


class TokenizeBody(_Body):
    """POST /tokenize: a plain text or a conversation."""

    model: str | None = None
    prompt: str | None = None
    messages: list[ChatMessage] | None = None
    add_generation_prompt: bool = True
    continue_final_message: bool = False
    add_special_tokens: bool = True
    """Taken and not used: this tokenizer adds none."""
    return_token_strs: bool = False

    @model_validator(mode="after")
    def _one_of_two(self) -> TokenizeBody:
        if (self.prompt is None) == (self.messages is None):
            raise ValueError("prompt: give either prompt or messages")
        return self


class DetokenizeBody(_Body):
    """POST /detokenize."""

    model: str | None = None
    tokens: list[TokenId]
