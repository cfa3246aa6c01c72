"""What the steps of a pipeline can be, and how statements speak of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Parameter = int | str
Choice = tuple[str, Parameter]
"""A step as (operation name, parameter); the parameter is empty where the operation has none."""


@dataclass(frozen=True)
class Operation:
    """One step of a pipeline.

    Attributes:
        code: A line of Python that assigns to the family's variable; for a `last` operation, an expression of it.
            `{k}` marks the parameter.
        phrases: Imperative wordings without capital or full stop; `{k}` as in `code`.
        parameters: What `{k}` may be; a single empty string where there is none.
        last: It turns the value into an answer, so nothing can follow.
    """

    name: str
    code: str
    phrases: tuple[str, ...]
    parameters: tuple[Parameter, ...] = ("",)
    last: bool = False


@dataclass(frozen=True, eq=False)
class Step:
    """An operation with its parameter chosen. A family has one object for each, so identity tells steps apart.

    Attributes:
        phrases: Wordings of the step with the parameter filled in.
        line: The step's Python.
        apply: What the line does to a value; raises ValueError or IndexError where it is undefined.
    """

    operation: Operation
    parameter: Parameter
    phrases: tuple[str, ...]
    line: str
    apply: Callable[[Any], Any]


@dataclass(frozen=True)
class OpenWording:
    """A wording that fits several steps, of which the examples single out one.

    Attributes:
        choices: The steps that it may stand for.
    """

    phrases: tuple[str, ...]
    choices: tuple[Choice, ...]


@dataclass(frozen=True)
class RuleKind:
    """A kind of house rule: all that a rule's name gives away.

    Attributes:
        hint: Last word of the rule's name ("order" of "Ember order").
        choices: The steps that such a rule may stand for.
    """

    hint: str
    choices: tuple[Choice, ...]


def make_step(operation: Operation, parameter: Parameter, variable: str) -> Step:
    """The step, with its line compiled for values under that variable's name."""
    line = operation.code.format(k=parameter)
    expression = line if operation.last else line.removeprefix(f"{variable} = ")
    function = eval(f"lambda {variable}: {expression}", {})  # noqa: S307 - our own operation tables, no outside text
    phrases = tuple(_filled(phrase, parameter) for phrase in operation.phrases)
    return Step(operation, parameter, phrases, line, function)


def _filled(phrase: str, parameter: Parameter) -> str:
    text = phrase.format(k=parameter)
    if parameter != 1:
        return text
    text = re.sub(r"\b(first|last) 1 (\w+)s\b", r"\1 \2", text)
    return re.sub(r"\b1 (number|element|character)s\b", r"1 \1", text)
