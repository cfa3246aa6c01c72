"""Families whose problems are pipelines: take a value, change it step by step, give it back."""

from __future__ import annotations

import random
from ast import literal_eval
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from solvent.training.families.concepts import draw_concepts
from solvent.training.families.drafting import Draft, Place, draft
from solvent.training.families.operations import OpenWording, Operation, Parameter, RuleKind, Step, make_step
from solvent.training.families.sample import Example, Sample, Split, split_of
from solvent.training.families.wording import assemble, function_frame

FUNCTION_SHARE = 0.3
STRAY_CONCEPTS_SHARE = 0.05
_ENDING_SHARE = 0.3
_STORY_SHARE = 0.15
_BARE_SHARE = 0.15
_FUNCTION_NAMES = (  # noqa: SIM905 - a list literal of words is longer and no clearer
    "solve transform process convert compute change apply run f g steps pipeline answer result main_task do_it"
).split()


@dataclass(frozen=True)
class PipelineFamily:
    """A family of pipelines over one type of value, as programs (`stdio`) or functions.

    Attributes:
        variable: The variable that every line of the reference program assigns to.
        noun: What the value is, with its article.
        thing: What a step speaks of, with its article.
        read: The line that reads the value.
        write: The line that prints it, unless a `last` operation does.
        rule_kinds: What house rules over such a value may mean.
        draw_input: `(rng, large)` to one line of input; large inputs are for the hidden tests.
        parse: From the line of input to the value.
        show: From the value to the line of output.
        fits: Whether a value is small enough to be shown in an example.
        valid: Whether a value is one that statements of the family describe (before any step).
        stories: Sentences that may come first and say nothing of importance.
        openings: Wordings of the first sentence of a program's statement.
        closings: Wordings of its last sentence where no `last` operation ends the pipeline.
    """

    name: str
    variable: str
    noun: str
    thing: str
    read: str
    write: str
    operations: tuple[Operation, ...]
    open_wordings: tuple[OpenWording, ...]
    rule_kinds: tuple[RuleKind, ...]
    draw_input: Callable[[random.Random, bool], str]
    parse: Callable[[str], Any]
    show: Callable[[Any], str]
    fits: Callable[[Any], bool]
    valid: Callable[[Any], bool]
    stories: tuple[str, ...]
    openings: tuple[str, ...]
    closings: tuple[str, ...]
    max_depth: int = 8

    def accepts(self, stdin: str) -> bool:
        """Whether a text is a valid input of the family's programs (one line) or of its functions (one literal)."""
        line = stdin.removesuffix("\n")
        return self._accepts_line(line) or self._accepts_literal(line)

    def _accepts_line(self, line: str) -> bool:
        try:
            value = self.parse(line)
        except ValueError:
            return False
        return self.show(value) == line and bool(self.valid(value))

    def _accepts_literal(self, text: str) -> bool:
        try:
            value = literal_eval(text)
            return repr(value) == text and self._accepts_line(self.show(value)) and bool(self.valid(value))
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return False

    @cached_property
    def _steps(self) -> dict[tuple[str, Parameter], Step]:
        return {
            (operation.name, parameter): make_step(operation, parameter, self.variable)
            for operation in self.operations
            for parameter in operation.parameters
        }

    def step(self, name: str, parameter: Parameter = "") -> Step:
        """The step of that operation name and parameter."""
        return self._steps[name, parameter]

    @cached_property
    def rule_readings(self) -> dict[str, tuple[Step, ...]]:
        """What a house rule may do, by the hint in its name."""
        return {kind.hint: tuple(self.step(*choice) for choice in kind.choices) for kind in self.rule_kinds}

    def run(self, steps: Sequence[Step], line: str) -> str | None:
        """Apply the steps to one line of input; None if a value on the way is too large or undefined."""
        value = self.parse(line)
        for step in steps:
            try:
                value = step.apply(value)
            except (ValueError, IndexError):
                return None
            if step.operation.last:
                return str(value)
            if not self.fits(value):
                return None
        return self.show(value)

    def program(self, steps: Sequence[Step], function: str = "") -> str:
        """The reference program, one line for each step; as a function of that name if one is given."""
        lines = [step.line for step in steps]
        ends = steps[-1].operation.last
        if not function:
            return "\n".join(
                [self.read, *lines[:-1], f"print({lines[-1]})"] if ends else [self.read, *lines, self.write]
            )
        body = [*lines[:-1], f"return {lines[-1]}"] if ends else [*lines, f"return {self.variable}"]
        return "\n".join([f"def {function}({self.variable}):", *(f"    {line}" for line in body)])

    @cached_property
    def _inner(self) -> tuple[Operation, ...]:
        return tuple(operation for operation in self.operations if not operation.last)

    @cached_property
    def _endings(self) -> tuple[Operation, ...]:
        return tuple(operation for operation in self.operations if operation.last)

    @cached_property
    def _open_choices(self) -> dict[bool, list[tuple[Step, OpenWording, tuple[Step, ...]]]]:
        found: dict[bool, list[tuple[Step, OpenWording, tuple[Step, ...]]]] = {False: [], True: []}
        for wording in self.open_wordings:
            steps = tuple(self.step(*choice) for choice in wording.choices)
            for step in steps:
                found[step.operation.last].append((step, wording, steps))
        return found

    def draws_ending(self, rng: random.Random) -> bool:
        """Whether the next pipeline ends in a `last` operation."""
        return bool(self._endings) and rng.random() < _ENDING_SHARE

    def plain_place(self, rng: random.Random, last: bool) -> Place:
        """A step at random, in one of its wordings."""
        operation = rng.choice(self._endings if last else self._inner)
        step = self.step(operation.name, rng.choice(operation.parameters))
        return Place(step, rng.choice(step.phrases))

    def draw(self, rng: random.Random, depth: int, open_steps: int, split: Split) -> Sample:
        """Draw one problem of the split. Draws again until the examples pin the program down."""

        def choose(place: int, last: bool) -> Place:
            if place not in opened or not self._open_choices[last]:
                return self.plain_place(rng, last)
            step, wording, choices = rng.choice(self._open_choices[last])
            return Place(step, rng.choice(wording.phrases), choices)

        while True:
            opened = frozenset(rng.sample(range(depth), min(open_steps, depth)))
            found = draft(self, rng, depth, choose, lambda names: split_of(self.name, names) == split)
            if found is not None:
                break
        stray = draw_concepts(rng, self, rng.randint(1, 3)) if rng.random() < STRAY_CONCEPTS_SHARE else ()
        return self.sample(rng, found, shown_concepts=stray)

    def sample(self, rng: random.Random, found: Draft, **more: Any) -> Sample:
        """The problem that a draft becomes, as a program or as a function; `more` are further fields of it."""
        steps = [place.step for place in found.places]
        name = rng.choice(_FUNCTION_NAMES) if rng.random() < FUNCTION_SHARE else ""
        kind: Literal["stdio", "function"] = "function" if name else "stdio"
        write: Callable[[Any], str] = repr if name else self.show
        # The result of a `last` operation is no value of the family; a program prints it as it is.
        write_result = write if name or not steps[-1].operation.last else str
        public, hidden = [
            tuple(Example(write(value), write_result(result)) for value, result in tests)
            for tests in (found.public, found.hidden)
        ]
        fields: dict[str, Any] = {"family": self.name, **more}
        return Sample(
            kind=kind,
            depth=len(steps),
            composition=tuple(step.operation.name for step in steps),
            parameters=tuple(str(step.parameter) for step in steps),
            open_steps=sum(bool(place.readings) for place in found.places),
            statement=self._word(rng, found, name),
            program=self.program(steps, name),
            public_tests=public,
            hidden_tests=hidden,
            entry_point=name,
            plan=tuple(_giving_back(step.phrases[0], name) for step in steps),
            **fields,
        )

    def _word(self, rng: random.Random, found: Draft, name: str) -> str:
        clauses = [_giving_back(place.clause, name) for place in found.places]
        ends = found.places[-1].step.operation.last
        if name:
            opening, closing = function_frame(rng, f"{name}({self.variable})", self.variable, self.noun, not ends)
        else:
            opening = rng.choice(self.openings)
            closing = "" if ends or rng.random() < _BARE_SHARE else rng.choice(self.closings)
        if rng.random() < _STORY_SHARE:
            opening = f"{rng.choice(self.stories)} {opening}"
        return assemble(rng, opening, clauses, closing, any(place.readings for place in found.places))


def _giving_back(clause: str, function: str) -> str:
    """The clause as a function's statement has it: a function returns what a program prints."""
    return "return " + clause.removeprefix("print ") if function and clause.startswith("print ") else clause
