"""Scenes of dynamic programming: what the problems of a skeleton read, and how their statements begin."""

from __future__ import annotations

import random

from solvent.training.families.inputs import (
    Arguments,
    Input,
    exactly,
    integers,
    integers_of,
    is_positive,
    positive_integer,
)
from solvent.training.families.matrix import MATRIX_INPUT
from solvent.training.families.parts import Ending, OpenWording, is_list_of_integers, show_list
from solvent.training.families.scenes import Scene
from solvent.training.families.slots import Skeleton

_MOST_PARTS = 3


def open_wording(phrases: tuple[str, ...], prefix: str, *choices: str | tuple[str, int]) -> OpenWording:
    """An open wording of parts whose names begin with the prefix, each with its parameter if it has one."""
    pairs = [(choice, "") if isinstance(choice, str) else choice for choice in choices]
    return OpenWording(phrases, tuple((f"{prefix}_{name}", parameter) for name, parameter in pairs))


def _draw_number(rng: random.Random, large: bool) -> Arguments:
    return (rng.randint(8, 24) if large else rng.randint(3, 12),)


def _draw_list(rng: random.Random, large: bool) -> Arguments:
    size = rng.randint(7, 11) if large else rng.randint(4, 7)
    low, high = (-10, 30) if large else (-3, 9)
    return ([rng.randint(low, high) for _ in range(size)],)


def _draw_items(rng: random.Random, large: bool) -> Arguments:
    size = rng.randint(5, 8) if large else rng.randint(3, 6)
    top = 12 if large else 8
    return ([rng.randint(1, top) for _ in range(size)], rng.randint(12, 30) if large else rng.randint(5, 15))


def _draw_words(rng: random.Random, large: bool) -> Arguments:
    low, high = (5, 8) if large else (2, 5)
    return tuple("".join(rng.choice("abet") for _ in range(rng.randint(low, high))) for _ in range(2))


_NUMBER = positive_integer(_draw_number)
_LIST = integers(_draw_list)
_ITEMS = Input(
    ("xs", "n"),
    ("xs = list(map(int, input().split()))", "n = int(input())"),
    _draw_items,
    lambda arguments: f"{show_list(arguments[0])}\n{arguments[1]}",
    lambda lines: (integers_of(exactly(lines, 2)[0]), int(lines[1])),
    lambda arguments: is_list_of_integers(arguments[0]) and min(arguments[0]) > 0 and is_positive(arguments[1]),
)
_WORD_PAIR = Input(
    ("a", "b"),
    ("a = input()", "b = input()"),
    _draw_words,
    "\n".join,
    lambda lines: tuple(exactly(lines, 2)),
    lambda arguments: all(type(word) is str and word.isalpha() and word.islower() for word in arguments),
)


def _scene(
    skeleton: Skeleton,
    noun: str,
    inputs: Input,
    stdio_openings: tuple[str, ...],
    function_openings: tuple[str, ...],
    open_wordings: tuple[OpenWording, ...],
) -> Scene:
    return Scene(
        name=noun,
        inputs=inputs,
        stdio_openings=stdio_openings,
        function_openings=function_openings,
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


def number_scene(skeleton: Skeleton, noun: str, *open_wordings: OpenWording) -> Scene:
    """A scene that reads a number n; `noun` is what closing sentences call the answer."""
    return _scene(
        skeleton,
        noun,
        _NUMBER,
        ("Read a positive integer n.", "The input begins with an integer n.", "You are given n on one line."),
        ("You are given a positive integer n.", "Given an integer n, do the following.", "A number n is given."),
        open_wordings,
    )


def list_scene(skeleton: Skeleton, noun: str, *open_wordings: OpenWording) -> Scene:
    """A scene that reads a list xs."""
    return _scene(
        skeleton,
        noun,
        _LIST,
        ("Read integers from one line.", "You are given a line of integers.", "The first line has integers."),
        ("You are given a list of integers.", "Given a list of numbers, do the following."),
        open_wordings,
    )


def items_scene(skeleton: Skeleton, noun: str, *open_wordings: OpenWording) -> Scene:
    """A scene that reads positive integers xs and a number n."""
    return _scene(
        skeleton,
        noun,
        _ITEMS,
        (
            "The first line has positive integers, the second line an integer n.",
            "Read a line of positive integers and then a line with n.",
        ),
        (
            "You are given a list of positive integers and an integer n.",
            "Given positive integers and a number n, do the following.",
        ),
        open_wordings,
    )


def grid_scene(skeleton: Skeleton, *open_wordings: OpenWording) -> Scene:
    """A scene that reads a grid of integers, rows."""
    return _scene(
        skeleton,
        "that number",
        MATRIX_INPUT,
        (
            "The first line has R and C, then come R rows of C integers.",
            "Read the size R C of a grid of integers, then its R rows.",
        ),
        ("You are given a grid of integers as a list of rows.", "The rows of a grid of integers are given."),
        open_wordings,
    )


def words_scene(skeleton: Skeleton, *open_wordings: OpenWording) -> Scene:
    """A scene that reads two words, a and b."""
    return _scene(
        skeleton,
        "that number",
        _WORD_PAIR,
        ("There are two lines with a word each.", "Read two words a and b, each on its own line."),
        ("You are given two words.", "Given two words a and b, do the following."),
        open_wordings,
    )
