"""What scans find in a list, what is asked of the numbers that meet a condition, and what becomes of the answer."""

from __future__ import annotations

from solvent.training.families.parts import Part
from solvent.training.families.scan_lists import LIST

NUMBER, OTHER_NUMBER, VERDICT, CONDITION = "number", "other number", "verdict", "condition"


def _find(name: str, code: str, *phrases: str, parameters: tuple[int | str, ...] = ("",)) -> Part:
    return Part(name, code, tuple("{out} " + phrase for phrase in phrases), LIST, NUMBER, parameters)


def _after(gives: str, name: str, code: str, *phrases: str, parameters: tuple[int | str, ...] = ("",)) -> Part:
    return Part(name, f"answer = {code}", phrases, NUMBER, gives, parameters)


CONDITIONS = (
    Part("if_even", "x % 2 == 0", ("only even numbers count", "look at even numbers"), CONDITION, CONDITION),
    Part("if_odd", "x % 2 == 1", ("only odd numbers count", "look at odd numbers"), CONDITION, CONDITION),
    Part("if_positive", "x > 0", ("only positive numbers count", "look at numbers above 0"), CONDITION, CONDITION),
    Part(
        "if_above",
        "x > {k}",
        ("only numbers above {k} count", "look at numbers greater than {k}"),
        CONDITION,
        CONDITION,
        (2, 3, 4),
    ),
    Part(
        "if_below",
        "x < {k}",
        ("only numbers below {k} count", "look at numbers less than {k}"),
        CONDITION,
        CONDITION,
        (3, 4, 5),
    ),
    Part(
        "if_multiple",
        "x % {k} == 0",
        ("only multiples of {k} count", "look at numbers divisible by {k}"),
        CONDITION,
        CONDITION,
        (3, 4, 5),
    ),
)
CONDITIONAL = (
    Part(
        "longest_run",
        "answer = run = 0\nfor x in xs:\n    run = run + 1 if {c} else 0\n    answer = max(answer, run)",
        ("{out} the length of the longest run of these", "{out} how many such numbers stand in a row at most"),
        CONDITION,
        NUMBER,
    ),
    Part(
        "count",
        "answer = 0\nfor x in xs:\n    if {c}:\n        answer += 1",
        ("{out} how many of these there are", "{out} the count of such numbers"),
        CONDITION,
        NUMBER,
    ),
    Part(
        "total",
        "answer = 0\nfor x in xs:\n    if {c}:\n        answer += x",
        ("{out} the sum of these", "{out} the total of such numbers"),
        CONDITION,
        NUMBER,
    ),
    Part(
        "first_place",
        "answer = 0\nfor i, x in enumerate(xs):\n    if {c}:\n        answer = i + 1\n        break",
        ("{out} the place of the first of these, 0 if none", "{out} where such a number comes first, from 1, or 0"),
        CONDITION,
        NUMBER,
    ),
    Part(
        "last_place",
        "answer = 0\nfor i, x in enumerate(xs):\n    if {c}:\n        answer = i + 1",
        ("{out} the place of the last of these, 0 if none", "{out} where such a number comes last, from 1, or 0"),
        CONDITION,
        NUMBER,
    ),
    Part(
        "best_stretch",
        "answer = t = 0\nfor x in xs:\n    t = t + x if {c} else 0\n    answer = max(answer, t)",
        (
            "{out} the largest running sum of these, restarted at others",
            "{out} the best sum when such numbers add up and any other number sets the sum to 0",
        ),
        CONDITION,
        NUMBER,
    ),
    Part(
        "stretches",
        "answer = run = 0\nfor x in xs:\n    if {c} and not run:\n        answer += 1\n    run = {c}",
        ("{out} the number of runs of these", "{out} how many blocks such numbers form"),
        CONDITION,
        NUMBER,
    ),
)
FINDS = (
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
        "how many numbers side by side keep rising at most",
    ),
    _find(
        "longest_fall",
        "answer = run = 1\nfor a, b in zip(xs, xs[1:]):\n    run = run + 1 if b < a else 1\n"
        "    answer = max(answer, run)",
        "the length of the longest falling run",
        "how many numbers side by side keep falling at most",
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
AFTERS = (
    _after(OTHER_NUMBER, "doubled", "2 * answer", "{out} twice that", "{out} this number times 2"),
    _after(
        OTHER_NUMBER,
        "remainder",
        "answer % {k}",
        "{out} that modulo {k}",
        "{out} its remainder modulo {k}",
        parameters=(2, 3, 4, 5),
    ),
    _after(
        OTHER_NUMBER,
        "plus_length",
        "answer + len(xs)",
        "{out} that plus the length of the list",
        "{out} it plus how many numbers the list has now",
    ),
    _after(
        OTHER_NUMBER,
        "minus_first",
        "answer - xs[0]",
        "{out} that minus the first number",
        "{out} it less the number at the start of the list",
    ),
    _after(
        OTHER_NUMBER,
        "plus_last",
        "answer + xs[-1]",
        "{out} that plus the last number",
        "{out} it plus the number at the end of the list",
    ),
    _after(
        VERDICT,
        "is_even",
        "'even' if answer % 2 == 0 else 'odd'",
        "{out} whether that is even or odd",
        "{out} even or odd, whichever it is",
    ),
    _after(
        VERDICT,
        "is_above",
        "'yes' if answer > {k} else 'no'",
        "{out} yes if that is above {k}, else no",
        "{out} yes when it is greater than {k} and no otherwise",
        parameters=(1, 2, 3, 4, 5),
    ),
    _after(
        VERDICT,
        "size",
        "'small' if answer < 3 else 'big' if answer > 7 else 'medium'",
        "{out} small if that is below 3, big above 7, else medium",
        "{out} small when it is under 3, big when it is over 7 and medium otherwise",
    ),
)
