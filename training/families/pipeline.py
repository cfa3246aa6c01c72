"""Families whose problems are pipelines: read a value, change it step by step, print it."""

from __future__ import annotations

import random
from ast import literal_eval
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from solvent.training.families.sample import Example, Sample, Split, split_of
from solvent.training.families.wording import assemble

PUBLIC_TESTS = (3, 4)
HIDDEN_TESTS = 12
_DRAWS_PER_COMPOSITION = 3
_INPUTS_PER_DRAW = 8


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
    parameters: tuple[int | str, ...] = ("",)
    last: bool = False


class Step(NamedTuple):
    """An operation with its parameter chosen."""

    operation: Operation
    parameter: int | str

    @property
    def line(self) -> str:
        """The step's Python."""
        return self.operation.code.format(k=self.parameter)


@dataclass(frozen=True)
class OpenWording:
    """A wording that fits several steps, of which the examples single out one.

    Attributes:
        choices: The steps that it may stand for, as (operation name, parameter).
    """

    phrases: tuple[str, ...]
    choices: tuple[tuple[str, int | str], ...]


@lru_cache(maxsize=4096)
def _compile(variable: str, line: str, last: bool) -> Callable[[Any], Any]:
    body = f"    return {line}" if last else f"    {line}\n    return {variable}"
    namespace: dict[str, Any] = {}
    exec(f"def apply({variable}):\n{body}\n", namespace)  # noqa: S102 - our own operation tables, no outside text
    return namespace["apply"]  # type: ignore[no-any-return]  # exec leaves no type behind


