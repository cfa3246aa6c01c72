"""Number pipelines: one integer, changed step by step."""

from __future__ import annotations

import random

from solvent.training.families.operations import OpenWording, Operation, RuleKind
from solvent.training.families.pipeline import PipelineFamily


def _draw_input(rng: random.Random, large: bool) -> str:
    if large:
        return str(rng.randint(-3000, 30_000))
    return str(rng.choice((rng.randint(-99, 99), rng.randint(2, 60), rng.randint(100, 999))))


_OPERATIONS = (
    Operation("add", "n = n + {k}", ("add {k}", "increase the number by {k}", "add {k} to it"), tuple(range(1, 21))),
    Operation(
        "subtract",
        "n = n - {k}",
        ("subtract {k}", "decrease the number by {k}", "take {k} away from it"),
        tuple(range(1, 21)),
    ),
    Operation(
        "multiply",
        "n = n * {k}",
        ("multiply by {k}", "multiply the number by {k}", "make it {k} times as large"),
        (2, 3, 4, 5),
    ),
    Operation(
        "divide",
        "n = n // {k}",
        ("divide by {k}, rounding down", "divide the number by {k} and round down", "take the floor of a {k}th of it"),
        (2, 3, 4, 5),
    ),
    Operation(
        "remainder",
        "n = n % {k}",
        ("take the remainder modulo {k}", "replace it by its remainder after division by {k}", "reduce it modulo {k}"),
        (7, 10, 13, 50, 97, 100),
    ),
    Operation("square", "n = n * n", ("square it", "square the number", "multiply the number by itself")),
    Operation("negate", "n = -n", ("negate it", "flip its sign", "change the sign of the number")),
    Operation(
        "absolute", "n = abs(n)", ("take the absolute value", "drop its sign", "replace it by its absolute value")
    ),
    Operation(
        "digit_sum",
        "n = sum(int(d) for d in str(abs(n)))",
        ("replace it by the sum of its digits", "add up its digits", "take the digit sum"),
    ),
    Operation(
        "reverse_digits",
        "n = int(str(abs(n))[::-1])",
        ("reverse its digits and forget its sign", "write its digits backwards without the sign"),
    ),
    Operation(
        "largest_digit",
        "n = int(max(str(abs(n))))",
        ("replace it by its largest digit", "take its largest digit", "keep only the greatest digit"),
    ),
    Operation(
        "smallest_digit",
        "n = int(min(str(abs(n))))",
        ("replace it by its smallest digit", "take its smallest digit", "keep only the least digit"),
    ),
    Operation(
        "last_digit",
        "n = abs(n) % 10",
        ("replace it by its last digit", "take its last digit", "keep only its last digit"),
    ),
    Operation(
        "drop_last_digit",
        "n = abs(n) // 10",
        ("drop its sign and its last digit", "remove the last digit and the sign"),
    ),
    Operation(
        "sort_digits",
        'n = int("".join(sorted(str(abs(n)))))',
        ("put its digits in ascending order without the sign", "sort its digits and forget its sign"),
    ),
    Operation(
        "digit_count",
        "n = len(str(abs(n)))",
        ("replace it by the number of its digits", "count its digits", "take how many digits it has"),
    ),
    Operation(
        "at_most",
        "n = min(n, {k})",
        ("lower it to {k} if it is larger", "cap it at {k}", "take the smaller of it and {k}"),
        (20, 30, 50, 75, 100, 200),
    ),
    Operation(
        "at_least",
        "n = max(n, {k})",
        ("raise it to {k} if it is smaller", "make it at least {k}", "take the larger of it and {k}"),
        (0, 5, 10, 20, 40),
    ),
    Operation(
        "collatz",
        "n = n // 2 if n % 2 == 0 else 3 * n + 1",
        ("halve it if it is even, otherwise triple it and add one", "do one Collatz step"),
    ),
    Operation(
        "halve_even",
        "n = n // 2 if n % 2 == 0 else n",
        ("halve it if it is even", "divide it by two if it is even", "if it is even, take half of it"),
    ),
    Operation(
        "triple_odd",
        "n = 3 * n if n % 2 == 1 else n",
        ("triple it if it is odd", "multiply it by three if it is odd", "if it is odd, make it three times as large"),
    ),
    Operation(
        "round_even",
        "n = n + n % 2",
        ("add one if it is odd", "make it even by adding one if needed", "round it up to an even number"),
    ),
    Operation(
        "binary_ones",
        'n = bin(n).count("1")',
        ("count the ones in its binary form", "replace it by its number of binary ones"),
    ),
)

