"""Parts and steps: what the programs of composed problems are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol


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


class PartMaker(Protocol):
    """Makes parts of one kind from what differs between them; see `part_maker`."""

    def __call__(self, name: str, code: str, *phrases: str, parameters: tuple[int | str, ...] = ("",)) -> Part:
        """The part of this name."""
        ...


def part_maker(takes: str, gives: str, frame: str = "<code>", *, asks: bool = False) -> PartMaker:
    """A maker of parts that take and give the same.

    Args:
        takes: See `Part`.
        gives: See `Part`.
        frame: Their Python; `<code>` marks what each part has of its own.
        asks: Whether the answer is printed or returned, so that `{out}` comes before each of their phrases.
    """

    def make(name: str, code: str, *phrases: str, parameters: tuple[int | str, ...] = ("",)) -> Part:
        worded = tuple("{out} " + phrase for phrase in phrases) if asks else phrases
        return Part(name, frame.replace("<code>", code), worded, takes, gives, parameters)

    return make


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


def show_list(value: Sequence[object]) -> str:
    """What `print(*value)` prints."""
    return " ".join(map(str, value))


def show_rows(value: Sequence[Sequence[object]]) -> str:
    """What `print(*row)` prints for each row."""
    return "\n".join(" ".join(map(str, row)) for row in value)


def is_list_of_integers(value: object) -> bool:
    """Whether a value is a list of integers; an empty one is not, as no statement speaks of it."""
    return type(value) is list and bool(value) and all(type(x) is int for x in value)
