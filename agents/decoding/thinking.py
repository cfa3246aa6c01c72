"""Thinking between a floor and a ceiling, looked at on the way, and then the answer.

The floor is budget forcing (Muennighoff et al. 2025, "s1: Simple test-time scaling", arXiv 2501.19393): the end marker
is suppressed and the model goes on from a text such as "Wait"; the ceiling closes thinking from outside.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Protocol

from solvent.agents.decoding.completion import CompletionProbe, Finding
from solvent.agents.decoding.early_answer import EarlyAnswers
from solvent.agents.decoding.end_bias import bias_at
from solvent.agents.decoding.options import DecodingOptions
from solvent.agents.decoding.pieces import Came, Piece, Plan, Reply, closed
from solvent.models.profiles import ThinkingMarkers


class Look(Protocol):
    """Looks at thinking after each chunk, at the cost of at most `tokens`."""

    @property
    def tokens(self) -> int:
        """Most completion tokens of one look."""
        ...

    def look(self, text: str, since: int) -> Generator[Piece, Came, Finding | None]:
        """Return why thinking is to be closed, or None; its characters from `since` on are new."""
        ...


def looks(options: DecodingOptions, end: str) -> list[Look]:
    """Return what looks at thinking on its way."""
    found: list[Look] = []
    if options.completion_threshold is not None:
        found.append(CompletionProbe(options, options.completion_threshold))
    if options.early_answers is not None:
        found.append(EarlyAnswers(options, end, options.early_answers))
    return found


class _Thinking:
    """One reply on its way."""

    def __init__(self, options: DecodingOptions, markers: ThinkingMarkers, max_tokens: int, wait: str) -> None:
        self.options = options
        self.markers = markers
        self.wait = wait
        self.looks = looks(options, markers.end)
        self.max_tokens = max_tokens
        self.thinking_end = max_tokens - options.answer_tokens(max_tokens)
        self.text = ""
        self.thought = 0
        """Tokens of the reply so far."""
        self.probed = 0
        """Tokens of probes."""
        self.waits = 0
        self.chunks = 0

    @property
    def chunked(self) -> bool:
        return bool(self.looks) or self.options.end_bias_growth != 0

    @property
    def room(self) -> int:
        """Tokens that thinking may still take."""
        ceiling = self.options.thinking_ceiling_tokens or self.thinking_end
        return min(ceiling - self.thought, self.thinking_end - self.thought - self.probed)

    @property
    def left(self) -> int:
        """Tokens that the reply may still take."""
        return self.max_tokens - self.thought - self.probed

    @property
    def stops_at_end(self) -> bool:
        """Whether a piece ends at the end marker: only where something is done about it, as it costs a request."""
        return self.chunked or self.options.end_bias != 0 or self.thought < self.options.thinking_floor_tokens

    @property
    def opened(self) -> bool:
        return self.markers.in_prompt or self.markers.start in self.text

    def reply(self, came: Came, why: Sequence[str] = ()) -> Reply:
        waits = [f"made to think on {self.waits} times"] if self.waits else []
        return Reply(self.text, came.finish_reason, came.cut, (*waits, *why))


def think(options: DecodingOptions, markers: ThinkingMarkers, max_tokens: int, wait: str) -> Plan:
    """Write thinking and answer.

    A reply that ends without having thought (no start marker, and none in the prompt) is taken as it is.

    Args:
        options: which controls are on.
        markers: the model's.
        max_tokens: most tokens of the reply, with all probes.
        wait: text that makes the model go on.
    """
    state = _Thinking(options, markers, max_tokens, wait)
    while True:
        size = min(state.room, options.chunk_tokens) if state.chunked else state.room
        if size < 1:
            return (yield from _answer(state, closed_by=f"thinking was closed after {state.thought:,} tokens"))
        stops, since = state.stops_at_end, len(state.text)
        came = yield Piece(state.text, size, (markers.end,) if stops else (), bias_at(options, state.chunks))
        state.text += came.text
        state.thought += came.tokens
        state.chunks += 1
        if came.cut:
            return state.reply(came)
        if not stops and markers.end in state.text:
            # It thought and went on to its answer in one piece.
            return state.reply(came) if came.finish_reason == "stop" else (yield from _go_on(state, ()))
        if came.finish_reason == "stop":
            by_marker = came.stop_text == markers.end
            if not by_marker and not state.opened:
                return state.reply(came)
            if state.thought < options.thinking_floor_tokens and state.waits < options.thinking_waits and state.room:
                state.text += wait
                state.waits += 1
                continue
            if by_marker:
                state.text += markers.end
                return (yield from _go_on(state, ()))
            return (yield from _answer(state, closed_by="the model ended within its thinking"))
        if came.tokens < size:
            return (yield from _answer(state, closed_by="thinking was closed: no room is left"))
        for look in state.looks:
            if state.room <= look.tokens or state.thought < options.thinking_floor_tokens:
                continue
            finding = yield from _count(state, look.look(state.text, since))
            if finding is not None:
                state.text = state.text[: finding.keep]
                why = f"thinking was closed after {state.thought:,} tokens: {finding.why}"
                return (yield from _answer(state, closed_by=why))


def _count(state: _Thinking, looking: Generator[Piece, Came, Finding | None]) -> Generator[Piece, Came, Finding | None]:
    """Pass a look's pieces on, and count their tokens."""
    try:
        piece = next(looking)
        while True:
            came = yield piece
            state.probed += came.tokens
            piece = looking.send(came)
    except StopIteration as done:
        finding: Finding | None = done.value
        return finding


def _answer(state: _Thinking, *, closed_by: str) -> Plan:
    """Close thinking from outside and write the answer."""
    state.text = closed(state.text, state.markers.end) + state.options.answer_bridge
    return (yield from _go_on(state, (closed_by,)))


def _go_on(state: _Thinking, why: tuple[str, ...]) -> Plan:
    if state.left < 1:
        return state.reply(Came("", "length", 0), why)
    came = yield Piece(state.text, state.left)
    state.text += came.text
    return state.reply(came, why)
