"""What scans find in a list, what is asked of the numbers that meet a condition, and what becomes of the answer."""

from __future__ import annotations

from solvent.training.families.parts import part_maker
from solvent.training.families.scan_lists import LIST

NUMBER, OTHER_NUMBER, VERDICT, CONDITION = "number", "other number", "verdict", "condition"


_condition = part_maker(CONDITION, CONDITION)
_asked = part_maker(CONDITION, NUMBER, asks=True)
"""Makes questions about the numbers that meet a condition, which `{c}` stands for."""
_find = part_maker(LIST, NUMBER, asks=True)
_number_after = part_maker(NUMBER, OTHER_NUMBER, "answer = <code>", asks=True)
_verdict_after = part_maker(NUMBER, VERDICT, "answer = <code>", asks=True)

CONDITIONS = (
    _condition("if_even", "x % 2 == 0", "only even numbers count", "look at even numbers"),
    _condition("if_odd", "x % 2 == 1", "only odd numbers count", "look at odd numbers"),
    _condition("if_positive", "x > 0", "only positive numbers count", "look at numbers above 0"),
    _condition(
        "if_above",
        "x > {k}",
        "only numbers above {k} count",
        "look at numbers greater than {k}",
        parameters=(2, 3, 4),
    ),
    _condition(
        "if_below",
        "x < {k}",
        "only numbers below {k} count",
        "look at numbers less than {k}",
        parameters=(3, 4, 5),
    ),
    _condition(
        "if_multiple",
        "x % {k} == 0",
        "only multiples of {k} count",
        "look at numbers divisible by {k}",
        parameters=(3, 4, 5),
    ),
)
CONDITIONAL = (
    _asked(
        "longest_run",
        "answer = run = 0\nfor x in xs:\n    run = run + 1 if {c} else 0\n    answer = max(answer, run)",
        "the length of the longest run of these",
        "how many such numbers stand in a row at most",
    ),
    _asked(
        "count",
        "answer = 0\nfor x in xs:\n    if {c}:\n        answer += 1",
        "how many of these there are",
        "the count of such numbers",
    ),
    _asked(
        "total",
        "answer = 0\nfor x in xs:\n    if {c}:\n        answer += x",
        "the sum of these",
        "the total of such numbers",
    ),
    _asked(
        "first_place",
        "answer = 0\nfor i, x in enumerate(xs):\n    if {c}:\n        answer = i + 1\n        break",
        "the place of the first of these, 0 if none",
        "where such a number comes first, from 1, or 0",
    ),
    _asked(
        "last_place",
        "answer = 0\nfor i, x in enumerate(xs):\n    if {c}:\n        answer = i + 1",
        "the place of the last of these, 0 if none",
        "where such a number comes last, from 1, or 0",
    ),
    _asked(
        "best_stretch",
        "answer = t = 0\nfor x in xs:\n    t = t + x if {c} else 0\n    answer = max(answer, t)",
        "the largest running sum of these, restarted at others",
        "the best sum when such numbers add up and any other number sets the sum to 0",
    ),
    _asked(
        "stretches",
        "answer = run = 0\nfor x in xs:\n    if {c} and not run:\n        answer += 1\n    run = {c}",
        "the number of runs of these",
        "how many blocks such numbers form",
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
    _number_after("doubled", "2 * answer", "twice that", "this number times 2"),
    _number_after(
        "remainder",
        "answer % {k}",
        "that modulo {k}",
        "its remainder modulo {k}",
        parameters=(2, 3, 4, 5),
    ),
    _number_after(
        "plus_length",
        "answer + len(xs)",
        "that plus the length of the list",
        "it plus how many numbers the list has now",
    ),
    _number_after(
        "minus_first",
        "answer - xs[0]",
        "that minus the first number",
        "it less the number at the start of the list",
    ),
    _number_after(
        "plus_last",
        "answer + xs[-1]",
        "that plus the last number",
        "it plus the number at the end of the list",
    ),
    _verdict_after(
        "is_even",
        "'even' if answer % 2 == 0 else 'odd'",
        "whether that is even or odd",
        "even or odd, whichever it is",
    ),
    _verdict_after(
        "is_above",
        "'yes' if answer > {k} else 'no'",
        "yes if that is above {k}, else no",
        "yes when it is greater than {k} and no otherwise",
        parameters=(1, 2, 3, 4, 5),
    ),
    _verdict_after(
        "size",
        "'small' if answer < 3 else 'big' if answer > 7 else 'medium'",
        "small if that is below 3, big above 7, else medium",
        "small when it is under 3, big when it is over 7 and medium otherwise",
    ),
)
