"""Where the first and the last tokens of a written text end and begin, by the model's own tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from solvent.models.base import ChatModel


async def places_in(model: ChatModel, text: str, head: int, tail: int) -> dict[str, int]:
    """Return where the first `head` tokens end and the last `tail` tokens begin, as `{"head": ..., "tail": ...}`.

    The tokens are those of which a prompt with this text consists, so both are the same however the text was streamed:
    a busy endpoint sends many tokens at once. Where a character would be torn, there are fewer tokens.

    Raises:
        ConfigError: the model does not tell its tokens (no capability `token_ids`).
        ProviderError: it had to be asked and failed.
    """
    tokens = await model.token_ids(text)
    first = last = ""
    for size in range(min(head, len(tokens)), 0, -1):
        first = await model.token_text(tokens[:size])
        if text.startswith(first):
            break
        first = ""
    for size in range(min(tail, len(tokens)), 0, -1):
        last = await model.token_text(tokens[-size:])
        if text.endswith(last):
            break
        last = ""
    return {"head": len(first), "tail": len(text) - len(last)}
