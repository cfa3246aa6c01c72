"""The completion probe: is the solution finished? Asked beside the reply, answered by one token's probabilities.

The detect step of Solve-Detect-Verify (arXiv 2505.11966), which asks at hesitation words. The end of a paragraph, as
ThinkBrake and later versions of that paper have it, depends on no model's habits and is the default.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Generator, Iterable, Sequence
from dataclasses import dataclass

from solvent.agents.decoding.options import MOST_TOP_LOGPROBS, DecodingOptions
from solvent.agents.decoding.pieces import Came, Piece

PROBE_TOKENS = 1
_LONGEST_BOUNDARY = 64


@dataclass(frozen=True)
class Finding:
    """That thinking is to be closed: after so many characters of it, and why."""

    keep: int
    why: str


class CompletionProbe:
    """Asks at the last boundary of each chunk."""

    tokens = PROBE_TOKENS

    def __init__(self, options: DecodingOptions, threshold: float) -> None:
        self._options = options
        self._threshold = threshold

    def look(self, text: str, since: int) -> Generator[Piece, Came, Finding | None]:
        """Look at thinking whose characters from `since` on are new."""
        options = self._options
        place = last_boundary(text, since, options.hesitation_words)
        if place is None:
            return None
        came = yield Piece(
            text[:place] + options.completion_text, PROBE_TOKENS, top_logprobs=MOST_TOP_LOGPROBS, probe=True
        )
        finished = probability(came.record.get("top", ()), options.completion_yes, options.completion_no)
        if finished is None or finished < self._threshold:
            return None
        return Finding(place, f"the probe finds it complete, P = {finished:.2f}")


def last_boundary(text: str, since: int, words: Collection[str] = ()) -> int | None:
    """Return where the last paragraph ends, or the last of `words` begins, if that is whole only since `since`.

    The place is before the white space. None: there is no such place.
    """
    boundary = r"\n[ \t]*\n"
    if words:
        boundary += rf"|(?<!\w)(?:{'|'.join(map(re.escape, words))})(?!\w)"
    # What began in the previous chunk and is whole only now is new too.
    begin = max(0, since - _LONGEST_BOUNDARY)
    found = [match for match in re.compile(boundary).finditer(text, begin) if match.end() > since]
    places = [len(text[: match.start()].rstrip()) for match in found]
    return max((place for place in places if place > 0), default=None)


def probability(top: Iterable[Sequence[object]], yes: Collection[str], no: Collection[str]) -> float | None:
    """Return P(finished) from the likeliest next tokens, as (token, logprob).

    With words for both, it is the share of `yes` in what they have together, None where neither is among the likeliest.
    """
    mass = {"yes": 0.0, "no": 0.0}
    for token, logprob in top:
        word = str(token).strip().casefold()
        for side, words in (("yes", yes), ("no", no)):
            if word in {each.strip().casefold() for each in words}:
                mass[side] += math.exp(float(str(logprob)))
    if not no:
        return min(1.0, mass["yes"])
    both = mass["yes"] + mass["no"]
    return mass["yes"] / both if both > 0 else None
