"""List pipelines: a list of integers, changed step by step."""

from __future__ import annotations

import random

from solvent.training.families.operations import OpenWording, Operation, RuleKind
from solvent.training.families.pipeline import PipelineFamily

_SMALL, _LARGE = range(-12, 21), range(-60, 100)


def _draw_input(rng: random.Random, large: bool) -> str:
    size = rng.randint(6, 12) if large else rng.randint(3, 6)
    return " ".join(map(str, rng.choices(_LARGE if large else _SMALL, k=size)))


def _fits(value: list[int]) -> bool:
    return not value or (len(value) <= 24 and max(value) < 1_000_000 and min(value) > -1_000_000)


_OPERATIONS = (
    Operation(
        "add",
        "xs = [x + {k} for x in xs]",
        (
            "add {k} to every number",
            "increase each number by {k}",
            "add {k} to each element",
            "make every number {k} larger",
        ),
        tuple(range(1, 10)),
    ),
    Operation(
        "subtract",
        "xs = [x - {k} for x in xs]",
        ("subtract {k} from every number", "decrease each number by {k}", "take {k} away from each element"),
        tuple(range(1, 10)),
    ),
    Operation(
        "multiply",
        "xs = [x * {k} for x in xs]",
        ("multiply every number by {k}", "multiply each element by {k}", "replace every number by {k} times itself"),
        (2, 3, 4, 5),
    ),
    Operation(
        "square",
        "xs = [x * x for x in xs]",
        ("square every number", "square each element", "replace every number by its square"),
    ),
    Operation(
        "negate",
        "xs = [-x for x in xs]",
        ("negate every number", "flip the sign of each number", "change the sign of every element"),
    ),
    Operation(
        "absolute",
        "xs = [abs(x) for x in xs]",
        (
            "take the absolute value of every number",
            "replace each number by its absolute value",
            "drop the sign of every number",
        ),
    ),
    Operation(
        "keep_even",
        "xs = [x for x in xs if x % 2 == 0]",
        (
            "keep only the even numbers",
            "remove the odd numbers",
            "throw away every odd number",
            "keep the even elements",
        ),
    ),
    Operation(
        "keep_odd",
        "xs = [x for x in xs if x % 2 == 1]",
        (
            "keep only the odd numbers",
            "remove the even numbers",
            "throw away every even number",
            "keep the odd elements",
        ),
    ),
    Operation(
        "keep_positive",
        "xs = [x for x in xs if x > 0]",
        (
            "keep only the positive numbers",
            "keep the numbers greater than zero",
            "remove every number that is zero or negative",
        ),
    ),
    Operation(
        "keep_above",
        "xs = [x for x in xs if x > {k}]",
        (
            "keep only the numbers greater than {k}",
            "keep the numbers above {k}",
            "remove every number that is at most {k}",
        ),
        tuple(range(1, 11)),
    ),
    Operation(
        "keep_below",
        "xs = [x for x in xs if x < {k}]",
        (
            "keep only the numbers less than {k}",
            "keep the numbers below {k}",
            "remove every number that is at least {k}",
        ),
        tuple(range(1, 11)),
    ),
    Operation(
        "sort",
        "xs = sorted(xs)",
        (
            "sort the numbers in ascending order",
            "sort the list from smallest to largest",
            "put the numbers in increasing order",
        ),
    ),
    Operation(
        "sort_down",
        "xs = sorted(xs, reverse=True)",
        (
            "sort the numbers in descending order",
            "sort the list from largest to smallest",
            "put the numbers in decreasing order",
        ),
    ),
    Operation(
        "reverse",
        "xs = xs[::-1]",
        ("reverse the list", "reverse the order of the numbers", "turn the list around"),
    ),
    Operation(
        "rotate_left",
        "xs = xs[1:] + xs[:1]",
        ("move the first number to the end", "rotate the list left by one place", "put the first element last"),
    ),
    Operation(
        "rotate_right",
        "xs = xs[-1:] + xs[:-1]",
        ("move the last number to the front", "rotate the list right by one place", "put the last element first"),
    ),
    Operation(
        "take",
        "xs = xs[:{k}]",
        ("keep the first {k} numbers", "take only the first {k} elements", "cut the list after {k} numbers"),
        (2, 3, 4, 5),
    ),
    Operation(
        "drop",
        "xs = xs[{k}:]",
        ("remove the first {k} numbers", "drop the first {k} elements", "skip the first {k} numbers"),
        (1, 2, 3),
    ),
    Operation(
        "unique",
        "xs = list(dict.fromkeys(xs))",
        ("remove duplicates", "keep only the first copy of every number", "drop repeated numbers"),
    ),
    Operation(
        "running_sum",
        "xs = [sum(xs[:i + 1]) for i in range(len(xs))]",
        (
            "replace the list by its running sums",
            "replace each number by the sum of the numbers up to it",
            "take prefix sums",
        ),
    ),
    Operation(
        "differences",
        "xs = [b - a for a, b in zip(xs, xs[1:])]",
        (
            "replace the list by the differences of neighbours",
            "take the difference of each number and the one before it",
        ),
    ),
    Operation(
        "keep_negative",
        "xs = [x for x in xs if x < 0]",
        (
            "keep only the negative numbers",
            "keep the numbers less than zero",
            "remove every number that is not negative",
        ),
    ),
    Operation(
        "keep_multiples",
        "xs = [x for x in xs if x % {k} == 0]",
        ("keep only the multiples of {k}", "keep the numbers divisible by {k}", "remove what {k} does not divide"),
        (3, 4, 5),
    ),
    Operation(
        "sort_abs",
        "xs = sorted(xs, key=abs)",
        ("sort the numbers by absolute value", "order the list by absolute value", "sort by size without the sign"),
    ),
    Operation(
        "take_last",
        "xs = xs[-{k}:]",
        ("keep the last {k} numbers", "take only the last {k} elements"),
        (2, 3, 4),
    ),
    Operation(
        "drop_last",
        "xs = xs[:-{k}]",
        ("remove the last {k} numbers", "drop the last {k} elements", "cut {k} numbers off the end"),
        (1, 2),
    ),
    Operation(
        "every_second",
        "xs = xs[::2]",
        ("keep every second number, beginning with the first", "keep the numbers at even positions from zero"),
    ),
    Operation(
        "sum", "sum(xs)", ("print the sum of the numbers", "print the sum", "print the total of the list"), last=True
    ),
    Operation(
        "maximum", "max(xs)", ("print the largest number", "print the maximum", "print the greatest element"), last=True
    ),
    Operation(
        "minimum", "min(xs)", ("print the smallest number", "print the minimum", "print the least element"), last=True
    ),
    Operation(
        "count",
        "len(xs)",
        ("print how many numbers there are", "print the length of the list", "print how many numbers are left"),
        last=True,
    ),
)