@dataclass(frozen=True)
class PipelineFamily:
    """A family of `stdio` pipelines over one type of value.

    Attributes:
        variable: The variable that every line of the reference program assigns to.
        read: The line that reads it.
        write: The line that prints it, unless a `last` operation does.
        draw_input: `(rng, large)` to one line of input; large inputs are for the hidden tests.
        parse: From the line of input to the value.
        show: From the value to the line of output.
        fits: Whether a value is small enough to be shown in an example.
        valid: Whether a value is one that statements of the family describe (before any step).
        openings: Wordings of the first sentence.
        closings: Wordings of the last sentence where no `last` operation ends the pipeline.
    """

    name: str
    variable: str
    read: str
    write: str
    operations: tuple[Operation, ...]
    open_wordings: tuple[OpenWording, ...]
    draw_input: Callable[[random.Random, bool], str]
    parse: Callable[[str], Any]
    show: Callable[[Any], str]
    fits: Callable[[Any], bool]
    valid: Callable[[Any], bool]
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
            return repr(value) == text and self._accepts_line(self.show(value)) and self.valid(value)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return False

    @cached_property
    def _by_name(self) -> dict[str, Operation]:
        return {operation.name: operation for operation in self.operations}

    @cached_property
    def _open_by_step(self) -> dict[tuple[str, int | str], OpenWording]:
        return {choice: wording for wording in self.open_wordings for choice in wording.choices}

    def step(self, name: str, parameter: int | str = "") -> Step:
        """The step of that operation name and parameter."""
        return Step(self._by_name[name], parameter)

    def run(self, steps: tuple[Step, ...], line: str) -> str | None:
        """Apply the steps to one line of input; None if a value on the way is too large or undefined."""
        value = self.parse(line)
        for step in steps:
            try:
                value = _compile(self.variable, step.line, step.operation.last)(value)
            except (ValueError, IndexError):
                return None
            if step.operation.last:
                return str(value)
            if not self.fits(value):
                return None
        return self.show(value)

    def program(self, steps: tuple[Step, ...]) -> str:
        """The reference program, one line for each step."""
        if steps[-1].operation.last:
            ending = f"print({steps[-1].line})"
            return "\n".join([self.read, *(step.line for step in steps[:-1]), ending])
        return "\n".join([self.read, *(step.line for step in steps), self.write])

    def draw(self, rng: random.Random, depth: int, open_steps: int, split: Split) -> Sample:
        """Draw one problem of the split. Draws again until the examples pin the program down."""
        while True:
            steps, wordings = self._draw_steps(rng, depth, open_steps)
            composition = tuple(step.operation.name for step in steps)
            if split_of(self.name, composition) != split:
                continue
            public = self._draw_public(rng, steps, wordings)
            if public is None:
                continue
            hidden = self._draw_hidden(rng, steps, {example.stdin for example in public})
            if hidden is None:
                continue
            return Sample(
                family=self.name,
                kind="stdio",
                depth=depth,
                composition=composition,
                parameters=tuple(str(step.parameter) for step in steps),
                open_steps=sum(wording is not None for wording in wordings),
                statement=self._word(rng, steps, wordings),
                program=self.program(steps),
                public_tests=public,
                hidden_tests=hidden,
            )

    def _draw_steps(
        self, rng: random.Random, depth: int, open_steps: int
    ) -> tuple[tuple[Step, ...], tuple[OpenWording | None, ...]]:
        inner = [operation for operation in self.operations if not operation.last]
        endings = [operation for operation in self.operations if operation.last]
        chosen: list[Operation] = []
        ends = bool(endings) and rng.random() < 0.3
        while len(chosen) < depth - ends:
            operation = rng.choice(inner)
            if not chosen or operation != chosen[-1]:
                chosen.append(operation)
        if ends:
            chosen.append(rng.choice(endings))
        steps = [Step(operation, rng.choice(operation.parameters)) for operation in chosen]
        wordings: list[OpenWording | None] = [None] * depth
        for place in rng.sample(range(depth), min(open_steps, depth)):
            candidates = [
                choice
                for wording in self.open_wordings
                for choice in wording.choices
                if self._by_name[choice[0]].last == steps[place].operation.last
            ]
            if (steps[place].operation.name, steps[place].parameter) not in self._open_by_step:
                steps[place] = self.step(*rng.choice(candidates))
            wordings[place] = self._open_by_step[steps[place].operation.name, steps[place].parameter]
        return tuple(steps), tuple(wordings)

    def _draw_public(
        self, rng: random.Random, steps: tuple[Step, ...], wordings: tuple[OpenWording | None, ...]
    ) -> tuple[Example, ...] | None:
        """Examples on which no step is idle and no other choice for an open step fits; None if none are found."""
        rivals = [steps[:place] + steps[place + 1 :] for place in range(len(steps)) if len(steps) > 1]
        for place, wording in enumerate(wordings):
            for choice in wording.choices if wording else ():
                rival = self.step(*choice)
                if rival != steps[place]:
                    rivals.append((*steps[:place], rival, *steps[place + 1 :]))
        for _ in range(_DRAWS_PER_COMPOSITION):
            lines = {self.draw_input(rng, False) for _ in range(_INPUTS_PER_DRAW)}
            examples = [
                Example(line, output) for line in sorted(lines) if (output := self.run(steps, line)) and output.strip()
            ]
            rng.shuffle(examples)
            examples = examples[: rng.randint(*PUBLIC_TESTS)]
            if len(examples) < PUBLIC_TESTS[0] or len({e.expected for e in examples}) < 2:
                continue
            if all(self._differs(rival, examples) for rival in rivals):
                return tuple(examples)
        return None

    def _differs(self, rival: tuple[Step, ...], examples: list[Example]) -> bool:
        for example in examples:
            output = self.run(rival, example.stdin)
            if output is None or output.split() != example.expected.split():
                return True
        return False

    def _draw_hidden(self, rng: random.Random, steps: tuple[Step, ...], seen: set[str]) -> tuple[Example, ...] | None:
        tests: list[Example] = []
        for attempt in range(6 * HIDDEN_TESTS):
            line = self.draw_input(rng, attempt % 4 != 0)
            if line in seen:
                continue
            output = self.run(steps, line)
            if output is not None:
                seen.add(line)
                tests.append(Example(line, output))
            if len(tests) == HIDDEN_TESTS:
                return tuple(tests)
        return None

    def _word(self, rng: random.Random, steps: tuple[Step, ...], wordings: tuple[OpenWording | None, ...]) -> str:
        clauses = [
            rng.choice(wording.phrases if wording else step.operation.phrases).format(k=step.parameter)
            for step, wording in zip(steps, wordings, strict=True)
        ]
        closing = "" if steps[-1].operation.last else rng.choice(self.closings)
        return assemble(rng, rng.choice(self.openings), clauses, closing, any(wordings))
