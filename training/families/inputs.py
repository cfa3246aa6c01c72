"""What programs of composed problems read: how it is drawn, written, read back and checked."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from solvent.training.families.parts import is_list_of_integers, show_list

Arguments = tuple[Any, ...]
Draw = Callable[[random.Random, bool], Arguments]
"""`(rng, large)` to arguments; large ones are for the hidden tests."""


@dataclass(frozen=True)
class Input:
    """One kind of input.

    Attributes:
        arguments: The function's parameters, which are also the variables that `read` assigns to.
        read: The lines of a `stdio` program that read them.
        to_stdin: From the arguments to the input of a `stdio` program.
        parse: The way back from the lines of the input; raises ValueError or IndexError for other texts.
        valid: Whether arguments are as the statement describes them.
    """

    arguments: tuple[str, ...]
    read: tuple[str, ...]
    draw: Draw
    to_stdin: Callable[[Arguments], str]
    parse: Callable[[list[str]], Arguments]
    valid: Callable[[Arguments], bool]


def integers(draw: Draw) -> Input:
    """A line of integers, xs."""
    return Input(
        ("xs",),
        ("xs = list(map(int, input().split()))",),
        draw,
        lambda arguments: show_list(arguments[0]),
        lambda lines: (integers_of(*exactly(lines, 1)),),
        lambda arguments: is_list_of_integers(arguments[0]),
    )


def positive_integer(draw: Draw) -> Input:
    """A line with one integer above 0, n."""
    return Input(
        ("n",),
        ("n = int(input())",),
        draw,
        lambda arguments: str(arguments[0]),
        lambda lines: (int(*exactly(lines, 1)),),
        lambda arguments: is_positive(arguments[0]),
    )


def exactly(lines: list[str], count: int) -> list[str]:
    """The lines, so many; ValueError where there are more or fewer."""
    if len(lines) != count:
        raise ValueError(f"{count} lines are expected")
    return lines


def integers_of(line: str) -> list[int]:
    """The integers of a line; ValueError where there is anything else."""
    return [int(word) for word in line.split()]


def is_positive(value: object) -> bool:
    """Whether a value is an integer above 0."""
    return type(value) is int and value > 0
