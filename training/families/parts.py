"""Parts, steps and scenes: what the families of composed problems are made of."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

_LONGEST = 8


@dataclass(frozen=True)
class Part:
    """One part of a program.

    Attributes:
        code: Lines of Python; `{k}` marks the parameter. What they stand for is the scene's matter.
        phrases: Imperative wordings without capital or full stop, with `{k}`, and with `{out}` for "print" or "return".
            The first is the shortest, and serves as the plan's line.
        takes: What the part works on, and `gives` what it leaves: parts of equal `takes` and `gives` are exchangeable.
        parameters: What `{k}` may be. Where all are integers, `{k}` may also become an input of the program.
    """

    name: str
    code: str
    phrases: tuple[str, ...]
    takes: str = ""
    gives: str = ""
    parameters: tuple[int | str, ...] = ("",)

    @property
    def numeric(self) -> bool:
        """Whether the parameter is an integer."""
        return isinstance(self.parameters[0], int)


class Step(NamedTuple):
    """A part with its parameter chosen; the parameter "k" is the program's input of that name."""

    part: Part
    parameter: int | str = ""

    @property
    def code(self) -> str:
        """The step's Python."""
        return self.part.code.replace("{k}", str(self.parameter))


@dataclass(frozen=True)
class OpenWording:
    """A wording that fits several steps, of which the examples single out one; `choices` are (part, parameter)."""

    phrases: tuple[str, ...]
    choices: tuple[tuple[str, int | str], ...]


@dataclass(frozen=True)
class Ending:
    """How a kind of result leaves the program.

    Attributes:
        value: The expression that a function returns.
        write: The lines that print it.
        show: The text that they print, without the final newline.
        noun: What closing sentences call it; empty where the last part says itself what is printed.
    """

    value: str
    write: tuple[str, ...]
    show: Callable[[Any], str]
    noun: str = ""


class Body(NamedTuple):
    """The lines of a program between its reading and its ending, and the kind of result they leave."""

    lines: tuple[str, ...]
    gives: str


@dataclass(frozen=True)
class Scene:
    """One kind of input with the parts that work on it.

    Attributes:
        arguments: The function's parameters, which are also the variables that `read` assigns to.
        draw: `(rng, large)` to the arguments; large ones are for the hidden tests.
        to_stdin: From the arguments to the input of a `stdio` program.
        parse: The way back from the lines of the input; raises ValueError or IndexError for other texts.
        valid: Whether arguments are as the statement describes them.
        choose: `(rng, depth)` to so many steps.
        body: The program of some steps; None where they do not go together.
    """

    name: str
    arguments: tuple[str, ...]
    read: tuple[str, ...]
    draw: Callable[[random.Random, bool], tuple[Any, ...]]
    to_stdin: Callable[[tuple[Any, ...]], str]
    parse: Callable[[list[str]], tuple[Any, ...]]
    valid: Callable[[tuple[Any, ...]], bool]
    stdio_openings: tuple[str, ...]
    function_openings: tuple[str, ...]
    endings: Mapping[str, Ending]
    parts: tuple[Part, ...]
    choose: Callable[[random.Random, int], list[Step]]
    body: Callable[[Sequence[Step]], Body | None]
    open_wordings: tuple[OpenWording, ...] = ()
    depths: tuple[int, int] = (1, 4)
    weight: float = 1.0

    @cached_property
    def by_name(self) -> dict[str, Part]:
        """The parts by name."""
        return {part.name: part for part in self.parts}

    @cached_property
    def open_by_step(self) -> dict[Step, OpenWording]:
        """The open wording of each step that has one."""
        return {
            Step(self.by_name[name], parameter): wording
            for wording in self.open_wordings
            for name, parameter in wording.choices
        }

    @cached_property
    def open_by_kind(self) -> dict[tuple[str, str], list[Step]]:
        """The openly worded steps by what they take and give."""
        kinds: dict[tuple[str, str], list[Step]] = {}
        for step in self.open_by_step:
            kinds.setdefault((step.part.takes, step.part.gives), []).append(step)
        return kinds


def typed_chain(
    parts: tuple[Part, ...], start: str
) -> tuple[Callable[[random.Random, int], list[Step]], Callable[[Sequence[Step]], Body | None]]:
    """`choose` and `body` of a scene whose parts follow one another, each taking what the one before it gives."""
    by_takes: dict[str, dict[str, list[Part]]] = {}
    for part in parts:
        by_takes.setdefault(part.takes, {}).setdefault(part.gives, []).append(part)

    # How many parts can still follow each kind of result, as far as that matters.
    room = dict.fromkeys((part.gives for part in parts), 0)
    for _ in range(_LONGEST):
        room |= {kind: 1 + max(room[gives] for gives in by_takes[kind]) for kind in room.keys() & by_takes.keys()}

    def choose(rng: random.Random, depth: int) -> list[Step]:
        steps: list[Step] = []
        kind = start
        while len(steps) < depth:
            kinds = [gives for gives in by_takes[kind] if room[gives] >= depth - 1 - len(steps)]
            weights = [len(by_takes[kind][gives]) ** 0.6 for gives in kinds]
            part = rng.choice(by_takes[kind][rng.choices(kinds, weights)[0]])
            if steps and part == steps[-1].part:
                continue
            steps.append(Step(part, rng.choice(part.parameters)))
            kind = part.gives
        return steps

    def body(steps: Sequence[Step]) -> Body | None:
        kind = start
        lines: list[str] = []
        for step in steps:
            if step.part.takes != kind:
                return None
            lines.extend(step.code.split("\n"))
            kind = step.part.gives
        return Body(tuple(lines), kind)

    return choose, body


def show_list(value: Sequence[object]) -> str:
    """What `print(*value)` prints."""
    return " ".join(map(str, value))


def show_rows(value: Sequence[Sequence[object]]) -> str:
    """What `print(*row)` prints for each row."""
    return "\n".join(" ".join(map(str, row)) for row in value)


def is_list_of_integers(value: object) -> bool:
    """Whether a value is a list of integers; an empty one is not, as no statement speaks of it."""
    return type(value) is list and bool(value) and all(type(x) is int for x in value)
