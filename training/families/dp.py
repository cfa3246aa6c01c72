"""Dynamic programming in small: stairs and coins, picks from a list, paths in a grid, distances of words."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from solvent.training.families import dp_grids, dp_items, dp_lists, dp_numbers
from solvent.training.families.composed import ComposedFamily
from solvent.training.families.matrix import draw_matrix, parse_matrix, valid_matrix
from solvent.training.families.parts import Ending, OpenWording, Scene, is_list_of_integers, show_list, show_rows
from solvent.training.families.slots import Skeleton

_MOST_PARTS = 3


def _only(lines: list[str], count: int) -> list[str]:
    if len(lines) != count:
        raise ValueError(f"{count} lines are expected")
    return lines


def _open(phrases: tuple[str, ...], prefix: str, *choices: str | tuple[str, int]) -> OpenWording:
    pairs = [(choice, "") if isinstance(choice, str) else choice for choice in choices]
    return OpenWording(phrases, tuple((f"{prefix}_{name}", parameter) for name, parameter in pairs))


def _draw_number(rng: random.Random, large: bool) -> tuple[Any, ...]:
    return (rng.randint(8, 24) if large else rng.randint(3, 12),)


def _draw_list(rng: random.Random, large: bool) -> tuple[Any, ...]:
    size = rng.randint(7, 11) if large else rng.randint(4, 7)
    low, high = (-10, 30) if large else (-3, 9)
    return ([rng.randint(low, high) for _ in range(size)],)


def _draw_items(rng: random.Random, large: bool) -> tuple[Any, ...]:
    size = rng.randint(5, 8) if large else rng.randint(3, 6)
    top = 12 if large else 8
    return ([rng.randint(1, top) for _ in range(size)], rng.randint(12, 30) if large else rng.randint(5, 15))


def _draw_words(rng: random.Random, large: bool) -> tuple[Any, ...]:
    low, high = (5, 8) if large else (2, 5)
    return tuple("".join(rng.choice("abet") for _ in range(rng.randint(low, high))) for _ in range(2))


def _scene(
    skeleton: Skeleton,
    noun: str,
    arguments: tuple[str, ...],
    read: tuple[str, ...],
    draw: Callable[[random.Random, bool], tuple[Any, ...]],
    to_stdin: Callable[[tuple[Any, ...]], str],
    parse: Callable[[list[str]], tuple[Any, ...]],
    valid: Callable[[tuple[Any, ...]], bool],
    openings: tuple[tuple[str, ...], tuple[str, ...]],
    open_wordings: tuple[OpenWording, ...],
) -> Scene:
    return Scene(
        name=noun,
        arguments=arguments,
        read=read,
        draw=draw,
        to_stdin=to_stdin,
        parse=parse,
        valid=valid,
        stdio_openings=openings[0],
        function_openings=openings[1],
        endings={
            "answer": Ending("answer", ("print(answer)",), str),
            "default": Ending("answer", ("print(answer)",), str, noun),
        },
        parts=skeleton.parts,
        choose=skeleton.choose(),
        body=skeleton.body,
        open_wordings=open_wordings,
        depths=(1, min(_MOST_PARTS, skeleton.most_parts)),
    )


def _number_scene(skeleton: Skeleton, noun: str, *open_wordings: OpenWording) -> Scene:
    return _scene(
        skeleton,
        noun,
        ("n",),
        ("n = int(input())",),
        _draw_number,
        lambda arguments: str(arguments[0]),
        lambda lines: (int(_only(lines, 1)[0]),),
        lambda arguments: type(arguments[0]) is int and arguments[0] > 0,
        (
            ("Read a positive integer n.", "The input begins with an integer n.", "You are given n on one line."),
            ("You are given a positive integer n.", "Given an integer n, do the following.", "A number n is given."),
        ),
        open_wordings,
    )


def _list_scene(skeleton: Skeleton, noun: str, *open_wordings: OpenWording) -> Scene:
    return _scene(
        skeleton,
        noun,
        ("xs",),
        ("xs = list(map(int, input().split()))",),
        _draw_list,
        lambda arguments: show_list(arguments[0]),
        lambda lines: ([int(word) for word in _only(lines, 1)[0].split()],),
        lambda arguments: is_list_of_integers(arguments[0]),
        (
            ("Read integers from one line.", "You are given a line of integers.", "The first line has integers."),
            ("You are given a list of integers.", "Given a list of numbers, do the following."),
        ),
        open_wordings,
    )


def _items_scene(skeleton: Skeleton, noun: str, *open_wordings: OpenWording) -> Scene:
    return _scene(
        skeleton,
        noun,
        ("xs", "n"),
        ("xs = list(map(int, input().split()))", "n = int(input())"),
        _draw_items,
        lambda arguments: f"{show_list(arguments[0])}\n{arguments[1]}",
        lambda lines: ([int(word) for word in _only(lines, 2)[0].split()], int(lines[1])),
        lambda arguments: (
            is_list_of_integers(arguments[0])
            and min(arguments[0]) > 0
            and type(arguments[1]) is int
            and arguments[1] > 0
        ),
        (
            (
                "The first line has positive integers, the second line an integer n.",
                "Read a line of positive integers and then a line with n.",
            ),
            (
                "You are given a list of positive integers and an integer n.",
                "Given positive integers and a number n, do the following.",
            ),
        ),
        open_wordings,
    )


_GRID = _scene(
    dp_grids.PATHS,
    "that number",
    ("rows",),
    ("r, c = map(int, input().split())", "rows = [list(map(int, input().split())) for _ in range(r)]"),
    draw_matrix,
    lambda arguments: f"{len(arguments[0])} {len(arguments[0][0])}\n{show_rows(arguments[0])}",
    parse_matrix,
    valid_matrix,
    (
        (
            "The first line has R and C, then come R rows of C integers.",
            "Read the size R C of a grid of integers, then its R rows.",
        ),
        ("You are given a grid of integers as a list of rows.", "The rows of a grid of integers are given."),
    ),
    (
        _open(
            ("find the best sum of a path right and down", "go right and down for the best sum"),
            "paths",
            "best",
            "cheapest",
            "reset",
        ),
        _open(
            ("cells count in another way", "change the worth of the cells"),
            "paths",
            "absolute",
            "negate",
            "odd_free",
            ("cap", 3),
        ),
        _open(
            ("some cells are walls where the value is 0", "set the value to 0 at some cells"),
            "paths",
            "walls",
            "even_walls",
            ("high_walls", 5),
        ),
    ),
)
_WORD_PAIR = _scene(
    dp_grids.WORDS,
    "that number",
    ("a", "b"),
    ("a = input()", "b = input()"),
    _draw_words,
    "\n".join,
    lambda lines: tuple(_only(lines, 2)),
    lambda arguments: all(type(word) is str and word.isalpha() and word.islower() for word in arguments),
    (
        ("There are two lines with a word each.", "Read two words a and b, each on its own line."),
        ("You are given two words.", "Given two words a and b, do the following."),
    ),
    (
        _open(
            ("find a kind of edit distance of the words", "compare the words by the cost of edits"),
            "words",
            "edit",
            "free",
            "indel",
            "costly",
        ),
        _open(("change one of the words first", "edit one word before"), "words", "reverse", "cut", "plain"),
    ),
)

DYNAMIC = ComposedFamily(
    "dp",
    (
        _number_scene(
            dp_numbers.STAIRS,
            "the number of ways",
            _open(
                ("some stairs cannot be used", "skip some stairs"),
                "stairs",
                ("no_multiples", 3),
                ("no_multiples", 4),
                ("no_stair", 3),
                ("no_stair", 4),
            ),
            _open(
                ("climb n stairs with two sizes of steps", "count the ways up with some steps"),
                "stairs",
                "1_2",
                "1_3",
                "2_3",
                "1_4",
            ),
        ),
        _number_scene(
            dp_numbers.COINS,
            "the number of ways",
            _open(
                ("count the ways to pay n with two kinds of coins", "find in how many ways two coins make n"),
                "coins",
                "1_2",
                "1_3",
                "1_4",
                "2_3",
            ),
            _open(
                ("keep the counts small", "limit the counts"),
                "coins",
                ("limit", 4),
                ("counted_modulo", 3),
                ("counted_modulo", 4),
            ),
        ),
        _number_scene(
            dp_numbers.FEWEST,
            "that number",
            _open(
                (
                    "pay n with the fewest of two kinds of coins, 99 if that cannot be done",
                    "find the fewest coins of two values for n, 99 if none",
                ),
                "fewest",
                "1_3",
                "1_4",
                "2_3",
                "2_5",
            ),
            _open(("some coins count twice", "certain coins are dear"), "fewest", "odd", ("extra", 2), ("extra", 3)),
        ),
        _list_scene(
            dp_lists.CHAINS,
            "the best count",
            _open(
                ("find the longest ordered subsequence", "pick as many numbers as possible in some order"),
                "chain",
                "rising",
                "level",
                "falling",
            ),
            _open(
                ("find the longest subsequence by parity", "pick numbers by their parity, as many as possible"),
                "chain",
                "parity",
                "same_parity",
            ),
            _open(
                ("some numbers count more than 1", "numbers are not worth the same"),
                "chain",
                "weight",
                "even",
                ("large", 3),
                ("large", 5),
            ),
        ),
        _list_scene(
            dp_lists.APART,
            "that number",
            _open(
                ("change what a number counts", "numbers count in another way"),
                "apart",
                "absolute",
                "double",
                "negate",
                ("cap", 4),
            ),
            _open(
                ("pick numbers for the largest sum", "choose numbers for the best sum under a rule"),
                "apart",
                "sum",
                "turns",
                "jump",
            ),
        ),
        _items_scene(
            dp_items.KNAPSACK,
            "that number",
            _open(
                ("make the best of a sack of size n", "fill a sack of size n as well as possible"),
                "sack",
                "weight",
                "items",
                "square",
            ),
            _open(("leave out some of the items", "use only items of one kind"), "sack", "even", "odd", ("small", 5)),
        ),
        _items_scene(
            dp_items.SUBSETS,
            "that number",
            _open(
                ("leave out some of the numbers", "use only numbers of one kind"),
                "subsets",
                "even",
                "odd",
                ("small", 5),
            ),
            _open(
                ("find out about picks with the sum n", "try to pick numbers that add up to n"),
                "subsets",
                "count",
                "possible",
                ("modulo", 3),
            ),
        ),
        _GRID,
        _WORD_PAIR,
    ),
)
