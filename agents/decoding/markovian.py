"""Thinking in chunks of a fixed size, each from the problem and a bounded carry-over: the context does not grow.

Delethink of "The Markovian Thinker" (Aghajohari et al. 2025, arXiv 2510.06557): every chunk after the first begins with
the first tokens of the reply and the last ones of the chunk before it, and is shorter by what is carried over.
"""

from __future__ import annotations

from solvent.agents.decoding.options import DecodingOptions
from solvent.agents.decoding.pieces import Piece, Plan, Reply, closed
from solvent.models.profiles import ThinkingMarkers


def think_in_chunks(options: DecodingOptions, markers: ThinkingMarkers | None, max_tokens: int) -> Plan:
    """Write a reply; it is all that was generated, though no chunk saw all of it.

    With markers, thinking that is still open at the end is closed, and the answer written from the last carry-over.
    """
    chunk, carry = options.markovian_chunk_tokens or max_tokens, options.carry_tokens
    places = (options.markovian_head_tokens, carry)
    thinking_end = max_tokens - (options.answer_tokens(max_tokens) if markers is not None else 0)
    text, head, seen, spent, chunks = "", "", "", 0, 0
    while chunks < options.markovian_chunks:
        size = min(chunk if chunks == 0 else chunk - carry, thinking_end - spent)
        if size < 1:
            break
        came = yield Piece(seen, size, places=places)
        chunks += 1
        text += came.text
        spent += came.tokens
        if came.cut or came.finish_reason == "stop":
            return Reply(text, came.finish_reason, came.cut, _notes(chunks))
        if chunks == 1:
            head = came.text[: int(came.record.get("head", 0))]
        seen = head + came.text[int(came.record.get("tail", 0)) :]
        if came.tokens < size:
            break
    if markers is None or markers.end in text or max_tokens - spent < 1:
        return Reply(text, "length", notes=_notes(chunks))
    ending = closed(seen, markers.end)[len(seen) :] + options.answer_bridge
    came = yield Piece(seen + ending, max_tokens - spent)
    why = f"thinking was closed after {spent:,} tokens"
    return Reply(text + ending + came.text, came.finish_reason, came.cut, (*_notes(chunks), why))


def _notes(chunks: int) -> tuple[str, ...]:
    return (f"{chunks} chunks",) if chunks > 1 else ()
