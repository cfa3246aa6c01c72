"""What is seen of a piece while it is written: its confidence, the places of its tokens, the likeliest first tokens."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import asdict

from pydantic import JsonValue

from solvent.agents.decoding.confidence import ConfidenceMeter
from solvent.models.base import Chunk


class PieceWatch:
    """The `Watch` of one piece.

    Args:
        quiet: whether its text is no part of the reply.
        meter: measures the confidence; ends the piece below its bar.
        places: record where the first and the last so many tokens end and begin.
        distribution: record the likeliest tokens in the first place.
    """

    def __init__(
        self,
        *,
        quiet: bool = False,
        meter: ConfidenceMeter | None = None,
        places: tuple[int, int] | None = None,
        distribution: bool = False,
    ) -> None:
        self.quiet = quiet
        self._meter = meter
        self._wanted = places
        self._distribution = distribution
        self._top: list[JsonValue] = []
        self._characters = [0]
        self._tokens = [0]

    def see(self, chunk: Chunk) -> bool:
        """Take a chunk; return whether the confidence is too low."""
        if self._wanted is not None and chunk.text:
            self._characters.append(self._characters[-1] + len(chunk.text))
            # An upper bound (`tokens_exact` is false) may fall at the end; a place never does.
            self._tokens.append(max(self._tokens[-1], chunk.tokens or self._tokens[-1] + 1))
        if self._distribution and not self._top and chunk.logprobs:
            self._top = [[token, logprob] for token, logprob in chunk.logprobs[0].top]
        return self._meter is not None and self._meter.see(chunk.logprobs)

    def record(self) -> dict[str, JsonValue]:
        """Return what was asked for."""
        record: dict[str, JsonValue] = {}
        if self._wanted is not None:
            head, tail = self._wanted
            tokens = self._tokens
            # The last place with at most `head` tokens before it, and the first with at most `tail` behind it.
            at_most = max(place for place, count in enumerate(tokens) if count <= head)
            record["head"] = self._characters[at_most]
            record["tail"] = self._characters[bisect_left(tokens, tokens[-1] - tail)]
        if self._distribution:
            record["top"] = self._top
        if self._meter is not None and (confidence := self._meter.so_far) is not None:
            record["confidence"] = asdict(confidence)
        return record
