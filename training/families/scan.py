"""Scans: one pass over a list of integers that keeps a little state, after a preparation and before an answer."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from solvent.training.families.composed import ComposedFamily
from solvent.training.families.parts import (
    Body,
    Ending,
    OpenWording,
    Part,
    Scene,
    Step,
    is_list_of_integers,
    show_list,
    typed_chain,
)

_L, _N, _F, _A, _C = "list", "number", "other number", "verdict", "condition"


def _prepare(name: str, code: str, *phrases: str, parameters: tuple[int | str, ...] = ("",)) -> Part:
    return Part(name, f"xs = {code}", phrases, _L, _L, parameters)


def _pass(name: str, code: str, *phrases: str, parameters: tuple[int | str, ...] = ("",)) -> Part:
    """A scan from list to list; the code adds to `ys`."""
    return Part(name, f"ys = []\n{code}\nxs = ys", phrases, _L, _L, parameters)


def _find(name: str, code: str, *phrases: str, parameters: tuple[int | str, ...] = ("",)) -> Part:
    return Part(name, code, tuple("{out} " + phrase for phrase in phrases), _L, _N, parameters)


def _after(gives: str, name: str, code: str, *phrases: str, parameters: tuple[int | str, ...] = ("",)) -> Part:
    return Part(name, f"answer = {code}", phrases, _N, gives, parameters)


_PREPARATIONS = (
    _prepare("sort", "sorted(xs)", "sort the numbers", "put the numbers in increasing order"),
    _prepare("reverse", "xs[::-1]", "reverse the list", "read the list from back to front"),
    _prepare("absolute", "[abs(x) for x in xs]", "take absolute values", "drop the sign of every number"),
    _prepare("negate", "[-x for x in xs]", "negate every number", "flip all the signs"),
    _prepare(
        "modulo",
        "[x % {k} for x in xs]",
        "take every number modulo {k}",
        "replace numbers by remainders mod {k}",
        parameters=(2, 3, 4, 5),
    ),
    _prepare(
        "subtract",
        "[x - {k} for x in xs]",
        "subtract {k} from every number",
        "take {k} off each number",
        parameters=(1, 2, 3, 4, 5),
    ),
    _prepare("keep_even", "[x for x in xs if x % 2 == 0]", "keep the even numbers", "throw the odd numbers out"),
    _prepare("keep_positive", "[x for x in xs if x > 0]", "keep the positive numbers", "remove what is 0 or negative"),
    _prepare(
        "keep_below",
        "[x for x in xs if x < {k}]",
        "keep the numbers below {k}",
        "remove numbers of {k} or more",
        parameters=(4, 5, 6, 7),
    ),
    _prepare(
        "signs",
        "[1 if x > {k} else -1 for x in xs]",
        "write 1 for numbers above {k}, -1 for others",
        "replace numbers greater than {k} by 1 and the rest by -1",
        parameters=(1, 2, 3, 4),
    ),
    _prepare("unique", "list(dict.fromkeys(xs))", "remove duplicates", "keep the first copy of each number"),
    _prepare(
        "differences",
        "[b - a for a, b in zip(xs, xs[1:])]",
        "take differences of neighbours",
        "replace the list by each number minus the one before it",
    ),
    _prepare(
        "neighbour_sums",
        "[a + b for a, b in zip(xs, xs[1:])]",
        "take sums of neighbours",
        "replace the list by the sums of two neighbours",
    ),
)
_PASSES = (
    _pass(
        "prefix_sums",
        "t = 0\nfor x in xs:\n    t += x\n    ys.append(t)",
        "take prefix sums",
        "replace each number by the sum of all numbers up to it",
    ),
    _pass(
        "running_max",
        "m = xs[0]\nfor x in xs:\n    m = max(m, x)\n    ys.append(m)",
        "take the running maximum",
        "replace each number by the largest number up to it",
    ),
    _pass(
        "running_min",
        "m = xs[0]\nfor x in xs:\n    m = min(m, x)\n    ys.append(m)",
        "take the running minimum",
        "replace each number by the smallest number up to it",
    ),
    _pass(
        "window_sums",
        "for i in range(len(xs) - {k} + 1):\n    ys.append(sum(xs[i:i + {k}]))",
        "take the sums of {k} consecutive numbers",
        "replace the list by the sums of all windows of length {k}",
        parameters=(2, 3),
    ),
    _pass(
        "window_maxima",
        "for i in range(len(xs) - {k} + 1):\n    ys.append(max(xs[i:i + {k}]))",
        "take the maxima of {k} consecutive numbers",
        "replace the list by the maximum of every window of length {k}",
        parameters=(2, 3),
    ),
    _pass(
        "window_minima",
        "for i in range(len(xs) - {k} + 1):\n    ys.append(min(xs[i:i + {k}]))",
        "take the minima of {k} consecutive numbers",
        "replace the list by the minimum of every window of length {k}",
        parameters=(2, 3),
    ),
    _pass(
        "drop_repeats",
        "for x in xs:\n    if not ys or ys[-1] != x:\n        ys.append(x)",
        "merge equal neighbours",
        "drop every number that equals the one before it",
    ),
    _pass(
        "records",
        "for x in xs:\n    if not ys or x > ys[-1]:\n        ys.append(x)",
        "keep the records",
        "keep only the numbers that are larger than all numbers before them",
    ),
    _pass(
        "resetting_sums",
        "t = 0\nfor x in xs:\n    t = max(t + x, 0)\n    ys.append(t)",
        "take prefix sums that never fall below 0",
        "add the numbers up, going back to 0 when negative, and list it all",
    ),
    _pass(
        "capped_sums",
        "t = 0\nfor x in xs:\n    t = min(t + x, {k})\n    ys.append(t)",
        "take prefix sums that never exceed {k}",
        "add the numbers up, cutting the sum to {k}, and list every sum",
        parameters=(5, 8, 10, 12),
    ),
    _pass(
        "run_lengths",
        "for i, x in enumerate(xs):\n    if i and x == xs[i - 1]:\n        ys[-1] += 1\n"
        "    else:\n        ys.append(1)",
        "take the lengths of runs of equal numbers",
        "replace each block of equal neighbours by its length",
    ),
    _pass(
        "last_seen",
        "for i, x in enumerate(xs):\n    ys.append(xs[:i].count(x))",
        "count earlier copies of each number",
        "replace each number by how often it came before",
    ),
    _pass(
        "smaller_before",
        "for i, x in enumerate(xs):\n    ys.append(sum(y < x for y in xs[:i]))",
        "count smaller numbers before each number",
        "replace each number by how many numbers before it are smaller",
    ),
    _pass(
        "alternate",
        "s = 1\nfor x in xs:\n    ys.append(s * x)\n    s = -s",
        "change every second sign",
        "negate the second, fourth, sixth number and so on",
    ),
)
_CONDITIONS = (
    Part("if_even", "x % 2 == 0", ("only even numbers count", "look at even numbers"), _C, _C),
    Part("if_odd", "x % 2 == 1", ("only odd numbers count", "look at odd numbers"), _C, _C),
    Part("if_positive", "x > 0", ("only positive numbers count", "look at numbers above 0"), _C, _C),
    Part(
        "if_above", "x > {k}", ("only numbers above {k} count", "look at numbers greater than {k}"), _C, _C, (2, 3, 4)
    ),
    Part("if_below", "x < {k}", ("only numbers below {k} count", "look at numbers less than {k}"), _C, _C, (3, 4, 5)),
    Part(
        "if_multiple",
        "x % {k} == 0",
        ("only multiples of {k} count", "look at numbers divisible by {k}"),
        _C,
        _C,
        (3, 4, 5),
    ),
)
_CONDITIONAL = (
    Part(
        "longest_run",
        "answer = run = 0\nfor x in xs:\n    run = run + 1 if {c} else 0\n    answer = max(answer, run)",
        ("{out} the length of the longest run of these", "{out} how many such numbers stand in a row at most"),
        _C,
        _N,
    ),
    Part(
        "count",
        "answer = 0\nfor x in xs:\n    if {c}:\n        answer += 1",
        ("{out} how many of these there are", "{out} the count of such numbers"),
        _C,
        _N,
    ),
    Part(
        "total",
        "answer = 0\nfor x in xs:\n    if {c}:\n        answer += x",
        ("{out} the sum of these", "{out} the total of such numbers"),
        _C,
        _N,
    ),
    Part(
        "first_place",
        "answer = 0\nfor i, x in enumerate(xs):\n    if {c}:\n        answer = i + 1\n        break",
        ("{out} the place of the first of these, 0 if none", "{out} where such a number comes first, from 1, or 0"),
        _C,
        _N,
    ),
    Part(
        "last_place",
        "answer = 0\nfor i, x in enumerate(xs):\n    if {c}:\n        answer = i + 1",
        ("{out} the place of the last of these, 0 if none", "{out} where such a number comes last, from 1, or 0"),
        _C,
        _N,
    ),
    Part(
        "best_stretch",
        "answer = t = 0\nfor x in xs:\n    t = t + x if {c} else 0\n    answer = max(answer, t)",
        (
            "{out} the largest running sum of these, restarted at others",
            "{out} the best sum when such numbers add up and any other number sets the sum to 0",
        ),
        _C,
        _N,
    ),
    Part(
        "stretches",
        "answer = run = 0\nfor x in xs:\n    if {c} and not run:\n        answer += 1\n    run = {c}",
        ("{out} the number of runs of these", "{out} how many blocks such numbers form"),
        _C,
        _N,
    ),
)
_FINDS = (
    _find(
        "max_subarray",
        "answer = t = xs[0]\nfor x in xs[1:]:\n    t = max(t + x, x)\n    answer = max(answer, t)",
        "the largest sum of a contiguous part",
        "the maximum subarray sum",
    ),
    _find(
        "min_subarray",
        "answer = t = xs[0]\nfor x in xs[1:]:\n    t = min(t + x, x)\n    answer = min(answer, t)",
        "the smallest sum of a contiguous part",
        "the minimum subarray sum",
    ),
    _find(
        "longest_rise",
        "answer = run = 1\nfor a, b in zip(xs, xs[1:]):\n    run = run + 1 if b > a else 1\n"
        "    answer = max(answer, run)",
        "the length of the longest rising run",
        "how many neighbours at most increase one after the other",
    ),
    _find(
        "longest_fall",
        "answer = run = 1\nfor a, b in zip(xs, xs[1:]):\n    run = run + 1 if b < a else 1\n"
        "    answer = max(answer, run)",
        "the length of the longest falling run",
        "how many neighbours at most decrease one after the other",
    ),
    _find(
        "longest_equal",
        "answer = run = 1\nfor a, b in zip(xs, xs[1:]):\n    run = run + 1 if b == a else 1\n"
        "    answer = max(answer, run)",
        "the length of the longest run of equal numbers",
        "how many equal numbers stand side by side at most",
    ),
    _find(
        "best_gain",
        "answer, low = 0, xs[0]\nfor x in xs:\n    low = min(low, x)\n    answer = max(answer, x - low)",
        "the best gain from a number to a later one",
        "the largest profit of buying once and selling later, or 0",
    ),
    _find(
        "worst_drop",
        "answer, high = 0, xs[0]\nfor x in xs:\n    high = max(high, x)\n    answer = max(answer, high - x)",
        "the largest drop from a number to a later one",
        "how far the numbers fall at most from a peak to a later one",
    ),
    _find(
        "rises",
        "answer = 0\nfor a, b in zip(xs, xs[1:]):\n    if b > a:\n        answer += 1",
        "how often a number is above the one before",
        "the number of steps up between neighbours",
    ),
    _find(
        "peaks",
        "answer = 0\nfor a, b, c in zip(xs, xs[1:], xs[2:]):\n    if b > a and b > c:\n        answer += 1",
        "the number of peaks",
        "how many numbers are greater than both neighbours",
    ),
    _find(
        "valleys",
        "answer = 0\nfor a, b, c in zip(xs, xs[1:], xs[2:]):\n    if b < a and b < c:\n        answer += 1",
        "the number of valleys",
        "how many numbers are less than both neighbours",
    ),
    _find(
        "smallest_gap",
        "answer = min(abs(a - b) for a, b in zip(xs, xs[1:]))",
        "the smallest gap of neighbours",
        "the least absolute difference of two neighbours",
    ),
    _find(
        "largest_gap",
        "answer = max(abs(a - b) for a, b in zip(xs, xs[1:]))",
        "the largest gap of neighbours",
        "the greatest absolute difference of two neighbours",
    ),
    _find(
        "pairs_with_sum",
        "answer, seen = 0, []\nfor x in xs:\n    answer += seen.count({k} - x)\n    seen.append(x)",
        "how many pairs have the sum {k}",
        "the number of pairs that add up to {k}",
        parameters=(4, 5, 6, 7, 8),
    ),
    _find(
        "close_pairs",
        "i, j, answer = 0, len(xs) - 1, 0\nys = sorted(xs)\nwhile i < j:\n    if ys[i] + ys[j] > {k}:\n"
        "        j -= 1\n    else:\n        answer += j - i\n        i += 1",
        "how many pairs have a sum up to {k}",
        "the number of pairs that add up to {k} or less",
        parameters=(4, 5, 6, 7, 8),
    ),
    _find(
        "reach",
        "answer, t = 0, 0\nfor x in xs:\n    t += x\n    answer += 1\n    if t >= {k}:\n        break",
        "how many numbers must be added up to reach {k}",
        "after how many numbers the sum is at least {k}, or the length of the list",
        parameters=(6, 8, 10, 12),
    ),
    _find(
        "inversions",
        "answer = 0\nfor i, x in enumerate(xs):\n    answer += sum(y > x for y in xs[:i])",
        "the number of inversions",
        "how many pairs stand in the wrong order, the larger number first",
    ),
    _find(
        "largest_window",
        "answer = max(sum(xs[i:i + {k}]) for i in range(len(xs) - {k} + 1))",
        "the largest sum of {k} consecutive numbers",
        "the best sum of a window of length {k}",
        parameters=(2, 3),
    ),
    _find(
        "balance",
        "answer, t = 0, 0\nfor x in xs:\n    if 2 * t + x == sum(xs):\n        answer += 1\n    t += x",
        "how many places have equal sums on both sides",
        "the number of places with the same sum before and after",
    ),
    _find("sum", "answer = sum(xs)", "the sum of the numbers", "what the numbers add up to"),
    _find("maximum", "answer = max(xs)", "the largest number", "the maximum of the list"),
    _find("distinct", "answer = len(set(xs))", "how many different numbers there are", "the number of distinct values"),
)
_AFTERS = (
    _after(_F, "doubled", "2 * answer", "{out} twice that", "{out} this number times 2"),
    _after(
        _F,
        "remainder",
        "answer % {k}",
        "{out} that modulo {k}",
        "{out} its remainder modulo {k}",
        parameters=(2, 3, 4, 5),
    ),
    _after(
        _F,
        "plus_length",
        "answer + len(xs)",
        "{out} that plus the length of the list",
        "{out} it plus how many numbers the list has now",
    ),
    _after(
        _F,
        "minus_first",
        "answer - xs[0]",
        "{out} that minus the first number",
        "{out} it less the number at the start of the list",
    ),
    _after(
        _F,
        "plus_last",
        "answer + xs[-1]",
        "{out} that plus the last number",
        "{out} it plus the number at the end of the list",
    ),
    _after(
        _A,
        "is_even",
        "'even' if answer % 2 == 0 else 'odd'",
        "{out} whether that is even or odd",
        "{out} even or odd, whichever it is",
    ),
    _after(
        _A,
        "is_above",
        "'yes' if answer > {k} else 'no'",
        "{out} yes if that is above {k}, else no",
        "{out} yes when it is greater than {k} and no otherwise",
        parameters=(1, 2, 3, 4, 5),
    ),
    _after(
        _A,
        "size",
        "'small' if answer < 3 else 'big' if answer > 7 else 'medium'",
        "{out} small if that is below 3, big above 7, else medium",
        "{out} small when it is under 3, big when it is over 7 and medium otherwise",
    ),
)
_PARTS = (*_PREPARATIONS, *_PASSES, *_FINDS, *_AFTERS)
_CHOOSE_CHAIN, _CHAIN_BODY = typed_chain(_PARTS, _L)


def _choose(rng: random.Random, depth: int) -> list[Step]:
    """A typed chain, or one with a condition and what is asked of the numbers that meet it."""
    if depth < 2 or rng.random() < 0.6:
        return _CHOOSE_CHAIN(rng, depth)
    after = depth > 2 and rng.random() < 0.4
    before = depth - 2 - after
    parts = [rng.choice(rng.choice((_PREPARATIONS, _PASSES))) for _ in range(before)]
    parts += [rng.choice(_CONDITIONS), rng.choice(_CONDITIONAL)]
    if after:
        parts.append(rng.choice(_AFTERS))
    return [Step(part, rng.choice(part.parameters)) for part in parts]


def _body(steps: Sequence[Step]) -> Body | None:
    place = next((place for place, step in enumerate(steps) if step.part.takes == _C), None)
    if place is None:
        return _CHAIN_BODY(steps)
    if steps[place].part.gives == _N:
        return _CHAIN_BODY((*steps[:place], _asked(steps[place], "True"), *steps[place + 1 :]))
    if place + 1 == len(steps) or steps[place + 1].part.takes != _C:
        return None
    joined = _asked(steps[place + 1], steps[place].code)
    return _CHAIN_BODY((*steps[:place], joined, *steps[place + 2 :]))


def _asked(step: Step, condition: str) -> Step:
    """A part that asks about some numbers, with the condition that they meet."""
    return Step(Part("", step.code.replace("{c}", condition), (), _L, _N))


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


def _valid(arguments: tuple[Any, ...]) -> bool:
    return is_list_of_integers(arguments[0])


def _parse(lines: list[str]) -> tuple[Any, ...]:
    if len(lines) != 1:
        raise ValueError("one line is expected")
    return ([int(word) for word in lines[0].split()],)


SCANS = ComposedFamily(
    "scan",
    (
        Scene(
            name="scan",
            arguments=("xs",),
            read=("xs = list(map(int, input().split()))",),
            draw=_draw,
            to_stdin=lambda arguments: show_list(arguments[0]),
            parse=_parse,
            valid=_valid,
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
                _L: Ending("xs", ("print(*xs)",), show_list, "the list"),
                _N: Ending("answer", ("print(answer)",), str),
                _F: Ending("answer", ("print(answer)",), str),
                _A: Ending("answer", ("print(answer)",), str),
            },
            parts=(*_PARTS, *_CONDITIONS, *_CONDITIONAL),
            choose=_choose,
            body=_body,
            open_wordings=_OPEN_WORDINGS,
        ),
    ),
)
