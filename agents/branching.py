"""Other readings of a solution than the one that a model gives: its reply, gone on with where another word was likely.

Samples often say the same again, and what is misread is misread in the same words. A reply that is continued from the
likeliest word that it did not take says something else (Chain-of-Thought Decoding, arXiv 2402.10200, branches at the
first word; here it is the word, of those that tell a meaning, that was closest to the one that was taken).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import JsonValue

from solvent.agents.concept_replies import tells_meaning

if TYPE_CHECKING:
    from solvent.models.base import Chunk

TOP = 4
"""Likeliest tokens that are looked at in each place."""


class Branches:
    """Looks on while a reply is written, and records how others would begin that say something else.

    Args:
        most: beginnings to record.
    """

    quiet = False

    def __init__(self, most: int) -> None:
        self._most = most
        self._text = ""
        self._found: list[tuple[float, str]] = []

    def see(self, chunk: Chunk) -> bool:
        """Take the next chunk, with log probabilities; never ends the reply."""
        for token in chunk.logprobs:
            if tells_meaning(self._text.rpartition("\n")[2]):
                self._found += [
                    (logprob - token.logprob, self._text + other)
                    for other, logprob in token.top
                    if _says(other) and other.strip().casefold() != token.token.strip().casefold()
                ]
            self._text += token.token
        return False

    def record(self) -> dict[str, JsonValue]:
        """Return the beginnings, the likeliest branch first."""
        best = sorted(self._found, key=lambda found: (-found[0], found[1]))[: self._most]
        return {"branches": [beginning for _, beginning in best]}


def _says(token: str) -> bool:
    return "\n" not in token and any(letter.isalnum() for letter in token)
