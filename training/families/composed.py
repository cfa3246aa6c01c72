"""Families whose problems are composed of parts: programs with loops and conditions, as `stdio` or as a function."""

from __future__ import annotations

import ast
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from solvent.training.families.parts import Body, OpenWording, Scene, Step
from solvent.training.families.sample import Example, Sample, Split, split_of
from solvent.training.families.wording import assemble

PUBLIC_TESTS = (3, 4)
HIDDEN_TESTS = 12
FUNCTION_SHARE = 0.4
_INPUT_PARAMETER_SHARE = 0.2
_POOL = 12
_PROGRAM_LIMIT = 360
_PUBLIC_TEXT_LIMIT = 60
_HIDDEN_TEXT_LIMIT = 240
_ERRORS = (ValueError, IndexError, KeyError, ZeroDivisionError)
_FUNCTION_NAMES = (  # noqa: SIM905 - a list literal of words is longer and no clearer
    "solve compute process calculate evaluate apply run work handle perform f g"
).split()


class _Draft(NamedTuple):
    scene: Scene
    steps: tuple[Step, ...]
    wordings: tuple[OpenWording | None, ...]
    is_function: bool
    input_values: tuple[int, ...]
    """What the input k may be; empty where the program has no such input."""

    @property
    def arguments(self) -> tuple[str, ...]:
        return (*self.scene.arguments, "k") if self.input_values else self.scene.arguments


@lru_cache(maxsize=8192)
def _compile(arguments: str, lines: tuple[str, ...], value: str) -> Callable[..., Any]:
    body = "\n".join(f"    {line}" for line in lines)
    namespace: dict[str, Any] = {}
    exec(f"def apply({arguments}):\n{body}\n    return {value}\n", namespace)  # noqa: S102 - our own tables
    return namespace["apply"]  # type: ignore[no-any-return]  # exec leaves no type behind


