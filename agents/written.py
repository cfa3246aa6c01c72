"""What is known of one sample while it is being written, and who may look on and end it early."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Protocol

from pydantic import JsonValue

from solvent.errors import ProviderProtocolError

if TYPE_CHECKING:
    from solvent.agents.budget import Granted
    from solvent.models.base import ChatModel, ChatRequest, Chunk, FinishReason, SampleUsage
    from solvent.models.profiles import Prices
    from solvent.usage import Usage


class Watch(Protocol):
    """Looks on while a sample is written. What it records is kept with the call, so that a resumed job knows it."""

    quiet: bool
    """Whether the text is no part of a reply, so that nobody is shown it."""

    def see(self, chunk: Chunk) -> bool:
        """Take the next chunk; return whether the sample is to end here."""
        ...

    def record(self) -> dict[str, JsonValue]:
        """Return what was seen, as small JSON values; asked for once, at the end."""
        ...


class Written:
    """One sample as it grows."""

    def __init__(self, watch: Watch | None = None) -> None:
        self._watch = watch
        self._pieces: list[str] = []
        self.tokens = 0
        self.cut = False
        """Whether the watch ended it."""
        self.finish_reason: FinishReason = "length"
        self.stop_text: str | None = None
        self.usage: SampleUsage | None = None
        self.prefix_logprob: float | None = None

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self._pieces)

    async def read(self, model: ChatModel, request: ChatRequest, show: Callable[[str], None]) -> None:
        """Have the model write the sample to its end, or to where the watch ends it.

        Args:
            model: who writes.
            request: for one sample.
            show: is given each piece of text, unless the watch is quiet.

        Raises:
            ProviderError: as `ChatModel.stream`; also when the stream ended before its sample.
        """
        # What follows a given reply of which only its likelihood is asked for is no part of anything.
        quiet = request.prefix_logprob or (self._watch is not None and self._watch.quiet)
        async with aclosing(model.stream(request)) as chunks:
            async for chunk in chunks:
                # At least the chunk itself: a model that states a margin and no count would be a defect, not a gift.
                self.tokens = self.tokens + 1 if chunk.tokens is None else chunk.tokens
                if chunk.text:
                    self._pieces.append(chunk.text)
                    if not quiet:
                        show(chunk.text)
                if chunk.finish_reason is not None and chunk.usage is not None:
                    self.finish_reason, self.usage, self.stop_text = chunk.finish_reason, chunk.usage, chunk.stop_text
                    self.prefix_logprob = chunk.prefix_logprob
                if self._watch is not None and self._watch.see(chunk) and self.usage is None:
                    self.cut = True
                    return
        if self.usage is None:
            raise ProviderProtocolError(
                f"{model.info.name}: the stream ended before its sample", may_have_generated=True
            )

    def note(self) -> dict[str, JsonValue]:
        """Return what is kept with the call beside its text."""
        note: dict[str, JsonValue] = {"finish_reason": self.finish_reason}
        if self.stop_text is not None:
            note["stop_text"] = self.stop_text
        if self.prefix_logprob is not None:
            note["prefix_logprob"] = self.prefix_logprob
        if self.cut:
            note["cut"] = "watch"
        if self._watch is not None:
            note["record"] = self._watch.record()
        return note

    def used_at_most(self, granted: Granted, margin: int | None, prices: Prices) -> Usage | None:
        """Return what a sample without an end may have used at most; None if that is all that was granted."""
        if margin is None:
            return None
        tokens = min(granted.max_tokens, self.tokens + margin)
        reserved = granted.reserved
        # The reservation's own cost less what was not written, so that the sum of a job does not depend on the order.
        cost = min(reserved.cost, prices.cost(reserved.prompt_tokens, tokens))
        return reserved.model_copy(update={"completion_tokens": tokens, "cost": cost})