_OPEN_WORDINGS = (
    OpenWording(("put the numbers in order of size", "sort the numbers"), (("sort", ""), ("sort_down", ""))),
    OpenWording(
        ("keep only the numbers of one parity", "keep either the even or the odd numbers"),
        (("keep_even", ""), ("keep_odd", "")),
    ),
    OpenWording(
        ("add a fixed number to every number", "increase every number by the same amount"),
        (("add", 1), ("add", 2), ("add", 3), ("add", 5)),
    ),
    OpenWording(
        ("multiply every number by a fixed number", "scale all the numbers"),
        (("multiply", 2), ("multiply", 3), ("multiply", 5)),
    ),
    OpenWording(("change the sign of some or all numbers", "change the signs"), (("negate", ""), ("absolute", ""))),
    OpenWording(("keep the first few numbers", "cut the list short"), (("take", 2), ("take", 3), ("take", 4))),
    OpenWording(
        ("drop the first few numbers", "skip some numbers at the start"), (("drop", 1), ("drop", 2), ("drop", 3))
    ),
    OpenWording(
        ("move the numbers round", "change the order without sorting"),
        (("rotate_left", ""), ("rotate_right", ""), ("reverse", "")),
    ),
    OpenWording(
        ("keep only the large numbers", "remove the small numbers"),
        (("keep_above", 3), ("keep_above", 5), ("keep_above", 10), ("keep_positive", "")),
    ),
    OpenWording(
        ("print one number about the list", "print one number that describes the list"),
        (("sum", ""), ("maximum", ""), ("minimum", ""), ("count", "")),
    ),
)

_RULE_KINDS = (
    RuleKind(
        "order",
        (("sort", ""), ("sort_down", ""), ("sort_abs", ""), ("reverse", ""), ("rotate_left", ""), ("rotate_right", "")),
    ),
    RuleKind(
        "filter",
        (
            ("keep_even", ""),
            ("keep_odd", ""),
            ("keep_positive", ""),
            ("keep_negative", ""),
            ("keep_multiples", 3),
            ("keep_above", 5),
            ("keep_below", 5),
        ),
    ),
    RuleKind(
        "change",
        (
            ("add", 3),
            ("add", 5),
            ("subtract", 2),
            ("multiply", 2),
            ("multiply", 3),
            ("square", ""),
            ("negate", ""),
            ("absolute", ""),
        ),
    ),
    RuleKind(
        "cut",
        (
            ("take", 3),
            ("take_last", 3),
            ("drop", 1),
            ("drop", 2),
            ("drop_last", 1),
            ("drop_last", 2),
            ("every_second", ""),
        ),
    ),
)

LISTS = PipelineFamily(
    name="list",
    variable="xs",
    noun="a list of integers",
    thing="the numbers",
    read="xs = list(map(int, input().split()))",
    write="print(*xs)",
    operations=_OPERATIONS,
    open_wordings=_OPEN_WORDINGS,
    rule_kinds=_RULE_KINDS,
    draw_input=_draw_input,
    parse=lambda line: [int(word) for word in line.split()],
    show=lambda value: " ".join(map(str, value)),
    fits=_fits,
    valid=lambda value: 1 <= len(value) <= 50 and all(type(x) is int and abs(x) <= 10_000 for x in value),
    stories=(
        "A weather station sends its readings.",
        "A game keeps its scores.",
        "A shop notes how its stock changes.",
        "A lift remembers the floors that it went to.",
        "Mia collects numbers.",
        "A sensor has been read several times.",
    ),
    openings=(
        "Read a list of integers from one line.",
        "You are given a list of integers on one line.",
        "The input is one line with integers separated by spaces.",
        "Given a line of integers, do the following.",
        "Write a program that reads integers from a line.",
        "One line of integers.",
        "Integers come on one line, separated by spaces.",
    ),
    closings=("Print the result.", "Print the resulting list.", "Print the numbers on one line.", "Output the list."),
)