def _outcome(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """What the function returns; None where it fails on these arguments."""
    try:
        return function(*arguments)
    except _ERRORS:
        return None


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
            draft = _draft(rng, scene, depth, open_steps)
            composition = tuple(step.part.name for step in draft.steps)
            if split_of(self.name, composition) != split:
                continue
            sample = self._finish(rng, draft, composition)
            if sample is not None:
                return sample

    def _finish(self, rng: random.Random, draft: _Draft, composition: tuple[str, ...]) -> Sample | None:
        body = draft.scene.body(draft.steps)
        name = rng.choice(_FUNCTION_NAMES) if draft.is_function else ""
        if body is None or len(program := _program(draft, body, name)) > _PROGRAM_LIMIT:
            return None
        tests = _draw_tests(rng, draft, body)
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
            arguments = scene.parse(lines[:count])
            arguments += tuple(int(line) for line in lines[count:])
        except (ValueError, IndexError):
            continue
        if _valid(scene, arguments):
            return True
    return False


def _valid(scene: Scene, arguments: tuple[Any, ...]) -> bool:
    count = len(scene.arguments)
    if len(arguments) == count + 1 and type(arguments[-1]) is int:
        arguments = arguments[:-1]
    if len(arguments) != count:
        return False
    try:
        return scene.valid(arguments)
    except (TypeError, ValueError):
        return False


def _draft(rng: random.Random, scene: Scene, depth: int, open_steps: int) -> _Draft:
    steps = scene.choose(rng, depth)
    wordings: list[OpenWording | None] = [None] * len(steps)
    openable = [place for place, step in enumerate(steps) if (step.part.takes, step.part.gives) in scene.open_by_kind]
    for place in rng.sample(openable, min(open_steps, len(openable))):
        if steps[place] not in scene.open_by_step:
            used = {step.part.name for step in steps}
            kind = (steps[place].part.takes, steps[place].part.gives)
            fresh = [step for step in scene.open_by_kind[kind] if step.part.name not in used]
            if not fresh:
                continue
            steps[place] = rng.choice(fresh)
        wordings[place] = scene.open_by_step[steps[place]]
    values: tuple[int, ...] = ()
    if rng.random() < _INPUT_PARAMETER_SHARE:
        places = [place for place, step in enumerate(steps) if step.part.numeric and not wordings[place]]
        if places:
            place = rng.choice(places)
            values = tuple(int(value) for value in steps[place].part.parameters)
            steps[place] = Step(steps[place].part, "k")
    return _Draft(scene, tuple(steps), tuple(wordings), rng.random() < FUNCTION_SHARE, values)


def _rivals(draft: _Draft) -> Iterator[Callable[..., Any]]:
    """The programs that the examples must rule out: with a part left out, or with another reading of an open part."""
    steps, scene = draft.steps, draft.scene
    others = [steps[:place] + steps[place + 1 :] for place in range(len(steps)) if len(steps) > 1]
    for place, wording in enumerate(draft.wordings):
        for name, parameter in wording.choices if wording else ():
            rival = Step(scene.by_name[name], parameter)
            if rival != steps[place]:
                others.append((*steps[:place], rival, *steps[place + 1 :]))
    for other in others:
        if body := scene.body(other):
            yield _function(draft, body)


def _function(draft: _Draft, body: Body) -> Callable[..., Any]:
    return _compile(", ".join(draft.arguments), body.lines, draft.scene.endings[body.gives].value)


def _draw_arguments(rng: random.Random, draft: _Draft, large: bool) -> tuple[Any, ...]:
    arguments = draft.scene.draw(rng, large)
    return (*arguments, rng.choice(draft.input_values)) if draft.input_values else arguments


def _draw_tests(
    rng: random.Random, draft: _Draft, body: Body
) -> tuple[tuple[Example, ...], tuple[Example, ...]] | None:
    """Public tests on which every rival fails, and hidden ones; None where a pool of inputs does not hold them."""
    reference = _function(draft, body)
    pool: list[tuple[tuple[Any, ...], Any, Example]] = []
    seen: set[str] = set()
    for _ in range(_POOL):
        arguments = _draw_arguments(rng, draft, False)
        if (test := _test(draft, body, reference, arguments, _PUBLIC_TEXT_LIMIT)) and test[1].stdin not in seen:
            seen.add(test[1].stdin)
            pool.append((arguments, *test))
    if len(pool) < PUBLIC_TESTS[0] or len({example.expected for _, _, example in pool}) < 2:
        return None
    chosen = _single_out(pool, _rivals(draft), rng.randint(*PUBLIC_TESTS))
    if chosen is None:
        return None
    rng.shuffle(chosen)
    public = tuple(pool[index][2] for index in chosen)
    seen = {example.stdin for example in public}
    hidden: list[Example] = []
    for attempt in range(4 * HIDDEN_TESTS):
        test = _test(draft, body, reference, _draw_arguments(rng, draft, attempt % 4 != 0), _HIDDEN_TEXT_LIMIT)
        if test and test[1].stdin not in seen:
            seen.add(test[1].stdin)
            hidden.append(test[1])
            if len(hidden) == HIDDEN_TESTS:
                break
    if len(hidden) < HIDDEN_TESTS or len({example.expected for example in hidden}) < 2:
        return None
    return public, tuple(hidden)


def _test(
    draft: _Draft, body: Body, reference: Callable[..., Any], arguments: tuple[Any, ...], limit: int
) -> tuple[Any, Example] | None:
    result = _outcome(reference, arguments)
    if result is None:
        return None
    text = repr(result) if draft.is_function else draft.scene.endings[body.gives].show(result)
    if not text.strip() or len(text) > limit:
        return None
    return result, Example(_input_text(draft, arguments), text)


def _input_text(draft: _Draft, arguments: tuple[Any, ...]) -> str:
    if draft.is_function:
        return ", ".join(map(repr, arguments))
    count = len(draft.scene.arguments)
    return "\n".join([draft.scene.to_stdin(arguments[:count]), *map(str, arguments[count:])])


def _single_out(
    pool: list[tuple[tuple[Any, ...], Any, Example]], rivals: Iterable[Callable[..., Any]], count: int
) -> list[int] | None:
    """Places of `count` inputs with two different results or more, on which every rival fails; None if there are none.

    Greedy: the input that rules out most of what is left comes first.
    """
    ruled_out: list[set[int]] = [set() for _ in pool]
    left: set[int] = set()
    for number, rival in enumerate(rivals):
        left.add(number)
        failing = [place for place, (arguments, result, _) in enumerate(pool) if _outcome(rival, arguments) != result]
        if not failing:
            return None
        for place in failing:
            ruled_out[place].add(number)
    chosen: list[int] = []
    results: list[str] = []
    for _ in range(count):
        index = max(
            (i for i in range(len(pool)) if i not in chosen),
            key=lambda i: (len(ruled_out[i] & left), pool[i][2].expected not in results),
            default=None,
        )
        if index is None:
            break
        chosen.append(index)
        results.append(pool[index][2].expected)
        left -= ruled_out[index]
    return chosen if not left and len(set(results)) > 1 else None


def _program(draft: _Draft, body: Body, name: str) -> str:
    ending = draft.scene.endings[body.gives]
    if draft.is_function:
        lines = [f"    {line}" for line in (*body.lines, f"return {ending.value}")]
        return "\n".join([f"def {name}({', '.join(draft.arguments)}):", *lines])
    extra = ["k = int(input())"] if draft.input_values else []
    return "\n".join([*draft.scene.read, *extra, *body.lines, *ending.write])


def _word(rng: random.Random, draft: _Draft, body: Body, name: str) -> str:
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
