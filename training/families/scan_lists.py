"""Scans from list to list: preparations, and passes that keep a little state."""

from __future__ import annotations

from solvent.training.families.parts import part_maker

LIST = "list"


_prepare = part_maker(LIST, LIST, "xs = <code>")
_pass = part_maker(LIST, LIST, "ys = []\n<code>\nxs = ys")
"""Makes scans from list to list; their code adds to `ys`."""

PREPARATIONS = (
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
PASSES = (
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
