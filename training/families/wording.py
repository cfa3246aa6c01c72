"""How the clauses of a pipeline become a statement."""

from __future__ import annotations

import random

_FIRST = ("", "", "First, ", "To begin, ")
_NEXT = ("Then ", "Next, ", "After that, ", "Then ", "")
_LAST = ("Finally, ", "At the end, ", "Then ", "Lastly, ")
_OPEN_NOTES = ("The examples show the details.", "Work out the details from the examples.", "See the examples.")


def capitalised(text: str) -> str:
    """The text with its first letter in upper case and the rest untouched."""
    return text[:1].upper() + text[1:]


def assemble(rng: random.Random, opening: str, clauses: list[str], closing: str, has_open_steps: bool) -> str:
    """Join an opening sentence, imperative clauses and a closing sentence in one of three layouts."""
    note = rng.choice(_OPEN_NOTES) if has_open_steps else ""
    layout = rng.choice(("sentences", "sentences", "numbered", "chained"))
    if layout == "numbered":
        lines = [f"{place}. {capitalised(clause)}." for place, clause in enumerate(clauses, 1)]
        return "\n".join(part for part in (opening, *lines, closing, note) if part)
    if layout == "chained":
        groups = [clauses[start : start + 3] for start in range(0, len(clauses), 3)]
        sentences = [capitalised(", then ".join(group)) + "." for group in groups]
        sentences = [sentences[0], *(f"Then {s[:1].lower()}{s[1:]}" for s in sentences[1:])]
        return " ".join(part for part in (opening, *sentences, closing, note) if part)
    sentences = []
    for place, clause in enumerate(clauses):
        leads = _FIRST if place == 0 else _LAST if place == len(clauses) - 1 else _NEXT
        sentences.append(capitalised(rng.choice(leads) + clause) + ".")
    return " ".join(part for part in (opening, *sentences, closing, note) if part)
