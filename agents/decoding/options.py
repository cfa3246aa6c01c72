"""What a job may say about how replies are written."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator

MOST_TOP_LOGPROBS = 20


class DecodingOptions(BaseModel):
    """Decoding controls; each is off until the field that switches it on is set. docs/strategies.md tells the sources.

    All tokens are completion tokens of one reply, and count, with those of probes, towards its `max_tokens`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    no_thinking: bool = False
    """Begin the reply with a thinking block that is over already."""
    no_thinking_text: str = "Okay, I think I have finished thinking."

    thinking_floor_tokens: int = Field(default=0, ge=0)
    """Where the model stops thinking before, it is made to go on..."""
    thinking_wait: str | int = "Wait"
    """...by this text, or this token, in place of the end marker..."""
    thinking_waits: int = Field(default=1, ge=1)
    """...at most so often."""
    thinking_ceiling_tokens: int | None = Field(default=None, ge=1)
    """Thinking is closed after so many."""
    answer_bridge: str = "\n\n"
    """What follows the end marker where thinking was closed from outside."""
    answer_reserve_tokens: int | None = Field(default=None, ge=1)
    """Left for the answer by any control that handles thinking; None: a quarter of the reply, at most 1,024."""

    end_bias: float = Field(default=0.0, ge=-100, le=100)
    """Added to the end marker's logit while the model thinks..."""
    end_bias_growth: float = Field(default=0.0, ge=-100, le=100)
    """...and so much more with each chunk."""
    end_bias_token: int | None = Field(default=None, ge=0)
    """Id of the end marker's token; None asks the endpoint."""

    chunk_tokens: int = Field(default=512, ge=1)
    """How often the controls that look at a growing thinking do so."""

    completion_threshold: float | None = Field(default=None, ge=0, le=1)
    """Ask after each chunk whether the solution is finished; close thinking where its probability is at least this."""
    completion_text: str = "\n\nIs the solution above complete? Answer Yes or No.\nAnswer:"
    """Put behind the last end of a paragraph of the chunk; the next token is the answer."""
    completion_yes: tuple[str, ...] = Field(default=("yes",), min_length=1)
    """Tokens that say that it is finished, compared without case and white space; the end marker may be one."""
    completion_no: tuple[str, ...] = ("no",)
    """Tokens that say that it is not; without any, the probability of the others is taken as it stands."""
    hesitation_words: tuple[str, ...] = ()
    """Ask also where one of these begins, such as Wait, Hmm, Alternatively."""

    early_answers: int | None = Field(default=None, ge=2)
    """Draw an answer after each chunk; close thinking when so many in a row are equal."""
    early_answer_text: str = "\n\n**Final Answer**\n\\boxed{"
    """Put behind the end marker; the answer is what follows, up to its closing brace or the end of the line."""
    early_answer_tokens: int = Field(default=32, ge=1)

    confidence_window_tokens: int | None = Field(default=None, ge=1)
    """Record the confidence: the mean over this window of the negative mean logprob of the likeliest tokens."""
    confidence_top_logprobs: int = Field(default=MOST_TOP_LOGPROBS, ge=1, le=MOST_TOP_LOGPROBS)
    confidence_cut: float | None = Field(default=None, ge=0)
    """End a reply whose confidence falls below; None: after the warm-up, what a strategy learns from it."""
    confidence_warm_up: int = Field(default=16, ge=1)
    """Replies that a strategy leaves uncut to learn the bar from."""
    confidence_keep: float = Field(default=0.1, gt=0, le=1)
    """Share of the warm-up's replies that would have passed the bar."""

    markovian_chunk_tokens: int | None = Field(default=None, ge=4)
    """Think in chunks of this size, each from the problem and what is carried over alone."""
    markovian_carry_tokens: int | None = Field(default=None, ge=1)
    """Carried over from the end of a chunk; None: half a chunk."""
    markovian_head_tokens: int = Field(default=100, ge=0)
    """Carried over from the beginning of the first chunk."""
    markovian_chunks: int = Field(default=5, ge=1)

    @property
    def plain(self) -> bool:
        """Whether no control is on."""
        return not self.controls

    @property
    def controls(self) -> tuple[str, ...]:
        """Names of the controls that are on."""
        on = {
            "no thinking": self.no_thinking,
            "thinking floor": self.thinking_floor_tokens > 0,
            "thinking ceiling": self.thinking_ceiling_tokens is not None,
            "end-of-thinking bias": self.end_bias != 0 or self.end_bias_growth != 0,
            "completion probe": self.completion_threshold is not None,
            "early answers": self.early_answers is not None,
            "confidence": self.confidence_window_tokens is not None,
            "markovian thinking": self.markovian_chunk_tokens is not None,
        }
        return tuple(name for name, is_on in on.items() if is_on)

    @property
    def carry_tokens(self) -> int:
        """What a Markovian chunk leaves to the next."""
        return self.markovian_carry_tokens or (self.markovian_chunk_tokens or 0) // 2

    def answer_tokens(self, max_tokens: int) -> int:
        """Return what is kept for the answer out of the tokens of a reply; always less than those."""
        wanted = min(1024, max_tokens // 4) if self.answer_reserve_tokens is None else self.answer_reserve_tokens
        return max(0, min(wanted, max_tokens - 1))

    @model_validator(mode="after")
    def _fits_together(self) -> DecodingOptions:
        whole = {"no thinking", "markovian thinking"} & set(self.controls)
        others = set(self.controls) - whole - {"confidence"}
        if len(whole) > 1 or (whole and others):
            raise ValueError(f"{' and '.join(self.controls)}: exclude each other")
        ceiling = self.thinking_ceiling_tokens
        if ceiling is not None and ceiling < self.thinking_floor_tokens:
            raise ValueError("thinking_ceiling_tokens: is under thinking_floor_tokens")
        if self.thinking_wait == "" or (isinstance(self.thinking_wait, int) and self.thinking_wait < 0):
            raise ValueError("thinking_wait: is a text of at least one character, or the id of a token")
        if self.confidence_cut is not None and self.confidence_window_tokens is None:
            raise ValueError("confidence_cut: needs confidence_window_tokens")
        chunk = self.markovian_chunk_tokens
        if chunk is not None and (2 * self.carry_tokens > chunk or self.markovian_head_tokens > chunk // 2):
            raise ValueError("markovian_carry_tokens and markovian_head_tokens: each at most half a chunk")
        return self
