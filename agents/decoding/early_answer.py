"""Early answers: what would the model answer now? Thinking is over when it would answer the same again and again.

Probing at intervals as DeepPrune's and other early-exit studies do; the answer is drawn greedily from a closed copy.
"""

from __future__ import annotations

from collections.abc import Generator

from solvent.agents.decoding.completion import Finding
from solvent.agents.decoding.options import DecodingOptions
from solvent.agents.decoding.pieces import Came, Piece, closed


class EarlyAnswers:
    """Draws an answer after each chunk and counts how many in a row are equal."""

    def __init__(self, options: DecodingOptions, end: str, wanted: int) -> None:
        self._options = options
        self._end = end
        self._wanted = wanted
        self._last = ""
        self._run = 0
        self.tokens = options.early_answer_tokens

    def look(self, text: str, since: int) -> Generator[Piece, Came, Finding | None]:
        """Look at thinking; only its whole counts."""
        prefix = closed(text, self._end) + self._options.early_answer_text
        came = yield Piece(prefix, self.tokens, stop=("\n",), probe=True)
        answer = stated(came.text)
        self._run = self._run + 1 if answer and answer == self._last else int(bool(answer))
        self._last = answer
        if self._run < self._wanted:
            return None
        return Finding(len(text), f"{self._run} early answers in a row agree")


def stated(text: str) -> str:
    """Return an answer's text up to the brace that closes it or the end of its line, in single spaces."""
    depth = 0
    line = text.lstrip().partition("\n")[0]
    for place, sign in enumerate(line):
        depth += (sign == "{") - (sign == "}")
        if depth < 0:
            line = line[:place]
            break
    return " ".join(line.split())
