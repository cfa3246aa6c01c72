"""One streamed chat completion, from the client's events to chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from solvent.errors import ProviderProtocolError, ProviderRejected, ProviderUnavailable
from solvent.models.base import Chunk, FinishReason, SampleUsage, TokenLogprob

if TYPE_CHECKING:
    from solvent.models.openai_errors import Endpoint
    from solvent.models.profiles import ThinkingMarkers


class SampleReader:
    """Turns the events of one sample into chunks, and knows at the end whether it was whole.

    Thinking that the server sends apart (`reasoning`, formerly `reasoning_content`, in the delta) gives chunks without
    text, so that its progress shows, or text between the markers where `wrap` is given.

    Args:
        index: index of the chunks.
        endpoint: for messages.
        wrap: markers to wrap thinking with; None leaves it out.
        top_logprobs: how many of the likeliest were asked for.

    Attributes:
        started: whether a token came.
        generated: everything generated so far, thinking included.
    """

    def __init__(
        self, index: int, endpoint: Endpoint, wrap: ThinkingMarkers | None = None, top_logprobs: int = 0
    ) -> None:
        self._index = index
        self._endpoint = endpoint
        self._wrap = wrap
        self._top_logprobs = top_logprobs
        self._stop_text: str | None = None
        self._thinking = False
        self._finish: FinishReason | None = None
        self._usage: tuple[int, int] | None = None
        self._pieces: list[str] = []
        self._bound = 0
        self.started = False

    @property
    def generated(self) -> str:
        """Everything generated so far, thinking included."""
        return "".join(self._pieces)

    @property
    def tokens(self) -> int:
        """Completion tokens that came: the endpoint's running count, or else an upper bound (see `tokens_exact`)."""
        return self._bound if self._usage is None else self._usage[1]

    @property
    def tokens_exact(self) -> bool:
        """Whether the endpoint counts as it goes (vLLM with `continuous_usage_stats`)."""
        return self._usage is not None

    def read(self, event: object) -> Chunk | None:
        """Return the event's piece of the sample, or None if it has none.

        Args:
            event: a `chat.completion.chunk` or `text_completion`, as JSON values.

        Raises:
            ProviderError: the event is not what the protocol allows, or says that the endpoint broke off.
        """
        if not isinstance(event, dict):
            raise self._malformed("a piece of the stream is not an object")
        usage = event.get("usage")
        if usage is not None:
            self._usage = self._read_usage(usage)
        choices = event.get("choices")
        if not choices:
            return None
        choice = choices[0] if isinstance(choices, list) else None
        delta = choice.get("delta") or {} if isinstance(choice, dict) else None
        if not isinstance(choice, dict) or not isinstance(delta, dict):
            raise self._malformed("choices is not a list of objects with a delta")
        content = self._text(delta, "content") or self._text(choice, "text")
        thinking = self._text(delta, "reasoning") or self._text(delta, "reasoning_content")
        reason = choice.get("finish_reason")
        if content or thinking or reason:
            self.started = True
        if reason is not None:
            self._finish = self._read_finish(reason)
            stopped_by = choice.get("stop_reason")
            self._stop_text = stopped_by if isinstance(stopped_by, str) else None
        if not content and not thinking:
            return None
        self._pieces += [thinking, content]
        # A byte-level token has a byte at least, but for special ones, which come alone in a piece if they come at all.
        self._bound += 1 + len(thinking.encode(errors="replace")) + len(content.encode(errors="replace"))
        visible = thinking if self._wrap is not None else ""
        logprobs = self._read_logprobs(choice) if content or visible else ()
        return Chunk(
            index=self._index,
            text=self._mark(visible, content),
            logprobs=logprobs,
            tokens=self.tokens,
            tokens_exact=self.tokens_exact,
        )

    def end(self, counted: SampleUsage | None = None) -> Chunk:
        """Return the sample's last chunk.

        Args:
            counted: usage to report where the endpoint gave none.

        Raises:
            ProviderProtocolError: the stream ended without a finish reason or without usage.
        """
        if self._finish is None:
            raise ProviderProtocolError(
                f"{self._endpoint}: the stream ended without a finish reason"
                + ("" if self.started else " and without any choice"),
                remedy="check that base_url is an OpenAI-compatible API",
                may_have_generated=True,
            )
        usage = counted
        if self._usage is not None:
            usage = SampleUsage(prompt_tokens=self._usage[0], completion_tokens=self._usage[1])
        if usage is None:
            raise ProviderProtocolError(
                f"{self._endpoint}: the endpoint reported no usage, so its tokens cannot be accounted for",
                remedy='use a server that honours stream_options.include_usage, or count = "tokenize" with vLLM',
                may_have_generated=True,
            )
        return Chunk(
            index=self._index,
            finish_reason=self._finish,
            usage=usage,
            tokens=usage.completion_tokens,
            stop_text=self._stop_text,
        )

    @property
    def whole(self) -> bool:
        """Whether nothing of the sample is missing: its end and its usage came."""
        return self._finish is not None and self._usage is not None

    @property
    def has_usage(self) -> bool:
        """Whether the endpoint reported usage."""
        return self._usage is not None

    def _mark(self, thinking: str, content: str) -> str:
        text = ""
        if thinking and self._wrap is not None:
            text += thinking if self._thinking else self._wrap.start + thinking
            self._thinking = True
        if content:
            if self._thinking and self._wrap is not None:
                text += self._wrap.end
                self._thinking = False
            text += content
        return text

    def _text(self, delta: dict[str, Any], field: str) -> str:
        value = delta.get(field)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self._malformed(f"delta.{field} is not a text")
        return value

    def _read_finish(self, reason: Any) -> FinishReason:
        if reason == "stop" or reason == "length":
            finish: FinishReason = reason
            return finish
        if reason == "content_filter":
            raise ProviderRejected(
                f"{self._endpoint}: the endpoint's content filter ended the sample", may_have_generated=True
            )
        if reason in {"abort", "error"}:
            aborted = ProviderUnavailable(
                f"{self._endpoint}: the endpoint aborted the sample", may_have_generated=True, lost=True
            )
            aborted.received_tokens = self.tokens
            raise aborted
        raise self._malformed(f"unknown finish reason {reason!r}")

    def _read_usage(self, usage: Any) -> tuple[int, int]:
        counts = usage if isinstance(usage, dict) else {}
        prompt, completion = counts.get("prompt_tokens"), counts.get("completion_tokens")
        # bool is an int, hence `type`.
        if type(prompt) is not int or type(completion) is not int or prompt < 0 or completion < 0:
            raise self._malformed("usage is not two counts of tokens")
        return prompt, completion

    def _read_logprobs(self, choice: dict[str, Any]) -> tuple[TokenLogprob, ...]:
        logprobs = choice.get("logprobs")
        if logprobs is None:
            return ()
        try:
            if "tokens" in logprobs:
                return _older(logprobs, self._top_logprobs)
            return tuple(_token(entry) for entry in logprobs.get("content") or ())
        except (AttributeError, KeyError, TypeError, ValueError) as cause:
            raise self._malformed("logprobs are malformed") from cause

    def _malformed(self, what: str) -> ProviderProtocolError:
        return ProviderProtocolError(f"{self._endpoint}: {self._endpoint.quote(what)}", may_have_generated=True)


def _token(entry: dict[str, Any]) -> TokenLogprob:
    # Rounding can put a certain token a hair above 0.
    top = [(other["token"], min(0.0, other["logprob"])) for other in entry.get("top_logprobs") or ()]
    top.sort(key=lambda pair: -pair[1])
    return TokenLogprob(token=entry["token"], logprob=min(0.0, entry["logprob"]), top=tuple(top))


def _older(logprobs: dict[str, Any], most: int) -> tuple[TokenLogprob, ...]:
    """Read the form of plain completions, where the drawn token is among the likeliest even if it is none of them."""
    tokens, values = logprobs["tokens"], logprobs["token_logprobs"]
    tops = logprobs.get("top_logprobs") or [None] * len(tokens)
    entries = [
        {
            "token": token,
            "logprob": value,
            "top_logprobs": [{"token": name, "logprob": of} for name, of in (top or {}).items()],
        }
        for token, value, top in zip(tokens, values, tops, strict=True)
    ]
    read = [_token(entry) for entry in entries]
    return tuple(token.model_copy(update={"top": token.top[:most]}) for token in read)
