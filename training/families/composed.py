"""Families whose problems are composed of parts: programs with loops and conditions, as `stdio` or as a function."""

from __future__ import annotations

import ast
import random
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from solvent.training.families.composed_drafting import Draft, draft_problem, draw_tests
from solvent.training.families.parts import Body
from solvent.training.families.sample import Sample, Split, split_of
from solvent.training.families.scenes import Scene
from solvent.training.families.wording import assemble

_PROGRAM_LIMIT = 360
_FUNCTION_NAMES = (  # noqa: SIM905 - a list literal of words is longer and no clearer
    "solve compute process calculate evaluate apply run work handle perform f g"
).split()


@dataclass(frozen=True)
class ComposedFamily:
    """A family of problems that are composed of parts, in one or more scenes."""

    name: str
    scenes: tuple[Scene, ...]

    @cached_property
    def max_depth(self) -> int:
        """The most parts that a problem can have."""
        return max(scene.depths[1] for scene in self.scenes)

    def accepts(self, stdin: str) -> bool:
        """Whether a text is an input that one of the scenes describes, as lines or as the arguments of a call."""
        return any(_accepts(scene, stdin) for scene in self.scenes)

    def draw(self, rng: random.Random, depth: int, open_steps: int, split: Split) -> Sample:
        """Draw one problem of the split. Draws again until the examples pin the program down.

        Raises:
            ValueError: no scene of the family has so many parts.
        """
        scenes = [scene for scene in self.scenes if scene.depths[0] <= depth <= scene.depths[1]]
        if not scenes:
            raise ValueError(f"family {self.name} has no problems of depth {depth}, only 1..{self.max_depth}")
        weights = [scene.weight for scene in scenes]
        while True:
            scene = rng.choices(scenes, weights)[0]
            draft = draft_problem(rng, scene, depth, open_steps)
            composition = tuple(step.part.name for step in draft.steps)
            if split_of(self.name, composition) != split:
                continue
            sample = self._finish(rng, draft, composition)
            if sample is not None:
                return sample

    def _finish(self, rng: random.Random, draft: Draft, composition: tuple[str, ...]) -> Sample | None:
        body = draft.scene.body(draft.steps)
        name = rng.choice(_FUNCTION_NAMES) if draft.is_function else ""
        if body is None or len(program := _program(draft, body, name)) > _PROGRAM_LIMIT:
            return None
        tests = draw_tests(rng, draft, body)
        if tests is None:
            return None
        parameters = tuple(str(step.parameter) for step in draft.steps)
        out = "return" if draft.is_function else "print"
        return Sample(
            family=self.name,
            kind="function" if draft.is_function else "stdio",
            depth=len(composition),
            composition=composition,
            parameters=parameters,
            open_steps=sum(wording is not None for wording in draft.wordings),
            statement=_word(rng, draft, body, name),
            program=program,
            public_tests=tests[0],
            hidden_tests=tests[1],
            entry_point=name,
            plan=tuple(
                step.part.phrases[0].format(k=step.parameter, out=out if place == len(composition) else "find")
                for place, step in enumerate(draft.steps, 1)
            ),
        )


def _accepts(scene: Scene, stdin: str) -> bool:
    try:
        arguments = ast.literal_eval(f"({stdin},)")
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        arguments = ()
    if _valid(scene, arguments):
        return True
    lines = stdin.split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    for count in (len(lines), len(lines) - 1):
        try:
            arguments = scene.inputs.parse(lines[:count])
            arguments += tuple(int(line) for line in lines[count:])
        except (ValueError, IndexError):
            continue
        if _valid(scene, arguments):
            return True
    return False


def _valid(scene: Scene, arguments: tuple[Any, ...]) -> bool:
    count = len(scene.inputs.arguments)
    if len(arguments) == count + 1 and type(arguments[-1]) is int:
        arguments = arguments[:-1]
    if len(arguments) != count:
        return False
    try:
        return scene.inputs.valid(arguments)
    except (TypeError, ValueError):
        return False


def _program(draft: Draft, body: Body, name: str) -> str:
    ending = draft.scene.endings[body.gives]
    if draft.is_function:
        lines = [f"    {line}" for line in (*body.lines, f"return {ending.value}")]
        return "\n".join([f"def {name}({', '.join(draft.arguments)}):", *lines])
    extra = ["k = int(input())"] if draft.input_values else []
    return "\n".join([*draft.scene.inputs.read, *extra, *body.lines, *ending.write])


def _word(rng: random.Random, draft: Draft, body: Body, name: str) -> str:
    out = "return" if draft.is_function else rng.choice(("print", "print", "output"))
    clauses = [
        rng.choice(wording.phrases if wording else step.part.phrases).format(
            k=step.parameter, out=out if place == len(draft.steps) else "find"
        )
        for place, (step, wording) in enumerate(zip(draft.steps, draft.wordings, strict=True), 1)
    ]
    opening = rng.choice(draft.scene.function_openings if draft.is_function else draft.scene.stdio_openings)
    if draft.input_values:
        more = ("There is also an integer k.", "You also get an integer k.")
        lines = ("The last line is an integer k.", "The last line of the input has an integer k.")
        opening = f"{opening} {rng.choice(more if draft.is_function else lines)}"
    noun = draft.scene.endings[body.gives].noun
    if not draft.is_function:
        closing = rng.choice((f"Print {noun}.", f"Output {noun}.", "Print the result.")) if noun else ""
        return assemble(rng, opening, clauses, closing, any(draft.wordings))
    text = assemble(rng, opening, clauses, "", any(draft.wordings))
    call = f"`{name}({', '.join(draft.arguments)})`"
    what = (
        rng.choice((f"that returns {noun}", f"and return {noun}"))
        if noun
        else rng.choice(("for this", "that does this"))
    )
    gap = "\n" if "\n" in text else " "
    return f"{text}{gap}Write a function {call} {what}."
