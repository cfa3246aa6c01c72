"""What several solutions say of one concept: each in its words, and that holds which most problems say. Pure.

A single solution can be wrong by chance, as it has to pass the public tests only, and so can be what a model reads in
it. What is right comes again with other problems (as in self-consistency, Wang et al., arXiv 2203.11171: of several
readings the one that most come to).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from solvent.memory.concept import MOST_READING_USES, MOST_READINGS, MOST_TEXT, Content, Reading

FOUNDED = 2
"""Problems that speak for what a concept says, before it is believed without another trial."""


def plain_text(text: str) -> str:
    """Return what two texts have in common that differ in case, spaces and the stop at their end only."""
    return " ".join(text.casefold().split()).rstrip(" .;")


def united(everyone: Iterable[Content]) -> list[Reading]:
    """Return all that is said, what most problems speak for first, each in the words that sort first.

    The order of the contents does not matter. What goes over the limits is left out: what the fewest problems say.
    """
    found: dict[str, tuple[str, set[str], set[str]]] = {}
    for content in everyone:
        for reading in content.readings:
            text, uses, failures = found.get(plain_text(reading.text), (reading.text, set(), set()))
            found[plain_text(reading.text)] = (
                min(text, reading.text),
                uses | set(reading.used_in),
                failures | set(reading.failed_in),
            )
    united = [
        Reading(
            text=text,
            used_in=tuple(sorted(uses)[:MOST_READING_USES]),
            failed_in=tuple(sorted(failures)[:MOST_READING_USES]),
        )
        for text, uses, failures in found.values()
    ]
    return sorted(united, key=lambda one: (-one.votes, one.text))[:MOST_READINGS]


def against(content: Content, shown: str) -> Content:
    """Return a content that also says that its problem was not solved with another reading, which the job was shown."""
    if not content.readings or plain_text(shown) == plain_text(content.summary) or len(shown) > MOST_TEXT:
        return content
    return content.model_copy(update={"readings": (*content.readings, Reading(text=shown, failed_in=content.used_in))})


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
    """Return a content that says what most problems speak for.

    What it says already holds against what no more problems speak for, and always where no solution said it: a person
    did.
    """
    current = _of(content.readings, content.summary)
    if current is None:
        return content
    most = max(content.readings, key=lambda one: one.votes)
    if most.votes <= current.votes or not most.used_in:
        return content
    return content.model_copy(update={"summary": most.text})


def well_founded(content: Content, known: Content | None) -> bool:
    """Return whether `FOUNDED` other problems more speak for what a content says than against it, of the known one."""
    told = None if known is None else _of(known.readings, content.summary)
    if told is None:
        return False
    own = set(content.used_in)
    return len(set(told.used_in) - own) - len(set(told.failed_in) - own) >= FOUNDED


def _of(readings: Sequence[Reading], summary: str) -> Reading | None:
    return next((one for one in readings if plain_text(one.text) == plain_text(summary)), None)
