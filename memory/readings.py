"""What several solutions say of one concept: each in its words, and that holds which most problems say. Pure.

A single solution can be wrong by chance, as it has to pass the public tests only, and so can be what a model reads in
it. What is right comes again with other problems (as in self-consistency, Wang et al., arXiv 2203.11171: of several
readings the one that most come to).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from solvent.memory.concept import MOST_READING_USES, MOST_READINGS, Content, Reading


def plain_text(text: str) -> str:
    """Return what two texts have in common that differ in case, spaces and the stop at their end only."""
    return " ".join(text.casefold().split()).rstrip(" .;")


def united(everyone: Iterable[Content]) -> list[Reading]:
    """Return all that is said, what most problems say first, each in the words that sort first.

    The order of the contents does not matter. What goes over the limits is left out: what the fewest problems say.
    """
    found: dict[str, tuple[str, set[str]]] = {}
    for content in everyone:
        for reading in content.readings:
            text, uses = found.get(plain_text(reading.text), (reading.text, set()))
            found[plain_text(reading.text)] = (min(text, reading.text), uses | set(reading.used_in))
    ranked = sorted(found.values(), key=lambda one: (-len(one[1]), one[0]))
    return [
        Reading(text=text, used_in=tuple(sorted(uses)[:MOST_READING_USES])) for text, uses in ranked[:MOST_READINGS]
    ]


def joined(into: Content, others: Iterable[Content]) -> list[Reading]:
    """Return the readings of a concept that others become part of.

    Where no solution said what it says, a person did, and solutions that agree do not make it one of the readings: it
    could be outvoted then.
    """
    readings = united([into, *others])
    if _of(into.readings, into.summary) is not None:
        return readings
    return [one for one in readings if plain_text(one.text) != plain_text(into.summary)]


def settled(content: Content) -> Content:
    """Return a content that says what most problems say of it.

    What it says already holds against what no more problems say, and always where no solution said it: a person did.
    """
    current = _of(content.readings, content.summary)
    if current is None:
        return content
    most = max(content.readings, key=lambda one: len(one.used_in))
    if len(most.used_in) <= len(current.used_in):
        return content
    return content.model_copy(update={"summary": most.text})


def _of(readings: Sequence[Reading], summary: str) -> Reading | None:
    return next((one for one in readings if plain_text(one.text) == plain_text(summary)), None)
