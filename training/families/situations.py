"""What word problems tell of: situations, what happens in them, and how it is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

PEOPLE = (
    *("Anna", "Ben", "Carla", "David", "Ella", "Felix", "Grace", "Henry", "Iris", "Jack", "Kate", "Leo", "Maria"),
    *("Noah", "Olga", "Paul", "Rosa", "Sam", "Tara", "Victor"),
)
BOXES = range(3, 13)
"""How much fits in a box."""
GOALS = range(60, 301, 5)
"""What somebody may want to have."""


@dataclass(frozen=True)
class Event:
    """Something that happens: a line of Python and how it is told.

    In code `{v}` and `{o}` are the variables of the one and of the other that the story is about; in tellings `{p}`
    and `{q}` are what these are called, and `{items}` is the story's thing.

    Attributes:
        code: An assignment; of an ending, an expression. Every `//` must come out whole unless `rounds`.
        numbers: What `{k}` may be, from first to last.
        amounts: What `{j}` may be.
        shares: What `{m}` may be; a telling may spell it out.
        parts: What `{d}` may be. Tellings say it as `{part}` ("a quarter") or `{percent}` ("25").
        undo: The line that turns it back, where there is one.
        needs_other: It needs both, `alone_only` the one only.
        plan: What the step does, in few words; by default as `PLANS` has it for the code.
        counts: Whether it is a step of the problem; the start of a story is not, as a rule.
    """

    name: str
    code: str
    tellings: tuple[str, ...]
    numbers: Sequence[int] = range(2, 31)
    undo: str = ""
    needs_other: bool = False
    alone_only: bool = False
    amounts: Sequence[int] = (20, 50, 100)
    shares: Sequence[int] = (2, 3, 4, 5)
    parts: Sequence[int] = (2, 3, 4, 5)
    rounds: bool = False
    plan: str = ""
    counts: bool = True

    @property
    def plan_line(self) -> str:
        """The step's plan, with the marks of the code; `{v}` and `{o}` stand for the names."""
        return self.plan or PLANS[self.code]


PLANS = {
    "{v} = {v} + {k}": "add {k}",
    "{v} = {v} - {k}": "subtract {k}",
    "{v} = {v} + {m} * {k}": "add {m} times {k}",
    "{v} = {v} - {m} * {k}": "subtract {m} times {k}",
    "{v} = {v} + {k} - {j}": "add {k}, subtract {j}",
    "{v} = {v} - {k} + {j}": "subtract {k}, add {j}",
    "{v} = {v} - 60": "subtract 60",
    "{v} = {v} - ({j} - {k})": "subtract the price {j} less {k}",
    "{v} = {v} * {m}": "multiply by {m}",
    "{v} = {v} * 2": "double",
    "{v} = {v} // 2": "halve",
    "{v} = {v} // {m}": "divide by {m}",
    "{v} = {v} - {v} // {d}": "subtract 1/{d} of it",
    "{v} = {v} + {v} // {d}": "add 1/{d} of it",
    "{v} = {v} % {k}": "keep the remainder by {k}",
    "{v} = {v} + {o}": "add {o}",
    "{v}, {o} = {v} - {k}, {o} + {k}": "move {k} to {o}",
    "{v}, {o} = {v} // 2, {o} + {v} // 2": "move half to {o}",
    "{o} = {k}": "{o} is {k}",
    "{o} = {v} + {k}": "{o} is {k} more",
    "{o} = {v} - {k}": "{o} is {k} less",
    "{o} = {v} * {m}": "{o} is {m} times it",
    "{o} = {v} // {m}": "{o} is it divided by {m}",
    "{v} = {k}": "start with {k}",
    "{v} = {m} * {k}": "start with {m} times {k}",
    "{v} = {j} - {m} * {k}": "{j} less {m} times {k}",
    "{v}, {o} = {k}, {j}": "start with {k} and {j}",
    "a + b": "add both",
    "{v} - {o}": "take the difference",
    "({v} - {o}) // 2": "halve the difference",
    "(a + b) // {m}": "add both, divide by {m}",
    "(a + b) * {k}": "add both, multiply by {k}",
    "a + b + {k}": "add both and {k}",
    "{v} * {k}": "multiply by {k}",
    "{v} * {m}": "multiply by {m}",
    "{v} // {k}": "divide by {k}",
    "{v} // {m}": "divide by {m}",
    "{v} % {k}": "take the remainder by {k}",
    "{k} - {v}": "take it from {k}",
    "{v} // 60": "divide by 60",
    "{v} % 60": "take the remainder by 60",
    "2 * (a + b)": "twice the sum",
    "2 * (a + b) * {m}": "twice the sum, times {m}",
    "a * b": "multiply both",
    "a * b * {m}": "multiply both and {m}",
    "a, b = a + {k}, b + {k}": "add {k} to both",
    "a, b = a - {k}, b - {k}": "subtract {k} from both",
}


@dataclass(frozen=True)
class Situation:
    """A world of stories: how they start, what may happen, what may be asked.

    Attributes:
        name: Begins the composition; empty for the oldest situation, whose compositions have no such beginning.
        starts: Events that set the first number.
        introductions: Events that set the second number.
        endings: Questions that take one more step.
        questions: Questions for a number of `{p}` as it is then.
        actors: What the story may be about, two at a time.
        asides: Sentences with a number that plays no part.
        openings: Sentences that may come before all others.
        first: How a story told backwards begins; none where none is told so. `now` says how it ends, and
            `asked_first` asks for its beginning.
        limit: The greatest number in a story, on the way too.
        depths: Fewest and most steps.
        ending_share: How often one of the `endings` is asked, where there is a choice.
    """

    name: str
    starts: tuple[Event, ...]
    events: tuple[Event, ...]
    introductions: tuple[Event, ...]
    endings: tuple[Event, ...]
    questions: tuple[str, ...]
    items: tuple[str, ...]
    actors: tuple[str, ...]
    asides: tuple[str, ...] = ()
    openings: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    now: tuple[str, ...] = ()
    asked_first: tuple[str, ...] = ()
    limit: int = 999
    depths: tuple[int, int] = (1, 8)
    weight: float = 1.0
    ending_share: float = 0.3
