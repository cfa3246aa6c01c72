"""Scans: one pass over a list of integers that keeps a little state, after a preparation and before an answer."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from solvent.training.families.composed import ComposedFamily
from solvent.training.families.inputs import integers
from solvent.training.families.parts import Body, Ending, OpenWording, Part, Step, show_list
from solvent.training.families.scan_answers import (
    AFTERS,
    CONDITION,
    CONDITIONAL,
    CONDITIONS,
    FINDS,
    NUMBER,
    OTHER_NUMBER,
    VERDICT,
)
from solvent.training.families.scan_lists import LIST, PASSES, PREPARATIONS
from solvent.training.families.scenes import Scene, typed_chain

_PARTS = (*PREPARATIONS, *PASSES, *FINDS, *AFTERS)
_CHOOSE_CHAIN, _CHAIN_BODY = typed_chain(_PARTS, LIST)


def _choose(rng: random.Random, depth: int) -> list[Step]:
    """A typed chain, or one with a condition and what is asked of the numbers that meet it."""
    if depth < 2 or rng.random() < 0.6:
        return _CHOOSE_CHAIN(rng, depth)
    after = depth > 2 and rng.random() < 0.4
    before = depth - 2 - after
    parts = [rng.choice(rng.choice((PREPARATIONS, PASSES))) for _ in range(before)]
    parts += [rng.choice(CONDITIONS), rng.choice(CONDITIONAL)]
    if after:
        parts.append(rng.choice(AFTERS))
    return [Step(part, rng.choice(part.parameters)) for part in parts]


def _body(steps: Sequence[Step]) -> Body | None:
    place = next((place for place, step in enumerate(steps) if step.part.takes == CONDITION), None)
    if place is None:
        return _CHAIN_BODY(steps)
    if steps[place].part.gives == NUMBER:
        return _CHAIN_BODY((*steps[:place], _asked(steps[place], "True"), *steps[place + 1 :]))
    if place + 1 == len(steps) or steps[place + 1].part.takes != CONDITION:
        return None
    joined = _asked(steps[place + 1], steps[place].code)
    return _CHAIN_BODY((*steps[:place], joined, *steps[place + 2 :]))


def _asked(step: Step, condition: str) -> Step:
    """A part that asks about some numbers, with the condition that they meet."""
    return Step(Part("", step.code.replace("{c}", condition), (), LIST, NUMBER))


_OPEN_WORDINGS = (
    OpenWording(
        ("change the signs", "do something about the signs"), (("absolute", ""), ("negate", ""), ("alternate", ""))
    ),
    OpenWording(
        ("keep some of the numbers", "filter the numbers"),
        (("keep_even", ""), ("keep_positive", ""), ("keep_below", 5), ("records", "")),
    ),
    OpenWording(("change the order", "bring the list in another order"), (("sort", ""), ("reverse", ""))),
    OpenWording(
        ("combine neighbours", "replace the list by a value for each two neighbours"),
        (("differences", ""), ("neighbour_sums", ""), ("window_maxima", 2), ("window_minima", 2)),
    ),
    OpenWording(
        ("carry a value along the list", "replace each number by a running value"),
        (("prefix_sums", ""), ("running_max", ""), ("running_min", ""), ("resetting_sums", "")),
    ),
    OpenWording(
        ("only certain numbers count", "look at numbers of one kind"),
        (("if_even", ""), ("if_odd", ""), ("if_positive", ""), ("if_multiple", 3)),
    ),
    OpenWording(
        ("{out} a number about these", "{out} what these numbers tell"),
        (("longest_run", ""), ("count", ""), ("total", ""), ("stretches", "")),
    ),
    OpenWording(
        ("{out} the length of the longest run", "{out} how long the longest stretch is"),
        (("longest_rise", ""), ("longest_fall", ""), ("longest_equal", "")),
    ),
    OpenWording(
        ("{out} the best sum", "{out} an extreme sum of some consecutive numbers"),
        (("max_subarray", ""), ("min_subarray", ""), ("largest_window", 2), ("largest_window", 3)),
    ),
    OpenWording(
        ("{out} how often it goes up or down", "{out} the number of turns or steps of one kind"),
        (("rises", ""), ("peaks", ""), ("valleys", ""), ("inversions", "")),
    ),
    OpenWording(
        ("{out} a number made from it", "{out} it adjusted"),
        (("doubled", ""), ("plus_length", ""), ("minus_first", ""), ("plus_last", "")),
    ),
    OpenWording(
        ("{out} a word about it", "{out} what kind of number it is"),
        (("is_even", ""), ("is_above", 3), ("is_above", 5), ("size", "")),
    ),
)


def _draw(rng: random.Random, large: bool) -> tuple[Any, ...]:
    size = rng.randint(7, 12) if large else rng.randint(4, 7)
    low, high = (-30, 60) if large and rng.random() < 0.6 else (-5, 9)
    xs = [rng.randint(low, high) for _ in range(size)]
    if rng.random() < 0.5:
        place = rng.randrange(1, size)
        xs[place] = xs[place - 1]
    return (xs,)


SCANS = ComposedFamily(
    "scan",
    (
        Scene(
            name="scan",
            inputs=integers(_draw),
            stdio_openings=(
                "Read integers from one line.",
                "The first line has integers.",
                "You are given a line of integers.",
                "The input begins with a line of numbers separated by spaces.",
            ),
            function_openings=(
                "You are given a list of integers.",
                "Given a list of numbers, do the following.",
                "The input is a list of integers.",
            ),
            endings={
                LIST: Ending("xs", ("print(*xs)",), show_list, "the list"),
                NUMBER: Ending("answer", ("print(answer)",), str),
                OTHER_NUMBER: Ending("answer", ("print(answer)",), str),
                VERDICT: Ending("answer", ("print(answer)",), str),
            },
            parts=(*_PARTS, *CONDITIONS, *CONDITIONAL),
            choose=_choose,
            body=_body,
            open_wordings=_OPEN_WORDINGS,
        ),
    ),
)