_OPEN_WORDINGS = (
    OpenWording(
        ("add a fixed number", "increase it by a fixed amount"), (("add", 1), ("add", 3), ("add", 7), ("add", 10))
    ),
    OpenWording(
        ("subtract a fixed number", "decrease it by a fixed amount"),
        (("subtract", 1), ("subtract", 2), ("subtract", 5), ("subtract", 10)),
    ),
    OpenWording(("multiply by a fixed number", "scale it up"), (("multiply", 2), ("multiply", 3), ("multiply", 5))),
    OpenWording(
        ("divide by a fixed number, rounding down", "scale it down"), (("divide", 2), ("divide", 3), ("divide", 5))
    ),
    OpenWording(
        ("reduce it modulo a fixed number", "take a remainder"),
        (("remainder", 7), ("remainder", 10), ("remainder", 100)),
    ),
    OpenWording(("change its sign in some way", "adjust its sign"), (("negate", ""), ("absolute", ""))),
    OpenWording(
        ("replace it by something about its digits", "use its digits"),
        (("digit_sum", ""), ("reverse_digits", ""), ("largest_digit", ""), ("digit_count", "")),
    ),
    OpenWording(("put an upper limit on it", "cap it"), (("at_most", 20), ("at_most", 50), ("at_most", 100))),
    OpenWording(
        ("put a lower limit on it", "do not let it get too small"),
        (("at_least", 0), ("at_least", 10), ("at_least", 20)),
    ),
    OpenWording(
        ("do something that depends on whether it is even", "treat even and odd differently"),
        (("collatz", ""), ("round_even", "")),
    ),
)

_RULE_KINDS = (
    RuleKind("shift", (("add", 3), ("add", 7), ("add", 10), ("subtract", 2), ("subtract", 5), ("subtract", 10))),
    RuleKind(
        "scale",
        (
            ("multiply", 2),
            ("multiply", 3),
            ("multiply", 5),
            ("divide", 2),
            ("divide", 3),
            ("divide", 5),
            ("square", ""),
        ),
    ),
    RuleKind(
        "digits",
        (
            ("digit_sum", ""),
            ("reverse_digits", ""),
            ("largest_digit", ""),
            ("smallest_digit", ""),
            ("last_digit", ""),
            ("drop_last_digit", ""),
            ("sort_digits", ""),
            ("digit_count", ""),
        ),
    ),
    RuleKind(
        "limit",
        (("at_most", 20), ("at_most", 50), ("at_most", 100), ("at_least", 0), ("at_least", 10), ("at_least", 20)),
    ),
    RuleKind("parity", (("collatz", ""), ("round_even", ""), ("halve_even", ""), ("triple_odd", ""))),
)

NUMBERS = PipelineFamily(
    name="number",
    variable="n",
    noun="an integer",
    thing="the number",
    read="n = int(input())",
    write="print(n)",
    operations=_OPERATIONS,
    open_wordings=_OPEN_WORDINGS,
    rule_kinds=_RULE_KINDS,
    draw_input=_draw_input,
    parse=int,
    show=str,
    fits=lambda value: abs(value) < 10**9,
    valid=lambda value: type(value) is int and abs(value) <= 1_000_000,
    stories=(
        "A machine takes a number and works on it.",
        "Tom thinks of a number.",
        "A counter shows a number.",
        "A lock is opened by a number.",
        "A ticket bears a number.",
        "There is a number on the door.",
    ),
    openings=(
        "Read an integer.",
        "You are given an integer.",
        "The input is a single integer.",
        "Given an integer, do the following.",
        "Write a program that reads one integer.",
        "One integer.",
        "An integer stands on the only line.",
    ),
    closings=("Print the result.", "Print the number.", "Output the final value.", "Print what you get."),
)
