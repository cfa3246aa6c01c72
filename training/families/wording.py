"""How the clauses of a problem become a statement."""

from __future__ import annotations

import random

_FIRST = ("", "", "First, ", "To begin, ")
_NEXT = ("Then ", "Next, ", "After that, ", "Then ", "")
_LAST = ("Finally, ", "At the end, ", "Then ", "Lastly, ")
_OPEN_NOTES = ("The examples show the details.", "Work out the details from the examples.", "See the examples.")
_LAYOUTS = (
    "sentences",
    "sentences",
    "sentences",
    "numbered",
    "bullets",
    "lines",
    "chained",
    "chained",
    "terse",
    "list",
)

_FUNCTION_OPENINGS = (
    "Write a function `{call}` that takes {noun}.",
    "Define a function `{call}`; `{variable}` is {noun}.",
    "Implement `{call}` for {noun} `{variable}`.",
    "The function `{call}` gets {noun}.",
)
_FUNCTION_CLOSINGS = ("Return the result.", "Return what you get.", "Return the final value.", "Give back the result.")
_GIVEN_OPENINGS = ("You are given {noun}, `{variable}`.", "Given {noun} `{variable}`, do the following.")
_NAMING_CLOSINGS = (
    "Write this as a function `{call}` that returns the result.",
    "Write a function `{call}` that does this and returns the result.",
    "Return the result from a function `{call}`.",
)


def capitalised(text: str) -> str:
    """The text with its first letter in upper case and the rest untouched."""
    return text[:1].upper() + text[1:]


def function_frame(rng: random.Random, call: str, variable: str, noun: str, returns: bool) -> tuple[str, str]:
    """An opening and a closing sentence that ask for a function, named in one of them.

    Args:
        rng: Source of all choices.
        call: The function with its parameter ("solve(xs)").
        variable: The parameter.
        noun: What the parameter is, with its article.
        returns: Whether the closing has to say that something is returned; else it is empty.
    """
    if returns and rng.random() < 0.3:
        opening, closing = rng.choice(_GIVEN_OPENINGS), rng.choice(_NAMING_CLOSINGS)
    else:
        opening, closing = rng.choice(_FUNCTION_OPENINGS), rng.choice(_FUNCTION_CLOSINGS) if returns else ""
    return opening.format(call=call, noun=noun, variable=variable), closing.format(call=call)


def assemble(rng: random.Random, opening: str, clauses: list[str], closing: str, has_open_steps: bool) -> str:
    """Join an opening sentence, imperative clauses and a closing sentence in one of several layouts."""
    note = rng.choice(_OPEN_NOTES) if has_open_steps else ""
    layout = rng.choice(_LAYOUTS)
    if layout in ("numbered", "bullets", "lines"):
        marks = {"numbered": "{place}. ", "bullets": "* ", "lines": ""}[layout]
        lines = [f"{marks.format(place=place)}{capitalised(clause)}." for place, clause in enumerate(clauses, 1)]
        return "\n".join(part for part in (opening, *lines, closing, note) if part)
    if layout == "terse":
        steps = "; ".join([*clauses, *([closing[:1].lower() + closing[1:].removesuffix(".")] if closing else [])])
        return " ".join(part for part in (f"{opening.removesuffix('.')}: {steps}.", note) if part)
    if layout == "list" and not any("," in clause for clause in clauses):
        *others, last = clauses
        sentences = [capitalised(f"{', '.join(others)} and {last}." if others else f"{last}.")]
    elif layout == "chained":
        groups = [clauses[start : start + 3] for start in range(0, len(clauses), 3)]
        sentences = [capitalised(", then ".join(group)) + "." for group in groups]
        sentences = [sentences[0], *(f"Then {s[:1].lower()}{s[1:]}" for s in sentences[1:])]
    else:
        sentences = []
        for place, clause in enumerate(clauses):
            leads = _FIRST if place == 0 else _LAST if place == len(clauses) - 1 else _NEXT
            sentences.append(capitalised(rng.choice(leads) + clause) + ".")
    return " ".join(part for part in (opening, *sentences, closing, note) if part)
