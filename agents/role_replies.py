"""What the replies of the roles beside solving hold, in the forms that the shipped prompts ask for. Pure.

A reply that does not hold what was asked for gives None, never a guess.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from solvent.agents.extract import code_blocks
from solvent.models.base import TokenLogprob

_WORD = re.compile(r"\b(right|wrong)\b", re.IGNORECASE)
_INPUT = re.compile(r"^in:", re.MULTILINE)
_CONCEPT = re.compile(r"^[ \t]*[-*][ \t]+(?P<name>[^:\n]+?)[ \t]*:[ \t]*(?P<text>\S[^\n]*)$", re.MULTILINE)
_MARKS = "*_`.!\"' \t"


@dataclass(frozen=True)
class NamedText:
    """A concept as a reply states it."""

    name: str
    text: str


def last_line(text: str) -> str:
    """Return the last line that says something, without marks around it."""
    lines = [line for line in text.splitlines() if line.strip(_MARKS)]
    return lines[-1].strip(_MARKS) if lines else ""


def said_right(text: str) -> bool | None:
    """Return the verdict of `verify` or `verify-slow`: of the last line the one word, or the only one of both in it."""
    words = {word.lower() for word in _WORD.findall(last_line(text))}
    return words == {"right"} if len(words) == 1 else None


def probability_right(logprobs: Sequence[TokenLogprob]) -> float | None:
    """Return P(right) against P(wrong) where the verdict's word begins, from the likeliest tokens there.

    Tokens count for a word that begins with them, white space and case aside. A word that is not among the likeliest
    has no mass; None where neither is at any place.
    """
    for token in reversed(logprobs):
        alternatives = dict([*token.top, (token.token, token.logprob)])
        masses = {
            word: sum(math.exp(logprob) for text, logprob in alternatives.items() if _begins(word, text))
            for word in ("right", "wrong")
        }
        if _begins("right", token.token) or _begins("wrong", token.token):
            return masses["right"] / (masses["right"] + masses["wrong"])
    return None


def _begins(word: str, token: str) -> bool:
    text = token.strip().lower()
    return bool(text) and word.startswith(text)


def inputs_of(text: str) -> list[str] | None:
    """Return the inputs of `tests`: the fenced blocks, or else what follows each "in:", different ones only."""
    found = [block.text for block in code_blocks(text) if block.closed]
    if not found:
        found = _INPUT.split(text)[1:]
    inputs = list(dict.fromkeys(part.strip("\n").strip() for part in found))
    return [part for part in inputs if part] or None


def concepts_of(text: str) -> list[NamedText] | None:
    """Return the concepts of `abstract`; none where the reply says "none"."""
    found = [NamedText(match["name"].strip(_MARKS), match["text"].strip()) for match in _CONCEPT.finditer(text)]
    if found:
        return list({concept.name: concept for concept in found}.values())
    return [] if last_line(text).lower() == "none" else None


def numbers_of(text: str, count: int) -> list[int] | None:
    """Return the numbers of `choose`, 1 to `count`, each once, from the last line; none where it says "none"."""
    line = last_line(text)
    if line.lower() == "none":
        return []
    numbers = [int(number) for number in re.findall(r"\d+", line)]
    if not numbers or not all(1 <= number <= count for number in numbers):
        return None
    return list(dict.fromkeys(numbers))
